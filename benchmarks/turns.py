"""Two things measured side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence


def in_turns(
    one: Callable[[], float | None], other: Callable[[], float | None], pairs: int
) -> tuple[list[float], list[float]]:
    """Seconds of each, `pairs` times; who goes first alternates, so that neither always follows the other.

    An action may return the seconds that count, where not all that it does is the thing measured.
    """
    one(), other()  # what only a first time does
    first: list[float] = []
    second: list[float] = []
    for pair in range(pairs):
        for action, seconds in ((one, first), (other, second))[:: 1 if pair % 2 else -1]:
            began = time.perf_counter()
            told = action()
            seconds.append(time.perf_counter() - began if told is None else told)
    return first, second


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median of the ratios of pairs."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
