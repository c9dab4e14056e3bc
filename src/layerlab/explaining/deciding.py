"""Decide why one step ran or didn't, from how it differs from earlier builds, in the order of `causes.KINDS`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from ..record.build import Build
from ..record.hosts import IMPORTED, is_builder
from ..record.states import CACHED, FAILED, RAN
from ..record.step import Step
from ..system import docker_words
from . import caches, file_changes
from .causes import Cause, StepCause
from .comparison import Comparison, StepDifferences
from .hits import same_files
from .operations import Operation
from .step_in_build import secrets_of

#: A command that fetches something from an address whose content may change.
_DOWNLOADS = re.compile(r"\b(git clone|git pull|git fetch|(?:curl|wget)(?=[^|;&]*\bhttps?://))")


@dataclasses.dataclass(frozen=True)
class Deciding:
    """One step of a build, about to be explained.

    Attributes:
        build: the build to explain.
        index: the step's index in it.
        comparisons: the build compared with earlier ones, newest first.
        others: the same with those of other targets or variants, which may have left results in the cache.
        before: the steps above, already decided.
        forgotten: whether there may have been earlier builds that are no longer known.
    """

    build: Build
    index: int
    comparisons: Sequence[Comparison]
    others: Sequence[Comparison]
    before: Sequence[StepCause]
    forgotten: bool

    @property
    def step(self) -> Step:
        return self.build.steps[self.index]

    def explained(self) -> StepCause:
        """Decide why the step is in its state."""
        if self.step.state in (RAN, FAILED):
            return self._ran()
        if self.step.state == CACHED:
            return self._result(still_hit=self._still_hit())
        return self._result()

    def _ran(self) -> StepCause:
        if option := _no_cache(self.build, self.step.stage):
            return self._result((Cause("no cache", f"{option} was given"),), root=True)
        if not self.comparisons:
            return self._result((self._without_comparison(),), root=True)
        comparison = self._comparison()
        if comparison is None:
            return self._new()
        found = comparison.step(self.index)
        return (
            self._because_of(found, found) or self._because_of(found, found.taken) or self._undecided(comparison, found)
        )

    def _without_comparison(self) -> Cause:
        """Return the cause of a step that ran where no earlier build is known."""
        where = self.build.machine
        if is_builder(where):
            text = f"LayerLab knows of no earlier build of this image on {where}, and doesn't see those that others made there"
            return Cause("unknown", text)
        if where == IMPORTED:
            return Cause(
                "unknown", "the file that the build comes from says nothing of the builds before it, nor of the context"
            )
        if self.forgotten:
            text = "earlier builds are no longer known: the machine was reset since, or this is another computer"
            return Cause("unknown", text)
        return Cause("first build", "the first build of this image on this machine")

    def _because_of(self, all_found: StepDifferences, found: StepDifferences | None) -> StepCause | None:
        """Return the result if `found`, all or a part of what was found, has reasons; else None."""
        if found is None:
            return None
        # A step above that ran with an unchanged key caused no miss: this step's record is gone too.
        # (A step without a known line comes last in the list, and isn't explained yet.)
        above = [(k, taker) for k, taker in found.above if k >= len(self.before) or not _key_unchanged(self.before[k])]
        causes = (*found.roots, *self._consequences(above))
        if not causes:
            return None
        lines = _numbers(self.build.steps[k] for k, _ in above)
        return self._result(causes, bool(found.roots), lines, tuple(all_found.equal))

    def _undecided(self, comparison: Comparison, found: StepDifferences) -> StepCause:
        """Explain a step that ran although nothing that must make it run was found."""
        equal = tuple(found.equal)
        cause, certain = _record_gone(comparison, self.index)
        if found.alike and not certain:
            return self._result(tuple(found.alike), True, (), equal)
        if not certain and (text := self._gaps(comparison, found)):
            text += f"; ruled out: {_joined(found.equal)}" if found.equal else ""
            cause = Cause("unknown", text if comparison.on_one_engine else f"{text}; or {cause.text}")
        return self._result((cause,), True, (), equal)

    def _gaps(self, comparison: Comparison, found: StepDifferences) -> str:
        """Say why its cache record needn't be gone, though nothing was found; "" if it must be."""
        taken = found.taken or StepDifferences()
        if unknown := [*found.unknown, *taken.unknown]:
            return f"{_joined(unknown)} couldn't be compared, and everything else is equal"
        if doubtful := [*found.doubtful, *taken.doubtful]:
            places = " and ".join(self.build.steps[k].place for k in doubtful)
            return f"{places} is cached, perhaps with other files than in the previous build, or this step's record is gone"
        both = comparison.both(self.index)
        if both and (files := file_changes.uncounted(*both)):
            return f"{files}, which shouldn't count: a newer engine may count it, or the cache record is gone"
        return ""

    def _comparison(self) -> Comparison | None:
        """Return the newest comparison whose build got through this step; None if the step is new, or none ever did."""
        for comparison in self.comparisons:
            if comparison.reached(self.index):
                return comparison
            if self.index not in comparison.was:
                return None
        return None

    def _new(self) -> StepCause:
        """Explain a step that no earlier build got through."""
        newest = self.comparisons[0]
        ran_above = [k for k in _inputs(newest.operations_now[self.index]) if self._state(k) in (RAN, FAILED)]
        above = _numbers(self.build.steps[k] for k in ran_above)
        if self.index in newest.was and newest.before.error:
            return self._result(self._never_done(), True, above)
        mine = newest.written_now[self.index]
        stage = self.step.stage.rpartition(" ")[2]
        if stage in newest.stages_before and all(w.stage != self.step.stage for w in newest.written_before):
            return self._result((_new_stage(stage, self.build.machine),), True, above)
        elsewhere = [
            j
            for j, other in enumerate(newest.written_before)
            if (other.keyword, other.text) == (mine.keyword, mine.text)
        ]
        if elsewhere:
            text = f"it moved: line {newest.before.steps[elsewhere[0]].line} → {self.step.line}"
            return self._result((Cause("instruction moved", text),), True, above)
        return self._result((Cause("instruction added", "it is new"),), True, above)

    def _never_done(self) -> tuple[Cause, ...]:
        """Return what changed since the step failed last; if nothing did, or it never came to it, that none got through it."""
        text = "no earlier build got through it"
        tried = next((c for c in self.comparisons if c.state_before(self.index) == FAILED), None)
        changed = tried.step(self.index).own if tried else []
        if not changed:
            return (Cause("instruction added", text),)
        first, *others = changed
        return (dataclasses.replace(first, text=f"{first.text} ({text})"), *others)

    def _consequences(self, above: Sequence[tuple[int, int | None]]) -> list[Cause]:
        """Return the causes for steps above that ran: those that it builds on, then the stages whose files were taken."""
        built_on = [self.build.steps[k].place for k, taker in above if taker is None]
        causes = [Cause("step above ran", f"{place} above ran again") for place in built_on]
        for taker in dict.fromkeys(taker for _, taker in above if taker is not None):
            steps = [self.build.steps[k] for k, by in above if by == taker]
            stages = " or ".join(dict.fromkeys(step.stage for step in steps))
            who = "it" if taker == self.index else self.build.steps[taker].place
            ran = f"{_places(steps)} ran" + ("; which one isn't known" if len(steps) > 1 else "")
            causes.append(Cause("stage output changed", f"the files {who} takes from stage {stages} changed ({ran})"))
        return causes

    def _still_hit(self) -> str:
        """Say why a step is a hit although something it might depend on changed; "" if nothing did."""
        comparison = self._comparison()
        if comparison is None:
            return (
                "an earlier build with the same operation and files left its result in the cache"
                if self.comparisons
                else ""
            )
        operation = comparison.operations_now[self.index]
        if operation is None:
            return ""
        reads_ran = [k for k in _read_steps(operation) if self._state(k) == RAN]
        if reads_ran:
            return self._taken(comparison, f"{self.build.steps[reads_ran[0]].place} ran again")
        found = comparison.step(self.index)
        if operation.facts.get("link") and isinstance(operation.base, int) and self._state(operation.base) == RAN:
            return "COPY --link does not depend on the steps above it"
        if found.roots:
            same = next((c for c in (*self.comparisons, *self.others) if self._equal(c)), None)
            text = found.roots[0].text
            if not same and all(c.kind == "source changed" for c in found.roots):
                return self._taken(comparison, text)
            if same:
                return f"{text}, but the cache has it from {self._which(same.before)}"
            return f"{text}; why it's a hit all the same is unknown: none of the builds it's compared with had that"
        mine, theirs = comparison.written_now[self.index], comparison.written_before[comparison.was[self.index]]
        if mine.text != theirs.text:
            return "it's written differently, but its cache key is the same"
        both = comparison.both(self.index)
        files = (file_changes.unsent(*both) or file_changes.only_dates(*both)) if both else ""
        return files or self._not_in_key()

    def _equal(self, comparison: Comparison) -> bool:
        """Tell whether an earlier build got through the step, and surely with the same key."""
        if not comparison.reached(self.index):
            return False
        found = comparison.step(self.index)
        return found.nothing and not found.unknown

    def _taken(self, comparison: Comparison, changed: str) -> str:
        """Say whether a hit took the same files as in the earlier build; `changed` says what happened to their source."""
        same = same_files(self.comparisons, self.others, comparison, self.index)
        if same is None:
            return f"{changed}, but the cache has the files taken from there, from the last time or an earlier one"
        if same:
            return f"{changed}, but the files taken from there are the same"
        return f"{changed}, and the files taken from there are others than last time, but the cache has them from an earlier one"

    def _which(self, build: Build) -> str:
        """Name an earlier build: by its branch, target or variant if that's another, or by how many builds ago it was."""
        if build.branch not in ("", self.build.branch):
            return f"a build of branch {build.branch}"
        if build.variant != self.build.variant:
            return f"a build of {build.variant}"
        if (target := docker_words.target(build.command)) != docker_words.target(self.build.command):
            return f"a build of {f'target {target}' if target else 'the last stage'}"
        return f"{[c.before for c in self.comparisons].index(build) + 1} builds ago"

    def _not_in_key(self) -> str:
        """Say what a RUN that hit uses and its cache key doesn't have; "" for nothing."""
        if names := secrets_of(self.step.text):
            return f"what secret {', '.join(names)} holds isn't in the cache key, so a new value alone is a hit"
        downloads = _DOWNLOADS.search(self.step.text)
        if self.step.instruction == "RUN" and downloads and not any(s.state == RAN for s in self.build.steps):
            return f"what `{downloads[1]}` would get now isn't in the cache key, so news there are a hit"
        return ""

    def _state(self, index: int) -> str:
        return self.build.steps[index].state

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


