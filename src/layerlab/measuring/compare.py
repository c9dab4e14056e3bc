"""compare: variants × edits × repeats as real builds on one machine or builder, in one tidy DataFrame."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

import pandas as pd
from tqdm.auto import tqdm

from ..errors import AppError
from ..machine.machine_like import Measurable
from ..machine.resolving import resolve
from ..project.app import EDITS, App
from ..record.frames import rows_of
from ..system import progress
from .preparing import require_prepared

#: The edits that `compare` understands: a build on a reset machine, the edits of an App, and a moved base image.
PREPARATIONS = ("cold", *EDITS, "base")


def compare(
    machine: Measurable,
    app: App,
    variants: Sequence[str],
    edits: Sequence[str] = ("cold", "none", "code"),
    repeats: int = 3,
) -> pd.DataFrame:
    """Build every variant after every edit, `repeats` times, and return the measurements.

    Each build gets the right preparation: "cold" resets the machine, "base" moves its base image, and every other edit is
    made again, each time, on top of a build of the same variant, so it can never be a hit by accident. Other processes
    can't use the machine meanwhile, and in the end it has its original base image again. A Builder of yours is neither reset
    nor kept from others: "cold" and "base" can't be measured there, and times include what others do on it.
    `$LAYERLAB_REPEATS` can lower `repeats`, but not raise it.

    Returns a DataFrame with one row per build and step. Columns of the build, the same in all its rows: app, machine, variant,
    edit, repeat (from 0), build (a number), wall_seconds, export_seconds, context_bytes, image_bytes,
    build_downloaded_bytes. Columns of the step: line, stage, instruction, state, seconds, size_bytes, downloaded_bytes,
    text.

    Raises before it builds anything: AppError for an unknown variant or edit, an edit that the app has nothing for or that
    can't be made on a builder, or `repeats` below 1, and what `machine.build` raises if Compose, bake or the variant's files
    say something that can't be built. Then the same errors as `machine.build`.
    """
    require_possible(app, variants, edits, repeats)
    require_prepared(machine, edits)
    repeats = min(repeats, int(os.environ.get("LAYERLAB_REPEATS") or repeats))
    total = len(variants) * len(edits) * repeats
    rows: list[pd.DataFrame] = []
    with (
        machine.alone(),
        _undone(machine, edits),
        tqdm(total=total, unit="build", desc=f"{app.name}: {total} builds") as bar,
    ):
        for variant in variants:
            prepared = False
            for repeat in range(repeats):
                for edit in sorted(edits, key=PREPARATIONS.index):
                    bar.set_postfix_str(f"{variant}, {edit}")
                    if edit != "cold" and not prepared:
                        machine.build(app, variant, view="none", say=progress.say)
                    if edit in EDITS:
                        app.edit(edit)
                    else:
                        machine.preparations[edit].make()
                        app.last_edit = "none" if edit == "cold" else edit
                    build = machine.build(app, variant, view="none", say=progress.say)
                    prepared = True
                    rows.append(rows_of(build, edit, repeat, len(rows)))
                    bar.update()
    return pd.concat(rows, ignore_index=True)


def require_possible(app: App, variants: Sequence[str], edits: Sequence[str], repeats: int) -> None:
    """Raise what `compare` raises before it builds anything."""
    unknown = [edit for edit in edits if edit not in PREPARATIONS]
    if unknown or repeats < 1:
        what = f"no edit {unknown[0]!r}" if unknown else f"no way to build {repeats} times"
        raise AppError(f"there is {what}", f"edits: {', '.join(PREPARATIONS)}; repeats: 1 or more")
    if not edits or not variants:
        raise AppError("there's nothing to compare", "name at least one variant and one edit")
    for variant in variants:
        resolve(app, variant)
    for edit in edits:
        if edit in EDITS:
            app.edited_by(edit)


@contextlib.contextmanager
def _undone(machine: Measurable, edits: Sequence[str]) -> Iterator[None]:
    """Undo in the end what was done to the machine."""
    try:
        yield
    finally:
        for edit in {*edits} & {*machine.preparations}:
            machine.preparations[edit].undo()
