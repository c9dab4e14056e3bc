"""Libraries that only the extra `course` installs, and the error if one is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import LayerLabError

#: What `pip install layerlab` leaves out (pyproject.toml, extra course), by the names that are imported.
COURSE = {"IPython", "ipywidgets", "jupyterlab", "numpy", "pandas", "plotly", "tqdm"}


@contextlib.contextmanager
def needs_course() -> Iterator[None]:
    """Run an import. Raises LayerLabError, which says what to install, if a library of the course is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in COURSE:
            raise
        raise LayerLabError(
            f"this needs {error.name}, which isn't installed",
            "install what notebooks need: pip install 'layerlab[course]'",
        ) from error


__all__ = ["COURSE", "needs_course"]
