"""Shared by the views of a running build: when to draw, and which rows fit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..record.build import Build
from ..record.traffic import least
from .model import Activity, LiveBuild, Transfer

#: A view is drawn at most this often per second, however fast logs come ...
UPDATES_A_SECOND = 10
#: ... and this often when nothing comes: a step may print nothing for minutes, but its clock keeps running.
QUIET_UPDATES_A_SECOND = 2


class DrawnView:
    """A view that is redrawn while the build runs. `feed` takes events as fast as they come; `tick` draws when it's time."""

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
        """Draw, if it's time. Call this several times a second while the build runs; any exception cancels the build."""
        rate = UPDATES_A_SECOND if self._news else QUIET_UPDATES_A_SECOND
        if self._clock() - self._drawn >= 1 / rate:
            self._drawn, self._news = self._clock(), False
            self.draw()

    def finish(self, build: Build | None) -> None:
        """Stop the clocks and show what stays, now that the build is over; `build` is None if it was cancelled."""
        self.live.end()
        self.settle(build)

    def draw(self) -> None:
        """Show the current state."""
        raise NotImplementedError

    def settle(self, build: Build | None) -> None:
        """Show what stays."""
        raise NotImplementedError


def fitting(rows: Sequence[Activity], most: int) -> tuple[str, list[Activity], str]:
    """Pick at most `most` rows around those in progress, with a note for the rows above and one for those below."""
    if len(rows) <= most:
        return "", list(rows), ""
    busy = [n for n, row in enumerate(rows) if row.busy]
    over = max((n for n, row in enumerate(rows) if row.seconds is not None), default=0)
    # Show the rows in progress with one row above them; if there are too many, show the first ones.
    first = max(0, min((busy[0] if busy else over) - 1, len(rows) - most))
    return _told(rows[:first]), list(rows[first : first + most]), _told(rows[first + most :])


def _told(rows: Sequence[Activity]) -> str:
    counts = Counter(row.word for row in rows)
    return f"… {len(rows)} more: " + ", ".join(f"{n} {word}" for word, n in counts.items()) if rows else ""


def seconds(row: Activity) -> str:
    """Write how long the row has taken: "12.3 s", or "" if it hasn't started."""
    return "" if row.seconds is None else f"{row.seconds:.1f} s"


def megabytes(transfer: Transfer) -> str:
    """Write a transfer as "12.3 of 45.6 MB pulled", or as "12.3 MB sent" if the total is unknown.

    Downloads come from logs, which may hide some: "≥ 12.3 of 45.6 MB downloaded". They're counted when the build is over.
    """
    of = f" of {transfer.total / 1e6:.1f}" if transfer.total > transfer.current else ""
    return f"{least(transfer.what != 'downloaded')}{transfer.current / 1e6:.1f}{of} MB {transfer.what}"
