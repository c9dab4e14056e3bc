"""Compare a build with an earlier one: which step is which, and everything in which a step differs. Pure."""

from __future__ import annotations

import dataclasses
import functools
import math

from ..record.build import Build
from ..record.hosts import IMPORTED
from ..record.layers import layer_of
from ..record.states import CACHED, FAILED, RAN
from ..record.step import shortened
from . import differences, file_changes, plan
from .alignment import Written, aligned, stage_names, written
from .causes import Cause, Evidence, within
from .operations import Operation, Origin, Source, operations
from .step_in_build import StepInBuild

#: States of a step whose result is in the cache afterwards.
DONE = (RAN, CACHED)


@dataclasses.dataclass
class StepDifferences:
    """How one step differs from an earlier build: reasons of its own, steps above that ran, and gaps.

    Attributes:
        own: differences of the step itself.
        inherited: differences of steps above that were hits, by place and text.
        above: the steps above that ran: the index of each, and of the step that takes its files; None where they're built on.
        taken: the same for files that it takes from other stages. BuildKit compares those by content, which no record holds,
            so they count only if nothing else explains the step.
        doubtful: indices of hits that may or may not have taken the same files as in the earlier build.
        alike: base images that moved to the same layers, which causes a miss only on some engines.
        unknown: what couldn't be compared, in words.
        equal: what was compared and found equal, in words.
    """

    own: list[Cause] = dataclasses.field(default_factory=list)
    inherited: dict[tuple[str, str], Cause] = dataclasses.field(default_factory=dict)
    above: list[tuple[int, int | None]] = dataclasses.field(default_factory=list)
    taken: StepDifferences | None = None
    doubtful: list[int] = dataclasses.field(default_factory=list)
    alike: list[Cause] = dataclasses.field(default_factory=list)
    unknown: list[str] = dataclasses.field(default_factory=list)
    equal: list[str] = dataclasses.field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether no reason was found."""
        return not (self.reasons or self.doubtful) and (not self.taken or self.taken.nothing)

    @property
    def reasons(self) -> bool:
        """Whether a reason was found that doesn't come with the files that it takes."""
        return bool(self.own or self.inherited or self.above)

    @property
    def nothing_else(self) -> bool:
        """Whether no reason was found but that an image changed from which it takes files."""
        return not (self.inherited or self.above or self.doubtful) and all(c.kind == "source changed" for c in self.own)

    @property
    def roots(self) -> list[Cause]:
        """All reasons that aren't a consequence of a step that ran in the same build."""
        # What changed for a step above too is told once.
        places: dict[Cause, list[str]] = {}
        for (place, _), cause in reversed(self.inherited.items()):
            if not any(within(cause, other) for other in self.own):
                places.setdefault(cause, []).append(place)
        inherited = (dataclasses.replace(c, text=f"{c.text} ({' and '.join(at)})") for c, at in places.items())
        return [*self.own, *inherited]

    def inherit(self, place: str, other: StepDifferences) -> None:
        """Add what follows for a step from the differences of a step at `place`, a hit, that it builds on."""
        # It hit although its source changed: `_inherit` looks at the files.
        own = [c for c in other.own if c.kind != "source changed"]
        self.inherited |= {(place, c.text): c for c in own} | other.inherited
        self.above += [a for a in other.above if a not in self.above]
        self.unknown += other.unknown
        self.doubtful += other.doubtful


def on_one_engine(now: Build, before: Build) -> bool:
    """Tell whether two builds had the same cache, as far as their records say."""
    return now.machine == before.machine != IMPORTED and before.cache in ("", now.cache)


