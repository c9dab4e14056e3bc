"""Lab 01: after an edit of the code, dependencies and weights stay cached, and the app still answers, with new code."""

from __future__ import annotations

from ..record.build import Build
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Observed, Verdict, judged


def script(run: LabRun) -> None:
    """Build, edit the code, build again, ask."""
    run.build("first", image=False)
    run.app.edit("code")
    run.build("again")
    run.ask("again")


def judge(seen: Observed) -> Verdict:
    """Set the goals: builds, healthy, answers, has the edited code, packages stay cached, weights stay cached."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    installed, copied = judging.wasted(again) if again else ((), ())
    states = judging.states(again, "The second build, after the edit:")
    goals = (
        judging.builds(seen),
        judging.healthy(
            answer,
            "the image builds, but the app doesn't start. The end of its log is below. Is everything it needs copied "
            "and installed?",
        ),
        judging.answers(
            answer,
            "it answers a real request (dependencies and weights are there)",
            "the app runs, but can't answer. Are the model's weights in the image, under models/?",
        ),
        judging.has_edited_code(
            answer,
            "the image has the code from before the edit, or has the new code where the app doesn't look. Does every build "
            "copy radiassist/, and does nothing older end up on top of it?",
            states,
        ),
        judging.spares(again, "after a code edit, the dependencies stay cached", installed, _packages_hint, states),
        judging.spares(again, "after a code edit, the weights stay cached", copied, _weights_hint, states),
    )
    return judged(goals, again)


def _packages_hint(again: Build, step: Step) -> str:
    """Name the step that installed the packages again, and the first one above it that ran, which is why it had to."""
    first = judging.first_above(again, step)
    said = f"an edit of one line of code made {judging.line(step)} install the packages again."
    if first is None:
        return f"{said} Which part of the code does that line itself read, and does it need that?"
    return (
        f"{said} It had to, because {judging.line(first)} above it ran. Which files does line "
        f"{first.line} copy, and which of them does the installation need?"
    )


def _weights_hint(again: Build, step: Step) -> str:
    """Name the step that copied the weights again, and the first one above it that ran, which is why it had to."""
    first = judging.first_above(again, step)
    if first is None:
        return (
            f"the dependencies stay cached now. But {judging.line(step)} copies the weights together with "
            "the code, so an edit of the code copies both. Can each have a line of its own?"
        )
    return (
        f"the dependencies stay cached now. But {judging.line(step)} copied the weights again, although "
        f"they didn't change: a COPY runs again when a step above it does, here {judging.line(first)}. "
        "What may come before the weights, and what must come after them?"
    )


LAB = Lab(name="01-order-your-layers", app="radiology_api", script=script, judge=judge)
