"""Why each step of a build ran or did not: `Build.explain`. Pure, over this build's record and those before it.

For a step that ran, in the order of causes.KINDS: `--no-cache` was given; the instruction is new; its operation differs; a
file it reads differs; the image it builds on moved; what it builds on was made anew by a step above. Where a step above was
a hit, and yet other than in the build it is compared with (an earlier, failed build made it), its differences count as the
reason. If all of it is equal the cache record must be gone. What could not be looked at makes it "unknown" instead.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence

from .. import docker_words
from ..records import CACHED, FAILED, RAN, Build
from ..traces.instructions import Instruction, read
from . import differences, plan
from .alignment import Written, aligned, stage_names, written
from .causes import Cause, Evidence, Explanation, StepCause, shortened
from .differences import Side
from .operations import Operation, Source, operations

#: States of a step whose result is in the cache afterwards.
DONE = (RAN, CACHED)
#: Instructions that only set the image's configuration, or what RUN sees.
_CONFIGURATION = (
    "ENV",
    "ARG",
    "LABEL",
    "CMD",
    "ENTRYPOINT",
    "EXPOSE",
    "HEALTHCHECK",
    "STOPSIGNAL",
    "VOLUME",
    "USER",
    "SHELL",
)


def explain(build: Build, earlier: Sequence[Build], *, forgotten: bool = False) -> Explanation:
    """Why each step of `build` is in the state it is in.

    Args:
        build: the build to explain.
        earlier: builds of the same project before it, the newest first; on the same machine, unless that is the question.
        forgotten: whether there may have been others, of which nothing is known any more.
    """
    earlier = [b for b in earlier if _service(b) == _service(build)]
    same = [b for b in earlier if _key(b) == _key(build)] or earlier
    comparisons = [_Comparison(build, b) for b in same]
    steps: list[StepCause] = []
    for index in range(len(build.steps_)):  # a stage can only use those above it, so file order will do
        steps.append(_Step(build, index, comparisons, steps, forgotten).explained())
    return Explanation(build.app, build.variant, _against(build, same), _with_notes(steps, comparisons))


def _key(build: Build) -> tuple[str, str]:
    """Builds of one variant are compared with one another, before those of other variants."""
    return build.variant, "".join(docker_words.values(build.command, "--target")[-1:])


def _service(build: Build) -> str:
    """The Compose service it is of; services of one file are different images, of which none explains another."""
    return build.command[-1] if "bake" in build.command[:3] else ""


def _against(build: Build, earlier: Sequence[Build]) -> str:
    if not earlier:
        return ""
    before = earlier[0]
    where = f" on machine {before.machine}" if before.machine != build.machine else ""
    failed = ", which failed" if before.error else ""
    return f"the previous build of {before.app} {before.variant}{where}{failed}"


class _Comparison:
    """This build beside one before it: which step is which, and both sides' operations."""

    def __init__(self, now: Build, before: Build) -> None:
        self.now, self.before = now, before
        self.found: dict[tuple[int, bool], _Found] = {}

    # Read when first asked for: of many builds before, most explanations need the newest only.

    @functools.cached_property
    def written_now(self) -> tuple[Written, ...]:
        return written(self.now)

    @functools.cached_property
    def written_before(self) -> tuple[Written, ...]:
        return written(self.before)

    @functools.cached_property
    def stages_before(self) -> frozenset[str]:
        return stage_names(self.before)

    @functools.cached_property
    def was(self) -> dict[int, int]:
        return aligned(self.written_now, self.written_before, stage_names(self.now), self.stages_before)

    @functools.cached_property
    def operations_now(self) -> tuple[Operation | None, ...]:
        return self._read(self.now)

    @functools.cached_property
    def operations_before(self) -> tuple[Operation | None, ...]:
        return self._read(self.before)

    def _read(self, build: Build) -> tuple[Operation | None, ...]:
        # A build that failed has no provenance: then both are read from their Dockerfiles, so that like is compared with like.
        return (operations if self.now.provenance and self.before.provenance else plan.operations)(build)

    def reached(self, index: int) -> bool:
        """Whether the build before got through the same step."""
        return index in self.was and self.before.steps_[self.was[index]].state in DONE

    def sides(self, index: int) -> tuple[Side, Side] | None:
        mine, theirs = self.operations_now[index], self.operations_before[self.was[index]]
        if mine is None or theirs is None:
            return None
        texts = self.written_now[index].text, self.written_before[self.was[index]].text
        return Side(mine, texts[0], self.now), Side(theirs, texts[1], self.before)


