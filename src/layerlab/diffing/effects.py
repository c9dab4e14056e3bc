"""The differences of two variants, and what each one did in real builds: the records and their texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd

from ..project.definition import Definition
from ..record.states import BASE, CACHED, RAN
from ..record.step import shortened
from ..texts.plain import shown
from ..traces.instructions import MAKES_A_STEP, Instruction
from . import pairing
from .pairing import MOVED, MOVED_CHANGED, SAME, Change, LinePair

#: A sentence names this many steps and only counts the rest.
NAMED = 3


@dataclasses.dataclass(frozen=True)
class Measured:
    """The times of one real build of a variant, in seconds. A cached step takes few or none.

    Attributes:
        repeats: how many builds there were; this is the one with the median time (of two, the faster one).
        seconds: wall-clock time of the build.
        export_seconds: the part of it that writing the image took.
        context_bytes: bytes of build context sent, without those that the engine already had.
        steps: (state, seconds) by line of the Dockerfile; several steps on one line are added up.
        steps_seconds: sum of all steps, including FROM and steps without a known line; steps may overlap.
        why: why steps ran, by line, as `explain` says; empty if it isn't known.
    """

    repeats: int
    seconds: float
    export_seconds: float
    context_bytes: int
    steps: Mapping[int, tuple[str, float]] = dataclasses.field(hash=False)
    steps_seconds: float
    why: Mapping[int, str] = dataclasses.field(default_factory=dict, hash=False)


@dataclasses.dataclass(frozen=True)
class Effect:
    """One instruction in the builds of both variants after the same edit.

    Attributes:
        edit: the edit.
        instruction: the right variant's, if it has one, else the left's.
        left: (state, seconds) on the left; None if there is no such step.
        right: the same on the right.
        why: if it ran on one side only and the cause is known, the side and the cause; else "".
    """

    edit: str
    instruction: Instruction
    left: tuple[str, float] | None
    right: tuple[str, float] | None
    why: str = ""

    @property
    def states(self) -> str:
        """The states without times: "RAN → CACHED"; "was RAN" for a step that is gone; "RAN" for a new one."""
        return self.told(lambda state, _: state)

    def told(self, words: Callable[[str, float], str]) -> str:
        """Return the same as `states`, with each side in the words that `words(state, seconds)` returns."""
        sides = [words(*side) if side else "" for side in (self.left, self.right)]
        return " → ".join(sides) if all(sides) else sides[1] or f"was {sides[0]}"

    @property
    def states_seen(self) -> set[str]:
        """The states on both sides."""
        return {told[0] for told in (self.left, self.right) if told}


@dataclasses.dataclass(frozen=True)
class Differences:
    """Two variants side by side, as data. `str` shows no times; `to_frame` has them.

    Attributes:
        left: the definition of the first variant.
        right: the definition of the second.
        rows: every line of both Dockerfiles, once and in order, side by side.
        instructions: the change of each instruction, including those that stayed the same, in the order of the rows.
        ignore_rows: the lines of both files of ignore rules; empty if the two are the same.
        measured: (edit, left, right) for each edit after which both were built.
    """

    left: Definition
    right: Definition
    rows: tuple[LinePair, ...]
    instructions: tuple[Change, ...]
    ignore_rows: tuple[LinePair, ...] = ()
    measured: tuple[tuple[str, Measured, Measured], ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of all instructions that aren't the same."""
        return tuple(c for c in self.instructions if c.kind != SAME)

    def passed(self, change: Change) -> tuple[Change, ...]:
        """Return the steps that a moved step went past: they were on one side of it and are now on the other."""
        if change.kind not in (MOVED, MOVED_CHANGED) or change.instruction.keyword not in MAKES_A_STEP:
            return ()
        left, right = change.lines
        return tuple(
            c
            for c in self.instructions
            if c.left and c.right and c is not change and c.right.keyword in MAKES_A_STEP
            if (c.left.line > left) != (c.right.line > right)
        )

    def effects(self, change: Change) -> tuple[Effect, ...]:
        """Return what the builds show of a change: its own step and, if it moved, steps that no longer share its fate.

        Those are steps that it went past: below it, they ran when it ran; above it, they are cached. A step that was
        cached on both sides is left out.
        """
        own = [e for e in self._effects(change) if e.states_seen - {CACHED, BASE}]
        return (*own, *(e for c in self.passed(change) for e in self._effects(c) if self._freed(change, c, e)))

    def _freed(self, moved: Change, other: Change, effect: Effect) -> bool:
        mine = next(e for e in self._effects(moved) if e.edit == effect.edit)
        if other.lines[0] > moved.lines[0]:  # the other one was below
            below, above, with_it = effect.left, effect.right, mine.left
        else:
            below, above, with_it = effect.right, effect.left, mine.right
        if below is None or above is None or with_it is None:
            return False
        return (below[0], above[0], with_it[0]) == (RAN, CACHED, RAN)

    @property
    def others(self) -> tuple[Effect, ...]:
        """Steps of both variants whose states differ, but that no change's effects include."""
        told = {(e.edit, e.instruction) for change in self.changes for e in self.effects(change)}
        return tuple(
            effect
            for change in self.instructions
            for effect in self._effects(change)
            if effect.left and effect.right and effect.left[0] != effect.right[0]
            if (effect.edit, effect.instruction) not in told
        )

    def _effects(self, change: Change) -> Iterator[Effect]:
        for edit, left, right in self.measured:
            ran = [
                (m, line)
                for m, line in zip((left, right), change.lines, strict=True)
                if (m.steps.get(line) or [""])[0] == RAN
            ]
            why = ran[0][0].why.get(ran[0][1], "") if len(ran) == 1 else ""
            why = why and f"in {(self.left if ran[0][0] is left else self.right).variant} it ran because {why}"
            yield Effect(
                edit, change.instruction, left.steps.get(change.lines[0]), right.steps.get(change.lines[1]), why
            )

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with one row per instruction and edit; per instruction, if nothing was measured.

        Columns: change ("same", "moved", ...), left_line, right_line (0 for none), instruction, text, edit, left_state,
        left_seconds, right_state, right_seconds ("" and NaN if there is no step).
        """
        rows = []
        for change in self.instructions:
            shown = change.instruction
            for effect in list(self._effects(change)) or [Effect("", shown, None, None)]:
                left, right = effect.left or ("", float("nan")), effect.right or ("", float("nan"))
                rows.append((change.kind, *change.lines, shown.keyword, shown.text, effect.edit, *left, *right))
        columns = ["change", "left_line", "right_line", "instruction", "text", "edit"]
        columns += ["left_state", "left_seconds", "right_state", "right_seconds"]
        return pd.DataFrame(rows, columns=columns)

    def settings(self) -> list[str]:
        """Return the differences that are in no file (target and build arguments), one line each."""
        left, right = self.left, self.right
        pairs = [("target", left.target, right.target)]
        pairs += [
            (f"build argument {k}", left.args.get(k, ""), right.args.get(k, "")) for k in {**left.args, **right.args}
        ]
        return [f"{what}: {a or '(none)'} → {b or '(none)'}" for what, a, b in pairs if a != b]

    def __str__(self) -> str:
        lines = [f"{self.left.app}: {self.left.variant} → {self.right.variant}", *self.settings()]
        lines += _as_text(self.rows, self.left.dockerfile, self.right.dockerfile)
        if self.ignore_rows:
            lines += ["", f"ignore rules: {self.left.ignore_file or 'none'} → {self.right.ignore_file or 'none'}"]
            lines += _as_text(self.ignore_rows, self.left.ignore, self.right.ignore)
        lines.append("")
        for sign, what, effects in self.told():
            lines += [f"{sign:>2} {what}", *(f"     {line}" for line in effects)]
        return shown("\n".join([*lines, *([] if self.changes else ["No instruction changed."])]))

    __repr__ = __str__

    def told(self, words: Callable[[str, float], str] = lambda state, _: state) -> list[tuple[str, str, list[str]]]:
        """Return the changes in words: (sign, change, its effects in builds); `words` turns state and seconds into text."""
        return [
            (change.sign, headline(self, change), [_effect(e, change, words) for e in self.effects(change)])
            for change in self.changes
        ] + [("=", _effect(e, None, words), [e.why] if e.why else []) for e in self.others]


def headline(found: Differences, change: Change) -> str:
    """Return one change in words: how the instruction changed, and where it is."""
    text = step(change.instruction)
    left, right = change.lines
    if not (left and right):
        return f"{text}: {change.kind}"
    told = [f"{text}: {change.kind}, line {left} → {right}"]
    passed = found.passed(change)
    for word, those in (
        ("below", [c.instruction for c in passed if c.lines[1] < right]),
        ("above", [c.instruction for c in passed if c.lines[1] > right]),
    ):
        names = ", ".join(step(instruction) for instruction in those[:NAMED])
        more = f" and {len(those) - NAMED} more" if len(those) > NAMED else ""
        told += [f"now {word} {names}{more}"] if those else []
    return ", ".join(told)


def _effect(effect: Effect, of: Change | None, words: Callable[[str, float], str]) -> str:
    own = of is not None and effect.instruction in (of.left, of.right)
    return f"edit {effect.edit}: {'' if own else step(effect.instruction) + ': '}{effect.told(words)}"


def step(instruction: Instruction) -> str:
    """Return an instruction in a few words, with its line."""
    return f"line {instruction.line} {shortened(instruction.text, 44)}"


def _as_text(rows: Sequence[LinePair], left: str, right: str) -> list[str]:
    mine, theirs = pairing.lines_of(left), pairing.lines_of(right)
    shown = []
    for row in rows:
        text = theirs[row.right - 1] if row.right else mine[row.left - 1]
        if row.left and row.right and row.sign:
            shown.append(f"{row.left:>4}      {row.sign:>2} {mine[row.left - 1]}")
            shown.append(f"     {row.right:>4} {row.sign:>2} {text}")
            continue
        to = f"   ({'→' if row.left else '←'} line {row.to})" if row.to else ""
        shown.append(f"{row.left or '':>4} {row.right or '':>4} {row.sign:>2} {text}{to}".rstrip())
    return shown
