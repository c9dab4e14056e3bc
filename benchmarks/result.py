"""One figure with its limit."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Result:
    """One figure.

    Attributes:
        what: what was measured, in words.
        measured: the figure.
        limit: what it must not exceed; with `at_least`, what it must reach.
        unit: "×", "s", "MB" or "%".
        at_least: whether more is better.
        detail: how it was measured: spread, number of repeats.
        guide: what a team's guide says about the same, for its own machine, network and packages; "" if nothing.
    """

    what: str
    measured: float
    limit: float
    unit: str
    at_least: bool = False
    detail: str = ""
    guide: str = ""

    @property
    def passed(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def figure(self) -> str:
        return f"{_short(self.measured)} {self.unit}"

    @property
    def bound(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g} {self.unit}"


def spread(values: Sequence[float], unit: str) -> str:
    """Sum up figures by their median and range: "median 0.31 s (0.29 to 0.35), 15 times"."""
    middle, low, high = (_short(f(values)) for f in (statistics.median, min, max))
    return f"median {middle} {unit} ({low} to {high}), {len(values)} times"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
