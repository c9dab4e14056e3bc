"""Measuring things side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def in_turns(
    one: Callable[[], float | None], other: Callable[[], float | None], pairs: int
) -> tuple[list[float], list[float]]:
    """Time two actions `pairs` times each, and return the seconds of each. They take turns at going first.

    An action may return the seconds that count, if it does more than what's measured.
    """
    one(), other()  # some things only happen the first time
    first: list[float] = []
    second: list[float] = []
    for pair in range(pairs):
        for action, seconds in ((one, first), (other, second))[:: 1 if pair % 2 else -1]:
            began = time.perf_counter()
            told = action()
            seconds.append(time.perf_counter() - began if told is None else told)
    return first, second


def in_rounds(actions: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure several actions `rounds` times each, and return what each returned. A different one begins each round."""
    for action in actions.values():
        action()  # some things only happen the first time
    names, found = list(actions), {name: list[float]() for name in actions}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(actions[name]())
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the pairs' ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
