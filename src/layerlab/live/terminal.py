"""A build on a terminal: a table redrawn in place, then one line that stays."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..record.build import Build
from ..record.states import BASE, CACHED, CANCELED, FAILED, RAN
from ..traces.events import RUNNING
from . import settled
from .drawn import DrawnView, fitting, megabytes, seconds
from .model import TAIL_LINES, Activity, LiveBuild

_STYLES = {RUNNING: "bold cyan", RAN: "blue", BASE: "blue", CACHED: "green", FAILED: "bold red", CANCELED: "red"}
#: Lines kept free below the table: anything taller than the terminal can't be redrawn in place.
_SPARE = 3


class TerminalView(DrawnView):
    """A view that draws on standard error."""

    def __init__(self, live: LiveBuild, console: Console | None = None, **kwargs: Any) -> None:
        super().__init__(live, **kwargs)
        self._console = console or Console(stderr=True)
        self._shown = Live(console=self._console, transient=True, auto_refresh=False, vertical_overflow="crop")
        self._shown.start()

    def draw(self) -> None:
        self._shown.update(picture(self.live, self._console.height - _SPARE), refresh=True)

    def settle(self, build: Build | None) -> None:
        self._shown.stop()
        self._console.print(settled.outcome(build, self.live.title), markup=False, highlight=False, soft_wrap=True)


def picture(live: LiveBuild, height: int) -> Group:
    """Draw the current state in no more than `height` lines."""
    rows = live.rows
    # The more steps run at once, the less each shows of its log.
    lines = max(1, min(TAIL_LINES, height // 3 // max(1, sum(row.busy for row in rows))))
    tails = sum(len(row.tail[-lines:]) for row in rows)
    above, shown, below = fitting(rows, max(3, height - tails - 3))
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column("state", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("step", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("bytes", no_wrap=True)

    def aside(text: str) -> None:
        table.add_row("", "", "", Text(text, style="dim"))

    if above:
        aside(above)
    for row in shown:
        word = Text(f"{row.sign} {row.word}", style=_STYLES.get(row.state, "dim"))
        table.add_row(word, seconds(row), str(row.line or ""), Text(row.text), _bytes(row))
        for line in row.tail[-lines:]:
            aside(f"| {line}")
    if below:
        aside(below)
    return Group(Text(f"{live.title}: {live.elapsed:.1f} s, {live.counts()}", style="bold"), table)


def _bytes(row: Activity) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for transfer in row.transfers:
        bar = ProgressBar(transfer.total, transfer.current, width=16) if row.busy and transfer.total else ""
        grid.add_row(bar, megabytes(transfer))
    return grid if row.transfers else ""
