"""Whether a hit has the files that it had in an earlier build: BuildKit compares them by content, which no record holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..record.history import KEPT
from ..record.hosts import is_builder
from ..record.states import CACHED, FAILED, RAN
from .comparison import Comparison, same_layer


def same_files(
    comparisons: Sequence[Comparison], others: Sequence[Comparison], newest: Comparison, hit: int
) -> bool | None:
    """Tell whether a hit took the same files from a stage or an image as in `newest`; None if that isn't known.

    The layer tells, or that only one build has ever made what the hit found in the cache.

    Args:
        comparisons: the build compared with earlier ones, newest first.
        others: the same with those of other targets or variants.
        newest: the newest of the comparisons whose build got through the step.
        hit: the step's index.
    """
    same = same_layer(newest, hit)
    if same is False and not newest.step(hit).nothing_else:
        return None  # what it builds on may be why the layer is another one
    if same is None and not others and not _ran_for_nothing_else(newest, hit):
        return any(_made_once(comparisons, newest, step) for step in (hit, *_hits_on(newest, hit))) or None
    return same


def _ran_for_nothing_else(comparison: Comparison, hit: int) -> bool:
    """Tell whether a step that builds on a hit ran, and nothing but other files there can be why."""
    for index, operation in enumerate(comparison.operations_now):
        if operation and operation.base == hit and comparison.now.steps[index].state in (RAN, FAILED):
            found = comparison.step(index) if comparison.reached(index) else None
            if found and not (found.reasons or (found.taken and found.taken.reasons)):
                return True
    return False


def _hits_on(comparison: Comparison, hit: int) -> Iterator[int]:
    """Yield the hits that build on a hit, one on the other: their results come from a build that had the same files there."""
    for index in range(hit + 1, len(comparison.now.steps)):
        operation = comparison.operations_now[index]
        if operation and operation.base == hit and comparison.now.steps[index].state == CACHED:
            yield index
            hit = index


def _made_once(comparisons: Sequence[Comparison], newest: Comparison, index: int) -> bool:
    """Tell whether a step ran in the first of the builds that got through it, and in none after: then they had one result."""
    # Builds that aren't known may have made another: of other services, on a builder that others use, elsewhere, or forgotten.
    alone = not newest.now.what[2] and not is_builder(newest.now.machine)
    if not alone or len(comparisons) >= KEPT or not all(c.on_one_engine for c in comparisons):
        return False
    through = [comparison for comparison in comparisons if comparison.reached(index)]
    ran = [c for c in through if c.state_before(index) == RAN]
    return newest in through and [through[-1]] == ran
