"""The room's entry point: write a build's report as text or to a file."""

from __future__ import annotations

from pathlib import Path

from ..errors import LayerLabError
from ..explaining.causes import Explanation
from ..explaining.why import explain
from ..record import history
from ..record.build import Build
from ..system import docker_words
from . import annotations, data, markdown, page
from .facts import gather

#: The formats of a report, each with the function that writes it.
FORMATS = {"html": page.page, "markdown": markdown.markdown, "json": data.to_json, "annotations": annotations.annotations}


def render(
    build: Build, previous: Build | None = None, format: str = "html", explanation: Explanation | None = None
) -> str:
    """Return the report as text. Raises LayerLabError for an unknown format.

    Args:
        build: the build; it may have failed or been canceled.
        previous: the build to compare it with; by default the one before it on its machine, if that is still known.
        format: "html", "markdown", "json" or "annotations".
        explanation: why its steps ran; by default `explain(build, previous)`.
    """
    if format not in FORMATS:
        raise LayerLabError(f"there is no report format {format!r}", f"choose one of: {', '.join(FORMATS)}")
    unexplained = ""
    if explanation is None:
        explanation, unexplained = _explained(build, previous)
    previous = previous or _build_before(build)
    return FORMATS[format](gather(build, previous, explanation, unexplained))


def report(build: Build, path: str | Path, previous: Build | None = None, format: str = "html") -> Path:
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


def _explained(build: Build, previous: Build | None) -> tuple[Explanation | None, str]:
    """Return the explanation, or why there is none: a report is useful even without it."""
    try:
        return explain(build, previous), ""
    except LayerLabError as error:
        return None, error.message


def _build_before(build: Build) -> Build | None:
    """Find the newest earlier build of the same variant and target; None if the history has none."""

    def what(one: Build) -> tuple[str, str]:
        return one.variant, docker_words.target(one.command)

    return next((b for b in history.before(build) if what(b) == what(build)), None)
