"""Match two Dockerfiles: which instructions are the same, which ones moved, and which lines go side by side.

Unlike `alignment`, which matches the steps of builds in order, this matches instructions that a user has moved.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from typing import cast

from ..traces.instructions import Instruction, read

#: The kinds of change of an instruction; "same" means none.
SAME, CHANGED, MOVED, MOVED_CHANGED, ADDED, REMOVED = (
    "same", "changed", "moved", "moved and changed", "added", "removed",
)  # fmt: skip
#: Signs, so that colour alone never carries meaning.
SIGNS = {SAME: "", CHANGED: "~", MOVED: "↕", MOVED_CHANGED: "↕~", ADDED: "+", REMOVED: "−"}
#: Two instructions with the same keyword and texts at least this similar (difflib's ratio) are the same one, changed.
ALIKE = 0.6
#: ADD and COPY do nearly the same, so one may replace the other.
_KIN = {"ADD": "COPY"}


@dataclasses.dataclass(frozen=True)
class Change:
    """How one instruction changed; `left` or `right` is None if that side doesn't have it, but never both."""

    kind: str
    left: Instruction | None
    right: Instruction | None

    @property
    def sign(self) -> str:
        return SIGNS[self.kind]

    @property
    def instruction(self) -> Instruction:
        """The right side's instruction, or the left's if it's gone."""
        return cast(Instruction, self.right or self.left)  # one side has it

    @property
    def lines(self) -> tuple[int, int]:
        """Its line on the left and on the right; 0 for none."""
        return self.left.line if self.left else 0, self.right.line if self.right else 0


@dataclasses.dataclass(frozen=True)
class LinePair:
    """Two lines side by side, or one line with nothing beside it.

    Attributes:
        left: line number in the first text, 0 for none.
        right: line number in the second, 0 for none.
        sign: one of SIGNS' values; "" for the same text or an empty line.
        to: for a moved line, the first line of its instruction on the other side; else 0.
    """

    left: int
    right: int
    sign: str = ""
    to: int = 0


@dataclasses.dataclass(frozen=True)
class _Unit:
    """An instruction, or a line between instructions: the lines from `first` up to, not including, `last`, from 0."""

    first: int
    last: int
    lines: tuple[str, ...]
    instruction: Instruction | None = None

    @property
    def key(self) -> tuple[bool, tuple[str, ...]]:
        return (self.instruction is not None, self.lines)

    @property
    def keyword(self) -> str:
        return self.instruction.keyword if self.instruction else ""


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without trailing white space, split as `instructions.read` numbers them."""
    return [line.rstrip() for line in text.removesuffix("\n").split("\n")] if text else []


def dockerfiles(left: str, right: str) -> tuple[tuple[LinePair, ...], tuple[Change, ...]]:
    """Match two Dockerfiles; return rows with every line of both, once and in order, and the change of each instruction.

    As few instructions as possible count as moved. Changes are in the order of the rows, moved ones at their new place.
    """
    mine, theirs = _units(left), _units(right)
    return _beside(mine, theirs, _pairs(mine, theirs))


def texts(left: str, right: str) -> tuple[LinePair, ...]:
    """Match two texts without instructions, such as ignore rules, line by line; nothing counts as moved."""
    mine, theirs = ([_Unit(n, n + 1, (line,)) for n, line in enumerate(lines_of(text))] for text in (left, right))
    return _beside(mine, theirs, [])[0]


def _units(text: str) -> list[_Unit]:
    lines, units, at = lines_of(text), [], 0
    for instruction in read(text):
        first, last = instruction.line - 1, min(instruction.end_line, len(lines))
        if first < at or last <= first:
            continue
        units += [_Unit(n, n + 1, (lines[n],)) for n in range(at, first)]
        units.append(_Unit(first, last, tuple(lines[first:last]), instruction))
        at = last
    return units + [_Unit(n, n + 1, (lines[n],)) for n in range(at, len(lines))]


def _pairs(left: Sequence[_Unit], right: Sequence[_Unit]) -> list[tuple[int, int]]:
    """Pair the units that are the same instruction: first equal ones in order, then equal ones elsewhere, then similar ones."""
    mine, theirs = ([n for n, u in enumerate(units) if u.instruction] for units in (left, right))
    matcher = difflib.SequenceMatcher(None, [left[i].key for i in mine], [right[j].key for j in theirs], autojunk=False)
    pairs = {mine[a + n]: theirs[b + n] for a, b, size in matcher.get_matching_blocks() for n in range(size)}

    def unpaired() -> list[tuple[int, int]]:
        taken = set(pairs.values())
        return [(i, j) for i in mine if i not in pairs for j in theirs if j not in taken]

    likeness = {(i, j): _likeness(left[i], right[j]) for i, j in unpaired()}
    for i, j in sorted(likeness, key=lambda pair: (-likeness[pair], abs(pair[0] - pair[1]), pair)):
        if likeness[i, j] >= ALIKE and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return sorted(pairs.items())


def _likeness(left: _Unit, right: _Unit) -> float:
    """Return 2 for equal texts, else how similar the values are, 0 to 1, by words or by letters, whichever is more.

    Two that copy the same files are similar wherever they put them.
    """
    if left.lines == right.lines:
        return 2.0
    a, b = left.instruction, right.instruction
    if a is None or b is None or _KIN.get(a.keyword, a.keyword) != _KIN.get(b.keyword, b.keyword):
        return 0.0
    if a.keyword in ("COPY", "ADD") and _sources(a) == _sources(b):
        return 0.99
    return max(_ratio(a.value.split(), b.value.split()), _ratio(a.value, b.value))


def _ratio(a: Sequence[str], b: Sequence[str]) -> float:
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()


def _sources(copy: Instruction) -> tuple[str, ...]:
    """Return what a COPY copies, and from where."""
    return *(w for w in copy.value.split() if w.startswith("--from=")), *copy.words[:-1]


def _staying(left: Sequence[_Unit], pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Choose the heaviest pairs that are in order on both sides; all others moved."""
    best: list[tuple[float, list[tuple[int, int]]]] = []
    for i, j in pairs:
        before = max((b for b in best if b[1][-1][1] < j), key=lambda b: b[0], default=(0.0, []))
        # If two swapped places, say that the COPY moved, not the RUN; stages stay where they are.
        weight = {"FROM": 3.0, "RUN": 1.1}.get(left[i].keyword, 1.0)
        best.append((before[0] + weight, [*before[1], (i, j)]))
    return max(best, key=lambda b: b[0], default=(0.0, []))[1]


