"""What a check of a lab saw, and the verdict on it: plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..machine.asking import Answer
from ..record.build import Build
from ..texts.plain import shown

#: How a goal is marked: met, not met, not tested.
MARKS = {True: "x", False: " ", None: "-"}


@dataclasses.dataclass(frozen=True)
class Observed:
    """What a check saw. Whatever it didn't reach, because something before it failed, is missing.

    Attributes:
        builds: by the label that the lab's script gave them.
        answers: what the image of that build said when it was started and asked.
        facts: what else the script noted.
        error: why a build, or another command, failed; "" if none did.
        failed: the record of the build that failed, if one did.
    """

    builds: Mapping[str, Build] = dataclasses.field(default_factory=dict)
    answers: Mapping[str, Answer] = dataclasses.field(default_factory=dict)
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    error: str = ""
    failed: Build | None = None


@dataclasses.dataclass(frozen=True)
class Goal:
    """One thing that a learner's files should achieve.

    Attributes:
        text: the goal, in words.
        met: whether it is reached; None if nothing tested it.
        hint: if it isn't met, what happened and a question, for the state the learner's files are in.
        detail: what was seen. It names no times, so it is the same on every machine.
    """

    text: str
    met: bool | None
    hint: str = ""
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome of a check.

    Attributes:
        passed: whether all goals are met.
        goals: (goal, met) in the order in which to reach them; met is None for a goal that nothing tested.
        hint: for the first goal that is not met, or else the first that nothing tested; "" when passed.
        detail: what was seen, for those who want to know more; "" if nothing.
        again: the last build, for `timeline` and `explain`; None if the check didn't get that far.
        figures: what was measured, if the lab has a budget: name with unit → figure; kept with the attempt.
    """

    passed: bool
    goals: tuple[tuple[str, bool | None], ...]
    hint: str
    detail: str = ""
    again: Build | None = None
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"[{MARKS[met]}] {goal}{' (not tested)' if met is None else ''}" for goal, met in self.goals]
        lines.append("Passed." if self.passed else f"Not yet. Hint: {self.hint}")
        return shown("\n".join([*lines, *(["", self.detail] if self.detail else [])]))

    __repr__ = __str__


def judged(goals: Sequence[Goal], again: Build | None = None, figures: Mapping[str, float] | None = None) -> Verdict:
    """Return the verdict on goals, in the order in which to reach them, with hint and detail of the first unmet one.

    Without an unmet one, those of the first that nothing tested: what nobody saw isn't passed.
    """
    unmet = next((goal for met in (False, None) for goal in goals if goal.met is met), None)
    outcome = tuple((goal.text, goal.met) for goal in goals)
    if unmet is None:
        return Verdict(True, outcome, "", "", again, figures or {})
    return Verdict(False, outcome, unmet.hint, unmet.detail, again, figures or {})
