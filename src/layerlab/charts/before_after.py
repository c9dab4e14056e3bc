"""Variants compared over edits: seconds and megabytes side by side, the spread of the repeats, and the speed-up."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast

import pandas as pd
from plotly.subplots import make_subplots

from ..record.traffic import least
from . import theme
from .chart import Chart
from .summary import builds, summary
from .theme import escaped, megabytes, seconds, shortened

#: Colour and pattern of each variant, in order; the others are compared with the first.
LOOKS = [(theme.VERMILLION, "/"), (theme.BLUE, ""), (theme.GREEN, "."), (theme.PURPLE, "x"), (theme.ORANGE, "\\")]

#: The axis is logarithmic if the longest bar exceeds the shortest by more than this ratio: a linear axis would draw the
#: shortest at less than 5 % of the width, too short to compare.
LOG_RATIO = 20

#: Fewer megabytes than this are written but not drawn: they take no time worth mentioning (0.1 s at 8 Mbit/s).
NO_MB = 0.1

#: With more repeats than this, their points would hide one another, so only the whisker is drawn.
MANY = 12

#: A factor closer to 1 than this is not reported as a difference.
SAME = 1.1
#: The same for one build each, where no spread shows the effect of chance: equal builds differed by up to this factor here.
SAME_ONCE = 1.3

#: How many characters of an edit's or variant's name are shown.
NAME_WIDTH = 24

#: Share of a panel's width kept free for the texts beside the bars: enough at 850 px, a laptop with an open side bar.
ROOM = 0.45


class Row(Protocol):
    """A row of the summary: one variant after one edit, and how it compares with the first variant."""

    variant: str
    edit: str
    repeats: int
    median_seconds: float
    min_seconds: float
    max_seconds: float
    export_seconds: float
    downloaded_mb: float
    downloads_counted: bool
    context_mb: float
    steps_ran: float
    steps_cached: float
    factor: str


@dataclasses.dataclass(frozen=True)
class Scale:
    """One panel's axis, with room for texts: logarithmic or not, from `low` (0 if linear), with bars up to `longest`."""

    log: bool
    low: float
    longest: float

    def axis(self, title: str) -> dict[str, Any]:
        """Return the axis for plotly; its title says so if it's logarithmic."""
        if not self.log:
            return theme.value_axis(title) | {"range": [0, self.longest / (1 - ROOM)]}
        low, longest = math.log10(self.low), math.log10(self.longest)
        powers = range(math.floor(low), math.floor(longest) + 1)
        digits = (1, 3) if longest - low < 3 else (1,)
        ticks = [t for e in powers for d in digits if self.low <= (t := d * 10.0**e) <= self.longest]
        return theme.value_axis(f"{title} (log scale)") | {
            "type": "log",
            "range": [low, low + (longest - low) / (1 - ROOM)],
            "tickvals": ticks,  # none in the room for texts, where there are no bars
            "ticktext": [f"{tick:,.10g}" for tick in ticks],
        }


def scale(bars: Iterable[float], reach: float = 0.0, least: float = 0.0) -> Scale:
    """Choose the axis for bars of these lengths: logarithmic if the longest exceeds the shortest by more than LOG_RATIO.

    `reach` is how far something else, such as a whisker, extends; bars of `least` or less are ignored.
    """
    bars = [b for b in bars if b > least]
    if not bars:
        return Scale(False, 0.0, max(reach, 1.0))
    if max(bars) / min(bars) <= LOG_RATIO:
        return Scale(False, 0.0, max(*bars, reach))
    return Scale(True, min(bars) / 3, max(*bars, reach))  # a third, so that even the shortest bar has a length


