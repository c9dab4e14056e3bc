"""Judge what a lab's builds showed: the goals that several labs share, and how to find the step that missed one.

Each lab words its own hints. A goal's text, hint and detail are the same on every machine, because notebooks check them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..machine.asking import Answer
from ..record.build import Build
from ..record.states import RAN
from ..record.step import Step
from .verdict import Goal, Observed

T = TypeVar("T")

#: Bytes. A step that made a larger layer than this after an edit of one line did needless work: the sample apps' code and
#: configuration stay far below it, and their packages and weights are far above.
LARGE_LAYER = 1_000_000
#: Bytes. A build that downloaded more than this installed more than one small package.
LARGE_DOWNLOAD = 1_000_000
#: Bytes. A step that downloaded less than this installed nothing: any container looks for its neighbours on the network.
CHATTER = 10_000
#: The hint if a Dockerfile doesn't build; the goal's detail is the error.
BROKEN = "it does not build. The error below names the line and what went wrong there."
#: The hint if downloads couldn't be counted: a quiet installer would pass.
UNCOUNTED = (
    "nothing tells how much that build downloaded: a step uses a network of its own (--network), or something else used the "
    "machine's meanwhile. Is a container or another build running there? Then end it, and check again."
)


# -- goals -------------------------------------------------------------------------------------------------------------


def tested(evidence: T | None, rule: Callable[[T], bool]) -> bool | None:
    """Return whether a goal is met, by a rule for its evidence; None if there's no evidence, because nothing tested it."""
    return None if evidence is None else rule(evidence)


def builds(
    seen: Observed, label: str = "again", text: str = "the Dockerfile builds", hint: str = BROKEN, after: str = ""
) -> Goal:
    """Require that the build `label`, and everything in the script between `after` (or its begin) and it, succeeded."""
    failed = seen.error and (not after or after in seen.builds)
    return Goal(text, True if label in seen.builds else False if failed else None, hint, seen.error)


def healthy(answer: Answer | None, hint: str, text: str = "the app starts and is healthy") -> Goal:
    """Require that the started image passes its health check."""
    return Goal(text, tested(answer, lambda a: a.healthy), hint, said(answer))


def answers(answer: Answer | None, text: str, hint: str) -> Goal:
    """Require that the started image gives the expected answer to a real request."""
    return Goal(text, tested(answer, lambda a: a.correct), hint, said(answer))


def has_edited_code(answer: Answer | None, hint: str, detail: str = "") -> Goal:
    """Require that the image has the last edit of the code."""
    # Only in an image that's healthy does anybody look for it.
    found = tested(answer if answer and answer.healthy else None, lambda a: bool(a.found))
    return Goal("the image has the edited code", found, hint, detail)


def spares(
    build: Build | None, text: str, steps: Sequence[Step], hint: Callable[[Build, Step], str], detail: str
) -> Goal:
    """Require that a build had to run none of `steps`; `hint` makes the hint for the first of them."""
    return Goal(text, tested(build, lambda _: not steps), hint(build, steps[0]) if build and steps else "", detail)


def downloads_little(
    build: Build | None, text: str, hint: Callable[[Build, Step], str], detail: str, most: int = LARGE_DOWNLOAD
) -> Goal:
    """Require that what a build ran downloaded at most `most` bytes; `hint` makes the hint for the step that took most."""
    if build is None:
        return Goal(text, None)
    steps = sorted(ran(build), key=lambda s: s.downloaded_bytes)
    if sum(s.downloaded_bytes for s in steps) + (build.undivided_bytes or 0) > most:
        return Goal(text, False, hint(build, steps[-1]), detail)
    return Goal(text, True) if build.downloads_counted else Goal(text, None, UNCOUNTED, detail)


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


def fetched(step: Step) -> bool:
    """Tell whether a step downloaded something worth the name."""
    return step.downloaded_bytes > CHATTER


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
    installed = [s for s in ran(again, "RUN") if s in large or fetched(s)]
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
