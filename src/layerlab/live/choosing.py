"""Which view shows a build while it runs: live in a notebook or a terminal, plain lines elsewhere.

A view has `feed(event)` for each event of the trace and `finish(build)` at the end, with None for a build that was
cancelled. It may have `tick()`, which is called at least ten times a second while the build runs, whether or not anything
comes; what it raises cancels the build.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from .model import LiveBuild
from .settled import summary

__all__ = ["NoView", "chosen_progress", "summary"]


def chosen_progress(wanted: Any, title: str, dockerfile: str = "", **known: Any) -> Any:
    """The view for `wanted`: "auto", "none", or an object that is a view already.

    Args:
        wanted: as above.
        title: what is built, for people.
        dockerfile: its text, so that steps are shown before the engine tells of them.
        known: further arguments of `LiveBuild`: target, args, service.
    """
    if wanted == "none":
        return NoView()
    if wanted != "auto":
        return wanted
    # Each view brings a library along that the others do not need.
    live = LiveBuild(title, dockerfile, **known)
    if _in_notebook():
        from .notebook import NotebookView

        return NotebookView(live)
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":  # one that cannot draw in place
        from .terminal import TerminalView

        return TerminalView(live)
    from .plain import PlainView

    return PlainView(live)


class NoView:
    """Shows nothing."""

    def feed(self, event: dict) -> None:
        """Nothing is shown."""

    def finish(self, build: Any) -> None:
        """Nothing is shown."""


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