class Comparison:
    """A build and an earlier one: which step is which, and both builds' operations."""

    def __init__(self, now: Build, before: Build) -> None:
        # Marks that another key made tell nothing: without them, hidden values look equal, and `_compare` says it can't tell.
        self.comparable = not (now.key and before.key) or now.key == before.key
        self.now, self.before = (now, before) if self.comparable else (now.unmarked(), before.unmarked())
        self._steps: dict[tuple[int, bool], StepDifferences] = {}

    # Read on first use: of many earlier builds, most explanations need only the newest.

    @property
    def on_one_engine(self) -> bool:
        """Whether both builds had the same cache: one engine, and no reset in between."""
        return on_one_engine(self.now, self.before)

    @functools.cached_property
    def written_now(self) -> tuple[Written, ...]:
        """This build's steps as its Dockerfile has them."""
        return written(self.now)

    @functools.cached_property
    def written_before(self) -> tuple[Written, ...]:
        """The earlier build's steps as its Dockerfile has them."""
        return written(self.before)

    @functools.cached_property
    def stages_before(self) -> frozenset[str]:
        """Names of the earlier build's named stages."""
        return stage_names(self.before)

    @functools.cached_property
    def was(self) -> dict[int, int]:
        """Index of a step now → index of the same step in the earlier build."""
        return aligned(self.written_now, self.written_before, stage_names(self.now), self.stages_before)

    @functools.cached_property
    def operations_now(self) -> tuple[Operation | None, ...]:
        """The operations of this build's steps; None where unknown."""
        return self._read(self.now)

    @functools.cached_property
    def operations_before(self) -> tuple[Operation | None, ...]:
        """The operations of the earlier build's steps; None where unknown."""
        return self._read(self.before)

    def _read(self, build: Build) -> tuple[Operation | None, ...]:
        # A failed build has no provenance. Then both are read from their Dockerfiles, to compare like with like.
        return (operations if self.now.provenance and self.before.provenance else plan.operations)(build)

    def state_before(self, index: int) -> str:
        """Return the state of the same step in the earlier build; "" if there was none."""
        return self.before.steps[self.was[index]].state if index in self.was else ""

    def reached(self, index: int) -> bool:
        """Tell whether the earlier build surely got through the same step.

        Where a COPY's source isn't there, BuildKit calls all steps above it cached at that moment, whether they are or not.
        """
        if self.state_before(index) not in DONE:
            return False
        former = self.before.steps[self.was[index]]
        return former.state == RAN or former.started is None or former.started < self._failed_at

    @functools.cached_property
    def _failed_at(self) -> float:
        """When the step that failed the earlier build started, in seconds from its start; never if none failed."""
        return min(
            (s.started for s in self.before.steps if s.state == FAILED and s.started is not None), default=math.inf
        )

    def step(self, index: int, *, as_base: bool = False) -> StepDifferences:
        """Return everything in which a step, and what it builds on, differs from the earlier build.

        A COPY --link doesn't depend on the layers below it, but steps that build on it do: for them, set `as_base`. Each step
        is compared once, though every step after it asks.
        """
        key = (index, as_base)
        if key not in self._steps:
            self._steps[key] = _compare(self, index, as_base)
        return self._steps[key]

    def both(self, index: int) -> tuple[StepInBuild, StepInBuild] | None:
        """Return the step as it is now and as it was; None if one of the two operations isn't known."""
        mine, theirs = self.operations_now[index], self.operations_before[self.was[index]]
        if mine is None or theirs is None:
            return None
        texts = self.written_now[index].text, self.written_before[self.was[index]].text
        lines = self.now.steps[index].line, self.before.steps[self.was[index]].line
        return StepInBuild(mine, texts[0], self.now, lines[0]), StepInBuild(theirs, texts[1], self.before, lines[1])


def _compare(comparison: Comparison, index: int, as_base: bool) -> StepDifferences:
    found = StepDifferences()
    both = comparison.both(index)
    if both is None:
        found.unknown.append("the operation")
        return found
    now, before = both
    found.own += differences.own(now, before)
    # A step may hit because the engine wasn't even told of a change; it can only run because of what it was told.
    held = comparison.now.steps[index].state == CACHED and comparison.on_one_engine
    file_causes, unknown = file_changes.files(now, before, held)
    found.own += file_causes
    found.own += differences.sources(now.operation, before.operation)
    hidden = [] if comparison.comparable else differences.hidden(now)
    unknown += _unknown_sources(now.operation, before.operation)
    found.unknown += [*unknown, *hidden]
    if not found.own:
        found.equal += [] if hidden else ["the operation"]
        found.equal += ["the files it reads"] if now.operation.readings and not unknown else []
    linked = bool(now.operation.facts.get("link")) and not as_base
    if not linked:
        _compare_input(comparison, found, now.operation.base, before.operation.base)
    found.taken = StepDifferences()
    for mine, theirs in zip(now.operation.readings, before.operation.readings, strict=False):
        if isinstance(mine.of, int):
            _compare_input(comparison, found.taken, mine.of, theirs.of, index)
    return found


