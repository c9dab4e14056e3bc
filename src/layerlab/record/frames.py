"""Builds as tidy DataFrames. The one place of this room that needs pandas."""

from __future__ import annotations

import pandas as pd

from .build import Build

_COLUMNS = ["line", "stage", "instruction", "state", "seconds", "size_bytes", "downloaded_bytes", "text"]


def steps_frame(build: Build) -> pd.DataFrame:
    """Return the steps of a build, a row a step in file order; see `Build.steps_frame` for the columns."""
    frame = pd.DataFrame([{c: getattr(s, c) for c in _COLUMNS} for s in build.steps], columns=_COLUMNS)
    return frame.astype({"size_bytes": "Int64"})


def rows_of(build: Build, edit: str, repeat: int, number: int) -> pd.DataFrame:
    """One build as `compare` tells of it: a row a step, with the columns of the build in each."""
    frame = steps_frame(build)
    columns = {
        "app": build.app,
        "machine": build.machine,
        "variant": build.variant,
        "edit": edit,
        "repeat": repeat,
        "build": number,
        "wall_seconds": build.seconds,
        "export_seconds": build.export_seconds,
        "context_bytes": build.context_bytes,
        "image_bytes": build.image_bytes,
        "build_downloaded_bytes": build.downloaded_bytes,
    }
    for position, (name, value) in enumerate(columns.items()):
        frame.insert(position, name, value)
    return frame
