"""One build as `compare` tells it: a tidy DataFrame, a row a step, with the build's own columns in each."""

from __future__ import annotations

import pandas as pd

from .build import Build


def rows_of(build: Build, edit: str, repeat: int, number: int) -> pd.DataFrame:
    """One build as `compare` tells of it: a row a step, with the columns of the build in each."""
    frame = build.steps_frame()
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
