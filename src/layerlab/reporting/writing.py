"""The room's entry point: write a build's report as text or to a file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import LayerLabError
from ..explaining.causes import Explanation
from ..explaining.why import compared_with, explain
from ..record.build import Build
from . import annotating, data, markdown, page
from .facts import Facts, gather

#: The formats of a report, each with the function that writes it.
FORMATS: Mapping[str, Callable[[Facts], str]] = {
    "html": page.page, "markdown": markdown.markdown, "json": data.to_json, "annotations": annotating.annotated,
}  # fmt: skip
#: How long a summary of several builds may be, bytes: GitHub refuses a step's summary of more than 1 MiB.
TOGETHER = 1_000_000


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
        format: "html", "markdown", "json" or "annotations".
        explanation: why its steps ran; by default `explain(build, previous)`.
    """
    if format not in FORMATS:
        raise LayerLabError(f"there is no report format {format!r}", f"choose one of: {', '.join(FORMATS)}")
    return FORMATS[format](_gathered(build, previous, explanation))


def _gathered(build: Build, previous: Build | Sequence[Build] | None, explanation: Explanation | None = None) -> Facts:
    unexplained = ""
    if explanation is None:
        explanation, unexplained = _explained(build, previous)
    return gather(build, _build_before(build, previous), explanation, unexplained)


def report(
    build: Build, path: str | Path, previous: Build | Sequence[Build] | None = None, format: str = "html"
) -> Path:
    """Write the report to `path` and return the path; see `render`. Raises LayerLabError if it can't be written."""
    return _written(Path(path), render(build, previous, format))


def report_together(told: Iterable[tuple[Build, Build | Sequence[Build] | None]], folder: Path) -> None:
    """Write what a CI job shows and keeps of builds, each with those to compare it with, as in `render`, into `folder`.

    That's a page on each build, `summary.md` and `annotations.txt`. Raises LayerLabError if they can't be written.
    """
    gathered = [(build, _gathered(build, previous)) for build, previous in told]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LayerLabError(f"can't make the folder {folder}: {error.strerror}", "choose another one") from None
    names: set[str] = set()
    for build, facts in gathered:
        name = next(n for n in _names(build) if n not in names)
        names.add(name)
        _written(folder / f"{name}.html", page.page(facts))
    limit = min(markdown.LIMIT, TOGETHER // max(1, len(gathered)))
    summaries = [markdown.markdown(facts, limit) for _, facts in gathered]
    _written(folder / "summary.md", "\n".join(summaries))
    _written(folder / "annotations.txt", annotating.annotated(*(facts for _, facts in gathered)))


def file_name(build: Build) -> str:
    """Return a name, without its ending, for files about what was built."""
    return re.sub(r"[^\w.-]+", "-", f"{build.app}-{build.service or build.variant}")[:100]


def _names(build: Build) -> Iterator[str]:
    """Yield names for a build's files until one isn't taken."""
    yield file_name(build)
    yield from (f"{file_name(build)}-{number}" for number in itertools.count(2))


def _written(path: Path, text: str) -> Path:
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
