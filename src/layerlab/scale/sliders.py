"""A fleet to play with: sliders above the chart of its day. Without a kernel, a text says what would be there."""

from __future__ import annotations

import dataclasses
import secrets

import ipywidgets
from IPython.display import DisplayHandle, display

from ..charts.chart import Chart
from .charts import strategies_chart
from .days import simulate
from .fleet import Fleet
from .recipe import Recipe

#: Setting → label, smallest, largest, step.
SLIDERS = {
    "runners": ("runners", 1, 40, 1),
    "builds_a_day": ("builds a day", 10, 300, 10),
    "dependency_odds": ("new dependency", 0.0, 0.5, 0.01),
    "base_odds": ("base moved", 0.0, 0.2, 0.01),
    "mbit": ("Mbit/s", 5, 1000, 5),
    "minute_price": ("price a minute", 0.0, 0.1, 0.001),
    "gb_price": ("price a GB", 0.0, 0.5, 0.01),
}
#: Days simulated each time a slider moves: few, so that the chart keeps up.
DAYS = 60


class Explorer:
    """Sliders for a fleet, and the chart of its day below.

    Attributes:
        fleet: the fleet that the sliders are set to.
        widget: the sliders.
    """

    def __init__(self, recipe: Recipe, fleet: Fleet) -> None:
        self.fleet, self._recipe = fleet, recipe
        self._sliders = {name: _slider(name, getattr(fleet, name)) for name in SLIDERS}
        self._view: DisplayHandle | None = None
        self.widget = ipywidgets.VBox([*self._sliders.values()])
        for slider in self._sliders.values():
            slider.observe(lambda _: self._draw(), "value")

    def chart(self) -> Chart:
        """Draw the day of the fleet that the sliders are set to."""
        return strategies_chart(simulate(self._recipe, self.fleet, days=DAYS), self.fleet)

    def _draw(self) -> None:
        moved = {name: slider.value for name, slider in self._sliders.items()}
        moved["code_odds"] = max(1 - moved["dependency_odds"] - moved["base_odds"], 0.0)
        self.fleet = dataclasses.replace(self.fleet, **moved)
        if self._view is not None:
            chart = self.chart()
            # plotly's renderer for JupyterLab never draws a second figure in an output that has one (`renderModel` in
            # jupyterlab-plotly), so something else goes in between, just as tall, or the page would jump.
            between = f'<div style="height:{chart.layout.height}px"></div>'
            self._view.update({"text/plain": "drawing …", "text/html": between}, raw=True)
            self._view.update(chart)

    def _ipython_display_(self) -> None:
        words = {"text/plain": repr(self), "text/html": self._repr_html_()}
        display({**self.widget._repr_mimebundle_(), **words}, raw=True)
        # Not an Output widget, which would leave nothing in the saved notebook.
        self._view = display(self.chart(), display_id=secrets.token_hex(8))

    def __repr__(self) -> str:
        return "Sliders: " + ", ".join(f"{SLIDERS[name][0]} {getattr(self.fleet, name):g}" for name in SLIDERS)

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{SLIDERS[n][0]}</td><td>{getattr(self.fleet, n):g}</td></tr>" for n in SLIDERS)
        return f"<p>While a kernel runs, these are sliders. They start at:</p><table>{rows}</table>"


def explore(recipe: Recipe, fleet: Fleet | None = None) -> Explorer:
    """Make sliders for a fleet that builds `recipe`, starting at `fleet`; put this on the last line of a cell to show them."""
    return Explorer(recipe, fleet or Fleet())


def _slider(name: str, value: float) -> ipywidgets.Widget:
    label, low, high, step = SLIDERS[name]
    kind = ipywidgets.IntSlider if isinstance(step, int) else ipywidgets.FloatSlider
    return kind(
        value=value, min=low, max=high, step=step, description=label, continuous_update=False,
        style={"description_width": "9em"}, layout={"width": "min(32em, 95%)"},
        **({} if isinstance(step, int) else {"readout_format": ".3f"}),
    )  # fmt: skip
