"""Beside the user's own docker command: what it builds, and snapshots of the contexts; afterwards, records of its builds.

The command knows nothing of this. What it built is read from the builder's history, and found there by the references that buildx
keeps on this computer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LayerLabError
from ..system.docker_command import DockerBuild
from . import references

if TYPE_CHECKING:
    from ..project.definition import Definition
    from ..record.build import Build
    from ..record.snapshot import Snapshot
    from .builder_history import Kept
    from .raw_progress import Followed
    from .references import Found, Reference
    from .untouched import Ran

#: How many builds of one command are read at the same time: each takes two or three docker clients.
_AT_ONCE = 4


@dataclasses.dataclass(frozen=True)
class Told:
    """What's known of a command's builds.

    Attributes:
        builds: their records, in the order in which they began.
        notes: what isn't known, and why; a sentence each, without a full stop.
    """

    builds: tuple[Build, ...] = ()
    notes: tuple[str, ...] = ()


class Watch:
    """Watches one command that builds: make it, `run` the command, and see what it has `told`."""

    def __init__(self, command: DockerBuild, folder: Path) -> None:
        self._command, self._folder = command, folder
        self._config = command.configuration(os.environ)
        self._before = references.names(self._config)
        self._wanted: Mapping[str, Definition] = {}
        self._contexts: dict[str, Mapping[str, Snapshot]] = {}
        self._notes: list[str] = []
        self._labels: dict[str, str] = {}
        self._followed: Followed | None = None
        self._ended = threading.Event()

    @property
    def goes_on(self) -> bool:
        """Whether the command does more than build, so that a signal may come when its builds have long ended."""
        return self._command.verb in ("up", "run")

    def run(self, say: Callable[[str], object]) -> Ran:
        """Run the command as it is; a plain build gets raw progress where its builder keeps no history, which `say` says."""
        from . import raw_progress, untouched

        definition = self._only_definition() if raw_progress.needed(self._command) else None
        if definition is None:
            return untouched.run(self._command.words, self._begin)
        say("this builder keeps no history, so the build gets --progress=rawjson, and LayerLab shows how far it is")
        self._followed = raw_progress.run(self._command, self._folder, definition)
        self._wanted, self._contexts = {references.PLAIN: definition}, {references.PLAIN: self._followed.contexts}
        self._ended.set()
        return self._followed.ran

    def _only_definition(self) -> Definition | None:
        from . import wrapped

        with contextlib.suppress(LayerLabError, OSError, ValueError):
            return wrapped.definitions(self._command, self._folder)[references.PLAIN]
        return None

    def _begin(self) -> None:
        """Start to look at what's built, on a thread. A daemon, so that a disk that doesn't answer holds up nobody's exit."""
        threading.Thread(target=self._look, name="layerlab-watch", daemon=True).start()

    def _look(self) -> None:
        try:
            from . import wrapped

            self._wanted = wrapped.definitions(self._command, self._folder)
            self._take_snapshots()
        except Exception as error:  # the command runs anyway, and a thread's traceback would spoil its output
            why = str(getattr(error, "message", error)).partition("\n")[0]
            self._notes.append(f"what this command builds can't be told: {why}")
        finally:
            _import_what_reads_the_result()
            self._ended.set()
            self._ask_for_labels()

    def _ask_for_labels(self) -> None:
        """Find out now what the builders are called and which builds are known there, if the builds have begun."""
        from ..record import history

        for builder in {one.builder for one in references.since(self._config, self._before)}:
            self._labels[builder] = self._label(builder)
            for project in {definition.project for definition in self._wanted.values()}:
                history.builds(project, self._labels[builder])

    def _take_snapshots(self) -> None:
        import functools

        from ..contexts.beside import Snapshots, looking_at
        from ..record import history
        from .resolving import refuse_our_home

        known: Snapshots = {}
        for target, definition in self._wanted.items():
            try:
                refuse_our_home(definition.folders, definition.file_in_context)
            except LayerLabError as error:
                self._notes.append(f"{error.message}, so there's no snapshot of it")
                continue
            earlier = functools.partial(history.snapshot_of, project=definition.project)
            with looking_at(definition.folders, definition.file_in_context, known, None, earlier) as found:
                self._contexts[target] = found

    def told(self, ran: Ran) -> Told:
        """Return what's known of the builds of the command, which has ended."""
        from .which_build import Undecided

        self._ended.wait()
        there = references.since(self._config, self._before)
        if ran.exit_code and not there:
            return Told(notes=("the command failed before a build began",))
        if not self._wanted:
            return Told(notes=tuple(self._notes))
        try:
            found = self._found(ran, there)
        except Undecided as why:
            return Told(notes=(*self._notes, str(why)))
        return self._read(found, ran)

    def _found(self, ran: Ran, there: Sequence[Reference]) -> Found:
        from . import builder_history, which_build

        buildx = builder_history.quickest(self._command.buildx)
        evidence = which_build.Evidence(
            lambda reference: builder_history.ended(buildx, reference), failed=ran.exit_code != 0, until=ran.ended
        )
        whole = ran.exit_code == 0 and self._command.verb in ("", "build")
        return which_build.choose(self._wanted, there, evidence, whole=whole)

    def _read(self, found: Found, ran: Ran) -> Told:
        from concurrent.futures import ThreadPoolExecutor

        from . import builder_history

        def record(target: str) -> Build | str:
            try:
                kept = self._kept(found[target], failed=ran.exit_code != 0)
            except (builder_history.NotKept, ValueError) as why:
                return f"{target}: {why}"
            return self._record(target, found[target], kept, labels[found[target].builder].result(), ran)

        order = sorted(found, key=lambda target: found[target].written)
        with ThreadPoolExecutor(_AT_ONCE) as pool, ThreadPoolExecutor(1) as asking:
            labels = {name: asking.submit(self._label, name) for name in {one.builder for one in found.values()}}
            told = list(pool.map(record, order))
        notes = [one for one in told if isinstance(one, str)]
        return Told(tuple(one for one in told if not isinstance(one, str)), (*self._notes, *notes))

    def _kept(self, reference: Reference, *, failed: bool) -> Kept:
        """Return what's known of a build, and note whether the builder keeps a history. Raises NotKept."""
        from . import builder_history, raw_progress

        try:
            kept = builder_history.read(builder_history.quickest(self._command.buildx), reference, failed=failed)
        except builder_history.NoHistory:
            raw_progress.mark(self._command)
            if self._followed:
                return self._followed.kept
            raise
        raw_progress.unmark(self._command)
        return kept

    def _label(self, builder: str) -> str:
        """Return what records call a builder. An address that $DOCKER_HOST or an option gives is in its digits."""
        if builder in self._labels:
            return self._labels[builder]
        from ..errors import CommandFailed
        from ..system.shell import run
        from .builders import Known

        words = [*self._command.docker, "context", "inspect", builder, "--format", "{{.Endpoints.docker.Host}}"]
        try:
            return Known(builder, run(*words).strip()).label
        except CommandFailed:  # an instance of buildx
            return Known(builder, "").label

    def _record(self, target: str, reference: Reference, kept: Kept, label: str, ran: Ran) -> Build:
        from ..record import history
        from ..record.hosts import folder_of
        from ..system.home import claim
        from .recorded import record

        definition = self._wanted[target]
        plain = not definition.service
        build = record(
            definition,
            machine=label,
            command=self._command.words,
            started_at=_clock(ran.started if plain else reference.written),
            trace=kept.trace,
            provenance=kept.provenance,
            contexts=self._contexts.get(target, {}),
            seconds=ran.seconds if plain else None,
            error=kept.error or (f"exit code {ran.exit_code}" if plain and ran.exit_code else ""),
        )
        claim()
        folder_of(label).mkdir(parents=True, exist_ok=True, mode=0o700)
        history.remember(build, definition.folders)
        if self._followed:
            self._followed.view.finish(build)
        return build


def _clock(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


def _import_what_reads_the_result() -> None:
    """Import now what's needed once the command has ended, when the user would wait for it."""
    import concurrent.futures  # noqa: F401

    from ..explaining import why  # noqa: F401
    from . import builder_history, builders, recorded, which_build  # noqa: F401
