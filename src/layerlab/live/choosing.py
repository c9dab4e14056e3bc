"""Which view shows a build while it runs: live in a notebook or a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from typing import Any

from ..record.view import View
from ..system.front_end import in_notebook
from .model import LiveBuild

__all__ = ["live_view"]


def live_view(title: str, dockerfile: str = "", **known: Any) -> View:
    """Make the view that fits where this process writes.

    Args:
        title: what is built, for people.
        dockerfile: its text, so that steps are shown before the engine tells of them.
        known: further arguments of `LiveBuild`: target, args, service.
    """
    # Each view brings a library along that the others do not need.
    live = LiveBuild(title, dockerfile, **known)
    if in_notebook():
        from .notebook import NotebookView

        return NotebookView(live)
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":  # one that cannot draw in place
        from .terminal import TerminalView

        return TerminalView(live)
    from .plain import PlainView

    return PlainView(live)
