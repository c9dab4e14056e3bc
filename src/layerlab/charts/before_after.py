"""Variants compared over edits: seconds and megabytes side by side, the spread of the repeats, the factor gained."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import pandas as pd
from plotly.subplots import make_subplots

from . import theme
from .chart import Chart
from .summary import builds, summary
from .theme import escaped, megabytes, seconds, shortened

#: Colour and pattern of each variant, in order; the first is what the others are measured against.
LOOKS = [(theme.VERMILLION, "/"), (theme.BLUE, ""), (theme.GREEN, "."), (theme.PURPLE, "x"), (theme.ORANGE, "\\")]

#: From this ratio of the largest to the smallest bar on, a linear axis would draw the smallest shorter than 5 % of the
#: width, too short to compare: the axis is logarithmic.
LOG_RATIO = 20

#: Fewer megabytes than this are said but not drawn: they take no time on any network (0.1 s at 8 Mbit/s).
NO_MB = 0.1

#: With more repeats than this their points would hide one another, and the whisker alone stands for them.
MANY = 12

#: Factors closer to 1 than this are no difference worth a claim.
SAME = 1.1
#: And with one build each, where no spread tells what chance does: equal builds differed by up to this here.
SAME_ONCE = 1.3

#: Characters of an edit's or a variant's name that are shown.
NAME_WIDTH = 24

#: Share of a panel's width kept free for the texts beside the bars: enough at 850 px, a laptop with a side bar open.
ROOM = 0.45


@dataclasses.dataclass(frozen=True)
class Scale:
    """One panel's axis, with room for texts: logarithmic or not, from `low` (0 on a linear one), bars to `longest`."""

    log: bool
    low: float
    longest: float

    def axis(self, title: str) -> dict:
        """As plotly wants it; the title says when it is logarithmic."""
        if not self.log:
            return theme.value_axis(title) | {"range": [0, self.longest / (1 - ROOM)]}
        low, longest = math.log10(self.low), math.log10(self.longest)
        powers = range(math.floor(low), math.floor(longest) + 1)
        digits = (1, 3) if longest - low < 3 else (1,)
        ticks = [t for e in powers for d in digits if self.low <= (t := d * 10.0**e) <= self.longest]
        return theme.value_axis(f"{title} (log scale)") | {
            "type": "log",
            "range": [low, low + (longest - low) / (1 - ROOM)],
            "tickvals": ticks,  # none in the room for texts, where there is nothing to measure
            "ticktext": [f"{tick:,.10g}" for tick in ticks],
        }


def scale(bars: Iterable[float], reach: float = 0.0, least: float = 0.0) -> Scale:
    """The axis for bars of these lengths: logarithmic if the longest exceeds the shortest by more than LOG_RATIO.

    `reach` is how far something else (a whisker) goes; bars of `least` or less count as none.
    """
    bars = [b for b in bars if b > least]
    if not bars:
        return Scale(False, 0.0, max(reach, 1.0))
    if max(bars) / min(bars) <= LOG_RATIO:
        return Scale(False, 0.0, max(*bars, reach))
    return Scale(True, min(bars) / 3, max(*bars, reach))  # a third, so that the shortest bar, too, has a length


