"""Break-evens: from how many runners on, and below which bandwidth, one way to share a cache beats another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd

from .days import bands, simulate
from .fleet import STRATEGIES, Fleet, Strategy
from .recipe import Recipe

#: Days simulated for each point of a curve.
DAYS = 100


def over(
    recipe: Recipe,
    fleet: Fleet,
    setting: str,
    values: Sequence[float],
    strategies: Sequence[Strategy] = STRATEGIES,
    column: str = "seconds",
    days: int = DAYS,
) -> pd.DataFrame:
    """The fleet with one of its settings varied ("runners", "mbit", …).

    Returns a DataFrame, one row a value and strategy; columns: the setting, strategy, low, median, high (of a day).
    """
    frames = []
    for value in values:
        table = bands(simulate(recipe, dataclasses.replace(fleet, **{setting: value}), strategies, days), column)
        frames.append(table.reset_index().assign(**{setting: value}))
    return pd.concat(frames, ignore_index=True)[[setting, "strategy", "low", "median", "high"]]


def pays_from(curve: pd.DataFrame, this: Strategy, instead_of: Strategy) -> float | None:
    """The first value of `over`'s setting from which on, to the end, `this` has the lower median; None if there is none."""
    setting = curve.columns[0]
    wide = curve.pivot(index=setting, columns="strategy", values="median").sort_index()
    worse = wide.index[wide[this.name] >= wide[instead_of.name]]
    better = wide.index if worse.empty else wide.index[wide.index > worse[-1]]
    return None if better.empty else float(better[0])


def pays_above(recipe: Recipe, fleet: Fleet, this: Strategy, instead_of: Strategy, days: int = DAYS) -> float | None:
    """The megabits a second at which both take equally long on average; above it, `this` is the faster one.

    0.0 where `this` is faster at any bandwidth, None where it is at none. What a day takes is work + bytes · 8 / bandwidth,
    so the crossing needs no search.
    """
    still = dataclasses.replace(fleet, mbit=float("inf"))
    table = (
        simulate(recipe, still, (this, instead_of), days).groupby("strategy")[["seconds", "down_gb", "up_gb"]].mean()
    )
    ours, theirs = table.loc[this.name], table.loc[instead_of.name]
    saved = theirs.seconds - ours.seconds
    more_gb = ours.down_gb + ours.up_gb - theirs.down_gb - theirs.up_gb
    if saved <= 0:
        return None
    return max(more_gb * 8e3 / saved, 0.0)
