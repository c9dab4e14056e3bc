"""The score over the course: all graded predictions of this home, in one small file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import LayerLabError
from ..system.files import replace_text
from ..system.home import home, locked

#: The score's file in LayerLab's home; `cleanup.OURS` has it too.
FILE = "score.json"
#: Columns of `Score.predictions`, and the entries of one record.
COLUMNS = ["when", "notebook", "app", "variant", "edit", "right", "of"]


@dataclasses.dataclass(frozen=True)
class Score:
    """All graded predictions.

    Attributes:
        predictions: one row each, in the order in which they were first graded. Columns: when (start of the build, ISO
            8601, UTC), notebook ("" if unknown), app, variant, edit, right (steps predicted correctly), of (steps predicted).
    """

    predictions: pd.DataFrame

    @property
    def right(self) -> int:
        """Number of steps predicted correctly."""
        return int(self.predictions["right"].sum())

    @property
    def of(self) -> int:
        """Number of steps predicted."""
        return int(self.predictions["of"].sum())

    def __str__(self) -> str:
        count = len(self.predictions)
        if not count:
            return "No prediction has been graded yet."
        return f"{self.right} of {self.of} steps right, in {count} prediction{'' if count == 1 else 's'}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = self.predictions.to_html(index=False, escape=True) if len(self.predictions) else ""
        return f"<p><b>{self}</b></p>{table}"


def score() -> Score:
    """Return the score over all notebooks of this home. Raises LayerLabError if its file can't be read."""
    return Score(pd.DataFrame(_read().values(), columns=COLUMNS))


def keep(identity: str, record: Mapping[str, Any]) -> Score:
    """Save a graded prediction, in place of an earlier record with the same identity; return the new score."""
    with locked("score"):
        records = {**_read(), identity: dict(record)}
        replace_text(_file(), json.dumps(records, indent=1))
    return score()


def _read() -> dict[str, dict[str, Any]]:
    try:
        records = json.loads(_file().read_text(encoding="utf-8"))
        return {str(identity): {column: record[column] for column in COLUMNS} for identity, record in records.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LayerLabError(f"{_file()} can't be read: {error}", "delete it to start the score again") from None


def _file() -> Path:
    return home() / FILE
