"""Match the steps of two builds, even if lines moved and texts changed. Pure, over the Dockerfiles."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence, Set

from ..record.build import Build
from ..traces.instructions import Instruction, read

#: Equal text counts more than an equal keyword with similar text.
_EQUAL, _SAME_KEYWORD = 4.0, 1.0
#: BuildKit's names for unnamed stages; they're numbered, so they say little about which stage it was before.
_UNNAMED = re.compile(r"\bstage-\d+$")
#: Keywords that a user may swap and still mean the same step.
_KIN = {"ADD": "COPY"}


@dataclasses.dataclass(frozen=True)
class Written:
    """A step as the Dockerfile has it: `text` keeps its variables, and white space is squeezed."""

    stage: str
    keyword: str
    text: str


def written(build: Build) -> tuple[Written, ...]:
    """Return each of `build.steps` as the Dockerfile has it."""
    at = {i.line: i for i in read(build.dockerfile)}
    return tuple(_written(step.stage, step.instruction, step.text, at.get(step.line)) for step in build.steps)


def _written(stage: str, keyword: str, text: str, instruction: Instruction | None) -> Written:
    # A step that the base's ONBUILD adds has the FROM's line.
    if instruction is not None and instruction.keyword == keyword:
        text = f"{keyword} {instruction.value}"
    return Written(stage, keyword, " ".join(text.split()))


def stage_names(build: Build) -> frozenset[str]:
    """Return the names of the Dockerfile's named stages, built or not."""
    names = {i.stage_name for i in read(build.dockerfile) if i.stage >= 0}
    return frozenset(name for name in names if not _UNNAMED.search(name))


def aligned(
    now: Sequence[Written],
    before: Sequence[Written],
    stages_now: Set[str] = frozenset(),
    stages_before: Set[str] = frozenset(),
) -> dict[int, int]:
    """Map the index of each step now to the index of the same step before; new steps are left out.

    `stages_now` and `stages_before` are the builds' `stage_names`: a stage whose name is in both wasn't renamed, even if it
    wasn't built.
    """
    found: dict[int, int] = {}
    kept = stages_now & stages_before
    for mine, theirs in _stages(now, before, kept):
        for a, b in _paired([now[i] for i in mine], [before[j] for j in theirs]):
            found[mine[a]] = theirs[b]
    return found


def _stages(now: Sequence[Written], before: Sequence[Written], kept: Set[str]) -> list[tuple[list[int], list[int]]]:
    """Pair the stages, each as the indices of its steps: by name or, if a stage was renamed, by likeness."""
    mine, theirs = _by_stage(now), _by_stage(before)
    given = [name for name in mine if name in theirs and not _UNNAMED.search(name)]
    pairs = [(mine.pop(name), theirs.pop(name)) for name in given]
    for stages in (mine, theirs):
        for name in list(stages):
            if name.rpartition(" ")[2] in kept:  # the platform comes before it, if there are several
                del stages[name]
    for _, own, other in sorted(_likely(mine, theirs, now, before), key=lambda found: -found[0]):
        if own in mine and other in theirs:
            pairs.append((mine.pop(own), theirs.pop(other)))
    return pairs


def _likely(
    mine: dict[str, list[int]], theirs: dict[str, list[int]], now: Sequence[Written], before: Sequence[Written]
) -> Iterator[tuple[float, str, str]]:
    """Yield how alike two stages are: the number of steps with equal text, plus a little for an equal name."""
    for own, steps in mine.items():
        texts = {now[i].text for i in steps if now[i].keyword != "FROM"}
        for other, others in theirs.items():
            yield sum(before[j].text in texts for j in others) + (other == own) * 0.5, own, other


def _by_stage(steps: Sequence[Written]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, step in enumerate(steps):
        found.setdefault(step.stage, []).append(index)
    return found


def _paired(now: Sequence[Written], before: Sequence[Written]) -> list[tuple[int, int]]:
    """Return the pairs, in order on both sides, with the greatest sum of likeness (Needleman and Wunsch).

    Equal steps at both ends are paired at once: an edit touches few of many steps.
    """
    shortest, head, tail = min(len(now), len(before)), 0, 0
    while head < shortest and now[head] == before[head]:
        head += 1
    while tail < shortest - head and now[-1 - tail] == before[-1 - tail]:
        tail += 1
    inner = _best(now[head : len(now) - tail], before[head : len(before) - tail])
    ends = [(i, i) for i in range(head)] + [(len(now) - k, len(before) - k) for k in range(tail, 0, -1)]
    return sorted([*ends, *((i + head, j + head) for i, j in inner)])


def _best(now: Sequence[Written], before: Sequence[Written]) -> list[tuple[int, int]]:
    best = [[0.0] * (len(before) + 1) for _ in range(len(now) + 1)]
    like = [[_likeness(a, b) for b in before] for a in now]
    for i in range(len(now) - 1, -1, -1):
        for j in range(len(before) - 1, -1, -1):
            paired = best[i + 1][j + 1] + like[i][j] if like[i][j] else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(now) and j < len(before):
        if like[i][j] and best[i][j] == best[i + 1][j + 1] + like[i][j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _likeness(a: Written, b: Written) -> float:
    if _KIN.get(a.keyword, a.keyword) != _KIN.get(b.keyword, b.keyword):
        return 0.0
    if a.text == b.text:
        return _EQUAL
    mine, theirs = set(a.text.split()), set(b.text.split())
    return _SAME_KEYWORD + len(mine & theirs) / len(mine | theirs)
