"""What a check of a lab saw, and the verdict on it: plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..machine.asking import Answer
from ..record.build import Build
from ..texts.plain import shown


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
        met: whether it is reached.
        hint: if it isn't met, what happened and a question, for the state the learner's files are in.
        detail: what was seen. It names no times, so it is the same on every machine.
    """

    text: str
    met: bool
    hint: str = ""
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome of a check.

    Attributes:
        passed: whether all goals are met.
        goals: (goal, met) in the order in which to reach them.
        hint: for the first goal that is not met; "" when passed.
        detail: what was seen, for those who want to know more; "" if nothing.
        again: the last build, for `timeline` and `explain`; None if the check didn't get that far.
        figures: what was measured, if the lab has a budget: name with unit → figure; kept with the attempt.
    """

    passed: bool
    goals: tuple[tuple[str, bool], ...]
    hint: str
    detail: str = ""
    again: Build | None = None
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"[{'x' if met else ' '}] {goal}" for goal, met in self.goals]
        lines.append("Passed." if self.passed else f"Not yet. Hint: {self.hint}")
        return shown("\n".join([*lines, *(["", self.detail] if self.detail else [])]))

    __repr__ = __str__


def judged(goals: Sequence[Goal], again: Build | None = None, figures: Mapping[str, float] | None = None) -> Verdict:
    """Return the verdict on goals, in the order in which to reach them, with hint and detail of the first unmet one."""
    unmet = next((goal for goal in goals if not goal.met), None)
    outcome = tuple((goal.text, bool(goal.met)) for goal in goals)
    if unmet is None:
        return Verdict(True, outcome, "", "", again, figures or {})
    return Verdict(False, outcome, unmet.hint, unmet.detail, again, figures or {})
