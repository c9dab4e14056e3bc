"""The numbers behind a comparison: medians and spread of the repeats, one row per variant and edit."""

from __future__ import annotations

import pandas as pd

#: Columns of `summary`.
COLUMNS = [
    "variant",
    "edit",
    "repeats",
    "median_seconds",
    "min_seconds",
    "max_seconds",
    "export_seconds",
    "downloaded_mb",
    "downloads_counted",
    "context_mb",
    "steps_ran",
    "steps_cached",
]


def builds(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per build, from the frame `compare` returns (one row per build and step).

    Columns: variant, edit, repeat, build, wall_seconds, export_seconds, downloaded_mb, downloads_counted, context_mb,
    steps_ran, steps_cached. Megabytes are 10⁶ bytes.
    Raises ValueError if several apps or machines are mixed, because their medians would mean nothing.
    """
    for column in ("app", "machine"):
        if results[column].nunique() > 1:
            names = ", ".join(map(str, results[column].unique()))
            raise ValueError(
                f"these are results of several {column}s ({names}): pick one with results[results.{column} == ...]"
            )
    keys = ["variant", "edit", "repeat", "build"]
    return (
        results.assign(
            ran=results["state"] == "RAN",
            cached=results["state"] == "CACHED",
            build_downloads_counted=results.get(
                "build_downloads_counted", False
            ),  # an earlier version's have no such column
        )
        .groupby(keys, sort=False, as_index=False)
        .agg(
            wall_seconds=("wall_seconds", "first"),
            export_seconds=("export_seconds", "first"),
            downloaded_mb=("build_downloaded_bytes", "first"),
            downloads_counted=("build_downloads_counted", "first"),
            context_mb=("context_bytes", "first"),
            steps_ran=("ran", "sum"),
            steps_cached=("cached", "sum"),
        )
        .assign(downloaded_mb=lambda b: b["downloaded_mb"] / 1e6, context_mb=lambda b: b["context_mb"] / 1e6)
    )


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant and edit, in the order in which `results` (the frame `compare` returns) first names them.

    Columns: variant, edit; repeats; median_seconds, min_seconds, max_seconds of the wall-clock time; export_seconds,
    downloaded_mb, context_mb, steps_ran, steps_cached as medians of the repeats; downloads_counted tells whether they were
    in all of them. Megabytes are 10⁶ bytes.
    Raises ValueError if several apps or machines are mixed.
    """
    return (
        builds(results)
        .groupby(["variant", "edit"], sort=False, as_index=False)
        .agg(
            repeats=("build", "size"),
            median_seconds=("wall_seconds", "median"),
            min_seconds=("wall_seconds", "min"),
            max_seconds=("wall_seconds", "max"),
            export_seconds=("export_seconds", "median"),
            downloaded_mb=("downloaded_mb", "median"),
            downloads_counted=("downloads_counted", "all"),
            context_mb=("context_mb", "median"),
            steps_ran=("steps_ran", "median"),
            steps_cached=("steps_cached", "median"),
        )[COLUMNS]
    )