def before_after(results: pd.DataFrame, title: str = "") -> Chart:
    """Median wall-clock seconds (left) and megabytes (right) of each edit and variant, a bar each.

    `results` is the frame `compare` gives: one row a build and step. Whiskers go from the fastest to the slowest
    repeat, and circles are the single builds. Beside each bar stand its value and, from the second variant on, the
    factor against the first. An axis is logarithmic if its bars differ by more than 20 times; its title says so.
    Raises ValueError for no builds, or for several apps or machines at once.
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
    _texts(chart, 1, table["row"], table["max_seconds"], map(_time, table.itertuples()), time)
    _texts(
        chart, 2, table["row"], table[["downloaded_mb", "context_mb"]].max(axis=1), map(_size, table.itertuples()), size
    )

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


def _rows(variants: list[str], edits: list[str]) -> tuple[list[str], dict[tuple[str, str], int]]:
    """The rows' texts, an edit's name above its variants, and the row of each variant and edit."""
    labels, rows = [], {}
    width = min(NAME_WIDTH, max(len(name) for name in [*variants, *(f"edit: {e}" for e in edits)])) + 2
    for edit in edits:
        labels.append(f"<b>{theme.cell(shortened(f'edit: {edit}', NAME_WIDTH), width)}</b>")
        for variant in variants:
            rows[variant, edit] = len(labels)
            labels.append(theme.cell(f"  {shortened(variant, NAME_WIDTH)}", width))
    return labels, rows


def _factors(table: pd.DataFrame, first: str) -> list[str]:
    """For each row of the summary how it compares to the first variant of that edit; "" for that one itself."""
    base = {row.edit: row for row in table.itertuples() if row.variant == first}
    return [
        "" if row.variant == first or row.edit not in base else _factor(base[row.edit], row)
        for row in table.itertuples()
    ]


def _factor(before: Any, after: Any) -> str:
    """Two rows of the summary in words: "24× faster", "1.5× slower", or that the repeats do not tell them apart."""
    slow, fast = sorted((before, after), key=lambda row: row.median_seconds, reverse=True)
    ratio = slow.median_seconds / fast.median_seconds if fast.median_seconds > 0 else math.inf
    if ratio < (SAME if min(slow.repeats, fast.repeats) > 1 else SAME_ONCE):
        return "about the same"
    if slow.min_seconds <= fast.max_seconds:  # with one build each they cannot
        return "no clear change"
    return f"{ratio:.{0 if ratio >= 9.95 else 1}f}× {'faster' if fast is after else 'slower'}"


def _bars(chart: Chart, table: pd.DataFrame, colour: str, shape: str) -> None:
    """The bars of one variant in both panels, and the whiskers."""
    pattern = {"shape": shape, "fillmode": "overlay", "fgcolor": colour, "size": 7, "solidity": 0.35}
    shared = {
        "name": table["variant"].iloc[0],
        "y": table["row"],
        "orientation": "h",
        "width": 0.7,
        "marker": {"color": theme.faded(colour, 0.55), "line": {"color": colour, "width": 1.5}, "pattern": pattern},
        "hovertext": [_hover(row) for row in table.itertuples()],
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
    """The single builds, where there are several but few enough to be told apart."""
    repeats = single.groupby("row")["build"].transform("size")
    few = single[(repeats > 1) & (repeats <= MANY)]
    # One above the other, so that equal times stay apart.
    place = few.groupby("row").cumcount() / (repeats[few.index] - 1) - 0.5
    chart.add_scatter(
        x=few["wall_seconds"],
        y=few["row"] + place * 0.55,
        mode="markers",
        name="single builds",
        marker=_spot("circle", 5, 1),
        hovertext=[f"repeat {row.repeat + 1}: {seconds(row.wall_seconds)}" for row in few.itertuples()],
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


def _spot(symbol: str, size: float, line: float) -> dict:
    """White with a dark edge: seen on bars of any colour, on either page."""
    return {
        "symbol": symbol,
        "size": size,
        "color": theme.LIGHT_PAGE,
        "line": {"color": theme.DARK_PAGE, "width": line},
    }


def _texts(chart: Chart, panel: int, at: pd.Series, ends: pd.Series, texts: Iterable[str], on: Scale) -> None:
    """Texts right of where bars, whiskers and symbols end."""
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


def _time(row: Any) -> str:
    return seconds(row.median_seconds) + (f" · <b>{row.factor}</b>" if row.factor else "")


def _size(row: Any) -> str:
    return megabytes(row.downloaded_mb) + (
        f", ◇ {megabytes(row.context_mb).removesuffix(' MB')}" if row.context_mb > NO_MB else ""
    )


def _hover(row: Any) -> str:
    lines = [
        f"<b>{escaped(f'{row.variant}, edit {row.edit}')}</b>",
        f"{seconds(row.median_seconds)} median of {row.repeats}, "
        + f"{seconds(row.min_seconds)} to {seconds(row.max_seconds)}",
        f"export {seconds(row.export_seconds)}",
        f"{megabytes(row.downloaded_mb)} downloaded, {megabytes(row.context_mb)} context",
        f"{row.steps_ran:g} steps ran, {row.steps_cached:g} cached",
    ]
    return "<br>".join(lines)


def _subtitle(repeats: int, machine: str) -> str:
    if repeats == 1:
        return f"one build each, on {machine}"
    points = "; circles are single builds" if repeats <= MANY else ""
    return f"median of {repeats} builds each, on {machine}; whiskers from fastest to slowest{points}"


def _words(app: str, table: pd.DataFrame) -> str:
    """The comparison in one line of words."""
    told: dict[str, list[str]] = {}
    for row in table.itertuples():
        part = f"{row.variant} {seconds(row.median_seconds)}" + (f" ({row.factor})" if row.factor else "")
        told.setdefault(row.edit, []).append(part)
    return f"before and after of {app}: " + "; ".join(
        f"edit {edit}: {', '.join(parts)}" for edit, parts in told.items()
    )
