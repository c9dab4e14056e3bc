"""What the views of a running build share: when to draw, and which rows fit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..record.build import Build
from .model import Activity, LiveBuild, Transfer

#: A view is drawn at most this often a second, whatever the log rate ...
UPDATES_A_SECOND = 10
#: ... and when nothing comes, this often: a step may print nothing for minutes, and its clock runs on.
QUIET_UPDATES_A_SECOND = 2


class DrawnView:
    """A view that is redrawn as the build goes on. `feed` takes events as fast as they come; `tick` draws, if it is time."""

    def __init__(self, live: LiveBuild, clock: Callable[[], float] = time.monotonic) -> None:
        self.live = live
        self._clock = clock
        self._news = True
        self._drawn = float("-inf")

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the trace."""
        self.live.feed(event)
        self._news = True

    def tick(self) -> None:
        """To be called several times a second while the build runs. What it raises cancels the build."""
        rate = UPDATES_A_SECOND if self._news else QUIET_UPDATES_A_SECOND
        if self._clock() - self._drawn >= 1 / rate:
            self._drawn, self._news = self._clock(), False
            self.draw()

    def finish(self, build: Build | None) -> None:
        """The build is over; None if it was cancelled."""
        self.live.end()
        self.settle(build)

    def draw(self) -> None:
        """Show how it is now."""
        raise NotImplementedError

    def settle(self, build: Build | None) -> None:
        """Show what stays."""
        raise NotImplementedError


def fitting(rows: Sequence[Activity], most: int) -> tuple[str, list[Activity], str]:
    """The rows around what happens now, and what to say of those above and below that do not fit."""
    if len(rows) <= most:
        return "", list(rows), ""
    busy = [n for n, row in enumerate(rows) if row.busy]
    over = max((n for n, row in enumerate(rows) if row.seconds is not None), default=0)
    # What happens now is in sight, with one row above it; where more happens than fits, its beginning.
    first = max(0, min((busy[0] if busy else over) - 1, len(rows) - most))
    return _told(rows[:first]), list(rows[first : first + most]), _told(rows[first + most :])


def _told(rows: Sequence[Activity]) -> str:
    counts = Counter(row.word for row in rows)
    return f"… {len(rows)} more: " + ", ".join(f"{n} {word}" for word, n in counts.items()) if rows else ""


def seconds(row: Activity) -> str:
    return "" if row.seconds is None else f"{row.seconds:.1f} s"


def megabytes(transfer: Transfer) -> str:
    """ "12.3 of 45.6 MB pulled", or "12.3 MB sent" where nobody knows how much there will be."""
    of = f" of {transfer.total / 1e6:.1f}" if transfer.total > transfer.current else ""
    return f"{transfer.current / 1e6:.1f}{of} MB {transfer.what}"
