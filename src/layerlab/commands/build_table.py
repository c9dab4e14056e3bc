"""The output of `layerlab build`: a table of the steps, totals, why steps ran, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..explaining.why import explain
from ..record.step import shortened
from ..record.traffic import least
from .printing import cell, echo, output

if TYPE_CHECKING:
    from rich.console import Console

    from ..record.build import Build

#: The columns before the step's text, and whether they're right-aligned.
COLUMNS = (("line", True), ("stage", False), ("state", False), ("s", True), ("MB", True), ("MB downloaded", True))
#: The least that's shown of a step's text, characters.
TEXT = 10
#: A terminal that has fewer columns than this gets short names of stages, and headings on two lines: all numbers fit in 80.
WIDE = 100
#: The most that's shown of a stage's name in a wide terminal and in a narrow one, characters.
STAGE, SHORT_STAGE = 40, 16


def show_build(build: Build, earlier: Sequence[Build] | None = None) -> None:
    """Print the table, the totals, the root causes and what to do about them.

    `earlier` are the builds to compare with, if they're not only those of the same machine; it's then said which.
    """
    console = output()
    _show_steps(build, console)
    echo(totals(build))
    explanation = explain(build, earlier)
    causes = [cause for cause in explanation.root_causes if cause.kind != "first build"]
    if earlier is not None:
        echo(
            f"\ncompared with {explanation.against or 'no earlier build: none is kept for this branch or the default one'}"
        )
    if causes:
        echo("\nwhy (`layerlab explain` has the details):")
        for cause in causes:
            echo(f"  {cause}")
    for line in explanation.advice():
        echo(f"  {line}")


def _show_steps(build: Build, console: Console) -> None:
    """Print the table. A step's text is cut to what the other columns leave of the width; the numbers never are."""
    from rich.table import Table

    wide = console.width >= WIDE
    found = rows(build, STAGE if wide else SHORT_STAGE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    left = console.width
    for number, (title, right) in enumerate(COLUMNS):
        title = title if wide else title.replace(" ", "\n")
        width = max(map(len, [*title.split("\n"), *(row[number] for row in found)]))
        left -= width + 2  # rich's gap between two columns
        table.add_column(title, justify="right" if right else "left", min_width=width, max_width=width)
    table.add_column("step", no_wrap=True)
    colours = {"RAN": "yellow", "CACHED": "green", "FAILED": "red"}
    for row in found:
        table.add_row(
            *map(cell, row[:2]),
            cell(row[2], colours.get(row[2], "")),
            *map(cell, row[3:-1]),
            cell(shortened(row[-1], max(TEXT, left))),
        )
    console.print(table)


def rows(build: Build, stage: int = STAGE) -> list[tuple[str, ...]]:
    """Return a row per step: line, stage, state, seconds, layer MB, downloaded MB, text; unknown values are empty.

    A stage's name is cut to `stage` characters.
    """
    return [
        (
            str(step.line or ""),
            shortened(step.stage, stage),
            step.state,
            f"{step.seconds:.1f}" if step.started is not None else "",
            f"{step.size_bytes / 1e6:.1f}" if step.size_bytes is not None else "",
            f"{least(step.downloads_counted)}{step.downloaded_bytes / 1e6:.1f}" if step.downloaded_bytes else "",
            " ".join(step.text.split()),
        )
        for step in build.steps
    ]


def totals(build: Build) -> str:
    """Return the lines under the table: how the build went, and the bytes."""
    sizes = f"context {build.context_bytes / 1e6:.1f} MB sent"
    if build.image_bytes is not None:
        sizes += f"; image {build.image_name or 'without a name'}, {build.image_bytes / 1e6:.1f} MB compressed"
    return f"\n{build.outcome()}\n{sizes}"
