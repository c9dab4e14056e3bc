"""Situations: what comes before a build that people wait for, and what a real build, or a draft, does then."""

from __future__ import annotations

import contextlib
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
from ..machine.machine_like import Measurable
from ..machine.registry import Registry
from ..machine.resolving import resolve
from ..project.app import App
from ..project.manifest import MANIFEST
from ..record.build import Build
from ..system import progress
from ..traces.instructions import read
from .finding import Found, find
from .preparing import require_prepared

#: Each situation, in the order in which they're built, and how a sentence names it.
SITUATIONS = {
    "cold": "on a cold machine, as a fresh CI runner is",
    "unchanged": "after no change",
    "code": "after a code edit",
    "dependency": "after a dependency edit",
    "context": "after a file was added that the image doesn't need",
    "base": "after the base image moved",
    "registry": "after a code edit, on a fresh CI runner with a registry cache",
}
#: Those that a draft has nothing to say about.
BUILT_ONLY = ("cold", "base", "registry")
#: The edit of the files that a situation begins with; none for the others.
_EDITS = {"code": "code", "dependency": "dependency", "context": "context", "registry": "code"}
#: What has to be done to the machine (`compare`'s names).
_NEEDS = {"cold": "cold", "base": "base", "registry": "cold"}
#: The edits that a commit makes.
_COMMITS = ("code", "dependency", "registry")


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

    def edit_of(self, situation: str) -> Found | None:
        """Return what the edit of a situation changes; None if it edits nothing.

        Raises AppError if the project has nothing of that kind.
        """
        if situation not in _EDITS:
            return None
        found = self.edits[_EDITS[situation]]
        if not found.path:
            key = {"code": "code", "dependency": "requirements"}[found.kind]
            raise AppError(f"{self.app.name}: {found.why}", f"name a file in {MANIFEST}: [edits] {key} = …")
        return found

    def edits_of(self, situations: Sequence[str]) -> list[Found]:
        """Return what the edits of several situations change, each once. Raises AppError as `edit_of` does."""
        return list(dict.fromkeys(filter(None, map(self.edit_of, situations))))

    @property
    def base(self) -> str:
        """The image that the last stage is made from in the end; "" if it's made from scratch, or another bake target."""
        stages = [i for i in read(self.draft.dockerfile, self.draft.args) if i.keyword == "FROM"]
        names = {name: i.base for i in stages for name in (i.stage_name, str(i.stage))}
        name = stages[-1].base if stages else ""
        for _ in stages:
            name = names.get(name.lower(), name)
        return "" if name == "scratch" or name in (*self.opaque, *self.folders) else name


@dataclasses.dataclass(frozen=True)
class Observed:
    """A build in a situation: a real one, or a draft whose states are reasoned."""

    situation: str
    build: Build
    explanation: Explanation
    repeat: int = 0


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
    folders = {name: definition.contexts[name] for name in definition.folders}
    return Subject(
        app,
        variant,
        service,
        tuple(told.get("commit_args", ())),
        made,
        find(made, folders, app.told("edits")),
        definition.file,
        folders,
        tuple(name for name, place in definition.contexts.items() if place.startswith("target:")),
    )


# -- without building --------------------------------------------------------------------------------------------------


def reason(what: Subject, situations: Sequence[str]) -> Iterator[Observed]:
    """Yield a draft for each situation but BUILT_ONLY, its states reasoned without building; see `explaining.reasoning`."""
    for situation in (s for s in SITUATIONS if s in situations and s not in BUILT_ONLY):
        now = reasoned(_edited(what, situation), what.draft, what.opaque)
        yield Observed(situation, now, explain_against(now, [what.draft]))


def _edited(what: Subject, situation: str) -> Build:
    found = what.edit_of(situation)
    if found is None:
        return what.draft
    if situation == "context":
        return with_file_added(what.draft, _places(what, posixpath.join(found.path, "new file")), {})
    return with_file_changed(what.draft, _places(what, found.path), dict.fromkeys(what.commit_args, "another commit"))


def _places(what: Subject, path: str) -> dict[str, str]:
    """Return the path of a file of the app in each context: name of the context → path."""
    return {name: posixpath.relpath(path, place) for name, place in what.folders.items()}


# -- by building -------------------------------------------------------------------------------------------------------


def observe(
    machine: Measurable, what: Subject, situations: Sequence[str], repeats: Mapping[str, int]
) -> Iterator[Observed]:
    """Build in each situation on a machine, and yield the builds.

    The app must be a scratch copy. Each edit is made on top of a build of the same variant, and fresh each time. Other processes
    can't build on the machine meanwhile, and in the end it has its original base images again.

    Args:
        machine: it's reset for "cold" and "registry".
        what: what to build.
        situations: of SITUATIONS; they're built in that order.
        repeats: how often, by situation; once if it's not in there.

    Raises the same errors as `machine.build`; AppError, before it builds, for an edit that the project has nothing for, or that
    needs a machine, not a builder; and SetupError if the base image isn't one that the machine can move.
    """
    for situation in situations:
        what.edit_of(situation)
    if "base" in situations and not what.base:
        raise AppError(f"{what.app.name}: the image has no base that could move", "leave out the situation `base`")
    require_prepared(machine, [_NEEDS[situation] for situation in situations if situation in _NEEDS])
    bench = _Bench(machine, what)
    with machine.alone(), contextlib.ExitStack() as ends:
        for situation in (s for s in SITUATIONS if s in situations):
            bench.begin(situation, ends)
            for repeat in range(repeats.get(situation, 1)):
                yield dataclasses.replace(bench.built(situation), repeat=repeat)


class _Bench:
    """Builds of a subject on a machine, one after the other."""

    def __init__(self, machine: Measurable, what: Subject) -> None:
        self.machine, self.what = machine, what
        self.args = dict.fromkeys(what.commit_args, "first")
        self.warm: Build | None = None
        self.cache = ""

    def begin(self, situation: str, ends: contextlib.ExitStack) -> None:
        """Prepare what a situation needs once: a build that's in the cache, or in a registry's."""
        if situation == "cold":
            return
        if self.warm is None:
            self.warm = self._build()
        if situation == "base":
            ends.callback(self.machine.preparations["base"].undo)
        elif situation == "registry":
            self.machine.preparations["base"].undo()
            registry = ends.enter_context(Registry.start("measure", say=lambda line: None))
            self.cache = f"type=registry,ref={registry.ref('measure:cache')}"
            self.warm = self._build(f"--cache-to={self.cache},mode=max")

    def built(self, situation: str) -> Observed:
        """Make what comes before a build, and build."""
        options = []
        if need := _NEEDS.get(situation):
            self.machine.preparations[need].make(*([self.what.base] if need == "base" else []))
        if situation == "registry":
            options = [f"--cache-from={self.cache}"]
        if found := self.what.edit_of(situation):
            self.what.app.edit(found.kind, found.path)
        if situation in _COMMITS:
            self.args = dict.fromkeys(self.what.commit_args, f"edit-{time.time_ns():x}")
        build = self._build(*options)
        # A reset machine has forgotten the build that the registry's cache came from.
        why = explain(build, self.warm if situation == "registry" else None)
        self.warm = self.warm if situation == "registry" else build
        return Observed(situation, build, why)

    def _build(self, *options: str) -> Build:
        what = self.what
        return self.machine.build(
            what.app, what.variant, service=what.service, args=self.args, options=options, view="none", say=progress.say
        )
