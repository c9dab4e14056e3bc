"""Break-evens: the number of runners, or the bandwidth, at which one way to share a cache starts to beat another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

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
    """Simulate the fleet for several values of one of its settings ("runners", "mbit", …).

    Returns a DataFrame with a row for each value and strategy; columns: the setting, strategy, and low, median and high of a
    day's `column`. Raises ValueError for a value that no Fleet can have.
    """
    frames = []
    for value in values:
        changed: dict[str, Any] = {setting: value}
        table = bands(simulate(recipe, dataclasses.replace(fleet, **changed), strategies, days), column)
        frames.append(table.reset_index().assign(**changed))
    return pd.concat(frames, ignore_index=True)[[setting, "strategy", "low", "median", "high"]]


def pays_from(curve: pd.DataFrame, this: Strategy, instead_of: Strategy) -> float | None:
    """Return the value of `over`'s setting from which `this` keeps the lower median to the end; None if there's none."""
    setting = curve.columns[0]
    wide = curve.pivot(index=setting, columns="strategy", values="median").sort_index()
    worse = wide.index[wide[this.name] >= wide[instead_of.name]]
    better = wide.index if worse.empty else wide.index[wide.index > worse[-1]]
    return None if better.empty else float(better[0])


def pays_above(recipe: Recipe, fleet: Fleet, this: Strategy, instead_of: Strategy, days: int = DAYS) -> float | None:
    """Return the megabits per second at which both take equally long on average; above that, `this` is faster.

    Returns 0.0 if `this` is faster at any bandwidth, None if it isn't however high the bandwidth. A day takes
    work + bytes · 8 / bandwidth, so finding the crossing needs no search.
    """
    still = dataclasses.replace(fleet, mbit=float("inf"))
    table = (
        simulate(recipe, still, (this, instead_of), days).groupby("strategy")[["seconds", "down_gb", "up_gb"]].mean()
    )
    means = table.to_dict("index")
    ours, theirs = means[this.name], means[instead_of.name]
    saved = theirs["seconds"] - ours["seconds"]
    more_gb = ours["down_gb"] + ours["up_gb"] - theirs["down_gb"] - theirs["up_gb"]
    if saved <= 0:
        return None
    return max(float(more_gb * 8e3 / saved), 0.0)
