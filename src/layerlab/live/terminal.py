"""A build on a terminal: a table that is drawn anew in place, and one line that stays."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..records import BASE, CACHED, CANCELED, FAILED, RAN, Build
from . import settled
from .model import RUNNING, LiveBuild, Row
from .view import View, fitting, megabytes, seconds

_STYLES = {RUNNING: "bold cyan", RAN: "blue", BASE: "blue", CACHED: "green", FAILED: "bold red", CANCELED: "red"}
#: Lines kept free below the table: what is taller than the terminal cannot be drawn in place.
_SPARE = 3


class TerminalView(View):
    """Draws on standard error."""

    def __init__(self, live: LiveBuild, console: Console | None = None, **kwargs: Any) -> None:
        super().__init__(live, **kwargs)
        self._console = console or Console(stderr=True)
        self._shown = Live(console=self._console, transient=True, auto_refresh=False, vertical_overflow="crop")
        self._shown.start()

    def draw(self) -> None:
        self._shown.update(picture(self.live, self._console.height - _SPARE), refresh=True)

    def settle(self, build: Build | None) -> None:
        self._shown.stop()
        self._console.print(settled.summary(build, self.live.title), markup=False, highlight=False, soft_wrap=True)


def picture(live: LiveBuild, height: int) -> Group:
    """All that is to be seen now, in no more than `height` lines."""
    phases, steps = live.phases, live.steps
    tails = sum(len(row.tail) for row in steps)
    above, shown, below = fitting(steps, max(3, height - len(phases) - tails - 3))
    table = Table.grid(padding=(0, 1))
    for name in ("state", "seconds", "line"):
        table.add_column(name, justify="left" if name == "state" else "right", no_wrap=True)
    table.add_column("step", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("bytes", no_wrap=True)
    table.expand = True
    for note in [above] if above else []:
        table.add_row("", "", "", Text(note, style="dim"))
    for row in [*shown, *([_note(below)] if below else []), *phases]:
        if isinstance(row, Text):
            table.add_row("", "", "", row)
            continue
        word = Text(f"{row.sign} {row.word}", style=_STYLES.get(row.state, "dim"))
        table.add_row(word, seconds(row), str(row.line or ""), Text(row.text), _bytes(row))
        for line in row.tail:
            table.add_row("", "", "", Text(f"| {line}", style="dim"))
    return Group(Text(f"{live.title}: {live.elapsed:.1f} s, {live.counts()}", style="bold"), table)


def _note(text: str) -> Text:
    return Text(text, style="dim")


def _bytes(row: Row) -> Any:
    if not row.transfers:
        return ""
    grid = Table.grid(padding=(0, 1))
    for transfer in row.transfers:
        bar = ProgressBar(transfer.total, transfer.current, width=16) if row.busy and transfer.total else ""
        grid.add_row(bar, megabytes(transfer))
    return grid
