"""The output of `layerlab build`: a table of the steps, totals, and why steps ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explaining.why import explain
from .printing import output

if TYPE_CHECKING:
    from ..record.build import Build


def show_build(build: Build) -> None:
    """Print the table, the totals and the root causes."""
    from rich.table import Table
    from rich.text import Text

    console = output()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, right in (
        ("line", True),
        ("stage", False),
        ("state", False),
        ("s", True),
        ("MB", True),
        ("MB downloaded", True),
    ):
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    table.add_column("step", overflow="ellipsis", no_wrap=True)
    colours = {"RAN": "yellow", "CACHED": "green", "FAILED": "red"}
    for row in rows(build):
        table.add_row(*row[:2], Text(row[2], style=colours.get(row[2], "")), *row[3:6], Text(row[6]))
    console.print(table)
    console.print(totals(build), markup=False, highlight=False)
    roots = [step for step in explain(build).roots if step.causes[0].kind != "first build"]
    if roots:
        console.print("\nwhy (`layerlab explain` has the details):", markup=False, highlight=False)
        for step in roots:
            console.print(f"  line {step.line} {step.instruction}: {step.why}", markup=False, highlight=False)


def rows(build: Build) -> list[tuple[str, ...]]:
    """Return a row per step: line, stage, state, seconds, layer MB, downloaded MB, text; unknown values are empty."""
    return [
        (
            str(step.line or ""),
            step.stage,
            step.state,
            f"{step.seconds:.1f}" if step.started is not None else "",
            f"{step.size_bytes / 1e6:.1f}" if step.size_bytes is not None else "",
            f"{step.downloaded_bytes / 1e6:.1f}" if step.downloaded_bytes else "",
            " ".join(step.text.split()),
        )
        for step in build.steps
    ]


def totals(build: Build) -> str:
    """Return the lines under the table: how the build went, and the bytes."""
    sizes = f"context {build.context_bytes / 1e6:.1f} MB sent"
    if build.image_bytes is not None:
        sizes += f"; image {build.image} {build.image_bytes / 1e6:.1f} MB compressed"
    return f"\n{build.outcome()}\n{sizes}"
