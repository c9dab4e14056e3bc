"""From measured builds to a team and a fleet: what a day of builds costs, depending on where the cache is kept.

`Recipe.measured` takes from real builds what each step costs and what makes it run; `simulate` plays a fleet's days with
it; `pays_from` and `pays_above` find break-evens; `replay` checks it all against real builds. Only `replay` touches Docker.
"""

from .break_even import over, pays_above, pays_from
from .charts import agreement_chart, over_chart, strategies_chart
from .days import bands, simulate
from .fleet import NONE, REGISTRY_MAX, REGISTRY_MIN, RUNNER, RUNNER_MOUNTS, SHARED, STRATEGIES, Fleet, Strategy
from .recipe import Part, Recipe
from .replay import Event, agreement, predicted, replay
from .sliders import explore

__all__ = [
    "NONE",
    "REGISTRY_MAX",
    "REGISTRY_MIN",
    "RUNNER",
    "RUNNER_MOUNTS",
    "SHARED",
    "STRATEGIES",
    "Event",
    "Fleet",
    "Part",
    "Recipe",
    "Strategy",
    "agreement",
    "agreement_chart",
    "bands",
    "explore",
    "over",
    "over_chart",
    "pays_above",
    "pays_from",
    "predicted",
    "replay",
    "simulate",
    "strategies_chart",
]
