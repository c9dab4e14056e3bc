"""What has to be done to a machine before a build, besides edits, and isn't done to a builder of the user's."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import AppError
from ..machine.machine_like import Measurable
from ..project.app import EDITS
from ..record.hosts import in_words


def require_prepared(machine: Measurable, edits: Sequence[str]) -> None:
    """Raise AppError if an edit isn't one of the app, and can't be made on `machine`."""
    if missing := [edit for edit in edits if edit not in (*EDITS, *machine.preparations)]:
        raise AppError(
            f"{' and '.join(missing)} can't be measured on {in_words(machine.label)}: LayerLab neither empties what it "
            "didn't make, nor changes its base images",
            f"name the edits to measure ({', '.join(EDITS)}), or measure on a machine of LayerLab's",
        )