@dataclasses.dataclass
class _Found:
    """What is known of one step against one build before: reasons of its own, steps above that ran, and gaps.

    `inherited` are the differences of steps above that were hits, by line and text. `alike` are base images that moved, but
    to the same layers, which makes a miss on some engines only.
    """

    own: list[Cause] = dataclasses.field(default_factory=list)
    inherited: dict[tuple[int, str], Cause] = dataclasses.field(default_factory=dict)
    above: list[tuple[int, bool]] = dataclasses.field(default_factory=list)
    alike: list[Cause] = dataclasses.field(default_factory=list)
    unknown: list[str] = dataclasses.field(default_factory=list)
    equal: list[str] = dataclasses.field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return not (self.own or self.inherited or self.above)

    @property
    def roots(self) -> list[Cause]:
        """All that is no consequence of a step that ran in the same build."""
        placed = [dataclasses.replace(c, text=f"{c.text} (line {line})") for (line, _), c in self.inherited.items()]
        return [*self.own, *placed]


class _Step:
    """One step of the build that is explained."""

    def __init__(
        self,
        build: Build,
        index: int,
        comparisons: Sequence[_Comparison],
        explained: Sequence[StepCause],
        forgotten: bool,
    ) -> None:
        self.build, self.index, self.step = build, index, build.steps_[index]
        self.comparisons, self.before, self.forgotten = comparisons, explained, forgotten

    def explained(self) -> StepCause:
        if self.step.state in (RAN, FAILED):
            return self._ran()
        if self.step.state == CACHED:
            return self._result(still_hit=self._still_hit())
        return self._result()

    def _ran(self) -> StepCause:
        if option := _no_cache(self.build, self.step.stage):
            return self._result((Cause("no cache", f"{option} was given"),), root=True)
        if not self.comparisons and self.forgotten:
            text = (
                "what was built before is not known any more: the machine was reset since, or this is another computer"
            )
            return self._result((Cause("unknown", text),), root=True)
        if not self.comparisons:
            return self._result((Cause("first build", "the first build of it on this machine"),), root=True)
        comparison = self._comparison()
        if comparison is None:
            return self._new()
        found = _compared(comparison, self.index)
        # A step above that ran with an unchanged key made nothing miss: this step's record is gone, too.
        # (One that no line is known of stands last in the list, and is not explained yet.)
        above_ran = [
            (k, reads) for k, reads in found.above if k >= len(self.before) or not _key_unchanged(self.before[k])
        ]
        causes = [*found.roots, *(self._consequence(k, reads) for k, reads in above_ran)]
        above = tuple(sorted({self.build.steps_[k].line for k, _ in above_ran}))
        if causes:
            return self._result(tuple(causes), bool(found.roots), above, tuple(found.equal))
        equal = tuple(found.equal)
        if comparison.before.machine != self.build.machine:
            text = (
                f"the build before ran on machine {comparison.before.machine}; {self.build.machine} has not its cache"
            )
            return self._result((Cause("another machine", text),), True, (), equal)
        if found.alike:
            return self._result(tuple(found.alike), True, (), equal)
        if found.unknown:
            text = f"{_joined(found.unknown)} could not be compared, and all else is equal"
            return self._result((Cause("unknown", text),), True, (), equal)
        text = (
            "nothing that counts has changed, so its cache record is gone: pruned, collected, or emptied by --no-cache"
        )
        return self._result((Cause("record gone", text),), True, (), equal)

    def _comparison(self) -> _Comparison | None:
        """The newest build before that got through this step; None where it is new, or none ever did."""
        for comparison in self.comparisons:
            if comparison.reached(self.index):
                return comparison
            if self.index not in comparison.was:
                return None
        return None

    def _new(self) -> StepCause:
        """A step that no build before got through."""
        newest = self.comparisons[0]
        ran_above = [k for k in _inputs(newest.operations_now[self.index]) if self._state(k) in (RAN, FAILED)]
        above = tuple(sorted({self.build.steps_[k].line for k in ran_above}))
        if self.index in newest.was and newest.before.error:
            text = "no build before got through it"
            return self._result((Cause("instruction added", text),), True, above)
        mine = newest.written_now[self.index]
        stage = self.step.stage.rpartition(" ")[2]
        if stage in newest.stages_before and all(w.stage != self.step.stage for w in newest.written_before):
            return self._result((Cause("first build", f"stage {stage} was not built before"),), True, above)
        elsewhere = [
            j
            for j, other in enumerate(newest.written_before)
            if (other.keyword, other.text) == (mine.keyword, mine.text)
        ]
        if elsewhere:
            text = f"it stands elsewhere: line {newest.before.steps_[elsewhere[0]].line} → {self.step.line}"
            return self._result((Cause("instruction moved", text),), True, above)
        return self._result((Cause("instruction added", "it is new"),), True, above)

    def _consequence(self, above: int, reads: bool) -> Cause:
        step = self.build.steps_[above]
        if reads:
            return Cause(
                "stage output changed", f"the files it takes from stage {step.stage} changed (line {step.line} ran)"
            )
        return Cause("step above ran", f"line {step.line} above ran again")

    def _still_hit(self) -> str:
        """Why a hit is one although something it might depend on changed; "" where nothing did."""
        comparison = self._comparison()
        if comparison is None:
            return "an earlier build left its result, with the same operation and files" if self.comparisons else ""
        operation = comparison.operations_now[self.index]
        if operation is None:
            return ""
        reads_ran = [k for k in _read_steps(operation) if self._state(k) == RAN]
        if reads_ran:
            line = self.build.steps_[reads_ran[0]].line
            return f"line {line} ran again, but the files taken from there are the same"
        found = _compared(comparison, self.index)
        if operation.facts.get("link") and isinstance(operation.base, int) and self._state(operation.base) == RAN:
            return "COPY --link does not depend on the steps above it"
        if found.roots:
            same = next(
                (
                    n
                    for n, c in enumerate(self.comparisons, 1)
                    if c.reached(self.index) and _compared(c, self.index).nothing
                ),
                0,
            )
            text = found.roots[0].text
            if not same and all(c.kind == "source changed" for c in found.roots):
                return f"{text}, but the files taken from there are the same"
            return f"{text}, but the cache has it" + (f": as it was {same} builds ago" if same else " all the same")
        mine, theirs = comparison.written_now[self.index], comparison.written_before[comparison.was[self.index]]
        if mine.text != theirs.text:
            return "it is written in another way, but its cache key is the same"
        sides = comparison.sides(self.index)
        return (differences.unsent(*sides) or differences.only_dates(*sides)) if sides else ""

    def _state(self, index: int) -> str:
        return self.build.steps_[index].state

    def _result(
        self,
        causes: tuple[Cause, ...] = (),
        root: bool = False,
        above: tuple[int, ...] = (),
        ruled_out: tuple[str, ...] = (),
        still_hit: str = "",
    ) -> StepCause:
        s = self.step
        return StepCause(s.line, s.stage, s.instruction, s.text, s.state, causes, root, above, still_hit, ruled_out)


