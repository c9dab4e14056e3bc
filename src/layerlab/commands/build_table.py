"""What `layerlab build` prints of a build: a table of its steps, totals, and why steps ran."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..explaining.why import explain

if TYPE_CHECKING:
    from ..record.build import Build

#: Width of tables that go to a pipe or a file, characters: wide enough that nothing is cut.
PIPE_WIDTH = 200


def show_build(build: Build) -> None:
    """Print the table, the totals, and why the steps ran that started it all."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH, no_color=True, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, right in (
        ("line", True),
        ("stage", False),
        ("state", False),
        ("s", True),
        ("MB", True),
        ("down MB", True),
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
        console.print("\nwhy (`layerlab explain` tells more):", markup=False, highlight=False)
        for step in roots:
            console.print(f"  line {step.line} {step.instruction}: {step.why}", markup=False, highlight=False)


def rows(build: Build) -> list[tuple[str, ...]]:
    """Return a row a step: line, stage, state, seconds, layer MB, downloaded MB, text; empty where nothing is known."""
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
    """Return what goes under the table: how it went, and the bytes."""
    sizes = f"context {build.context_bytes / 1e6:.1f} MB sent"
    if build.image_bytes is not None:
        sizes += f"; image {build.image} {build.image_bytes / 1e6:.1f} MB compressed"
    return f"\n{build.outcome()}\n{sizes}"
