"""One real build: run `docker buildx build` (or bake), follow it, and make the record. Touches Docker only by the CLI."""

from __future__ import annotations

import contextlib
import datetime
import json
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from . import client, definition, faults, history
from .app import App, Variant
from .errors import CommandFailed, LayerLabError
from .progress import chosen_progress
from .records import Build, Step
from .shell import environment
from .traces import trace

if TYPE_CHECKING:
    from .machine import Machine

#: The engine cancels a build within 3 s of its client's end (FACTS.md); after this a client that does not go is killed.
CANCEL_SECONDS = 5.0
#: How long the build's output is waited for before the view's clock is moved on.
TICK_SECONDS = 0.1
_CHUNK_BYTES = 1 << 16  # what a pipe holds
#: "parent snapshot ... does not exist", at the end of an export, on a fast retag (BuildKit #6521): seen on a busy
#: computer, gone on the next try.
RETRY_ON = "parent snapshot"


class BuildFailed(CommandFailed):
    """A build that did not succeed.

    Attributes:
        build: the record of it, as far as it came.
        step: the step that failed; None where none did (a Dockerfile that cannot be read, an engine that died).
    """

    def __init__(self, build: Build, step: Step | None, exit_code: int, last_lines: str) -> None:
        self.build, self.step = build, step
        fault = faults.recognise(f"{build.error}\n{step.log if step else ''}")
        where = f"{build.app} {build.variant}: " + (
            f"line {step.line}, {step.instruction} in stage {step.stage}, failed" if step else "the build failed"
        )
        lines = build.dockerfile.splitlines()
        shown = (
            [f"  {n:>4} | {lines[n - 1]}" for n in range(step.line, step.end_line + 1) if step and n] if step else []
        )
        output = (step.log if step and step.log.strip() else last_lines).rstrip()
        why, remedy = (fault.what, fault.remedy) if fault else _killed(exit_code)
        message = "\n".join([f"{where}: {why}" if why else where, *shown])
        super().__init__(message, build.command, exit_code, output, remedy)


def _killed(exit_code: int) -> tuple[str, str]:
    """What to say of a client that a signal ended, which then says nothing itself; empty for one that ended by itself."""
    if exit_code >= 0:
        return "", ""
    return f"the docker command was killed ({signal.Signals(-exit_code).name})", "build again: what was done is cached"


def run_build(
    machine: Machine,
    app: App,
    variant_name: str,
    *,
    target: str = "",
    args: Mapping[str, str],
    service: str = "",
    options: Sequence[str] = (),
    progress: Any = "auto",
) -> Build:
    """See `Machine.build`, which is the way to call this."""
    variant = app.variant(variant_name)
    service = service or variant.service
    if service and not variant.compose:
        variant = Variant(variant.name, compose=variant.dockerfile, service=service)
    edit, app.last_edit = app.last_edit, "none"
    with contextlib.ExitStack() as afterwards:
        metadata = app.scratch / f"metadata-{secrets.token_hex(4)}.json"
        afterwards.callback(metadata.unlink, missing_ok=True)
        args = {**variant.args, **args}
        if variant.compose:
            settings = definition.service_settings(app, variant.compose, service, machine.environment)
            image, dockerfile = "", definition.service_dockerfile(app, settings)
            command = _bake_command(machine, variant, service, target or variant.target, args, options)
            args = {**(settings.get("args") or {}), **args}
            folders = _local_contexts(app, settings.get("context", "."), settings.get("contexts") or {})
            file = settings.get("dockerfile", "Dockerfile")
        else:
            image, dockerfile = f"{app.image}:{variant.tag}", app.read(variant.dockerfile)
            command = _build_command(machine, variant, image, target or variant.target, args, options)
            folders, file = _local_contexts(app, ".", _named_contexts(options)), variant.dockerfile
        stage = target or variant.target or (settings.get("target") or "" if variant.compose else "")
        # One view for both tries, if it takes two: to who looks it is one build.
        show = chosen_progress(
            progress, f"{app.name} {variant.name}", dockerfile, target=stage, args=args, service=service
        )
        first: tuple[trace.Parsed, float, str] | None = None
        while True:
            started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            with app.looking_at(folders, file) as contexts:
                seconds, exit_code, lines = _run(
                    [*command, f"--metadata-file={metadata}"], app.path, machine.environment, show
                )
            raw = "".join(lines)
            provenance, image_name = _read_metadata(metadata, service)
            parsed = trace.parse(raw, provenance, dockerfile, service)
            if first:
                parsed, started_at = trace.resumed(first[0], parsed, first[1]), first[2]
                seconds += first[1]
            build = Build(
                app=app.name, variant=variant.name, edit=edit, machine=machine.name, command=tuple(command),
                dockerfile=dockerfile, started_at=started_at, seconds=seconds, steps_=parsed.steps, phases=parsed.phases,
                context_bytes=parsed.context_bytes, image=image_name or image, image_bytes=_image_bytes(provenance),
                warnings=parsed.warnings, trace=raw, provenance=provenance,
                error=(parsed.error or f"exit code {exit_code}") if exit_code else "",
                project=str(app.source), args=args, contexts=contexts,
            )  # fmt: skip
            if exit_code and not first and RETRY_ON in build.error:
                first = parsed, seconds, started_at
                continue
            history.remember(build)
            show.finish(build)
            if exit_code == 0:
                return build
            break
        machine.forget_contexts()  # a stand-in that was removed by hand may be the reason
        if parsed.failed is None and not machine.running:
            raise LayerLabError(
                f"the engine of machine {machine.name!r} died during the build of {app.name} {variant.name}",
                f"start it again, its cache is kept: Machine.start({machine.name!r})",
            )
        rest = "\n".join(line for line in raw.splitlines() if not line.startswith("{"))
        raise BuildFailed(build, parsed.failed, exit_code, rest)