def before_after(results: pd.DataFrame, title: str = "") -> Chart:
    """Draw a bar for each edit and variant: median wall-clock seconds on the left, megabytes on the right.

    `results` is the frame `compare` returns, with one row per build and step. Whiskers go from the fastest to the slowest
    repeat, and circles are the single builds. Beside each bar is its value and, from the second variant on, the factor
    compared with the first. An axis is logarithmic if its bars differ by a factor of more than 20, and its title says so.
    Raises ValueError without builds, or if several apps or machines are mixed.
    """
    if results.empty:
        raise ValueError("no builds to compare")
    table, single = summary(results), builds(results)
    variants = list(table["variant"].unique())
    labels, rows = _rows(variants, list(table["edit"].unique()))
    for frame in (table, single):
        frame["row"] = [rows[key] for key in zip(frame["variant"], frame["edit"], strict=True)]
    table["factor"] = _factors(table, variants[0])
    time = scale(table["median_seconds"], table["max_seconds"].max())
    size = scale([*table["downloaded_mb"], *table["context_mb"]], least=NO_MB)

    chart = Chart(make_subplots(rows=1, cols=2, shared_yaxes=True, column_widths=[0.6, 0.4], horizontal_spacing=0.03))
    for number, variant in enumerate(variants):
        _bars(chart, table[table["variant"] == variant], *LOOKS[number % len(LOOKS)])
    _builds(chart, single)
    _context(chart, table[table["context_mb"] > NO_MB])
    _texts(chart, 1, table["row"], table["max_seconds"], map(_time, _each(table)), time)
    _texts(chart, 2, table["row"], table[["downloaded_mb", "context_mb"]].max(axis=1), map(_size, _each(table)), size)

    app, machine, most = results["app"].iloc[0], results["machine"].iloc[0], int(table["repeats"].max())
    title = title or shortened(f"{app}: {' / '.join(variants)}", 90)
    chart.update_layout(theme.layout(title, _subtitle(most, machine), len(labels)))
    return chart.update_layout(
        meta={"summary": _words(app, table)},
        xaxis=time.axis(f"wall-clock seconds{', median' if most > 1 else ''}"),
        xaxis2=size.axis("MB downloaded, ◇ context"),
        yaxis=theme.row_axis(labels),
        yaxis2={"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "showticklabels": False},
    )


def _each(table: pd.DataFrame) -> Iterator[Row]:
    return cast(Iterator[Row], table.itertuples())  # pandas doesn't know its columns


def _rows(variants: list[str], edits: list[str]) -> tuple[list[str], dict[tuple[str, str], int]]:
    """Return the rows' texts, with an edit's name above its variants, and the row of each variant and edit."""
    labels, rows = [], {}
    width = min(NAME_WIDTH, max(len(name) for name in [*variants, *(f"edit: {e}" for e in edits)])) + 2
    for edit in edits:
        labels.append(f"<b>{theme.cell(shortened(f'edit: {edit}', NAME_WIDTH), width)}</b>")
        for variant in variants:
            rows[variant, edit] = len(labels)
            labels.append(theme.cell(f"  {shortened(variant, NAME_WIDTH)}", width))
    return labels, rows


def _factors(table: pd.DataFrame, first: str) -> list[str]:
    """Say for each row of the summary how it compares with the edit's first variant; "" for that variant itself."""
    base = {row.edit: row for row in _each(table) if row.variant == first}
    return [
        "" if row.variant == first or row.edit not in base else _factor(base[row.edit], row) for row in _each(table)
    ]


def _factor(before: Row, after: Row) -> str:
    """Compare two rows of the summary in words: "24× faster", "1.5× slower", or that there is no clear difference."""
    slow, fast = sorted((before, after), key=lambda row: row.median_seconds, reverse=True)
    ratio = slow.median_seconds / fast.median_seconds if fast.median_seconds > 0 else math.inf
    if ratio < (SAME if min(slow.repeats, fast.repeats) > 1 else SAME_ONCE):
        return "about the same"
    if slow.min_seconds <= fast.max_seconds:  # never true with one build each
        return "no clear change"
    return f"{ratio:.{0 if ratio >= 9.95 else 1}f}× {'faster' if fast is after else 'slower'}"


def _bars(chart: Chart, table: pd.DataFrame, colour: str, shape: str) -> None:
    """Draw the bars of one variant in both panels, and the whiskers."""
    pattern = {"shape": shape, "fillmode": "overlay", "fgcolor": colour, "size": 7, "solidity": 0.35}
    shared = {
        "name": table["variant"].iloc[0],
        "y": table["row"],
        "orientation": "h",
        "width": 0.7,
        "marker": {"color": theme.faded(colour, 0.55), "line": {"color": colour, "width": 1.5}, "pattern": pattern},
        "hovertext": [_hover(row) for row in _each(table)],
        "hoverinfo": "text",
    }
    spread = {
        "type": "data",
        "symmetric": False,
        "array": table["max_seconds"] - table["median_seconds"],
        "arrayminus": table["median_seconds"] - table["min_seconds"],
        "color": theme.INK,
        "thickness": 2,
        "visible": bool((table["repeats"] > 1).any()),
    }
    chart.add_bar(**shared, x=table["median_seconds"], error_x=spread, row=1, col=1)
    chart.add_bar(**shared, x=table["downloaded_mb"].where(table["downloaded_mb"] > NO_MB), row=1, col=2)


def _builds(chart: Chart, single: pd.DataFrame) -> None:
    """Draw the single builds if there are several, but few enough to be distinguishable."""
    repeats = single.groupby("row")["build"].transform("size")
    few = single[(repeats > 1) & (repeats <= MANY)]
    # One above the other, so that equal times don't overlap.
    place = few.groupby("row").cumcount() / (repeats[few.index] - 1) - 0.5
    chart.add_scatter(
        x=few["wall_seconds"],
        y=few["row"] + place * 0.55,
        mode="markers",
        name="single builds",
        marker=_spot("circle", 5, 1),
        hovertext=[
            f"repeat {number + 1}: {seconds(took)}"
            for number, took in zip(few["repeat"], few["wall_seconds"], strict=True)
        ],
        hoverinfo="text",
        row=1,
        col=1,
    )


def _context(chart: Chart, table: pd.DataFrame) -> None:
    chart.add_scatter(
        x=table["context_mb"],
        y=table["row"],
        mode="markers",
        name="context",
        marker=_spot("diamond", 9, 1.5),
        hovertext=[f"context sent: {megabytes(mb)}" for mb in table["context_mb"]],
        hoverinfo="text",
        row=1,
        col=2,
    )


def _spot(symbol: str, size: float, line: float) -> dict[str, Any]:
    """Return a white marker with a dark edge, visible on bars of any colour and on either page."""
    return {
        "symbol": symbol,
        "size": size,
        "color": theme.LIGHT_PAGE,
        "line": {"color": theme.DARK_PAGE, "width": line},
    }


def _texts(chart: Chart, panel: int, at: pd.Series, ends: pd.Series, texts: Iterable[str], on: Scale) -> None:
    """Write texts to the right of bars, whiskers and symbols."""
    chart.add_scatter(
        x=ends.clip(lower=on.low),
        y=at,
        text=[theme.beside(text) for text in texts],
        mode="text",
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        name="labels",
        row=1,
        col=panel,
    )


def _time(row: Row) -> str:
    return seconds(row.median_seconds) + (f" · <b>{row.factor}</b>" if row.factor else "")


def _size(row: Row) -> str:
    return _downloaded(row) + (f", ◇ {megabytes(row.context_mb).removesuffix(' MB')}" if row.context_mb > NO_MB else "")


def _downloaded(row: Row) -> str:
    return least(row.downloads_counted) + megabytes(row.downloaded_mb)


def _hover(row: Row) -> str:
    lines = [
        f"<b>{escaped(f'{row.variant}, edit {row.edit}')}</b>",
        f"{seconds(row.median_seconds)} median of {row.repeats}, "
        + f"{seconds(row.min_seconds)} to {seconds(row.max_seconds)}",
        f"export {seconds(row.export_seconds)}",
        f"{_downloaded(row)} downloaded, {megabytes(row.context_mb)} context",
        f"{row.steps_ran:g} steps ran, {row.steps_cached:g} cached",
    ]
    return "<br>".join(lines)


def _subtitle(repeats: int, machine: str) -> str:
    if repeats == 1:
        return f"one build each, on {machine}"
    points = "; circles are single builds" if repeats <= MANY else ""
    return f"median of {repeats} builds each, on {machine}; whiskers from fastest to slowest{points}"


def _words(app: str, table: pd.DataFrame) -> str:
    """Describe the comparison in one line."""
    told: dict[str, list[str]] = {}
    for row in _each(table):
        part = f"{row.variant} {seconds(row.median_seconds)}" + (f" ({row.factor})" if row.factor else "")
        told.setdefault(row.edit, []).append(part)
    return f"before and after of {app}: " + "; ".join(
        f"edit {edit}: {', '.join(parts)}" for edit, parts in told.items()
    )
