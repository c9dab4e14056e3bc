"""How long bytes take: what was measured on one network, reckoned for another. A slider where there is a kernel, else a table.

Only the transfer is reckoned: bytes × 8 / bits per second. Latency, packing and unpacking come on top, on every network.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ..charts import markup, theme

#: Megabits per second that the slider offers, with what such a line is like.
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
#: Those that the table without a kernel has.
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
    """Seconds that `size` bytes take at `mbit` megabits (of a million bits) per second. Raises ValueError for no speed."""
    if mbit <= 0:
        raise ValueError(f"{mbit:g} Mbit/s is no speed")
    return size * 8 / (mbit * 1e6)


def in_words(took: float) -> str:
    """0.4 s, 38 s, 4 min 28 s, 2 h 15 min: as exact as one needs it."""
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
    """What `bandwidth` returns. Shown at the end of a cell: a slider and bars, or, without a kernel, a table.

    Attributes:
        sizes: bytes by name.
        mbit: the speed chosen, megabits per second.
    """

    def __init__(self, sizes: Mapping[str, float], mbit: float = START) -> None:
        if mbit not in SPEEDS:
            raise ValueError(f"the slider has no {mbit:g} Mbit/s; there are {', '.join(f'{s:g}' for s in SPEEDS)}")
        self.sizes, self.mbit = dict(sizes), mbit

    def __repr__(self) -> str:
        width = max(map(len, self.sizes), default=0)
        lines = [f"at {self.mbit:,.0f} Mbit/s ({SPEEDS[self.mbit]}):"]
        lines += [f"  {n:<{width}}  {theme.megabytes(s / 1e6):>9}  {self._time(s)}" for n, s in self.sizes.items()]
        return "\n".join(lines)

    def table(self) -> str:
        """HTML: rows are what is sent, columns the speeds of SHOWN."""
        rows = [
            {"name": name, "megabytes": _megabytes(size), "times": [in_words(seconds(size, m)) for m in SHOWN]}
            for name, size in self.sizes.items()
        ]
        return markup.rendered(_TABLE, title="How long these bytes take:", speeds=SHOWN, rows=rows)

    def bars(self) -> str:
        """HTML: a bar each, at the speed chosen."""
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
        """The slider, which arrow keys move, and below it the bars, which a screen reader is told when they change."""
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
        mbit: where the slider begins, one of SPEEDS, megabits per second.

    Raises ValueError for a speed that the slider has not.
    """
    return Bandwidth(sizes, mbit)


def _megabytes(size: float) -> str:
    return theme.megabytes(size / 1e6).removesuffix(" MB")
