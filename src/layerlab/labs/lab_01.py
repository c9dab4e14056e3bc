"""Lab 01: after an edit of the code, dependencies and weights stay cached, and the app still answers, with new code."""

from __future__ import annotations

from ..record.build import Build
from ..record.states import RAN
from ..record.step import Step
from .lab import Goal, Lab, Verdict, judged
from .trial import Observed, Trial

#: A step that made a layer larger than this after an edit of one line did work that it need not: bytes.
#: Code and configuration of the sample apps stay far below it, their packages and weights far above.
LARGE_LAYER = 1_000_000


def script(trial: Trial) -> None:
    """Build, edit the code, build again, ask."""
    trial.build("first", image=False)
    trial.app.edit("code")
    trial.build("again")
    trial.ask("again")


def judge(seen: Observed) -> Verdict:
    """Goals: builds, healthy, answers, has the edited code, packages stay cached, weights stay cached."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    installed, copied = wasted(again) if again else ((), ())
    said, states = str(answer or ""), f"The second build, after the edit:\n{again.states()}" if again else ""
    goals = (
        Goal(
            "the Dockerfile builds",
            again is not None,
            "it does not build. The error below names the line and what went wrong there.",
            seen.error,
        ),
        Goal(
            "the app starts and is healthy",
            bool(answer and answer.healthy),
            "the image builds, but the app does not start in it. The end of its log is below: is all that it needs copied "
            "and installed?",
            said,
        ),
        Goal(
            "it answers a real request (dependencies and weights are there)",
            bool(answer and answer.correct),
            "the app runs, but cannot answer: are the model's weights in the image, under models/?",
            said,
        ),
        Goal(
            "the image has the edited code",
            bool(answer and answer.found),
            "the image has the code of before the edit, or has it where the app does not run. Is radiassist/ copied in every "
            "build, and is nothing older left on top of it?",
            states,
        ),
        Goal(
            "after a code edit, the dependencies stay cached",
            again is not None and not installed,
            _order_hint(again, installed, "packages") if installed else "",
            states,
        ),
        Goal(
            "after a code edit, the weights stay cached",
            again is not None and not copied,
            _order_hint(again, copied, "weights") if copied else "",
            states,
        ),
    )
    return judged(goals, again)


def wasted(again: Build) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps that ran again although an edit of one line gives no reason to: those that installed, those that copied."""
    by_digest = {s.digest: s for s in again.steps}
    ran = [s for s in again.steps if s.state == RAN]
    large = [s for s in ran if (s.size_bytes or 0) > LARGE_LAYER]
    installed = [s for s in ran if s.instruction == "RUN" and (s in large or s.downloaded_bytes)]
    copied = []
    for step in (s for s in large if s.instruction in ("COPY", "ADD")):
        # Packages that a stage outside the image installed again arrive in it by a COPY.
        hidden = [
            s for s in above(step, by_digest) if s.state == RAN and s.instruction == "RUN" and s.size_bytes is None
        ]
        installed += [s for s in hidden if s not in installed]
        copied += [] if hidden else [step]
    return tuple(installed), tuple(copied)


def above(step: Step, by_digest: dict[str, Step]) -> list[Step]:
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
    first = next((s for s in above(step, {s.digest: s for s in again.steps}) if s.state == RAN), None)
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


LAB = Lab(name="01-order-your-layers", app="radiology_api", script=script, judge=judge)
