"""A fleet's days: what chance decides, what each day costs, and how much the days differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .fleet import STRATEGIES, Fleet, Strategy
from .hits import NOTHING, Outcome, outcome
from .recipe import INPUTS, Recipe

#: Builds that each runner has done, on average, before the counted day begins: a Monday's empty caches aren't the rule.
WARM_UP_BUILDS_A_RUNNER = 3
#: Quantiles of the days: the band's low end, the median, the band's high end.
BAND = (0.05, 0.5, 0.95)


def simulate(
    recipe: Recipe, fleet: Fleet, strategies: Sequence[Strategy] = STRATEGIES, days: int = 200, seed: int = 11
) -> pd.DataFrame:
    """Simulate days of the fleet, each with its own luck; every strategy sees the same days.

    Returns a DataFrame with a row for each strategy and day. Columns: strategy, day, steps_ran, steps_cached, seconds (of
    runner time, all builds together), down_gb, up_gb, price. The same seed gives the same days.
    """
    random = np.random.default_rng(seed)
    before = WARM_UP_BUILDS_A_RUNNER * fleet.runners
    shape = (days, before + fleet.builds_a_day)
    runners = random.integers(fleet.runners, size=shape)
    edits = drawn_edits(random.random(shape), fleet)
    frames = [_day_costs(recipe, fleet, s, outcome(recipe, s, runners, edits), before) for s in strategies]
    return pd.concat(frames, ignore_index=True)


def drawn_edits(chance: np.ndarray, fleet: Fleet) -> np.ndarray:
    """Turn numbers from 0 to 1 into edits, as often as the fleet's odds say: positions in INPUTS, or NOTHING."""
    ends = np.cumsum([fleet.base_odds, fleet.dependency_odds, fleet.code_odds])
    drawn = np.searchsorted(ends, chance, side="right")
    return np.where(drawn < len(INPUTS), drawn, NOTHING)


def build_costs(recipe: Recipe, strategy: Strategy, seen: Outcome, mbit: float | None = None) -> dict[str, np.ndarray]:
    """Work out what each build costs: "seconds", "down_bytes", "up_bytes", each of shape (days, builds).

    Without `mbit`, the network costs what it did where the recipe was measured. Steps are added up, as if no two ran at
    the same time. Every strategy packs and sends the image's new layers; one with a registry also sends its cache there,
    and fetches layers from it.
    """
    column = {
        name: np.array([getattr(part, name) for part in recipe.parts], float)
        for name in ("seconds", "warm_seconds", "down_bytes", "warm_bytes", "layer_bytes", "in_image")
    }
    cold = seen.ran & ~seen.warm
    pulled = seen.pulled @ column["layer_bytes"]
    packed = seen.ran @ (column["layer_bytes"] * column["in_image"])
    down = cold @ column["down_bytes"] + seen.warm @ column["warm_bytes"] + pulled
    up = seen.pushed @ column["layer_bytes"] + seen.base * recipe.base_bytes
    seconds = recipe.floor_seconds + cold @ column["seconds"] + seen.warm @ column["warm_seconds"]
    seconds = seconds + packed * recipe.export_rate + pulled * recipe.pull_rate
    if strategy.registry:
        seconds = seconds + up * recipe.push_rate
    if mbit is not None:
        seconds = seconds + (down + up) * 8 / (mbit * 1e6)
    return {"seconds": seconds, "down_bytes": down, "up_bytes": up}


def _day_costs(recipe: Recipe, fleet: Fleet, strategy: Strategy, seen: Outcome, before: int) -> pd.DataFrame:
    cost = {name: of[:, before:].sum(axis=1) for name, of in build_costs(recipe, strategy, seen, fleet.mbit).items()}
    ran = seen.ran[:, before:].sum(axis=(1, 2))
    down, up = cost["down_bytes"] / 1e9, cost["up_bytes"] / 1e9
    return pd.DataFrame(
        {
            "strategy": strategy.name,
            "day": np.arange(len(ran)),
            "steps_ran": ran,
            "steps_cached": fleet.builds_a_day * len(recipe.parts) - ran,
            "seconds": cost["seconds"],
            "down_gb": down,
            "up_gb": up,
            "price": cost["seconds"] / 60 * fleet.minute_price + (down + up) * fleet.gb_price,
        }
    )


def bands(days: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the bands of one column of `simulate`'s result: a row per strategy, in its order; columns low, median, high."""
    table = days.groupby("strategy", sort=False)[column].quantile(np.array(BAND)).unstack()
    return table.set_axis(["low", "median", "high"], axis=1)
