"""Choose the view that shows a build while it runs: live in a notebook or a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Unpack

from ..record.view import Known, View
from ..system.front_end import in_notebook, on_terminal
from .model import LiveBuild

__all__ = ["live_view"]


def live_view(title: str, dockerfile: str = "", **known: Unpack[Known]) -> View:
    """Make the view that suits this process's output.

    Args:
        title: name of the build, as shown to the user.
        dockerfile: text of the Dockerfile, so that steps are shown before the engine reports them.
        known: further arguments of `LiveBuild`: target, args, service.
    """
    # Each view imports a library that the others don't need.
    live = LiveBuild(title, dockerfile, **known)
    if in_notebook():
        from .notebook import NotebookView

        return NotebookView(live)
    if on_terminal():
        from .terminal import TerminalView

        return TerminalView(live)
    from .plain import PlainView

    return PlainView(live)
