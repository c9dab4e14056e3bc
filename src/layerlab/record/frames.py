"""One build as rows of the tidy DataFrame that `compare` returns."""

from __future__ import annotations

import pandas as pd

from .build import Build


def rows_of(build: Build, edit: str, repeat: int, number: int) -> pd.DataFrame:
    """Return one build as rows of the frame that `compare` returns: one row per step, with the build's columns in each.

    Columns: app, machine, variant, edit, repeat, build (`number`), wall_seconds, export_seconds, context_bytes, image_bytes,
    build_downloaded_bytes, build_downloads_counted, then those of `Build.steps_frame`.
    """
    frame = build.steps_frame()
    columns: dict[str, str | float | None] = {
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
        "build_downloads_counted": build.downloads_counted,
    }
    for position, (name, value) in enumerate(columns.items()):
        frame.insert(position, name, value)
    return frame
