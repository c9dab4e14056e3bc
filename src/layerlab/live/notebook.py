"""A build in a notebook's cell: widgets while it runs, with a button that cancels it, then a static summary in their place.

While a cell runs, the kernel's main thread is busy and reads no messages from widgets. ipykernel 7 receives messages on a
separate thread, and `_listen` notices Cancel there. The button only sets an event, which `tick` checks in the build's own
thread, so the build is cancelled the way Ctrl-C would cancel it.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython import get_ipython
from IPython.display import DisplayHandle, display

from ..charts.theme import BLUE, GREEN, VERMILLION
from ..errors import BuildCancelled
from ..record.build import Build
from ..record.states import BASE, CACHED, CANCELED, FAILED, RAN
from ..traces.events import RUNNING
from . import settled
from .drawn import DrawnView, fitting, megabytes, seconds
from .model import Activity, LiveBuild, Transfer

WIDGET = "application/vnd.jupyter.widget-view+json"
#: How many rows are shown at a time.
MOST_ROWS = 24
#: Characters of a log line, or of an instruction, that are shown.
_WIDTH = 160

_COLOURS = {RUNNING: VERMILLION, RAN: BLUE, BASE: BLUE, CACHED: GREEN, FAILED: VERMILLION, CANCELED: VERMILLION}
#: JupyterLab's own colours, so that a dark page stays dark; elsewhere, the surrounding page's colours.
_STYLE = """<style>
.layerlab-live { color: var(--jp-content-font-color1, inherit); font-size: var(--jp-content-font-size1, 14px); line-height: 1.5 }
.layerlab-live table { border-collapse: collapse; width: 100%; table-layout: fixed; color: inherit; font-size: inherit }
.layerlab-live td, .layerlab-live th { padding: 1px 8px; text-align: left; font-weight: normal; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; vertical-align: middle }
.layerlab-live thead th { color: var(--jp-content-font-color2, inherit) }
.layerlab-live .number { text-align: right }
.layerlab-live code, .layerlab-live pre { font-family: var(--jp-code-font-family, monospace); font-size: 12px; margin: 0;
  color: inherit; background: none }
.layerlab-live pre { padding-left: 8px; border-left: 3px solid var(--jp-border-color1, gray); overflow: hidden }
.layerlab-live .bytes { float: right; padding-left: 12px }
.layerlab-live .running td:first-child { font-weight: bold }
.layerlab-live progress { width: 100px; height: 10px; vertical-align: middle; margin-left: 6px }
</style>"""


class NotebookView(DrawnView):
    """A view that draws into one output of the cell."""

    def __init__(self, live: LiveBuild, **kwargs: Any) -> None:
        super().__init__(live, **kwargs)
        self._cancelled = threading.Event()
        self._widgets = _Widgets(self._cancelled.set) if _has_frontend() else None
        self._output: DisplayHandle | None = None
        if self._widgets:
            bundle = {"text/plain": f"{live.title}: building", WIDGET: self._widgets.view}
            self._output = display(bundle, raw=True, display_id=True)

    def tick(self) -> None:
        """Draw, if it's time. Raises BuildCancelled if the button was pressed."""
        if self._cancelled.is_set():
            if self._widgets:
                self._widgets.cancelling()
            self.draw()
            raise BuildCancelled(
                f"the build of {self.live.title} was cancelled",
                "run the cell again to continue: finished steps are cached",
            )
        super().tick()

    def draw(self) -> None:
        if self._widgets:
            self._widgets.show(self.live)

    def settle(self, build: Build | None) -> None:
        bundle = {"text/plain": settled.text(build, self.live), "text/html": settled.page(build, self.live)}
        if self._output and self._widgets:
            self._output.update(bundle, raw=True)
            self._widgets.close()
        else:
            display(bundle, raw=True)


class _Widgets:
    """Headline and Cancel button above the steps, so that a growing table doesn't move the button away from the pointer."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._headline = ipywidgets.HTML()
        # Changes only when a step starts or ends, so that a screen reader can follow.
        self._news = ipywidgets.HTML()
        self._button = ipywidgets.Button(
            description="Cancel build", tooltip="Stop this build, as Ctrl-C would. Finished steps stay cached."
        )
        self._table = ipywidgets.HTML()
        style = ipywidgets.HTML(_STYLE, layout={"display": "none"})
        top = ipywidgets.HBox([self._button, self._headline], layout={"align_items": "center", "grid_gap": "8px"})
        self._box = ipywidgets.VBox([style, top, self._news, self._table])
        self._all = [style, self._headline, self._news, self._button, self._table, top, self._box]
        _listen(self._button, cancel)

    @property
    def view(self) -> dict[str, Any]:
        return {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}

    def show(self, live: LiveBuild) -> None:
        self._headline.value = f"<div class='layerlab-live'>{headline(live)}</div>"
        self._news.value = f"<div role='status' style='{_UNSEEN}'>{html.escape(news(live))}</div>"
        self._table.value = table(live)

    def cancelling(self) -> None:
        self._button.disabled, self._button.description = True, "Cancelling …"

    def close(self) -> None:
        """Remove the widgets from the kernel, the page and the notebook's file."""
        for widget in self._all:
            for part in (getattr(widget, "style", None), widget.layout, widget):
                if part is not None:
                    part.close()


