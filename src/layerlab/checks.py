"""Checking a lab: build the learner's Dockerfile, edit, build again, ask the app, and judge how it *behaved*.

`check_lab` runs the builds. The judges are pure functions of what was observed; no text of a Dockerfile is looked at.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from .app import App
from .build import BuildFailed
from .errors import AppError
from .machine import Machine
from .records import RAN, Build
from .serve import Answer, ask

#: A step that made a layer larger than this after an edit of one line did work that it need not: bytes.
#: Code and configuration of the sample apps stay far below it, their packages and weights far above.
LARGE_LAYER = 1_000_000


@dataclasses.dataclass(frozen=True)
class Observed:
    """What a check saw. None stands for what it did not come to, because something before it failed.

    Attributes:
        first: the build of the learner's Dockerfile.
        again: the build after an edit of the code.
        answer: what the second image said when it was started and asked.
        error: why a build failed; "" if none did.
    """

    first: Build | None = None
    again: Build | None = None
    answer: Answer | None = None
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome of a check.

    Attributes:
        passed: whether all goals are met.
        goals: (goal, met) in the order in which to reach them.
        hint: for the first goal that is not met; "" when passed.
        detail: what was seen, for who wants to know more; "" if nothing.
    """

    passed: bool
    goals: tuple[tuple[str, bool], ...]
    hint: str
    detail: str = ""

    def __str__(self) -> str:
        lines = [f"[{'x' if met else ' '}] {goal}" for goal, met in self.goals]
        lines.append("Passed." if self.passed else f"Not yet. Hint: {self.hint}")
        return "\n".join([*lines, self.detail] if self.detail else lines)

    __repr__ = __str__


def judge_order(seen: Observed) -> Verdict:
    """Lab 01: after an edit of the code, dependencies and weights stay cached, and the app still answers, with new code."""
    again, answer = seen.again, seen.answer
    large = [s for s in again.steps_ if s.state == RAN and (s.size_bytes or 0) > LARGE_LAYER] if again else []
    reinstalled = [s for s in large if s.instruction == "RUN"]
    recopied = [s for s in large if s.instruction in ("COPY", "ADD")]
    downloaded = again.downloaded_bytes if again else 0
    fresh = bool(answer and answer.found)
    goals = (
        ("the Dockerfile builds", again is not None),
        ("the app starts and is healthy", bool(answer and answer.healthy)),
        ("it answers a real request (dependencies and weights are there)", bool(answer and answer.correct)),
        ("the image has the edited code", fresh),
        ("after a code edit, dependencies stay cached", again is not None and not reinstalled and not downloaded),
        ("after a code edit, the weights stay cached", again is not None and not recopied),
    )
    hints = (
        "it does not build. The error below names the line and what went wrong there.",
        "the image builds, but the app does not start in it. The end of its log is below: is all that it needs copied and "
        "installed?",
        "the app runs, but cannot answer: are the model's weights in the image, under models/?",
        "the image has the code of before the edit, or not where the app runs. Is radiassist/ copied in every build, and "
        "is nothing older left on top of it?",
        "an edit of one line of code made the packages install again. Look at the last step above the slow RUN that ran: "
        "which files does it copy, and which of them does the RUN really need?",
        "the dependencies stay cached now. But the weights were copied again, although they did not change: a COPY runs "
        "again when a step above it did. What may stand above the weights, and what must not?",
    )
    unmet = next((i for i, (_, met) in enumerate(goals) if not met), None)
    if unmet is None:
        return Verdict(True, goals, "")
    detail = seen.error if unmet == 0 else str(answer) if unmet in (1, 2) else ""
    if unmet >= 4:
        names = [f"line {s.line} {s.instruction}: {s.seconds:.1f} s, {(s.size_bytes or 0) / 1e6:.0f} MB" for s in large]
        detail = "\n".join(["ran again after the edit:", *names])
    return Verdict(False, goals, hints[unmet], detail)


@dataclasses.dataclass(frozen=True)
class Lab:
    """One lab: the app it is about, the edit made between its two builds, and who judges."""

    app: str
    edit: str
    judge: Callable[[Observed], Verdict]


LABS = {"01-order-your-layers": Lab("radiology_api", "code", judge_order)}


def labs_folder() -> Path:
    """The folder of labs: `$LAYERLAB_LABS`, or the one in this checkout."""
    return Path(os.environ.get("LAYERLAB_LABS") or Path(__file__).resolve().parents[2] / "labs")


def check_lab(name: str, machine: Machine, dockerfile: str | Path | None = None) -> Verdict:
    """Check the learner's Dockerfile of lab `name` (labs/NAME/Dockerfile, or the one given) by building it on `machine`.

    Builds it, edits the app, builds again, starts the image and asks it. Returns a Verdict; a Dockerfile that does not
    build is one too. Raises AppError where there is no such lab or Dockerfile.
    """
    if name not in LABS:
        raise AppError(f"there is no lab {name!r}", f"there are: {', '.join(LABS)}")
    lab, path = LABS[name], Path(dockerfile or labs_folder() / name / "Dockerfile")
    if not path.is_file():
        raise AppError(f"there is no file {path}", f"get the starting point back: git checkout labs/{name}")
    with App(lab.app) as app:
        app.write("lab.Dockerfile", path.read_text(encoding="utf-8"))
        return lab.judge(observe(machine, app, "lab.Dockerfile", lab.edit))


def observe(machine: Machine, app: App, dockerfile: str, edit: str) -> Observed:
    """Build, edit, build again, ask; stops at the first build that fails."""
    first = None
    try:
        first = machine.build(app, dockerfile)
        app.edit(edit)
        again = machine.build(app, dockerfile)
    except BuildFailed as failure:
        return Observed(first=first, error=str(failure))
    return Observed(first, again, ask(machine, app, again.image, look_for=(app.last_mark,)))