def _record_gone(comparison: Comparison, index: int) -> tuple[Cause, bool]:
    """Return the cause of a step with the same key as before, and whether it's certain even if something wasn't compared."""
    if not comparison.on_one_engine:
        return caches.not_here(comparison, index)
    where = comparison.now.machine
    if is_builder(where):
        text = (
            f"nothing that counts has changed since the previous build that LayerLab knows of, but {where} doesn't have its "
            "cache record any more: it collects old ones, others may prune it, and it may have several nodes"
        )
    else:
        text = (
            "nothing that counts has changed, so its cache record is gone: pruned, collected, or emptied by --no-cache"
        )
    return Cause("record gone", text), False


def _new_stage(stage: str, where: str) -> Cause:
    if is_builder(where):
        return Cause("unknown", f"stage {stage} isn't in any earlier build that LayerLab knows of on {where}")
    return Cause("first build", f"stage {stage} wasn't built before")


def _key_unchanged(step: StepCause) -> bool:
    return bool(step.causes) and all(c.kind in caches.NOT_HERE for c in step.causes)


def _inputs(operation: Operation | None) -> list[int]:
    if operation is None:
        return []
    return [x for x in (operation.base, *_read_steps(operation)) if isinstance(x, int)]


def _read_steps(operation: Operation) -> list[int]:
    return [r.of for r in operation.readings if isinstance(r.of, int)]


