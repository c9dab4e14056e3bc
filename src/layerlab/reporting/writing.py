"""From a build to a report: the one way in."""

from __future__ import annotations

from pathlib import Path

from ..errors import LayerLabError
from ..explaining.causes import Explanation
from ..explaining.why import explain
from ..record import history
from ..record.build import Build
from ..system import docker_words
from . import data, markdown, page
from .facts import gather

#: What a report can be written as.
FORMATS = {"html": page.page, "markdown": markdown.markdown, "json": data.to_json}


def render(
    build: Build, previous: Build | None = None, format: str = "html", explanation: Explanation | None = None
) -> str:
    """The report as text.

    Args:
        build: the build; one that failed or was canceled has a report too.
        previous: the build it is compared with; by default the one before it on its machine, if that is still known.
        format: "html", "markdown" or "json".
        explanation: why its steps ran; by default `explain(build, previous)`.
    """
    if format not in FORMATS:
        raise LayerLabError(f"a report cannot be written as {format!r}", f"choose one of: {', '.join(FORMATS)}")
    unexplained = ""
    if explanation is None:
        explanation, unexplained = _explained(build, previous)
    previous = previous or _build_before(build)
    return FORMATS[format](gather(build, previous, explanation, unexplained))


def report(build: Build, path: str | Path, previous: Build | None = None, format: str = "html") -> Path:
    """Write the report to `path`; see `render`. Raises LayerLabError where it cannot be written."""
    path, text = Path(path), render(build, previous, format)
    try:
        # What no encoding has (half a character in a log) is replaced.
        path.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise LayerLabError(f"the report cannot be written to {path}: {error.strerror}", "name another file") from None
    return path


def format_of(path: Path | None) -> str:
    """The format that a file's name asks for: .md and .json, everything else is HTML."""
    return {".md": "markdown", ".json": "json"}.get(path.suffix.lower() if path else "", "html")


def _explained(build: Build, previous: Build | None) -> tuple[Explanation | None, str]:
    """The explanation, or why there is none: a report is worth having without."""
    try:
        return explain(build, previous), ""
    except LayerLabError as error:
        return None, error.message


def _build_before(build: Build) -> Build | None:
    """The newest build before it of the same variant and target; None where none is remembered."""

    def what(one: Build) -> tuple[str, str]:
        return one.variant, docker_words.target(one.command)

    return next((b for b in history.before(build) if what(b) == what(build)), None)