def _key_unchanged(step: StepCause) -> bool:
    return bool(step.causes) and all(c.kind in ("record gone", "another machine") for c in step.causes)


def _compared(comparison: _Comparison, index: int, *, as_base: bool = False) -> _Found:
    """Everything in which a step, and what it builds on, differs from the build before.

    COPY --link does not depend on what is below it, but what is built on it does: `as_base`. Each step is looked at once,
    though every step below it asks.
    """
    key = (index, as_base)
    if key not in comparison.found:
        comparison.found[key] = _compare(comparison, index, as_base)
    return comparison.found[key]


def _compare(comparison: _Comparison, index: int, as_base: bool) -> _Found:
    found = _Found()
    sides = comparison.sides(index)
    if sides is None:
        found.unknown.append("the operation")
        return found
    now, before = sides
    found.own += differences.own(now, before)
    # A hit may be one because the engine was not even told of a change; a step that ran, only by what it was told.
    held = comparison.now.steps_[index].state == CACHED
    file_causes, unknown = differences.files(now, before, held)
    found.own += file_causes
    found.own += differences.sources(now.operation, before.operation)
    found.unknown += unknown
    if not found.own:
        found.equal.append("the operation")
        found.equal += ["the files it reads"] if now.operation.readings and not unknown else []
    linked = bool(now.operation.facts.get("link")) and not as_base
    pairs = [] if linked else [(now.operation.base, before.operation.base, False)]
    readings = zip(now.operation.readings, before.operation.readings, strict=False)
    pairs += [(mine.of, theirs.of, True) for mine, theirs in readings if isinstance(mine.of, int)]
    for mine, theirs, reads in pairs:
        _compare_input(comparison, found, mine, theirs, reads)
    return found


