"""The room's entry point: write a build's report as text or to a file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ..errors import LayerLabError
from ..explaining.causes import Explanation
from ..explaining.why import explain
from ..record import history
from ..record.build import Build
from ..system import docker_words
from . import annotations, data, markdown, page
from .facts import Facts, gather

#: The formats of a report, each with the function that writes it.
FORMATS: Mapping[str, Callable[[Facts], str]] = {
    "html": page.page, "markdown": markdown.markdown, "json": data.to_json, "annotations": annotations.annotations,
}  # fmt: skip
#: How long a summary of several builds may be, bytes: GitHub refuses a step's summary of more than 1 MiB.
TOGETHER = 1_000_000


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
    return FORMATS[format](_gathered(build, previous, explanation))


def _gathered(build: Build, previous: Build | None, explanation: Explanation | None = None) -> Facts:
    unexplained = ""
    if explanation is None:
        explanation, unexplained = _explained(build, previous)
    return gather(build, previous or _build_before(build), explanation, unexplained)


def report(build: Build, path: str | Path, previous: Build | None = None, format: str = "html") -> Path:
    """Write the report to `path` and return the path; see `render`. Raises LayerLabError if it can't be written."""
    return _written(Path(path), render(build, previous, format))


def report_together(told: Iterable[tuple[Build, Build | None]], folder: Path) -> None:
    """Write what a CI job shows and keeps of builds, each with the one to compare it with or None, into `folder`.

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
    _written(folder / "annotations.txt", annotations.annotations(*(facts for _, facts in gathered)))


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
