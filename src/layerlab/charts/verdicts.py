"""Charts of claims on trial: how many hold, guide by guide, and claimed factors beside measured ones."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from . import theme
from .chart import Chart

#: Colour and pattern of each verdict, in the order of `claims.VERDICTS`.
LOOKS = [(theme.GREEN, ""), (theme.BLUE, "."), (theme.VERMILLION, "/"), (theme.ORANGE, "-"), (theme.INK, "x")]


def verdicts(counts: pd.DataFrame, title: str = "What became of the guides' claims") -> Chart:
    """Draw a stacked bar for each guide.

    `counts` is the frame `Court.verdicts` returns: a row per guide, a column per verdict, the number of claims in each cell.
    """
    guides = list(counts.index)
    chart = Chart(go.Figure())
    for (verdict, (colour, shape)), column in zip(zip(counts.columns, LOOKS, strict=True), counts, strict=True):
        chart.add_bar(
            x=counts[column],
            y=list(range(len(guides))),
            orientation="h",
            width=0.7,
            name=verdict,
            marker={
                "color": theme.faded(colour, 0.55),
                "line": {"color": colour, "width": 1.5},
                "pattern": {"shape": shape, "fillmode": "overlay", "fgcolor": colour, "size": 7, "solidity": 0.35},
            },
            text=[str(n) if n else "" for n in counts[column]],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            hovertext=[f"guide {guide}: {n} × {verdict}" for guide, n in zip(guides, counts[column], strict=True)],
            hoverinfo="text",
        )
    total = ", ".join(f"{n} {verdict}" for verdict, n in counts.sum().items())
    chart.update_layout(theme.layout(title, "a claim made by several guides counts for each", len(guides) + 3))
    return chart.update_layout(
        barmode="stack",
        showlegend=True,
        # From the bottom of the picture, not of the bars: there may be one guide or five. Two lines of it fit.
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
            "traceorder": "normal",
            "font": {"size": 13},
        },
        margin={"l": 12, "r": 20, "t": 76, "b": 112},
        meta={"summary": f"verdicts by guide: {total}"},
        xaxis=theme.value_axis("claims"),
        yaxis=theme.row_axis([f"guide {guide}" for guide in guides]),
    )


def factors(table: pd.DataFrame, title: str = "Times faster: claimed, and measured here") -> Chart:
    """Draw a row for each claim: the claimed range as a bar and the measured factor as a diamond, on a log scale.

    `table` is the frame `Court.factors` returns; its columns claim, lowest, highest and measured are used.
    """
    rows = list(range(len(table)))
    chart = Chart(go.Figure())
    chart.add_bar(
        base=table["lowest"],
        x=(table["highest"] - table["lowest"]).clip(lower=table["lowest"] * 0.06),
        y=rows,
        orientation="h",
        width=0.5,
        name="claimed",
        marker={"color": theme.faded(theme.VERMILLION, 0.55), "line": {"color": theme.VERMILLION, "width": 1.5}},
        hovertext=[f"{r.claim}: claimed {r.lowest:g} to {r.highest:g} times" for r in table.itertuples()],
        hoverinfo="text",
    )
    chart.add_scatter(
        x=table["measured"],
        y=rows,
        mode="markers+text",
        name="measured here",
        marker={"symbol": "diamond", "size": 12, "color": theme.BLUE, "line": {"color": theme.INK, "width": 1}},
        text=[f"{value:.0f}×" if value >= 10 else f"{value:.1f}×" for value in table["measured"]],
        textposition="top center",
        hovertext=[f"{r.claim}: measured {r.measured:.1f} times" for r in table.itertuples()],
        hoverinfo="text",
    )
    said = "; ".join(
        f"{r.claim} claimed {r.lowest:g} to {r.highest:g}, measured {r.measured:.1f}" for r in table.itertuples()
    )
    chart.update_layout(theme.layout(title, "bar: the guide's claim; diamond: one pair of builds here", len(table) * 2))
    top = max(table["highest"].max(), table["measured"].max())
    return chart.update_layout(
        meta={"summary": f"factors: {said}"},
        xaxis=theme.value_axis("times faster (log scale)")
        | {"type": "log", "tickvals": [t for t in (1, 3, 10, 30, 100, 300, 1000, 3000) if t <= top * 1.2]},
        yaxis=theme.row_axis(list(table["claim"])),
    )