def _compare_input(
    comparison: _Comparison, found: _Found, mine: int | Source | None, theirs: int | Source | None, reads: bool
) -> None:
    """Add to `found` what follows from one thing that a step builds on or reads."""
    build = comparison.now
    if mine is None and theirs is None:  # FROM scratch
        return
    if isinstance(mine, int) and build.steps_[mine].state in (RAN, FAILED):
        # Files from a stage are compared by content: that stage's step counts only where nothing else explains.
        if not (reads and not found.nothing):
            found.above.append((mine, reads))
    elif isinstance(mine, Source) and isinstance(theirs, Source):
        found.own += differences.moved(mine, theirs)
        found.alike += differences.moved_alike(mine, theirs)
        found.equal.append("the base image")
    elif isinstance(mine, int) and comparison.was.get(mine) == theirs and isinstance(theirs, int):
        # A hit, but perhaps one that an earlier build made after the one that we compare with.
        inner = _compared(comparison, mine, as_base=True)
        line = build.steps_[mine].line
        # That hit although what it fetches from changed, so it took the same files: nothing to inherit.
        own = [c for c in inner.own if c.kind != "source changed"]
        found.inherited |= {(line, c.text): c for c in own} | inner.inherited
        found.above += [a for a in inner.above if a not in found.above]
        found.unknown += inner.unknown
    else:
        found.own.append(_other_base(comparison, mine, theirs, reads))


def _other_base(comparison: _Comparison, mine: int | Source | None, theirs: int | Source | None, reads: bool) -> Cause:
    """It builds on another step than before, and that step was a hit: something above is gone, or moved."""
    before = comparison.before
    kept = set(comparison.was.values())
    gone = []
    while isinstance(theirs, int) and theirs not in kept:
        gone.append(theirs)
        operation = comparison.operations_before[theirs]
        theirs = operation.base if operation else None
    if gone:
        step = before.steps_[gone[-1]]
        text = f"{shortened(step.text, 50)} above it is gone (line {step.line} then)"
        return Cause("instruction removed", text, (Evidence("instruction", step.text, ""),))
    names = [_name(comparison.now, mine), _name(before, theirs)]
    word = "takes files from" if reads else "builds on"
    return Cause("instruction moved", f"it {word} {names[0]}, then {names[1]}", (Evidence(word, names[1], names[0]),))


def _name(build: Build, origin: int | Source | None) -> str:
    if isinstance(origin, Source):
        return f"{origin.kind} {origin.name}"
    return (
        "nothing"
        if origin is None
        else f"{shortened(build.steps_[origin].text, 40)} (line {build.steps_[origin].line})"
    )


def _inputs(operation: Operation | None) -> list[int]:
    if operation is None:
        return []
    return [x for x in (operation.base, *_read_steps(operation)) if isinstance(x, int)]


def _read_steps(operation: Operation) -> list[int]:
    return [r.of for r in operation.readings if isinstance(r.of, int)]


def _no_cache(build: Build, stage: str) -> str:
    """The option that made the steps of a stage run whatever the cache has; "" if none did."""
    given = {*build.command, *docker_words.values(build.command, "--set")}
    if given & {"--no-cache", "--no-cache=true", "*.no-cache", "*.no-cache=true"}:
        return "--no-cache"
    for value in docker_words.values(build.command, "--no-cache-filter"):
        if stage.rpartition(" ")[2] in value.lower().split(","):
            return f"--no-cache-filter={value}"
    return ""


def _with_notes(steps: list[StepCause], comparisons: Sequence[_Comparison]) -> tuple[StepCause, ...]:
    """Say of a configuration instruction that changed why the hits above it are hits: at the last one of its stage."""
    if not comparisons:
        return tuple(steps)
    notes: dict[int, str] = {}
    for instruction in _changed_configuration(comparisons[0]):
        above = [i for i, s in enumerate(steps) if s.line < instruction.line and _stage(s) == instruction.stage_name]
        if above and steps[above[-1]].state == CACHED and not steps[above[-1]].still_hit:
            name = (
                re.split(r"[=\s]", instruction.value, maxsplit=1)[0]
                if instruction.keyword in ("ENV", "ARG", "LABEL")
                else ""
            )
            what = f"{instruction.keyword} {name}".strip()
            notes.setdefault(above[-1], f"{what} in line {instruction.line} changed, which is below it")
    return tuple(dataclasses.replace(s, still_hit=notes.get(i, s.still_hit)) for i, s in enumerate(steps))


def _changed_configuration(comparison: _Comparison) -> list[Instruction]:
    before = {_squeezed(i) for i in read(comparison.before.dockerfile)}
    return [i for i in read(comparison.now.dockerfile) if i.keyword in _CONFIGURATION and _squeezed(i) not in before]


def _squeezed(instruction: Instruction) -> Written:
    return Written(instruction.stage_name, instruction.keyword, " ".join(instruction.value.split()))


def _stage(step: StepCause) -> str:
    return step.stage.rpartition(" ")[2]


def _joined(words: Sequence[str]) -> str:
    unique = list(dict.fromkeys(words))
    return ", ".join(unique[:3]) + (f" and {len(unique) - 3} more" if len(unique) > 3 else "")
