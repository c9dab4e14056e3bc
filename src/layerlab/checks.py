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
from .records import RAN, Build, Step
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
        detail: what was seen, for who wants to know more; "" if nothing. Says no times: it is the same on every machine.
        again: the build after the edit, for `timeline`; None where it did not come to one.
    """

    passed: bool
    goals: tuple[tuple[str, bool], ...]
    hint: str
    detail: str = ""
    again: Build | None = None

    def __str__(self) -> str:
        lines = [f"[{'x' if met else ' '}] {goal}" for goal, met in self.goals]
        lines.append("Passed." if self.passed else f"Not yet. Hint: {self.hint}")
        return "\n".join([*lines, "", self.detail] if self.detail else lines)

    __repr__ = __str__


def judge_order(seen: Observed) -> Verdict:
    """Lab 01: after an edit of the code, dependencies and weights stay cached, and the app still answers, with new code."""
    again, answer = seen.again, seen.answer
    installed, copied = _wasted(again) if again else ((), ())
    built = again is not None
    goals = (
        ("the Dockerfile builds", built),
        ("the app starts and is healthy", bool(answer and answer.healthy)),
        ("it answers a real request (dependencies and weights are there)", bool(answer and answer.correct)),
        ("the image has the edited code", bool(answer and answer.found)),
        ("after a code edit, the dependencies stay cached", built and not installed),
        ("after a code edit, the weights stay cached", built and not copied),
    )
    unmet = next((i for i, (_, met) in enumerate(goals) if not met), None)
    if unmet is None:
        return Verdict(True, goals, "", "", again)
    hints = (
        "it does not build. The error below names the line and what went wrong there.",
        "the image builds, but the app does not start in it. The end of its log is below: is all that it needs copied and "
        "installed?",
        "the app runs, but cannot answer: are the model's weights in the image, under models/?",
        "the image has the code of before the edit, or has it where the app does not run. Is radiassist/ copied in every "
        "build, and is nothing older left on top of it?",
        _order_hint(again, installed, "packages") if installed else "",
        _order_hint(again, copied, "weights") if copied else "",
    )
    if unmet < 3:
        detail = seen.error if unmet == 0 else str(answer)
    else:
        detail = "\n".join(["The second build, after the edit:", again.states()])
    return Verdict(False, goals, hints[unmet], detail, again)


def _wasted(again: Build) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps that ran again although an edit of one line gives no reason to: those that installed, those that copied."""
    by_digest = {s.digest: s for s in again.steps_}
    ran = [s for s in again.steps_ if s.state == RAN]
    large = [s for s in ran if (s.size_bytes or 0) > LARGE_LAYER]
    installed = [s for s in ran if s.instruction == "RUN" and (s in large or s.downloaded_bytes)]
    copied = []
    for step in (s for s in large if s.instruction in ("COPY", "ADD")):
        # Packages that a stage outside the image installed again arrive in it by a COPY.
        hidden = [
            s for s in _above(step, by_digest) if s.state == RAN and s.instruction == "RUN" and s.size_bytes is None
        ]
        installed += [s for s in hidden if s not in installed]
        copied += [] if hidden else [step]
    return tuple(installed), tuple(copied)


def _above(step: Step, by_digest: dict[str, Step]) -> list[Step]:
    """The steps that `step` stands on, in file order."""
    found, look = set(), [*step.inputs]
    while look:
        digest = look.pop()
        if digest in by_digest and digest not in found:
            found.add(digest)
            look += by_digest[digest].inputs
    return [s for d, s in by_digest.items() if d in found]


def _order_hint(again: Build, wasted: tuple[Step, ...], what: str) -> str:
    """Names the step that wasted the time, and the first one above it that ran, which is why it had to."""
    step = wasted[0]
    first = next((s for s in _above(step, {s.digest: s for s in again.steps_}) if s.state == RAN), None)
    if what == "packages":
        said = f"an edit of one line of code made line {step.line} ({step.instruction}) install the packages again."
        if first is None:
            return f"{said} What of the code does that line itself read, and does it need it?"
        return (
            f"{said} It had to, because line {first.line} ({first.instruction}) above it ran. Which files does line "
            f"{first.line} copy, and which of them does the installation need?"
        )
    if first is None:
        return (
            f"the dependencies stay cached now. But line {step.line} ({step.instruction}) copies the weights together with "
            "the code, so that an edit of the code copies both. Can each have a line of its own?"
        )
    return (
        f"the dependencies stay cached now. But line {step.line} ({step.instruction}) copied the weights again, although "
        f"they did not change: a COPY runs again when a step above it did, here line {first.line} ({first.instruction}). "
        "What may stand above the weights, and what must not?"
    )


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
