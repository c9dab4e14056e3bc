"""What the measurements say: how long people wait, for what, and which line is to blame. Pure, over records."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from ..record.build import Build
from ..record.states import CACHED, RAN
from .blaming import Blame, blame, slowest
from .situations import SITUATIONS, Observed

#: A build that takes less than this isn't worth a cause, seconds: a cached one takes about half a second.
SHORT = 2.0


@dataclasses.dataclass(frozen=True)
class Answer:
    """What one situation costs.

    Attributes:
        situation: one of SITUATIONS.
        builds: how many builds were made.
        median_seconds: of their wall-clock time.
        min_seconds: the shortest.
        max_seconds: the longest.
        export_seconds: the median of what the export took of it.
        downloaded_bytes: the median of what all steps downloaded; the least, unless `downloads_counted`.
        downloads_counted: whether that was counted in all of them.
        context_bytes: the median of what was sent of the context.
        steps_ran: in the median build.
        steps_cached: in the median build.
        slowest: what took longest, in a sentence without a full stop.
        cause: why that ran, the same way; "" if it's no use to know.
        line: the line of the Dockerfile to blame; 0 if there's none.
    """

    situation: str
    builds: int
    median_seconds: float
    min_seconds: float
    max_seconds: float
    export_seconds: float
    downloaded_bytes: int
    downloads_counted: bool
    context_bytes: int
    steps_ran: int
    steps_cached: int
    slowest: str
    cause: str
    line: int

    @property
    def text(self) -> str:
        """How long people wait, and for what."""
        told = f"{SITUATIONS[self.situation]}, you wait {self.median_seconds:.1f} s"
        return told if self.median_seconds < SHORT else f"{told}; {self.slowest}"

    @property
    def blame(self) -> str:
        """Which line is to blame; "" if the wait is short, or has to be."""
        return "" if self.median_seconds < SHORT else self.cause

    def __str__(self) -> str:
        return self.text + (f"\n    → {self.blame}" if self.blame else "")

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as `layerlab measure --json` prints it."""
        return dataclasses.asdict(self)


def answers(observed: Sequence[Observed]) -> list[Answer]:
    """Return what each situation costs, in the order in which they were built."""
    groups: dict[str, list[Observed]] = {}
    for one in observed:
        groups.setdefault(one.situation, []).append(one)
    return [_answer(situation, its) for situation, its in groups.items()]


def _answer(situation: str, its: Sequence[Observed]) -> Answer:
    builds = [one.build for one in its]
    seconds = [build.seconds for build in builds]
    middle = sorted(its, key=lambda one: one.build.seconds)[(len(its) - 1) // 2]
    states = [step.state for step in middle.build.steps]
    longest = slowest(middle.build)
    cause = _cause(middle)
    return Answer(
        situation=situation,
        builds=len(builds),
        median_seconds=statistics.median(seconds),
        min_seconds=min(seconds),
        max_seconds=max(seconds),
        export_seconds=statistics.median(build.export_seconds for build in builds),
        downloaded_bytes=round(statistics.median(build.downloaded_bytes for build in builds)),
        downloads_counted=all(map(counted, builds)),
        context_bytes=round(statistics.median(build.context_bytes for build in builds)),
        steps_ran=states.count(RAN),
        steps_cached=states.count(CACHED),
        slowest=longest.text,
        cause=cause.text if cause else "",
        line=cause.line if cause else longest.line,
    )


def _cause(one: Observed) -> Blame | None:
    """Return what made the step run that took longest of those that ran; None where everything has to run."""
    ran = [i for i, step in enumerate(one.build.steps) if step.state == RAN]
    if one.situation == "cold" or not ran:
        return None
    return blame(one, max(ran, key=lambda i: one.build.steps[i].seconds))


def counted(build: Build) -> bool:
    """Tell whether all that a build downloaded was counted: its record says so, or no step ran that can download."""
    may = any(step.state != CACHED and step.instruction in ("RUN", "ADD") for step in build.steps)
    return build.downloads_counted or not may