#: A style for screen readers only (the usual recipe; `display: none` would hide the text from them too).
_UNSEEN = "position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap"


def headline(live: LiveBuild) -> str:
    """Return the line above the table, as HTML: title, time and counts."""
    return f"<b>{html.escape(live.title)}</b>: {live.elapsed:.1f} s, {html.escape(live.counts())}"


def news(live: LiveBuild) -> str:
    """Return the text for a screen reader: the steps in progress, without anything that changes all the time."""
    busy = [f"line {r.line}, {r.text[:60]}" if r.line else r.text for r in live.rows if r.busy]
    return f"Running: {'; '.join(busy)}" if busy else ""


def table(live: LiveBuild) -> str:
    """Return the steps and phases as an HTML table, with the last log lines of those that run or failed."""
    above, shown, below = fitting(live.rows, MOST_ROWS)
    rows = [_note(above), *map(_row, shown), _note(below)]
    heads = "".join(
        f"<th scope='col' style='width: {width}' class='{kind}'>{name}</th>"
        for name, width, kind in (
            ("state", "6em", ""), ("time", "4.5em", "number"), ("line", "2.5em", "number"), ("step", "auto", ""),
        )
    )  # fmt: skip
    return (
        f"<div class='layerlab-live'><table aria-label='Steps of the build of {html.escape(live.title)}'>"
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(row: Activity) -> str:
    colour = f" style='color: {_COLOURS[row.state]}'" if row.state in _COLOURS else ""
    what = html.escape(row.text[:_WIDTH])
    cells = (
        f"<td><span aria-hidden='true'{colour}>{row.sign}</span> {row.word}</td><td class='number'>{seconds(row)}</td>"
        f"<td class='number'>{row.line or ''}</td><td title='{html.escape(row.text[:1000])}'>"
        f"<span class='bytes'>{', '.join(_transfer(t, row.busy) for t in row.transfers)}</span><code>{what}</code></td>"
    )
    log = html.escape("\n".join(line[:_WIDTH] for line in row.tail))
    tail = f"<tr><td></td><td></td><td></td><td><pre>{log}</pre></td></tr>" if log else ""
    return f"<tr class='{row.word}'>{cells}</tr>{tail}"


def _transfer(transfer: Transfer, busy: bool) -> str:
    said = megabytes(transfer)
    if busy and transfer.total:
        return f"{said}<progress max='{transfer.total}' value='{transfer.current}' aria-label='{said}'></progress>"
    return said


def _note(text: str) -> str:
    return f"<tr><td></td><td></td><td></td><td>{html.escape(text)}</td></tr>" if text else ""


def _listen(button: ipywidgets.Button, clicked: Callable[[], None]) -> None:
    """Call `clicked` when the button is pressed, even while the cell that shows it is still running.

    Since ipykernel 7.4, the thread that receives messages asks a message's comm which thread should handle it
    (kernelbase.py, `shell_channel_thread_main`). We look at the message at that point, with any frontend. Before 7.4, the
    frontend alone decides, and JupyterLab 4.4 and later has a separate thread handle widgets' messages.
    """
    button.on_click(lambda _: clicked())
    route = getattr(button.comm, "_reply_subshell_for", None)
    if route is None:
        return

    def look(data: Any, thread: Any) -> Any:
        if isinstance(data, dict) and (data.get("content") or {}).get("event") == "click":
            clicked()
        return route(data, thread)

    button.comm._reply_subshell_for = look


def _has_frontend() -> bool:
    """Tell whether somebody may see widgets: JupyterLab, Notebook 7 and VS Code say which cell they are running.

    Consoles and programs that execute notebooks (nbclient, nbconvert, nbval) don't, and the latter would keep the widgets'
    state.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(kernel and (kernel.get_parent().get("metadata") or {}).get("cellId"))
