"""Which steps of the next build will run, reasoned from the Dockerfile and the files that it reads, without building. Pure.

Two drafts are compared (`drafts`): what is in the cache, and what comes next. The rules are those by which `explain` finds
causes: a step runs if its definition or a file that it reads differs, or if a step that it builds on runs. A COPY --link doesn't
depend on the steps above it. What a step takes from another stage is compared by content, which no draft has: if steps ran there,
only COPYs can be followed, file by file; after a RUN, the answer is UNKNOWN. Links inside an image aren't followed.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator

from ..contexts.selection import changes, files_of
from ..record.build import Build
from ..record.states import BASE, CACHED, RAN
from ..traces.instructions import replaced
from . import differences, file_changes, plan
from .comparison import Comparison
from .operations import Operation, Origin, Reading, Source
from .step_in_build import StepInBuild

#: The state of a step that the rules don't decide.
UNKNOWN = "UNKNOWN"


def reasoned(now: Build, before: Build, opaque: Collection[str] = ()) -> Build:
    """Return the draft `now` with the state of each step if `before` is what the cache holds: RAN, CACHED or UNKNOWN.

    Args:
        now: the draft of the build to come.
        before: the draft of the build that has been made.
        opaque: names of contexts that we know nothing about, such as another bake target's image.
    """
    found = _Reasoner(Comparison(now, before), opaque).states()
    return dataclasses.replace(
        now, steps=tuple(dataclasses.replace(s, state=state) for s, state in zip(now.steps, found, strict=True))
    )


def links(operation: Operation) -> bool:
    """Tell whether a COPY is linked: BuildKit ignores --link beside --chmod (docs/buildkit-facts.md)."""
    return bool(operation.facts.get("link")) and "option --chmod" not in operation.facts


class _Reasoner:
    def __init__(self, comparison: Comparison, opaque: Collection[str]) -> None:
        self.comparison, self.now, self.opaque = comparison, comparison.now, opaque
        self.operations = comparison.operations_now
        self.variables = plan.variables(self.now)
        #: The state of each step so far, and what a step that builds on it has to expect.
        self.found: list[str] = []
        self.below: list[str] = []

    def states(self) -> list[str]:
        for index, step in enumerate(self.now.steps):
            state, base = (BASE, CACHED) if step.instruction == "FROM" else self._state(index)
            self.found.append(state)
            self.below.append(_worst((state, base)))
        return self.found

    def _state(self, index: int) -> tuple[str, str]:
        """Return the state of a step, and that of what it builds on."""
        operation = self.operations[index]
        if operation is None:
            return UNKNOWN, UNKNOWN
        base = self.below[operation.base] if isinstance(operation.base, int) else self._given(operation.base)
        inputs = [self._taken(r) if isinstance(r.of, int) else self._given(r.of) for r in operation.readings]
        return _worst((self._own(index), *inputs, CACHED if links(operation) else base)), base

    def _given(self, origin: Origin) -> str:
        """Return the state that what isn't of this build calls for: it stays as it is, if it's known at all."""
        return UNKNOWN if isinstance(origin, Source) and origin.name in self.opaque else CACHED

    def _own(self, index: int) -> str:
        """Return the state that a step's own definition and the files that it reads from contexts call for."""
        if index not in self.comparison.was:
            return RAN
        both = self.comparison.both(index)
        if both is None:
            return UNKNOWN
        changed, unknown = file_changes.files(*both, held=True)
        mine, theirs = (side.operation.base for side in both)
        moved = isinstance(mine, Source) and isinstance(theirs, Source) and differences.moved(mine, theirs)
        if moved or changed or _redefined(*both):
            return RAN
        return UNKNOWN if unknown else CACHED

    # -- what comes from another stage -------------------------------------------------------------------------------

    def _taken(self, reading: Reading) -> str:
        """Tell whether the files that a step takes from another stage changed: RAN if they did."""
        source = posixpath.normpath("/" + _source(reading))
        # The last step that wrote there decides: it may have undone what one before it did.
        origin: Origin = reading.of
        while isinstance(origin, int):
            if (state := self._written(origin, source)) != CACHED:
                return state
            operation = self.operations[origin]
            origin = operation.base if operation else None
        return self._given(origin)

    def _written(self, index: int, source: str) -> str:
        """Tell whether a step wrote other files than before at a path of the image, or below it."""
        step, operation = self.now.steps[index], self.operations[index]
        if self.found[index] == CACHED or step.instruction in ("FROM", "WORKDIR"):  # WORKDIR makes the same folder
            return CACHED
        if step.instruction not in ("COPY", "ADD") or operation is None or "<<" in step.text:
            return UNKNOWN
        words = plan.words_of(operation.facts["copy 1 text"])
        given = replaced(words[-1], self.variables.get(step.line, {}))
        folder = operation.facts["copy 1 dest"]
        if folder == "/":  # or the folder that the base image sets
            return UNKNOWN
        target = posixpath.normpath(posixpath.join(folder, given))
        fixed = source if _plain(source) else posixpath.dirname(re.split(r"[*?[]", source)[0])
        if not (_within(target, fixed) or _within(fixed, target)):
            return CACHED
        both = self.comparison.both(index) if index in self.comparison.was else None
        if both is None or _redefined(*both) or not all(map(_plain, [source, *_sources(operation)])):
            return UNKNOWN
        places = [p for change, root in self._changes(*both) for p in _copied_to(change, root, target, given)]
        return _verdict([_within(place, source) for place in places])

    def _changes(self, now: StepInBuild, before: StepInBuild) -> Iterator[tuple[str, str]]:
        """Yield the files of contexts that changed for a COPY, each with the source that it came by."""
        for mine, theirs in zip(now.operation.readings, before.operation.readings, strict=False):
            name = mine.of.name if isinstance(mine.of, Source) else ""
            after, earlier = now.build.contexts.get(name), before.build.contexts.get(name)
            if after and earlier:
                files = {path: after.entries[path] for path in files_of(after, mine.copy)}
                former = {path: earlier.entries[path] for path in files_of(earlier, theirs.copy)}
                yield from ((change.path, _source(mine)) for change in changes(former, files))


def _redefined(now: StepInBuild, before: StepInBuild) -> bool:
    """Tell whether a step asks for something else than before."""
    return now.operation.facts != before.operation.facts


def _sources(operation: Operation) -> list[str]:
    """Return the sources of a COPY; one from another stage counts as not plain."""
    return ["*" if isinstance(reading.of, int) else _source(reading) for reading in operation.readings]


def _source(reading: Reading) -> str:
    return str(reading.copy.get("src", "/")).strip("/")


def _plain(source: str) -> bool:
    return not any(char in source for char in "*?[")


def _copied_to(path: str, source: str, target: str, given: str) -> Iterator[str]:
    """Yield where in the image a COPY puts a file; two places if it isn't known whether the target is a folder."""
    if path != source:
        yield posixpath.join(target, path[len(source) :].lstrip("/"))
        return
    yield posixpath.join(target, posixpath.basename(path))
    if not given.endswith(("/", ".")):
        yield target


def _verdict(inside: list[bool]) -> str:
    """Return what follows from where the changed files are: all of them inside what is taken, none, or some."""
    return RAN if inside and all(inside) else UNKNOWN if any(inside) else CACHED


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _worst(states: Iterable[str]) -> str:
    """Return RAN if one of the states is, else UNKNOWN if one is, else CACHED."""
    found = set(states)
    return next((state for state in (RAN, UNKNOWN) if state in found), CACHED)