def _build_command(
    machine: Machine, variant: Variant, image: str, target: str, args: Mapping[str, str], options: Sequence[str]
) -> list[str]:
    command = ["docker", "buildx", "build", "--progress=rawjson", f"--file={variant.dockerfile}", f"--tag={image}"]
    command += [f"--target={target}"] if target else []
    command += [f"--build-arg={key}={value}" for key, value in args.items()]
    command += [f"--build-context={name}={source}" for name, source in machine.named_contexts().items()]
    return [*command, *options, "."]


def _bake_command(
    machine: Machine, variant: Variant, service: str, target: str, args: Mapping[str, str], options: Sequence[str]
) -> list[str]:
    command = ["docker", "buildx", "bake", "--progress=rawjson", f"--file={variant.compose}"]
    settings = {f"args.{key}": value for key, value in args.items()}
    settings |= {f"contexts.{name}": source for name, source in machine.named_contexts().items()}
    settings |= {"target": target} if target else {}
    command += [f"--set={service}.{key}={value}" for key, value in settings.items()]
    return [*command, *options, service]


def _named_contexts(options: Sequence[str]) -> dict[str, str]:
    """What the --build-context options say: name → folder, image or address."""
    words = " ".join(options).replace("--build-context ", "--build-context=").split(" ")
    given = (word.removeprefix("--build-context=") for word in words if word.startswith("--build-context="))
    return dict(word.partition("=")[::2] for word in given)


def _local_contexts(app: App, main: str, named: Mapping[str, str]) -> dict[str, Path]:
    """The folders that a build sends: name → folder. Contexts that are images or addresses are none."""
    folders = {name: app.path / place for name, place in {"context": main, **named}.items() if "://" not in place}
    return {name: folder for name, folder in folders.items() if folder.is_dir()}


def _run(command: list[str], folder: Path, variables: Mapping[str, str], show: Any) -> tuple[float, int, list[str]]:
    """Run the client and show it (see `progress`); returns seconds, exit code and the lines it printed.

    Whatever ends this function early (Ctrl-C, Cancel, an error in `show`) ends the client too, and with it the build.
    """
    actual = [*_dies_with_us(), client.docker_program(), *command[1:]]
    lines: list[str] = []
    started = time.monotonic()
    process = subprocess.Popen(
        actual, cwd=folder, env=environment({**variables, "BUILDX_METADATA_PROVENANCE": "max"}),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0,
        start_new_session=True,  # Ctrl-C reaches us, and we tell the client once
    )  # fmt: skip
    try:
        tick = getattr(show, "tick", lambda: None)
        for new in _as_they_come(process.stderr):
            lines += new
            for event in trace.read_events(new):
                show.feed(event)
            tick()
        exit_code = process.wait()
    except BaseException:
        try:
            _end(process)
        finally:  # a second Ctrl-C does not leave a view that looks alive
            show.finish(None)
        raise
    finally:
        process.stderr.close()
    return time.monotonic() - started, exit_code, lines


def _as_they_come(pipe: IO[bytes]) -> Iterator[list[str]]:
    """The lines of a pipe in batches; an empty batch where none came for TICK_SECONDS, so that clocks run on."""
    rest = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while True:
            new: list[bytes] = []
            if waiting.select(TICK_SECONDS):
                chunk = pipe.read(_CHUNK_BYTES)
                if not chunk:
                    break
                *new, rest = (rest + chunk).split(b"\n")
            yield [line.decode(errors="replace") + "\n" for line in new]
    if rest:
        yield [rest.decode(errors="replace")]


def _end(process: subprocess.Popen) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(CANCEL_SECONDS)
            except subprocess.TimeoutExpired:
                continue


def _dies_with_us() -> list[str]:
    """A prefix that has the kernel end the client when this process is killed, where there is such a thing (Linux)."""
    if sys.platform == "linux" and shutil.which("setpriv"):
        return ["setpriv", "--pdeathsig", "TERM"]
    return []


def _read_metadata(file: Path, service: str) -> tuple[dict[str, Any], str]:
    """Provenance and image name; empty for a build that failed, which writes no metadata (FACTS.md)."""
    if not file.exists():
        return {}, ""
    metadata = json.loads(file.read_text())
    metadata = metadata.get(service, metadata) if service else metadata
    provenance = metadata.get("buildx.build.provenance", {})
    # Samples of the engine's CPU and memory: long, and nothing here reads them.
    provenance.get("metadata", {}).get("https://mobyproject.org/buildkit@v1#metadata", {}).pop("sysUsage", None)
    return provenance, metadata.get("image.name", "").split(",")[0].removeprefix("docker.io/library/")


def _image_bytes(provenance: Mapping[str, Any]) -> int | None:
    """Compressed size of the image: the longest chain of layers that provenance names, which is the last step's."""
    layers = provenance.get("metadata", {}).get("https://mobyproject.org/buildkit@v1#metadata", {}).get("layers", {})
    config = provenance.get("buildConfig", {}).get("llbDefinition", [])
    if not layers or not config:
        return None
    # The definition's last entry has the result as its only input.
    result = (config[-1].get("inputs") or [""])[0]
    chains = layers.get(result) or max(layers.values(), key=lambda c: len(c[0]))
    return sum(layer["size"] for layer in chains[0])