def _unknown_sources(now: Operation, before: Operation) -> list[str]:
    pairs = [(mine.of, theirs.of) for mine, theirs in zip(now.readings, before.readings, strict=False)]
    both = [(mine, theirs) for mine, theirs in pairs if isinstance(mine, Source) and isinstance(theirs, Source)]
    return [name for mine, theirs in both for name in differences.unknown_version(mine, theirs)]


def _compare_input(
    comparison: Comparison, found: StepDifferences, mine: Origin, theirs: Origin, taker: int | None = None
) -> None:
    """Add to `found` what follows from one thing that a step builds on or, if the step is `taker`, takes files from."""
    build = comparison.now
    if mine is None and theirs is None:  # FROM scratch
        return
    if isinstance(mine, int) and build.steps[mine].state in (RAN, FAILED):
        found.above.append((mine, taker))
    elif isinstance(mine, Source) and isinstance(theirs, Source):
        moved = differences.moved(mine, theirs)
        found.own += [
            differences.rebased(build, comparison.before, c) if c.kind == "base changed" else c for c in moved
        ]
        found.alike += differences.moved_alike(mine, theirs)
        unknown = differences.unknown_version(mine, theirs)
        found.unknown += unknown
        found.equal += [] if unknown else ["the base image"]
    elif isinstance(mine, int) and comparison.was.get(mine) == theirs and isinstance(theirs, int):
        _inherit(comparison, found, mine)
    else:
        found.own.append(_other_base(comparison, mine, theirs, taker is not None))


def _inherit(comparison: Comparison, found: StepDifferences, hit: int) -> None:
    """Add to `found` what follows from a hit: its result may come from a build after the one that we compare with."""
    inner, place = comparison.step(hit, as_base=True), comparison.now.steps[hit].place
    found.inherit(place, inner)
    sources = {(place, cause.text): cause for cause in inner.own if cause.kind == "source changed"}
    taken = inner.taken or StepDifferences()
    if not sources and taken.nothing and not taken.unknown:
        return
    # What it takes files from ran again or differs, yet it hit. Were they those of the earlier build, or of one before that?
    same = same_layer(comparison, hit)
    if same is None:
        found.doubtful.append(hit)
    elif not same:
        found.inherited |= sources
        found.inherit(place, taken)


def same_layer(comparison: Comparison, hit: int) -> bool | None:
    """Tell whether a hit COPY made the layer that it made in the earlier build; None if a build doesn't name its layers."""
    now, before = comparison.now, comparison.before
    step, former = now.steps[hit], before.steps[comparison.was[hit]]
    if step.instruction not in ("COPY", "ADD"):  # two RUNs may make the same layer of different files
        return None
    layers = layer_of(now, step), layer_of(before, former)
    return layers[0] == layers[1] if all(layers) else None


def _other_base(comparison: Comparison, mine: Origin, theirs: Origin, reads: bool) -> Cause:
    """Explain a step that builds on a different step than before, which was a hit: something above is gone, or moved."""
    before = comparison.before
    kept = set(comparison.was.values())
    gone = []
    while isinstance(theirs, int) and theirs not in kept:
        gone.append(theirs)
        operation = comparison.operations_before[theirs]
        theirs = operation.base if operation else None
    if gone:
        step = before.steps[gone[-1]]
        text = f"{shortened(step.text, 50)} above it is gone" + (f" (formerly line {step.line})" if step.line else "")
        return Cause("instruction removed", text, (Evidence("instruction", step.text, ""),))
    names = [_name(comparison.now, mine), _name(before, theirs)]
    word = "takes files from" if reads else "builds on"
    return Cause(
        "instruction moved", f"it now {word} {names[0]} instead of {names[1]}", (Evidence(word, names[1], names[0]),)
    )


def _name(build: Build, origin: Origin) -> str:
    if isinstance(origin, Source):
        return f"{origin.kind} {origin.name}"
    if origin is None:
        return "nothing"
    step = build.steps[origin]
    return f"{shortened(step.text, 40)} ({step.place})" if step.line else step.place
