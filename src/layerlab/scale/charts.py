"""Charts of a fleet: strategies side by side, one setting varied, and a simulated day beside the measured one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from plotly.subplots import make_subplots

from ..charts import theme
from ..charts.chart import Chart
from ..charts.theme import beside, escaped
from .days import bands
from .fleet import STRATEGIES, Fleet

#: Colour, dash and symbol of each strategy in a line chart, in order.
LOOKS = [
    (theme.VERMILLION, "solid", "circle"),
    (theme.BLUE, "dash", "square"),
    (theme.GREEN, "dot", "diamond"),
    (theme.PURPLE, "dashdot", "cross"),
    (theme.ORANGE, "longdash", "x"),
    (theme.INK, "solid", "triangle-up"),
]
#: Space to the right of the bars for their values, as a share of the axis.
ROOM = 0.35


def strategies_chart(days: pd.DataFrame, fleet: Fleet, title: str = "") -> Chart:
    """Draw each strategy's day (`simulate`'s result): runner hours on the left, gigabytes moved on the right.

    Bars are medians; whiskers go from the 5th to the 95th percentile.
    """
    days = days.assign(hours=days["seconds"] / 3600, gb=days["down_gb"] + days["up_gb"])
    hours, gb, price = (bands(days, column) for column in ("hours", "gb", "price"))
    names = list(hours.index)
    chart = Chart(make_subplots(rows=1, cols=2, shared_yaxes=True, column_widths=[0.6, 0.4], horizontal_spacing=0.03))
    for column, (table, unit) in enumerate(((hours, "h"), (gb, "GB")), 1):
        colour = (theme.BLUE, theme.VERMILLION)[column - 1]
        texts = [
            f"{_short(median)} {unit}" + (f" · {_short(price['median'][name])} in total" if column == 1 else "")
            for name, median in zip(names, table["median"], strict=True)
        ]
        _bars(chart, table, column, colour, texts)
    layout = theme.layout(
        title or "A day of builds, by where the cache is kept",
        f"{fleet.runners} runners, {fleet.builds_a_day} builds, {fleet.mbit:g} Mbit/s; whiskers: 5th to 95th percentile",
        len(names),
    )
    chart.update_layout(layout)
    words = "; ".join(
        f"{name} {_short(hours['median'][name])} h, {_short(gb['median'][name])} GB, {_short(price['median'][name])}"
        for name in names
    )
    return chart.update_layout(
        meta={"summary": f"a day of {fleet.builds_a_day} builds on {fleet.runners} runners: {words}"},
        xaxis=_axis("runner hours a day, and the total price", hours["high"].max()),
        xaxis2=_axis("GB moved a day", gb["high"].max()),
        yaxis=theme.row_axis([theme.cell(name, max(map(len, names)) + 2) for name in names]),
        yaxis2={"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "showticklabels": False},
    )


def _bars(chart: Chart, table: pd.DataFrame, column: int, colour: str, texts: Sequence[str]) -> None:
    rows = list(range(len(table)))
    chart.add_bar(
        x=table["median"],
        y=rows,
        orientation="h",
        width=0.65,
        marker={"color": theme.faded(colour, 0.55), "line": {"color": colour, "width": 1.5}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": table["high"] - table["median"],
            "arrayminus": table["median"] - table["low"],
            "color": theme.INK,
            "thickness": 2,
        },
        hoverinfo="x",
        row=1,
        col=column,
    )
    chart.add_scatter(
        x=table["high"],
        y=rows,
        text=[beside(text) for text in texts],
        mode="text",
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        row=1,
        col=column,
    )


def over_chart(curve: pd.DataFrame, title: str, unit: str, value: str, per: float = 1.0, log: bool = False) -> Chart:
    """Draw `over`'s result, a line and a band for each strategy: the setting (in `unit`) across, `value` up, divided by `per`.

    `log` makes both axes logarithmic.
    """
    setting = curve.columns[0]
    last = curve[setting].max()
    chart = Chart()
    ends = []
    known = [strategy.name for strategy in STRATEGIES]
    for number, (strategy, of) in enumerate(curve.groupby("strategy", sort=False)):
        name = str(strategy)
        # A strategy looks the same in every chart.
        colour, dash, symbol = LOOKS[(known.index(name) if name in known else number) % len(LOOKS)]
        x = list(of[setting])
        chart.add_scatter(
            x=[*x, *reversed(x)],
            y=[*(of["high"] / per), *reversed(list(of["low"] / per))],
            mode="lines",
            fill="toself",
            fillcolor=theme.faded(colour, 0.12),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        chart.add_scatter(
            x=x,
            y=of["median"] / per,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"symbol": symbol, "size": 8},
            name=escaped(name),
            hovertemplate=f"{escaped(name)}<br>{setting} %{{x}}: %{{y:.2f}}<extra></extra>",
        )
        ends.append(
            f"{name} {_short(float(of['median'].iloc[0]) / per)} to {_short(float(of['median'].iloc[-1]) / per)}"
        )
    layout = theme.layout(title, "lines: medians; bands: 5th to 95th percentile", 12)
    chart.update_layout(layout)
    first = curve[setting].min()
    return chart.update_layout(
        meta={"summary": f"{title}; {value} from {unit} {first:g} to {last:g}: {'; '.join(ends)}"},
        showlegend=True,
        legend={"orientation": "v", "x": 1.02, "y": 1, "font": {"size": 12}},
        xaxis=_across(unit, sorted(curve[setting].unique()), log),
        yaxis=theme.value_axis(value)
        | {"automargin": True, **({"type": "log", "dtick": 1} if log else {"rangemode": "tozero"})},
        margin={**layout["margin"], "l": 60},
    )


def agreement_chart(said: pd.DataFrame, seen: pd.DataFrame) -> Chart:
    """Draw the totals of a replayed day: for each strategy, what the simulation said (hollow) and what was measured (filled)."""
    columns: Mapping[str, str] = {"seconds": "s of builds", "down_mb": "MB down", "up_mb": "MB up"}
    totals = [of.groupby("strategy", sort=False)[list(columns)].sum() for of in (said, seen)]
    names = list(totals[0].index)
    labels, rows, told = [], [], []
    for name in names:
        labels.append(f"<b>{theme.cell(name, 28)}</b>")
        for which in ("said", "measured"):
            rows.append((len(labels), which, name))
            labels.append(theme.cell(f"  {which}", 28))
    chart = Chart(make_subplots(rows=1, cols=3, shared_yaxes=True, horizontal_spacing=0.03))
    for column, (key, unit) in enumerate(columns.items(), 1):
        values = [float(totals[which == "measured"].loc[name, key]) for _, which, name in rows]
        chart.add_bar(
            x=values,
            y=[at for at, _, _ in rows],
            orientation="h",
            width=0.7,
            marker={
                "color": [theme.faded(theme.BLUE, 0.55 if which == "measured" else 0.0) for _, which, _ in rows],
                "line": {"color": theme.BLUE, "width": 1.5},
            },
            text=[f" {_short(v)} {unit.split()[0]}" for v in values],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="x",
            row=1,
            col=column,
        )
        chart.update_xaxes(_axis(unit, max([*values, 1e-9])), row=1, col=column)
    for name in names:
        pair = [totals[which].loc[name] for which in (0, 1)]
        told.append(
            f"{name}: " + ", ".join(f"{_short(pair[0][k])} said, {_short(pair[1][k])} {u}" for k, u in columns.items())
        )
    chart.update_layout(theme.layout("A day in real builds, and in the simulation", "totals of the day", len(labels)))
    quiet = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "showticklabels": False}
    return chart.update_layout(
        meta={"summary": f"a replayed day, as said and as measured: {'; '.join(told)}"},
        yaxis=theme.row_axis(labels),
        yaxis2=quiet,
        yaxis3=quiet,
    )


def _across(unit: str, values: Sequence[float], log: bool) -> dict[str, Any]:
    """Make an x axis; on a logarithmic one, the values themselves are the ticks."""
    if not log:
        return theme.value_axis(unit) | {"zeroline": False}
    ticks = {"tickvals": list(values), "ticktext": [f"{v:g}" for v in values]}
    return theme.value_axis(f"{unit} (both axes: log scale)") | {"type": "log", **ticks}


def _axis(title: str, longest: float) -> dict[str, Any]:
    return theme.value_axis(title) | {"range": [0, longest / (1 - ROOM)], "nticks": 5}


def _short(value: float) -> str:
    """Keep two digits or so: 0.12, 3.4, 56, 1,234."""
    digits = 2 if abs(value) < 0.995 else 1 if abs(value) < 9.95 else 0
    return f"{value:,.{digits}f}"
