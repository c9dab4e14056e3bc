"""Situations: what comes before a build whose time people wait for, and what a real build, or a draft, does then."""

from __future__ import annotations

import dataclasses
import posixpath
import time
from collections.abc import Iterator, Mapping, Sequence

from ..contexts.beside import looking_at
from ..errors import AppError
from ..explaining.against import explain_against
from ..explaining.causes import Explanation
from ..explaining.drafts import draft, with_file_added, with_file_changed
from ..explaining.reasoning import reasoned
from ..explaining.why import explain
from ..machine.machine import Machine
from ..machine.resolving import resolve
from ..project.app import App
from ..project.manifest import MANIFEST
from ..record.build import Build
from .finding import Found, find

#: Each situation, in the order in which they're built, and the edit that makes it; "cold" is a build on a reset machine.
SITUATIONS = {"cold": "cold", "unchanged": "none", "code": "code", "dependency": "dependency", "context": "context"}
#: How a sentence names them.
NAMES = {
    "cold": "on a cold machine",
    "unchanged": "after no change",
    "code": "after a code edit",
    "dependency": "after a dependency edit",
    "context": "after a file was added that the image doesn't need",
    "any": "in any build",
}


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is built, and what its edits change.

    Attributes:
        app: the project.
        variant: as for `machine.build`.
        service: as for `machine.build`.
        commit_args: build arguments that get another value with each edit.
        draft: the build to come, without any edit.
        edits: what each kind of edit changes.
        dockerfile: path of the Dockerfile relative to the project; "" if it isn't in a file.
        folders: name of a context → its folder, relative to the app.
        opaque: names of the contexts that are other bake targets.
    """

    app: App
    variant: str
    service: str
    commit_args: tuple[str, ...]
    draft: Build
    edits: Mapping[str, Found]
    dockerfile: str
    folders: Mapping[str, str]
    opaque: tuple[str, ...]

    def edited(self, situation: str) -> Found:
        """Return what the edit of a situation changes. Raises AppError if the project has nothing of that kind."""
        found = self.edits[SITUATIONS[situation]]
        if not found.path:
            key = {"code": "code", "dependency": "requirements"}[found.kind]
            raise AppError(f"{self.app.name}: {found.why}", f"name a file in {MANIFEST}: [edits] {key} = …")
        return found


@dataclasses.dataclass(frozen=True)
class Observed:
    """A build in a situation: a real one, or a draft whose states are reasoned."""

    situation: str
    build: Build
    explanation: Explanation


def subject(app: App, variant: str = "", service: str = "") -> Subject:
    """Find what to build and what edits change: what layerlab.toml says in [measure] and [edits], else what's found.

    Raises what `resolve` raises.
    """
    told = app.told("measure")
    if not variant and not service:
        variant, service = told.get("variant", ""), told.get("service", "")
    definition = resolve(app, variant, service=service)
    with looking_at(definition.folders, definition.file_in_context, app.snapshots, definition.absent) as contexts:
        pass
    made = draft(definition, contexts)
    place = definition.contexts["context"]
    return Subject(
        app,
        variant,
        service,
        tuple(told.get("commit_args", ())),
        made,
        find(made, place, app.told("edits")),
        definition.file,
        {name: definition.contexts[name] for name in definition.folders},
        tuple(name for name, place in definition.contexts.items() if place.startswith("target:")),
    )


def reason(what: Subject, situations: Sequence[str]) -> Iterator[Observed]:
    """Yield a draft for each situation but "cold", its states reasoned without building; see `explaining.reasoning`."""
    for situation in (s for s in SITUATIONS if s in situations and s != "cold"):
        now = reasoned(_edited(what, situation), what.draft, what.opaque)
        yield Observed(situation, now, explain_against(now, [what.draft]))


def _edited(what: Subject, situation: str) -> Build:
    if situation == "unchanged":
        return what.draft
    path = what.edited(situation).path
    if situation == "context":
        return with_file_added(what.draft, _places(what, posixpath.join(path, "new file")), {})
    return with_file_changed(what.draft, _places(what, path), _commit(what, "another commit"))


def _places(what: Subject, path: str) -> dict[str, str]:
    """Return the path of a file of the app in each context: name of the context → path."""
    return {name: posixpath.relpath(path, place) for name, place in what.folders.items()}


def _commit(what: Subject, value: str) -> dict[str, str]:
    return dict.fromkeys(what.commit_args, value)


def observe(
    machine: Machine, what: Subject, situations: Sequence[str], repeats: Mapping[str, int]
) -> Iterator[Observed]:
    """Build in each situation on a machine, and yield the builds.

    The app must be a scratch copy. Each edit is made on top of a build of the same variant, and fresh each time. Other processes
    can't build on the machine meanwhile.

    Args:
        machine: it's reset if "cold" is one of the situations.
        what: what to build.
        situations: of SITUATIONS; they're built in that order.
        repeats: how often, by situation; once if it's not in there.

    Raises the same errors as `machine.build`, and AppError for an edit that the project has nothing for, before it builds.
    """
    for situation in situations:
        if SITUATIONS[situation] in what.edits:
            what.edited(situation)
    args = _commit(what, "first")
    with machine.alone():
        if "cold" not in situations:
            _build(machine, what, args)
        for situation in (s for s in SITUATIONS if s in situations):
            for _ in range(repeats.get(situation, 1)):
                if situation == "cold":
                    machine.reset()
                elif situation != "unchanged":
                    what.app.edit(situation, what.edited(situation).path)
                if situation in ("code", "dependency"):
                    args = _commit(what, f"edit-{time.time_ns():x}")
                yield _build_and_explain(machine, what, args, situation)


def _build_and_explain(machine: Machine, what: Subject, args: Mapping[str, str], situation: str) -> Observed:
    build = _build(machine, what, args)
    return Observed(situation, build, explain(build))


def _build(machine: Machine, what: Subject, args: Mapping[str, str]) -> Build:
    return machine.build(what.app, what.variant, service=what.service, args=args, view="none")
