"""A scripted day as real builds on real machines, and what the simulation says about the same day."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..machine.machine import Machine
from ..record.build import Build
from ..record.states import RAN
from .days import build_costs
from .fleet import Strategy
from .hits import NOTHING, outcome
from .recipe import INPUTS, Recipe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ..machine.registry import Registry
    from ..project.app import App

#: Edits that a replay can make; no replay moves the base image.
EDITS = ("none", "code", "dependency")
#: Name of a replay's cache in the registry.
CACHE = "replay:cache"


@dataclasses.dataclass(frozen=True)
class Event:
    """One build of a scripted day: runner number `runner`, counted from 1, builds a commit with this edit.

    Raises ValueError for any other runner, or an edit that isn't one of EDITS.
    """

    runner: int
    edit: str

    def __post_init__(self) -> None:
        if self.edit not in EDITS or self.runner < 1:
            raise ValueError(f"an event needs a runner from 1 on, and one of these edits: {', '.join(EDITS)}")


def predicted(recipe: Recipe, strategy: Strategy, script: Sequence[Event]) -> pd.DataFrame:
    """Simulate a scripted day that begins with empty caches.

    Returns a DataFrame with a row per build. Columns: strategy, build (from 1), runner, edit, ran (a tuple: the lines of the
    steps that run), steps_ran, seconds, down_mb, up_mb (megabytes that the registry receives: 0 without one, as no image is
    pushed here). The network costs what it did where the recipe was measured.
    """
    runners = np.array([[event.runner - 1 for event in script]])
    edits = np.array([[INPUTS.index(e.edit) if e.edit in INPUTS else NOTHING for e in script]])
    seen = outcome(recipe, strategy, runners, edits)
    cost = {name: of[0] for name, of in build_costs(recipe, strategy, seen).items()}
    lines = [tuple(part.line for part, ran in zip(recipe.parts, of, strict=True) if ran) for of in seen.ran[0]]
    up = cost["up_bytes"] if strategy.registry else np.zeros(len(script))
    return _table(strategy, script, lines, cost["seconds"], cost["down_bytes"], up)


def replay(
    app: App, variant: str, strategy: Strategy, script: Sequence[Event], registry: Registry | None = None
) -> pd.DataFrame:
    """Run a scripted day in real builds and return the same columns as `predicted`, measured.

    Its machines are called runner-1, runner-2, …, and are removed at the end. With a local cache, a runner stays as it is
    between its builds; otherwise it's reset before each. The registry is reset first, so the strategy's cache there starts
    empty. `up_mb` is what the registry received.

    Raises ValueError for a strategy with a shared builder, which no replay can run, for one with a registry if `registry`
    is None, and for one without a registry if it isn't.
    """
    if strategy.local == "shared" or bool(strategy.registry) != (registry is not None):
        raise ValueError(
            f"{strategy.name!r} can't be replayed like this: give a registry if, and only if, the strategy has one; "
            "a shared builder can't be replayed at all"
        )
    options: list[str] = []
    if registry is not None:
        registry.reset()
        mode, ref = ("max" if strategy.registry == "all" else "min"), registry.ref(CACHE)
        options = [f"--cache-from=type=registry,ref={ref}", f"--cache-to=type=registry,ref={ref},mode={mode}"]
    builds: list[Build] = []
    up: list[int] = []
    with contextlib.ExitStack() as afterwards:
        machines: dict[int, Machine] = {}
        for event in script:
            if fresh := event.runner not in machines:
                machines[event.runner] = _runner(event.runner, afterwards)
            if fresh or not strategy.local:
                machines[event.runner].reset()
            app.edit(event.edit)
            with registry.counting() if registry is not None else contextlib.nullcontext() as moved:
                builds.append(machines[event.runner].build(app, variant, view="none", options=options))
            up.append(moved.pushed_bytes if moved else 0)
    lines = [tuple(step.line for step in build.steps if step.state == RAN) for build in builds]
    return _table(strategy, script, lines, [b.seconds for b in builds], [b.downloaded_bytes for b in builds], up)


def _runner(number: int, afterwards: contextlib.ExitStack) -> Machine:
    machine = Machine.start(f"runner-{number}", say=lambda _: None)
    afterwards.callback(machine.remove)
    return machine


def _table(
    strategy: Strategy,
    script: Sequence[Event],
    lines: Sequence[tuple[int, ...]],
    seconds: ArrayLike,
    down_bytes: ArrayLike,
    up_bytes: ArrayLike,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "strategy": strategy.name,
            "build": range(1, len(script) + 1),
            "runner": [event.runner for event in script],
            "edit": [event.edit for event in script],
            "ran": lines,
            "steps_ran": [len(of) for of in lines],
            "seconds": np.asarray(seconds, float),
            "down_mb": np.asarray(down_bytes, float) / 1e6,
            "up_mb": np.asarray(up_bytes, float) / 1e6,
        }
    )


def agreement(said: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """Compare a simulated and a measured day, build by build.

    Returns a DataFrame with a row per build; columns: strategy, build, runner, edit, said and ran (numbers of steps), agree
    ("yes" only if exactly the same steps ran, else "no"). Raises ValueError if the tables aren't of the same day.
    """
    keys = ["strategy", "build", "runner", "edit"]
    if not said[keys].reset_index(drop=True).equals(seen[keys].reset_index(drop=True)):
        raise ValueError("these tables aren't of the same day")
    same = ["yes" if one == other else "no" for one, other in zip(said["ran"], seen["ran"], strict=True)]
    return seen[keys].assign(said=said["steps_ran"].to_numpy(), ran=seen["steps_ran"].to_numpy(), agree=same)
