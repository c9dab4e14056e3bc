"""Print data and tables, the same way in all commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

#: Width of tables in a pipe or a file, characters: wide enough that nothing is cut.
PIPE_WIDTH = 200


def dump(data: object) -> str:
    """Return `data` as JSON for people and programs."""
    return json.dumps(data, indent=1, ensure_ascii=False)


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
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    output().print(table)
