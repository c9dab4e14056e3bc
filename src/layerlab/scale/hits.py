"""Which steps run: the build cache as arrays, for many days at once or for one scripted day.

The history is one line of commits. Each build is of the newest commit, on some runner. A cache that has built some
version of the inputs has a step exactly if nothing that the step reads has changed since. Versions never come back, so
it's enough to remember each cache's last build.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .fleet import Strategy
from .recipe import INPUTS, Recipe

#: In an array of edits, a build that changes nothing; any other value is a position in INPUTS.
NOTHING = -1


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What happened to each step of each build. Boolean arrays of shape (days, builds, parts).

    Attributes:
        ran: the step ran.
        warm: it ran, and its cache mounts were filled.
        pulled: its layer was fetched from a registry.
        pushed: its layer was new to the registry and was sent there.
        base: the base image was new to the cache in the registry, and was sent there too; shape (days, builds).
    """

    ran: np.ndarray
    warm: np.ndarray
    pulled: np.ndarray
    pushed: np.ndarray
    base: np.ndarray


def outcome(recipe: Recipe, strategy: Strategy, runners: np.ndarray, edits: np.ndarray) -> Outcome:
    """Play builds against caches that start empty.

    Args:
        recipe: what is built.
        strategy: which caches there are.
        runners: which runner each build goes to, counted from 0; shape (days, builds), integer.
        edits: what each build changes: a position in INPUTS, or NOTHING; the same shape.

    Raises ValueError if the shapes differ.
    """
    if runners.shape != edits.shape or runners.ndim != 2:
        raise ValueError("runners and edits must be arrays of one shape, (days, builds)")
    days, builds = edits.shape
    reads = np.array([part.reads for part in recipe.parts])  # (parts, inputs)
    in_image = np.array([part.in_image for part in recipe.parts])
    places = int(runners.max(initial=0)) + 1 if strategy.local == "runner" else 1
    everyday = np.arange(days)

    now = np.zeros((days, len(INPUTS)), int)  # version of each input
    on_disk = np.full((days, places, len(INPUTS)), NOTHING)  # version that each cache built last
    in_registry = np.full((days, len(INPUTS)), NOTHING)
    mounted = np.zeros((days, places, len(reads)), bool)
    ran, warm, pulled, pushed = (np.zeros((days, builds, len(reads)), bool) for _ in range(4))
    base = np.zeros((days, builds), bool)

    for build in range(builds):
        for position in range(len(INPUTS)):
            now[:, position] += edits[:, build] == position
        place = runners[:, build] if strategy.local == "runner" else np.zeros(days, int)
        local = (
            _unchanged(reads, on_disk[everyday, place], now) if strategy.local else np.zeros((days, len(reads)), bool)
        )
        remote = _unchanged(reads, in_registry, now) & (in_image if strategy.registry == "image" else True)
        remote &= bool(strategy.registry)
        needed = _needed(recipe, local | remote)
        ran[:, build] = needed & ~local & ~remote
        # All layers of the image, those that a running step stands on, and everything below them.
        pulled[:, build] = _with_all_below(recipe, remote & ~local & (needed | in_image))
        pushed[:, build] = ran[:, build] & (in_image | (strategy.registry == "all"))
        if strategy.mounts:
            warm[:, build] = ran[:, build] & mounted[everyday, place]
            mounted[everyday, place] |= ran[:, build]
        base[:, build] = bool(strategy.registry) & (in_registry[:, 0] != now[:, 0])
        on_disk[everyday, place] = now
        in_registry[:] = now
    return Outcome(ran, warm, pulled, pushed, base)


def _unchanged(reads: np.ndarray, had: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Tell which parts (days, parts) a cache still has at versions `now` if it last built `had` (days, inputs)."""
    same = (had == now)[:, None, :]
    unchanged: np.ndarray = np.all(same | ~reads, axis=2) & np.all(had >= 0, axis=1)[:, None]
    return unchanged


def _needed(recipe: Recipe, have: np.ndarray) -> np.ndarray:
    """Tell which parts (days, parts) are asked for: the last one, and all that a missing part that's asked for stands on.

    If the COPY of a stage's result is cached, the stage isn't asked for, even if its own layers are in no cache.
    """
    needed = np.zeros_like(have)
    needed[:, -1] = True
    for position in reversed(range(len(recipe.parts))):
        for before in recipe.parts[position].after:
            needed[:, before] |= needed[:, position] & ~have[:, position]
    return needed


def _with_all_below(recipe: Recipe, pulled: np.ndarray) -> np.ndarray:
    """Add the layers below each pulled one: a layer is useless without those it was made on."""
    for position in reversed(range(len(recipe.parts))):
        if (below := recipe.parts[position].below) is not None:
            pulled[:, below] |= pulled[:, position]
    return pulled
