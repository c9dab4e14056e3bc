"""Where this process shows things."""

from __future__ import annotations

import os
import sys


def in_notebook() -> bool:
    """Tell whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def on_terminal() -> bool:
    """Tell whether standard error is a terminal where things can be redrawn in place, which a dumb one can't."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
