"""Where a builder keeps no history: the user's plain build with raw progress added, which LayerLab then shows itself.

That's known from a build before: its record couldn't be read, and a mark in LayerLab's home says so.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..system import docker_words
from ..system.docker_command import DockerBuild
from ..system.home import claim, home

if TYPE_CHECKING:
    from ..project.definition import Definition
    from ..record.snapshot import Snapshot
    from ..record.view import View
    from .builder_history import Kept
    from .untouched import Ran

#: The folder of the marks, in LayerLab's home.
_MARKS = "without-history"
#: The user's variables that say which builder a build reaches.
_REACH = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "BUILDX_BUILDER", "BUILDX_CONFIG")
#: With these, a build has output of its own, or shows and writes what we'd add.
_IN_THE_WAY = ("--progress", "--metadata-file", "--quiet", "-q", "--call", "--check")


@dataclasses.dataclass(frozen=True)
class Followed:
    """A build that LayerLab followed: how it ended, what it told, its contexts, and the view that shows it."""

    ran: Ran
    kept: Kept
    contexts: Mapping[str, Snapshot]
    view: View


def mark(command: DockerBuild) -> None:
    """Note that the builder which a command reaches keeps no history."""
    claim()
    file = _mark_of(command)
    file.parent.mkdir(exist_ok=True, mode=0o700)
    file.touch()


def unmark(command: DockerBuild) -> None:
    """Note that it does keep one."""
    _mark_of(command).unlink(missing_ok=True)


def needed(command: DockerBuild) -> bool:
    """Tell whether a command should get raw progress: its builder keeps no history, and nothing is in the way."""
    if command.tool != "build" or not _mark_of(command).exists():
        return False
    named = {word.partition("=")[0] for word in command.options}
    streams = {command.context, *command.says("--file"), *command.says("--output")}
    dest = [docker_words.fields(value).get("dest") for value in command.says("--output")]
    return not named.intersection(_IN_THE_WAY) and not {"", "-"}.intersection(streams) and "-" not in dest


def _mark_of(command: DockerBuild) -> Path:
    reach = [*command.buildx, *command.says("--builder"), *(f"{name}={os.environ.get(name, '')}" for name in _REACH)]
    return home() / _MARKS / hashlib.sha256("\0".join(reach).encode(errors="surrogateescape")).hexdigest()[:16]


def words(command: DockerBuild, metadata: Path) -> list[str]:
    """Return the command with raw progress, and a file for the provenance."""
    rest = command.words[len(command.prefix) :]
    return [*command.prefix, "--progress=rawjson", f"--metadata-file={metadata}", *rest]


def run(command: DockerBuild, folder: Path, definition: Definition) -> Followed:
    """Run the command with raw progress, and show it. The caller finishes the view."""
    import contextlib
    import functools
    import tempfile

    from ..contexts.beside import looking_at
    from ..record import history, view
    from ..record.masked_view import MaskedView
    from . import client_process
    from .builder_history import Kept
    from .building import read_metadata
    from .untouched import Ran

    contexts: Mapping[str, Snapshot] = {}
    with tempfile.TemporaryDirectory(prefix="layerlab-") as scratch, contextlib.ExitStack() as beside:
        metadata = Path(scratch, "metadata.json")
        shown = view.chosen(
            "auto", definition.title, definition.dockerfile, target=definition.target, args=definition.args
        )

        def begin() -> view.View:
            nonlocal contexts
            earlier = functools.partial(history.snapshot_of, project=definition.project)
            contexts = beside.enter_context(
                looking_at(definition.folders, definition.file_in_context, {}, None, earlier)
            )
            return MaskedView(shown, definition.masker)

        started = time.time()
        _, exit_code, lines = client_process.follow(words(command, metadata), folder, os.environ, begin)
        ended = time.time()
        provenance, _ = read_metadata(metadata, "")
    kept = Kept("".join(lines), provenance, _errors(lines))
    return Followed(Ran(exit_code, started, ended, False), kept, contexts, shown)


def _errors(lines: Sequence[str]) -> str:
    return "".join(line for line in lines if not line.startswith("{")).strip()
