"""Drafts: records of builds that weren't made, from a Definition and the files of its contexts, to reason about. Pure.

A draft has the steps, texts and snapshots of a build, no times and no bytes, and every step counts as CACHED.
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping

from ..contexts.patterns import BadPattern, Patterns
from ..project.app import CONTEXT_EDIT_BYTES
from ..project.definition import Definition
from ..record.build import Build
from ..record.snapshot import Entry, Snapshot
from ..record.states import CACHED
from ..record.step import Step
from ..traces.instructions import Instruction

#: Stands for the content of a file after an edit: no hash of a file equals it.
EDITED = "edited"


def draft(definition: Definition, contexts: Mapping[str, Snapshot], edit: str = "none") -> Build:
    """Return the draft of a build: its steps in file order, without FROM. Raises AppError if it has no such target."""
    return Build(
        app=definition.app,
        variant=definition.variant,
        edit=edit,
        machine="",
        command=(),
        dockerfile=definition.dockerfile,
        started_at="",
        seconds=0.0,
        steps=tuple(map(_step, definition.steps)),
        phases=(),
        context_bytes=0,
        image="",
        image_bytes=None,
        warnings=(),
        trace="",
        provenance={},
        project=str(definition.project),
        args=dict(definition.args),
        contexts=contexts,
    )


def _step(instruction: Instruction) -> Step:
    return Step(
        line=instruction.line,
        end_line=instruction.end_line,
        stage=instruction.stage_name,
        instruction=instruction.keyword,
        text=instruction.text,
        state=CACHED,
        started=None,
        seconds=0.0,
        size_bytes=None,
        downloaded_bytes=0,
        log="",
        digest="",
        inputs=(),
    )


def with_file_changed(build: Build, places: Mapping[str, str], args: Mapping[str, str]) -> Build:
    """Return the draft after a file got other content.

    Args:
        build: the draft before.
        places: name of a context → the file's path in it. A context that doesn't have the file stays as it is.
        args: build arguments that get other values.
    """
    contexts = {name: _changed(snapshot, places.get(name, "")) for name, snapshot in build.contexts.items()}
    return dataclasses.replace(build, contexts=contexts, args={**build.args, **args})


def with_file_added(build: Build, places: Mapping[str, str], args: Mapping[str, str]) -> Build:
    """Return the draft after a file came, as `with_file_changed` does. Where ignore rules keep it out, nothing changes."""
    contexts = {name: _added(snapshot, places.get(name, "")) for name, snapshot in build.contexts.items()}
    return dataclasses.replace(build, contexts=contexts, args={**build.args, **args})


def _changed(snapshot: Snapshot, path: str) -> Snapshot:
    if path not in snapshot.entries:
        return snapshot
    entry = dataclasses.replace(snapshot.entries[path], content=EDITED, unix="")
    stats = {name: stat for name, stat in snapshot.stats.items() if name != path}
    return dataclasses.replace(snapshot, entries={**snapshot.entries, path: entry}, stats=stats)


def _added(snapshot: Snapshot, path: str) -> Snapshot:
    try:
        kept_out = bool(path) and Patterns(snapshot.rules).matches(path)[0]
    except BadPattern:
        kept_out = False
    if not path or kept_out:
        return snapshot
    folders = [path[:at] for at, char in enumerate(path) if char == "/"]
    new = {folder: Entry("folder", 0o755, 0, "") for folder in folders if folder not in snapshot.entries}
    file = {posixpath.normpath(path): Entry("file", 0o644, CONTEXT_EDIT_BYTES, EDITED)}
    return dataclasses.replace(snapshot, entries={**snapshot.entries, **new, **file})
