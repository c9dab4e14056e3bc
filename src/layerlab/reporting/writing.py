"""The room's entry point: write a build's report as text or to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import LayerLabError
from ..explaining.causes import Explanation
from ..explaining.why import compared_with, explain
from ..record.build import Build
from . import data, markdown, page
from .facts import gather

#: The formats of a report, each with the function that writes it.
FORMATS = {"html": page.page, "markdown": markdown.markdown, "json": data.to_json}


def render(
    build: Build,
    previous: Build | Sequence[Build] | None = None,
    format: str = "html",
    explanation: Explanation | None = None,
) -> str:
    """Return the report as text. Raises LayerLabError for an unknown format.

    Args:
        build: the build; it may have failed or been canceled.
        previous: the build to compare it with, or several, the most telling first; by default those before it on its machine
            that are still known.
        format: "html", "markdown" or "json".
        explanation: why its steps ran; by default `explain(build, previous)`.
    """
    if format not in FORMATS:
        raise LayerLabError(f"there is no report format {format!r}", f"choose one of: {', '.join(FORMATS)}")
    unexplained = ""
    if explanation is None:
        explanation, unexplained = _explained(build, previous)
    return FORMATS[format](gather(build, _build_before(build, previous), explanation, unexplained))


def report(
    build: Build, path: str | Path, previous: Build | Sequence[Build] | None = None, format: str = "html"
) -> Path:
    """Write the report to `path` and return the path; see `render`. Raises LayerLabError if it can't be written."""
    path, text = Path(path), render(build, previous, format)
    try:
        # Half a character in a log can't be encoded; it is replaced.
        path.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise LayerLabError(f"can't write the report to {path}: {error.strerror}", "choose another file") from None
    return path


def format_of(path: Path | None) -> str:
    """Choose the format by the file's name: Markdown for .md, JSON for .json, HTML for everything else."""
    return {".md": "markdown", ".json": "json"}.get(path.suffix.lower() if path else "", "html")


def _explained(build: Build, previous: Build | Sequence[Build] | None) -> tuple[Explanation | None, str]:
    """Return the explanation, or why there is none: a report is useful even without it."""
    try:
        return explain(build, previous), ""
    except LayerLabError as error:
        return None, error.message


def _build_before(build: Build, previous: Build | Sequence[Build] | None) -> Build | None:
    """Return the build to compare times with: the one that was named, or the first of the same variant and target."""
    if isinstance(previous, Build):
        return previous
    return next((b for b in compared_with(build, previous) if b.what[:2] == build.what[:2]), None)
