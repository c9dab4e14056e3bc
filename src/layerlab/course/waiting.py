"""How long bytes take: measured on one network, calculated for another. A slider if there's a kernel, otherwise a table.

Only the transfer is calculated: bytes × 8 / bits per second. Latency, packing and unpacking come on top, on every network.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ..charts import markup, theme

#: Megabits per second that the slider offers, each with a typical connection of that speed.
SPEEDS: dict[float, str] = {
    1: "a phone at the edge of its network",
    5: "a train's Wi-Fi",
    10: "a workshop that shares one line",
    20: "a hotel",
    50: "a home, DSL or cable",
    100: "a small office",
    250: "a home with fibre",
    1000: "an office with fibre",
    10000: "a data centre",
}
#: Speeds in the table that's shown without a kernel.
SHOWN = (5, 20, 100, 1000)
START = 20

_TABLE = """
<table style="{{ s.table }}">
<caption style="text-align:left;caption-side:top;padding:2px 8px">{{ title }}</caption>
<tr style="{{ s.row }}"><th scope="col" style="{{ s.head }}">what is sent</th>
<th scope="col" style="{{ s.head }};text-align:right">MB</th>
{% for speed in speeds %}
<th scope="col" style="{{ s.head }};text-align:right">{{ "{:,.0f}".format(speed) }} Mbit/s</th>
{% endfor %}</tr>
{% for row in rows %}
<tr style="{{ s.line }}"><th scope="row" style="{{ s.word }};font-weight:400">{{ row.name }}</th>
<td style="{{ s.cell }};text-align:right">{{ row.megabytes }}</td>
{% for time in row.times %}<td style="{{ s.cell }};text-align:right;white-space:nowrap">{{ time }}</td>
{% endfor %}</tr>
{% endfor %}</table>
"""
_BARS = """
<div role="status" style="line-height:1.4;margin:4px 0"><b>At {{ "{:,.0f}".format(speed) }} Mbit/s</b> ({{ like }})</div>
<table style="{{ s.table }}">
{% for row in rows %}
<tr style="{{ s.line }}"><th scope="row" style="{{ s.word }};font-weight:400">{{ row.name }}</th>
<td style="{{ s.cell }};text-align:right;white-space:nowrap">{{ row.megabytes }} MB</td>
<td style="{{ s.cell }};text-align:right;white-space:nowrap"><b>{{ row.time }}</b></td>
<td style="{{ s.wide }}"><div aria-hidden="true"
style="width:{{ "%.1f" % row.share }}%;min-width:{{ 2 if row.share else 0 }}px;height:12px;
background:{{ blue }}"></div></td></tr>
{% endfor %}</table>
"""


def seconds(size: float, mbit: float) -> float:
    """Return the seconds that `size` bytes take at `mbit` million bits per second. Raises ValueError if `mbit` isn't positive."""
    if mbit <= 0:
        raise ValueError(f"{mbit:g} Mbit/s isn't a speed: give more than 0")
    return size * 8 / (mbit * 1e6)


def in_words(took: float) -> str:
    """Write a number of seconds as exactly as needed: 0.4 s, 38 s, 4 min 28 s, 2 h 15 min."""
    if took < 0.05:
        return "under 0.1 s" if took else "0 s"
    if took < 9.95:
        return f"{took:.1f} s"
    if (whole := round(took)) < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Bandwidth:
    """The result of `bandwidth`: at the end of a cell, it shows a slider and bars or, without a kernel, a table.

    Attributes:
        sizes: bytes by name.
        mbit: the chosen speed, in megabits per second.
    """

    def __init__(self, sizes: Mapping[str, float], mbit: float = START) -> None:
        if mbit not in SPEEDS:
            raise ValueError(f"the slider has no {mbit:g} Mbit/s; its speeds are {', '.join(f'{s:g}' for s in SPEEDS)}")
        self.sizes, self.mbit = dict(sizes), mbit

    def __repr__(self) -> str:
        width = max(map(len, self.sizes), default=0)
        lines = [f"at {self.mbit:,.0f} Mbit/s ({SPEEDS[self.mbit]}):"]
        lines += [f"  {n:<{width}}  {theme.megabytes(s / 1e6):>9}  {self._time(s)}" for n, s in self.sizes.items()]
        return "\n".join(lines)

    def table(self) -> str:
        """Return HTML: a row for each thing that's sent, a column for each speed in SHOWN."""
        rows = [
            {"name": name, "megabytes": _megabytes(size), "times": [in_words(seconds(size, m)) for m in SHOWN]}
            for name, size in self.sizes.items()
        ]
        return markup.rendered(_TABLE, title="How long these bytes take:", speeds=SHOWN, rows=rows)

    def bars(self) -> str:
        """Return HTML: a bar for each thing that's sent, at the chosen speed."""
        most = max(self.sizes.values(), default=0) or 1
        rows = [
            {
                "name": name,
                "megabytes": _megabytes(size),
                "time": self._time(size),
                "share": 100 * size / most,
            }
            for name, size in self.sizes.items()
        ]
        return markup.rendered(_BARS, speed=self.mbit, like=SPEEDS[self.mbit], rows=rows, blue=theme.BLUE)

    @functools.cached_property
    def widget(self) -> Any:
        """The slider, which arrow keys move, and the bars below it, whose changes a screen reader announces."""
        import ipywidgets

        slider = ipywidgets.SelectionSlider(
            options=[(f"{speed:,.0f} Mbit/s", speed) for speed in SPEEDS],
            value=self.mbit,
            description="bandwidth",
            continuous_update=True,
            layout={"width": "100%", "max_width": "560px"},
            style={"description_width": "initial"},
        )
        bars = ipywidgets.HTML(self.bars())

        def chosen(change: Mapping[str, Any]) -> None:
            self.mbit = change["new"]
            bars.value = self.bars()

        slider.observe(chosen, "value")
        return ipywidgets.VBox([slider, bars])

    def _time(self, size: float) -> str:
        return in_words(seconds(size, self.mbit))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, Any]:
        still = {"text/plain": repr(self), "text/html": self.table()}
        return {**still, **self.widget._repr_mimebundle_()} | still


def bandwidth(sizes: Mapping[str, float], mbit: float = START) -> Bandwidth:
    """Turn bytes into waiting, at a bandwidth that a slider chooses.

    Args:
        sizes: bytes by what they are ("before, new package": 22975300).
        mbit: where the slider starts: one of SPEEDS, in megabits per second.

    Raises ValueError for a speed that the slider doesn't have.
    """
    return Bandwidth(sizes, mbit)


def _megabytes(size: float) -> str:
    return theme.megabytes(size / 1e6).removesuffix(" MB")
