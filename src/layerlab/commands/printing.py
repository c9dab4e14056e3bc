"""Print data and tables, the same way in all commands."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from ..texts.plain import as_json as dump
from ..texts.plain import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["PIPE_WIDTH", "cell", "dump", "echo", "output", "print_table"]

#: Width of tables in a pipe or a file, characters: wide enough that nothing is cut.
PIPE_WIDTH = 200


def echo(text: object, err: bool = False) -> None:
    """Print a text for people: with nothing in it that a terminal would obey, whatever it quotes."""
    click.echo(shown(str(text)), err=err)


def cell(text: object, style: str = "") -> Text:
    """Return a text for a table: nothing in it is markup, and nothing a terminal would obey."""
    from rich.text import Text

    return Text(shown(str(text)), style=style)


def output() -> Console:
    """Return a console for tables on standard output: as wide as the terminal, or plain and wide in a pipe or a file."""
    from rich.console import Console

    # Text between two colons is the user's: rich would make a picture of ":bug:".
    if sys.stdout.isatty():
        return Console(emoji=False)
    return Console(width=PIPE_WIDTH, no_color=True, highlight=False, emoji=False)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[object]], right: Collection[str] = ()) -> None:
    """Print a table of texts and numbers. Columns named in `right` are right-aligned."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left")
    for row in rows:
        table.add_row(*map(cell, row))
    output().print(table)
