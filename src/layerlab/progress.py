"""Showing a build while it runs: live in a notebook or a terminal, plain lines elsewhere.

A view has two methods: `feed(event)` for each event of the trace, `finish(build)` at the end (None if it was cancelled).
"""

from __future__ import annotations

import html
import sys
import time
from typing import Any

from .events import RUNNING, Now, Progress
from .records import BASE, CACHED, FAILED, RAN, Build

#: A view is drawn at most this often a second, whatever the log rate.
UPDATES_A_SECOND = 10
#: Steps shown while a build runs: the last ones.
ROWS = 12
#: Shapes, not only colours, tell the states apart.
SIGNS = {RUNNING: "▶", RAN: "■", CACHED: "○", FAILED: "✗", BASE: "·"}


def chosen_progress(wanted: Any, title: str) -> Any:
    """The view for `wanted`: "auto", "none", or an object that is a view already."""
    if wanted == "none":
        return NoView()
    if wanted != "auto":
        return wanted
    if _in_notebook():
        return NotebookView(title)
    return TerminalView(title) if sys.stderr.isatty() else PlainView(title)


def summary(build: Build | None, title: str) -> str:
    """One line that says how a build went; the same facts in a notebook, a terminal and a CI log."""
    if build is None:
        return f"{title}: cancelled"
    states = [s.state for s in build.steps_]
    ran = states.count(RAN)
    text = f"{title}: {ran} step{'' if ran == 1 else 's'} ran, {states.count(CACHED)} cached, {build.seconds:.1f} s"
    if build.export_seconds >= 0.1:
        text += f" (export {build.export_seconds:.1f} s)"
    if build.downloaded_bytes:
        text += f", {build.downloaded_bytes / 1e6:.1f} MB downloaded"
    return f"{text}, FAILED" if build.error else text


class NoView:
    def feed(self, event: dict) -> None:
        """Nothing is shown."""

    def finish(self, build: Build | None) -> None:
        """Nothing is shown."""


class _Live:
    """Keeps what each vertex does now, and calls `draw` no more than UPDATES_A_SECOND."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.rows: dict[str, Now] = {}
        self._progress = Progress()
        self._started = time.monotonic()
        self._drawn = 0.0

    def feed(self, event: dict) -> None:
        for now in self._progress.feed(event):
            if now.started is not None and "[internal]" not in now.name:
                self.rows[now.digest] = now
        if time.monotonic() - self._drawn >= 1 / UPDATES_A_SECOND:
            self._drawn = time.monotonic()
            self.draw()

    def lines(self) -> list[str]:
        """What is going on, a line a vertex, and the last line that the running ones printed."""
        shown = [f"{self.title}: {time.monotonic() - self._started:.1f} s"]
        for now in list(self.rows.values())[-ROWS:]:
            end = now.completed or time.time()
            moved = f"  {now.current / 1e6:.1f} MB" if now.current > 100_000 else ""
            shown.append(f"{SIGNS.get(now.state, ' ')} {max(0.0, end - now.started):6.1f} s  {now.name[:90]}{moved}")
            if now.state == RUNNING and now.line:
                shown.append(f"             {now.line.strip()[:90]}")
        return shown

    def draw(self) -> None:
        raise NotImplementedError


class NotebookView(_Live):
    """One output area, redrawn while the build runs; it settles into one line that stays in the saved notebook."""

    def __init__(self, title: str) -> None:
        from IPython.display import display

        super().__init__(title)
        self._handle = display(_text(f"{title}: starting"), display_id=True)

    def draw(self) -> None:
        self._handle.update(_text("\n".join(self.lines())))

    def finish(self, build: Build | None) -> None:
        self._handle.update(_text(summary(build, self.title)))


class TerminalView(_Live):
    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(title)
        self._live = Live(console=Console(stderr=True), transient=True, auto_refresh=False)
        self._live.start()

    def draw(self) -> None:
        from rich.text import Text

        self._live.update(Text("\n".join(self.lines()), no_wrap=True, overflow="ellipsis"), refresh=True)

    def finish(self, build: Build | None) -> None:
        self._live.stop()
        print(summary(build, self.title), file=sys.stderr)


class PlainView(_Live):
    """A line when a step is done: for logs and pipes."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._told: set[str] = set()

    def draw(self) -> None:
        for now in self.rows.values():
            if now.completed is not None and now.digest not in self._told:
                self._told.add(now.digest)
                print(f"{now.state:<6} {now.completed - now.started:6.1f} s  {now.name[:100]}", file=sys.stderr)

    def finish(self, build: Build | None) -> None:
        self.draw()
        print(summary(build, self.title), file=sys.stderr)


def _text(text: str) -> Any:
    from IPython.display import HTML

    class Both(HTML):
        def __repr__(self) -> str:
            return text

    return Both(f"<pre style='margin:0'>{html.escape(text)}</pre>")


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
