"""The bandwidth from which one way beats another: measured seconds and bytes, converted to other networks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from . import theme
from .chart import Chart
from .theme import escaped, seconds

#: The range of bandwidths in the chart, Mbit/s: from a weak mobile connection to a data centre.
SLOWEST, FASTEST = 2.0, 2000.0
#: Colour, dashes and marker of each way, in order: distinguishable without colours.
LOOKS = [(theme.VERMILLION, "dash", "square"), (theme.BLUE, "solid", "circle"), (theme.GREEN, "dot", "diamond")]
#: Points on each line; every eighth has a marker.
POINTS = 49


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to the same image.

    Attributes:
        name: its name in the chart.
        seconds: how long it took when measured, on a line so fast that the transfer hardly counts.
        bytes: how much it moves over the line.
    """

    name: str
    seconds: float
    bytes: float

    def at(self, mbit_per_second: float) -> float:
        """Return the seconds on a line of this bandwidth: the measured work, plus the transfer."""
        return self.seconds + self.bytes * 8e-6 / mbit_per_second


def break_even(one: Way, other: Way) -> float | None:
    """Return the bandwidth, Mbit/s, at which both take equally long; None if one is faster at every bandwidth."""
    more_bytes, more_seconds = one.bytes - other.bytes, other.seconds - one.seconds
    if more_bytes * more_seconds <= 0:
        return None
    return more_bytes * 8e-6 / more_seconds


def over_bandwidth(ways: Sequence[Way], title: str = "Seconds over bandwidth") -> Chart:
    """Draw a line for each way, seconds over bandwidth, both on log scales, and mark where the first two cross.

    Raises ValueError for fewer than two ways, or for more than LOOKS can distinguish.
    """
    if not 2 <= len(ways) <= len(LOOKS):
        raise ValueError(f"the chart compares 2 to {len(LOOKS)} ways, not {len(ways)}")
    crossing = break_even(*ways[:2])
    said = _in_words(ways, crossing)
    chart = Chart(layout=theme.layout(title, said, 12))
    ratio = FASTEST / SLOWEST
    speeds = [SLOWEST * ratio ** (i / (POINTS - 1)) for i in range(POINTS)]
    for way, (colour, dash, symbol) in zip(ways, LOOKS, strict=False):
        at = [way.at(speed) for speed in speeds]
        chart.add_trace(
            go.Scatter(
                x=speeds, y=at, mode="lines+markers", line={"color": colour, "dash": dash, "width": 2},
                marker={"symbol": symbol, "size": [9 if i % 8 == 0 else 0 for i in range(POINTS)]},
                hovertemplate=f"{escaped(way.name)}<br>%{{x:.3g}} Mbit/s: %{{y:.1f}} s<extra></extra>",
            )
        )  # fmt: skip
        chart.add_annotation(
            x=math.log10(FASTEST), y=math.log10(at[-1]), text=f" {escaped(way.name)}", showarrow=False, xanchor="left",
            font={"color": colour},
        )  # fmt: skip
    if crossing and SLOWEST < crossing < FASTEST:
        chart.add_vline(x=crossing, line={"color": theme.INK, "dash": "dot", "width": 1})
        chart.add_annotation(
            x=math.log10(crossing), y=1, yref="paper", yanchor="bottom", showarrow=False, text=f"{crossing:.3g} Mbit/s"
        )
    span = [SLOWEST * ratio**0, FASTEST]
    values = [way.at(speed) for way in ways for speed in span]
    chart.update_layout(
        meta={"summary": f"{title}: {said}"},
        margin={"r": 12 + 8 * max(len(way.name) for way in ways)},
        xaxis=_log_axis("Mbit/s (log scale)", *span),
        yaxis=_log_axis("seconds (log scale)", min(values) / 1.3, max(values) * 1.3),
    )
    return chart


def _in_words(ways: Sequence[Way], crossing: float | None) -> str:
    slow, fast = ways[:2]
    if crossing is None:
        better = min(ways[:2], key=lambda way: way.at(1))
        return f"{better.name} is faster at every bandwidth"
    below = min(ways[:2], key=lambda way: way.at(crossing / 2))
    above = slow if below is fast else fast
    first = f"below {crossing:.3g} Mbit/s {below.name} is faster, above it {above.name}"
    return f"{first}, which takes {seconds(above.at(1000))} at 1,000 Mbit/s"


def _log_axis(title: str, low: float, high: float) -> dict[str, Any]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [t for e in powers for d in (1, 2, 5) if low <= (t := d * 10.0**e) <= high]
    return theme.value_axis(title) | {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [f"{tick:,.10g}" for tick in ticks],
        "automargin": True,
    }
