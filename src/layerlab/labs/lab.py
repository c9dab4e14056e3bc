"""What a lab is, and what a check of it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..record.build import Build
    from .trial import Observed, Trial


@dataclasses.dataclass(frozen=True)
class Goal:
    """One thing that a learner's files are to achieve.

    Attributes:
        text: the goal, in words.
        met: whether it is reached.
        hint: for the state the learner is in, when it is not met: what happened, and a question.
        detail: what was seen. Says no times: it is the same on every machine.
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
        detail: what was seen, for who wants to know more; "" if nothing.
        again: the last build, for `timeline` and `explain`; None where it did not come to one.
        figures: what was measured, name with unit → figure, where a lab has a budget: kept with the attempt.
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
        return "\n".join([*lines, *(["", self.detail] if self.detail else [])])

    __repr__ = __str__


def judged(goals: Sequence[Goal], again: Build | None = None, figures: Mapping[str, float] | None = None) -> Verdict:
    """The verdict on goals, in the order in which to reach them: hint and detail are those of the first that is not met."""
    unmet = next((goal for goal in goals if not goal.met), None)
    outcome = tuple((goal.text, bool(goal.met)) for goal in goals)
    if unmet is None:
        return Verdict(True, outcome, "", "", again, figures or {})
    return Verdict(False, outcome, unmet.hint, unmet.detail, again, figures or {})


@dataclasses.dataclass(frozen=True)
class Lab:
    """One lab.

    Attributes:
        name: its folder in labs/.
        app: the sample app it is about.
        files: what the learner edits: file in the lab's folder → where it goes in a scratch copy of the app.
        script: runs the builds, on a Trial.
        judge: what they mean.
    """

    name: str
    app: str
    script: Callable[[Trial], None]
    judge: Callable[[Observed], Verdict]
    files: Mapping[str, str] = dataclasses.field(default_factory=lambda: {"Dockerfile": "lab.Dockerfile"})
