"""The toggles of a prediction: each step has a pair of radio buttons, which you reach with Tab and choose with Space."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets

from ..charts import markup
from ..record.states import CACHED, RAN
from ..traces.instructions import Instruction

_TOLD = """
<div role="status" style="line-height:1.4"><b>{{ variant }}: which steps will run?</b>
{{ done }} of {{ of }} predicted. Choose, then build.</div>
"""
_STEP = """<div style="line-height:1.4"><span style="{{ s.quiet }}">line {{ step.line }}</span>
<code style="{{ s.code }};padding:0;background:none">{{ text }}</code></div>"""


class Board:
    """The toggles for all steps of a prediction.

    Attributes:
        widget: the widget to display.
    """

    def __init__(
        self, variant: str, steps: Sequence[Instruction], said: Mapping[int, str], say: Callable[[int, str], None]
    ) -> None:
        """Make the toggles. `said` has the first state of each line, "" for none; each choice calls `say(line, state)`."""
        self._variant, self._said, self._say = variant, dict(said), say
        self._told = ipywidgets.HTML()
        cells: list[ipywidgets.Widget] = []
        for step in steps:
            choice = ipywidgets.RadioButtons(
                # Each label names its line, because a screen reader reads only the label.
                options=[(f"line {step.line} will run", RAN), (f"line {step.line} will be cached", CACHED)],
                value=said[step.line] or None,
                orientation="horizontal",
                layout={"width": "max-content", "margin": "0"},
            )
            choice.observe(functools.partial(self._chosen, step.line), "value")
            cells += [
                ipywidgets.HTML(markup.rendered(_STEP, step=step, text=step.text), layout={"margin": "0"}),
                choice,
            ]
        columns = {"grid_template_columns": "minmax(0, 1fr) max-content", "grid_gap": "2px 16px"}
        grid = ipywidgets.GridBox(cells, layout={**columns, "align_items": "center"})
        self.widget = ipywidgets.VBox([self._told, grid])
        self._parts = (*cells, grid, self._told, self.widget)
        self._tell()

    def close(self) -> None:
        """Remove the toggles from wherever they are shown."""
        for part in self._parts:
            part.close()

    def _chosen(self, line: int, change: Mapping[str, Any]) -> None:
        self._said[line] = change["new"] or ""
        self._say(line, self._said[line])
        self._tell()

    def _tell(self) -> None:
        done = sum(map(bool, self._said.values()))
        self._told.value = markup.rendered(_TOLD, variant=self._variant, done=done, of=len(self._said))
