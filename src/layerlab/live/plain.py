"""A build in a log or a pipe: a line when a step ends, and one now and then for a step that takes long."""

from __future__ import annotations

import sys
from typing import Any

from ..record.build import Build
from ..traces.events import RUNNING
from . import settled
from .drawn import DrawnView, megabytes, seconds
from .model import WAITING, Activity

#: A long step gets a line this often, seconds: CI systems assume that a job is dead if it prints nothing for minutes.
REMINDER = 30.0


class PlainView(DrawnView):
    """A view that prints to standard error as things happen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._told: dict[tuple[int, str, str], str] = {}
        self._reminded: dict[tuple[int, str, str], float] = {}

    def draw(self) -> None:
        for row in self.live.rows:
            key, ran = (row.line, row.stage, row.text), row.seconds or 0.0
            if row.busy and ran - self._reminded.get(key, 0.0) >= REMINDER:
                self._reminded[key] = ran
                self._print(row, "still running", row.tail[-1].strip() if row.tail else "")
            elif not row.busy and row.state not in (WAITING, RUNNING) and self._told.get(key) != row.state:
                self._told[key] = row.state
                self._print(row, row.word, "")

    def settle(self, build: Build | None) -> None:
        self.draw()
        print(settled.outcome(build, self.live.title), file=sys.stderr, flush=True)

    def _print(self, row: Activity, word: str, last_line: str) -> None:
        where = f"line {row.line}" if row.line else ""
        moved = "".join(f"  ({megabytes(t)})" for t in row.transfers)
        said = f"  | {last_line[:80]}" if last_line else ""
        line = f"{word:<13} {seconds(row):>8}  {where:>8}  {row.text[:100]}{moved}{said}"
        print(line.rstrip(), file=sys.stderr, flush=True)
