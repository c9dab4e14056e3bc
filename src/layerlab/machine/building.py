"""One real build: run and follow the command for a Definition, retry once if that helps, and record the result."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import CommandFailed
from ..record import view
from ..system import docker_words
from . import client_process
from .counting import counting
from .plans import READING

if TYPE_CHECKING:
    from ..contexts.beside import Snapshots
    from ..project.definition import Definition
    from ..record.build import Build
    from ..record.snapshot import Snapshot
    from ..record.step import Step
    from ..record.traffic import Sample
    from ..traces import trace
    from .machine_like import Host

#: BuildKit may say "parent snapshot ... does not exist" at the end of an export, on a fast retag (BuildKit #6521). It
#: happens on a busy computer, and the next try succeeds.
RETRY_ON = "parent snapshot"


class BuildFailed(CommandFailed):
    """A build failed.

    Attributes:
        build: its record, as far as it got.
        step: the step that failed; None if no step did (a Dockerfile that can't be read, an engine that died).
        log: a file with the step's whole text and output, if the error shows only parts of them.
    """

    def __init__(
        self, build: Build, step: Step | None, exit_code: int, last_lines: str, log: Path | None = None
    ) -> None:
        from . import failing  # here, because few builds fail

        self.build, self.step, self.log = build, step, log
        where = f"{build.app} {build.variant}: " + (
            f"{_named(step)} in stage {step.stage}, failed" if step else "the build failed"
        )
        output = (step.log if step and step.log.strip() else last_lines).rstrip()
        why, remedy = failing.reason(build, step, exit_code)
        message = "\n".join([f"{where}: {why}" if why else where, *failing.source(build, step)])
        whole = f"the whole step and its output are in {log}" if log else ""
        super().__init__(message, build.command, exit_code, output, "\n".join(filter(None, (remedy, whole))))


def _named(step: Step) -> str:
    # Another bake target's step has no line here.
    return f"{step.place}, {step.instruction}" if step.line else step.place


def run_build(
    host: Host, definition: Definition, *, edit: str = "none", show: view.Wanted = "auto", known: Snapshots
) -> Build:
    """Build `definition` on `host` and return the record. Call `Machine.build` or `Builder.build`.

    Args:
        host: the machine or builder to build on.
        definition: what to build.
        edit: what was changed since the previous build.
        show: "auto", "none", or a view.
        known: earlier snapshots of the contexts; new ones are added.

    Raises BuildFailed if the build fails, LayerLabError if the engine dies.
    """
    command = command_for(definition, host.named_contexts())

    @functools.cache  # if it takes two tries, both share one view: to the user it's one build
    def chosen() -> view.View:
        return view.chosen(
            show, definition.title, definition.dockerfile,
            target=definition.target, args=definition.args, service=definition.service,
        )  # fmt: skip

    attempt = _with_retry(lambda: _try(command, definition, host, chosen, known))
    from .recorded import record

    build = record(
        definition,
        machine=host.label,
        command=command,
        started_at=attempt.started_at,
        trace=attempt.raw,
        provenance=attempt.provenance,
        contexts=attempt.contexts,
        seconds=attempt.seconds,
        image=attempt.image,
        edit=edit,
        error=attempt.error,
        parsed=attempt.parsed,
    )
    from ..record import history

    history.remember(build, definition.folders)
    chosen().finish(build)
    if attempt.exit_code:
        host.forget_contexts()  # the reason may be a stand-in that was removed by hand
        _fail(host, build, attempt)
    return build


# -- the command -------------------------------------------------------------------------------------------------------


def command_for(definition: Definition, stand_ins: Mapping[str, str]) -> list[str]:
    """Return the command, one item per argument, that builds `definition` with `stand_ins` in place of images.

    A Compose service's or bake target's command reads its plan from standard input, as `docker compose build` has bake do.
    """
    command = _bake_command if definition.service else _build_command
    return command(definition, stand_ins)


def _build_command(definition: Definition, stand_ins: Mapping[str, str]) -> list[str]:
    command = ["docker", "buildx", "build", "--progress=rawjson"]
    command += [f"--file={definition.built_file or definition.file}"]
    command += [f"--tag={definition.image}"] if definition.image else []
    command += [f"--target={definition.given_target}"] if definition.given_target else []
    command += [f"--build-arg={key}={value}" for key, value in definition.given_args.items()]
    command += [f"--build-context={name}={source}" for name, source in stand_ins.items()]
    # Of what bake lets one allow, `build` knows only entitlements: its own options say which files it may read.
    known = [value for value in docker_words.values(definition.options, "--allow") if _is_entitlement(value)]
    options = docker_words.without(definition.options, "--allow")
    return [*command, *options, *(f"--allow={value}" for value in known), "."]


def _is_entitlement(allowed: str) -> bool:
    return allowed.partition("=")[0] in ("network.host", "security.insecure", "device")


def _bake_command(definition: Definition, stand_ins: Mapping[str, str]) -> list[str]:
    settings = {f"args.{key}": value for key, value in definition.given_args.items()}
    settings |= {"target": definition.given_target} if definition.given_target else {}
    command = ["docker", "buildx", "bake", "--progress=rawjson", "--file=-"]
    command += docker_words.settings(definition.service, settings)
    # A target that this one needs has base images, too.
    command += docker_words.settings("*", {f"contexts.{name}": source for name, source in stand_ins.items()})
    command += _no_cache(definition)
    return [*command, *docker_words.without(definition.options, *READING), definition.service]


def _no_cache(definition: Definition) -> list[str]:
    """Return the words that repeat the plan's no-cache, so that also the record of a failed build tells it (no provenance)."""
    from ..project.plan import Plan

    said = Plan.read(definition.plan).targets[definition.service]
    return docker_words.settings(definition.service, {"no-cache": "true"} if said.get("no-cache") else {})


# -- running it --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Attempt:
    """The result of running the command: seconds, exit code, its output raw and parsed, its contexts and its image."""

    started_at: str
    seconds: float
    exit_code: int
    raw: str
    parsed: trace.Parsed
    provenance: Mapping[str, Any]
    image: str
    contexts: Mapping[str, Snapshot]

    @property
    def error(self) -> str:
        """BuildKit's error message; "" if nothing went wrong."""
        return (self.parsed.error or f"exit code {self.exit_code}") if self.exit_code else ""


def _with_retry(attempt: Callable[[], _Attempt]) -> _Attempt:
    """Make an attempt, and one more if that helps; the two count as one build."""
    first = attempt()
    if RETRY_ON not in first.error:
        return first
    second = attempt()
    from ..traces import trace

    return dataclasses.replace(
        second,
        started_at=first.started_at,
        seconds=first.seconds + second.seconds,
        parsed=trace.resumed(first.parsed, second.parsed, first.seconds),
    )


def _try(
    command: Sequence[str],
    definition: Definition,
    host: Host,
    show: Callable[[], view.View],
    known: Snapshots,
) -> _Attempt:
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    contexts: Mapping[str, Snapshot] = {}
    samples: Sequence[Sample] = ()
    with _temporary_folder(definition.scratch) as scratch:
        metadata = scratch / "metadata.json"
        with contextlib.ExitStack() as beside:

            def begin() -> view.View:
                """Begin what runs beside the engine's work. Imports count too, so the modules for it are imported now."""
                nonlocal contexts, samples
                samples = beside.enter_context(counting(host.traffic))
                from ..contexts.beside import looking_at
                from ..record import history
                from ..record.masked_view import MaskedView

                earlier = functools.partial(history.snapshot_of, project=definition.project, machine=host.label)
                contexts = beside.enter_context(
                    looking_at(definition.folders, definition.file_in_context, known, definition.absent, earlier)
                )
                _get_ready_to_explain(definition.project, host.label)
                return MaskedView(show(), definition.masker)

            seconds, exit_code, lines = client_process.follow(
                [*command, f"--metadata-file={metadata}"], definition.folder, host.environment, begin, definition.plan
            )
        provenance, image = read_metadata(metadata, definition.service)
    from ..traces import trace

    raw = "".join(lines)
    parsed = trace.parse(raw, provenance, definition.source, definition.service, samples)
    return _Attempt(started_at, seconds, exit_code, raw, parsed, provenance, image, contexts)


@contextlib.contextmanager
def _temporary_folder(place: Path) -> Iterator[Path]:
    """Make a folder in `place` and remove it. tempfile, which picks names that nobody can guess, takes 10 ms to import."""
    folder = place / f"build-{os.urandom(8).hex()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _get_ready_to_explain(project: Path, machine: str) -> None:
    """Import and read now what's needed once the client has ended, when the user would wait for it."""
    from ..record import history, provenance  # noqa: F401
    from ..traces import trace  # noqa: F401
    from . import recorded  # noqa: F401

    history.builds(project, machine)


def read_metadata(file: Path, service: str) -> tuple[dict[str, Any], str]:
    """Return provenance and image name; both are empty for a failed build, which writes no metadata."""
    if not file.exists():
        return {}, ""
    from ..record.provenance import told

    metadata = json.loads(file.read_text())
    metadata = metadata.get(service, metadata) if service else metadata
    image = metadata.get("image.name", "").split(",")[0].removeprefix("docker.io/").removeprefix("library/")
    return told(metadata.get("buildx.build.provenance", {})), image


# -- what came of it ---------------------------------------------------------------------------------------------------


def _fail(host: Host, build: Build, attempt: _Attempt) -> NoReturn:
    """Raise the error that says what went wrong: the engine is gone, or the build failed."""
    if attempt.parsed.failed is None and (gone := host.gone(f"the build of {build.app} {build.variant}")):
        raise gone
    from . import failing

    rest = "\n".join(line for line in build.trace.splitlines() if not line.startswith("{"))
    failed = attempt.parsed.failed
    step = build.steps[attempt.parsed.steps.index(failed)] if failed else None
    raise BuildFailed(build, step, attempt.exit_code, rest, failing.keep_log(build, step))