def _beside(
    left: Sequence[_Unit], right: Sequence[_Unit], pairs: Sequence[tuple[int, int]]
) -> tuple[tuple[LinePair, ...], tuple[Change, ...]]:
    there, back = {left[i]: right[j] for i, j in pairs}, {right[j]: left[i] for i, j in pairs}
    rows: list[LinePair] = []
    changes: list[Change] = []
    at = (0, 0)
    for i, j in [*_staying(left, pairs), (len(left), len(right))]:
        # Pairs that stay align the two files; in the gaps between them, only comments and empty lines can be equal.
        for mine, theirs in _equal_runs(left[at[0] : i], right[at[1] : j]):
            if mine and theirs:
                rows += [LinePair(a.first + 1, b.first + 1) for a, b in zip(mine, theirs, strict=True)]
                continue
            for unit in mine:
                other = there.get(unit)
                kind = _kind(unit, other)
                rows += _one_side(unit, other, kind)
                if unit.instruction and other is None:
                    changes.append(Change(kind, unit.instruction, None))
            for unit in theirs:
                other = back.get(unit)
                kind = ADDED if other is None else _kind(other, unit)
                rows += [LinePair(0, row.left, row.sign, row.to) for row in _one_side(unit, other, kind)]
                if unit.instruction:
                    changes.append(Change(kind, other.instruction if other else None, unit.instruction))
        if i < len(left):
            a, b = left[i], right[j]
            rows += _both_sides(a, b)
            changes.append(Change(SAME if a.lines == b.lines else CHANGED, a.instruction, b.instruction))
        at = (i + 1, j + 1)
    return tuple(rows), tuple(changes)


def _equal_runs(left: Sequence[_Unit], right: Sequence[_Unit]) -> list[tuple[Sequence[_Unit], Sequence[_Unit]]]:
    """Return the units of a gap in order: runs of equal lines, on both sides, and units that are on one side only."""
    # Instructions in a gap equal no other there: otherwise they would be a pair that stays.
    mine = [("left", n) if u.instruction else u.lines for n, u in enumerate(left)]
    theirs = [("right", n) if u.instruction else u.lines for n, u in enumerate(right)]
    runs: list[tuple[Sequence[_Unit], Sequence[_Unit]]] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        runs += [(left[a:b], right[c:d])] if what == "equal" else [(left[a:b], ()), ((), right[c:d])]
    return runs


def _kind(left: _Unit, right: _Unit | None) -> str:
    if right is None:
        return REMOVED
    return MOVED if left.lines == right.lines else MOVED_CHANGED


def _one_side(unit: _Unit, other: _Unit | None, kind: str) -> list[LinePair]:
    to = other.first + 1 if other else 0
    return [
        LinePair(unit.first + n + 1, 0, SIGNS[kind] if line or unit.instruction else "", to)
        for n, line in enumerate(unit.lines)
    ]


def _both_sides(left: _Unit, right: _Unit) -> list[LinePair]:
    """Return the rows of an instruction that stayed; if it changed, line by line."""
    rows: list[LinePair] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, left.lines, right.lines, autojunk=False).get_opcodes():
        both = min(b - a, d - c)
        sign = "" if what == "equal" else SIGNS[CHANGED]
        rows += [LinePair(left.first + a + n + 1, right.first + c + n + 1, sign) for n in range(both)]
        rows += [LinePair(left.first + n + 1, 0, SIGNS[REMOVED]) for n in range(a + both, b)]
        rows += [LinePair(0, right.first + n + 1, SIGNS[ADDED]) for n in range(c + both, d)]
    return rows
