"""Judge what a lab's builds showed: the goals that several labs share, and how to find the step that missed one.

Each lab words its own hints. A goal's text, hint and detail are the same on every machine, because notebooks check them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..machine.asking import Answer
from ..record.build import Build
from ..record.states import RAN
from ..record.step import Step
from .verdict import Goal, Observed

#: Bytes. A step that made a larger layer than this after an edit of one line did needless work: the sample apps' code and
#: configuration stay far below it, and their packages and weights are far above.
LARGE_LAYER = 1_000_000
#: Bytes. A step that downloaded more than this installed more than one small package.
LARGE_DOWNLOAD = 1_000_000
#: The hint if a Dockerfile doesn't build; the goal's detail is the error.
BROKEN = "it does not build. The error below names the line and what went wrong there."


# -- goals -------------------------------------------------------------------------------------------------------------


def builds(seen: Observed, label: str = "again", text: str = "the Dockerfile builds", hint: str = BROKEN) -> Goal:
    """Require that the build `label`, and everything before it in the script, succeeded."""
    return Goal(text, label in seen.builds, hint, seen.error)


def healthy(answer: Answer | None, hint: str, text: str = "the app starts and is healthy") -> Goal:
    """Require that the started image passes its health check."""
    return Goal(text, bool(answer and answer.healthy), hint, said(answer))


def answers(answer: Answer | None, text: str, hint: str) -> Goal:
    """Require that the started image gives the expected answer to a real request."""
    return Goal(text, bool(answer and answer.correct), hint, said(answer))


def has_edited_code(answer: Answer | None, hint: str, detail: str = "") -> Goal:
    """Require that the image has the last edit of the code."""
    return Goal("the image has the edited code", bool(answer and answer.found), hint, detail)


def spares(
    build: Build | None, text: str, steps: Sequence[Step], hint: Callable[[Build, Step], str], detail: str
) -> Goal:
    """Require that a build had to run none of `steps`; `hint` makes the hint for the first of them."""
    return Goal(text, build is not None and not steps, hint(build, steps[0]) if build and steps else "", detail)


# -- what to show ------------------------------------------------------------------------------------------------------


def said(answer: Answer | None) -> str:
    """Return what a started image said; "" if none was started."""
    return str(answer or "")


def states(build: Build | None, title: str = "That build:") -> str:
    """Return the states of a build's steps under a title; "" without a build."""
    return f"{title}\n{build.states()}" if build else ""


def line(step: Step) -> str:
    """Name a step by its line and instruction, as hints do."""
    return f"line {step.line} ({step.instruction})"


# -- which steps -------------------------------------------------------------------------------------------------------


def ran(build: Build | None, instruction: str = "") -> list[Step]:
    """Return the steps of a build that ran (of one instruction, if given), in file order; [] without a build."""
    steps = build.steps if build else ()
    return [s for s in steps if s.state == RAN and instruction in ("", s.instruction)]


def above(build: Build, step: Step) -> list[Step]:
    """Return the steps of a build that `step` depends on, in file order."""
    by_digest = {s.digest: s for s in build.steps}
    found, look = set(), [*step.inputs]
    while look:
        digest = look.pop()
        if digest in by_digest and digest not in found:
            found.add(digest)
            look += by_digest[digest].inputs
    return [s for d, s in by_digest.items() if d in found]


def first_above(build: Build, step: Step, instruction: str = "") -> Step | None:
    """Return the first step above `step` that ran too (of one instruction, if given): the reason why `step` had to run."""
    found = above(build, step)
    return next((s for s in found if s.state == RAN and instruction in ("", s.instruction)), None)


def wasted(again: Build) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the steps that ran though an edit of one line gave no reason to: those that installed, and those that copied."""
    large = [s for s in ran(again) if (s.size_bytes or 0) > LARGE_LAYER]
    installed = [s for s in ran(again, "RUN") if s in large or s.downloaded_bytes]
    copied = []
    for step in (s for s in large if s.instruction in ("COPY", "ADD")):
        # Packages that a stage outside the image installed again get into the image by a COPY.
        hidden = [s for s in above(again, step) if s.state == RAN and s.instruction == "RUN" and s.size_bytes is None]
        installed += [s for s in hidden if s not in installed]
        copied += [] if hidden else [step]
    return tuple(installed), tuple(copied)


def new_bytes(build: Build) -> int:
    """Return the compressed size of the layers that a push of this image would have to send."""
    return sum(step.size_bytes or 0 for step in ran(build))
