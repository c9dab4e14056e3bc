"""Attempts at a lab with a budget: each figure over the attempts, as a share of its budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..charts import theme
from ..charts.chart import Chart
from ..charts.theme import escaped
from .logbook import Attempt

#: Colour, dash and symbol of each figure, in order.
LOOKS = [
    (theme.VERMILLION, "solid", "circle"),
    (theme.BLUE, "dash", "square"),
    (theme.GREEN, "dot", "diamond"),
    (theme.PURPLE, "dashdot", "cross"),
    (theme.ORANGE, "longdash", "x"),
]


def attempts_chart(attempts: Sequence[Attempt], budget: Mapping[str, float], title: str = "Your attempts") -> Chart:
    """Draw a line for each figure of the budget, from attempt to attempt, on a logarithmic axis; at 1, the budget is met.

    An attempt without a figure (it didn't build, or didn't answer) leaves a gap.
    """
    number = list(range(1, len(attempts) + 1))
    chart = Chart()
    told = []
    for (name, most), (colour, dash, symbol) in zip(budget.items(), LOOKS, strict=False):
        shares = [a.figures[name] / most if name in a.figures else None for a in attempts]
        chart.add_scatter(
            x=number,
            y=shares,
            mode="lines+markers",
            name=escaped(f"{name}, at most {most:g}"),
            line={"color": colour, "dash": dash, "width": 2},
            marker={"symbol": symbol, "size": 10},
            hovertext=[f"{name}: {a.figures.get(name, 0):.1f} of {most:g}; {a.when}" for a in attempts],
            hoverinfo="text",
        )
        last = next((share for share in reversed(shares) if share is not None), None)
        told.append(f"{name}: {'not measured' if last is None else f'{last:.2g} of the budget'}")
    chart.add_hline(y=1, line={"color": theme.INK, "width": 2})
    # On a logarithmic axis, plotly wants the logarithm of a note's position, but a line's position as it is.
    chart.add_annotation(
        text="the budget", x=0.01, xref="paper", xanchor="left", y=0, yanchor="bottom", showarrow=False
    )
    passed = sum(attempt.passed for attempt in attempts)
    count = f"{len(attempts)} attempt{'' if len(attempts) == 1 else 's'}, {passed} passed"
    layout = theme.layout(title, f"{count}; below the line is within the budget", 11)
    reached = [share for trace in chart.data for share in trace.y if share]
    low, high = (math.log10(of(reached, default=1)) for of in (min, max))
    ticks = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]
    return chart.update_layout(
        {**layout, "margin": {**layout["margin"], "l": 60}},
        meta={"summary": f"{count}; latest figures: {'; '.join(told)}"},
        showlegend=True,
        legend={"x": 1.02, "y": 1, "font": {"size": 12}},
        xaxis=theme.value_axis("attempt")
        | {"dtick": max(len(attempts) // 12, 1), "zeroline": False, "range": [0.5, max(len(attempts), 2) + 0.5]},
        yaxis=theme.value_axis("share of the budget (log scale)")
        | {"type": "log", "zeroline": False, "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
        | {"range": [min(low, -1) - 0.1, max(high, 0.3) + 0.2]},
    )