def _no_cache(build: Build, stage: str) -> str:
    """Return the option that made the steps of a stage run regardless of the cache; "" if none did."""
    for value in _told_no_cache(build):
        if not value:
            return "--no-cache"
        if stage.rpartition(" ")[2] in value.lower().split(","):
            return f"--no-cache-filter={value}"
    return ""


def _told_no_cache(build: Build) -> list[str]:
    """Return the stages, as lists with commas, that the engine was told to run regardless of the cache; "" is all of them."""
    if build.provenance:  # a Compose or bake file can say so, too, without a word in the command
        arguments = ((build.provenance.get("invocation") or {}).get("parameters") or {}).get("args") or {}
        return [arguments["no-cache"]] if "no-cache" in arguments else []
    command = build.command
    given = docker_words.set_by_bake(command, "no-cache")
    if docker_words.switched_on(command, "--no-cache") or (given and given[-1] in ("", *docker_words.TRUE)):
        return [""]
    return [*docker_words.values(command, "--no-cache-filter"), *docker_words.set_by_bake(command, "no-cache-filter")]


def _joined(words: Sequence[str]) -> str:
    unique = list(dict.fromkeys(words))
    return ", ".join(unique[:3]) + (f" and {len(unique) - 3} more" if len(unique) > 3 else "")


def _numbers(steps: Iterable[Step]) -> tuple[int, ...]:
    """Return the known lines of steps, in order."""
    return tuple(sorted({step.line for step in steps if step.line}))


def _places(steps: Sequence[Step]) -> str:
    if len(steps) > 1 and all(step.line for step in steps):
        return "lines " + " and ".join(str(step.line) for step in steps)
    return " and ".join(step.place for step in steps)
