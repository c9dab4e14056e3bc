"""All claims and their verdicts in one table that a reader can filter.

With a kernel there are menus above the table. Without one (a saved notebook, a code host, nbval), the same rows are folded up
verdict by verdict, and as text they're a line each.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..charts import markup
from .claims import SIGNS, VERDICTS, Claim, Docket

ANY = "any"

_ROWS = """
<table style="{{ s.table }};overflow-wrap:anywhere">
<tr style="{{ s.row }}">
{% for name in ("claim", "verdict", "what decided it") %}<th scope="col" style="{{ s.head }}">{{ name }}</th>{% endfor %}
</tr>
{% for c in claims %}
<tr style="{{ s.line }}"><td style="{{ s.cell }}">{{ c.claim }}<br><span style="{{ s.quiet }}">{{ c.place }};
tried in <a href="{{ notebooks[c.experiment] }}">{{ notebooks[c.experiment].partition("-")[0] }}</a></span></td>
<td style="{{ s.cell }}">{{ signs[c.verdict] }} {{ c.verdict }}
{% if c.number %}<br><span style="{{ s.quiet }}">{{ c.figures }}: {{ c.number }}</span>{% endif %}</td>
<td style="{{ s.cell }}">{{ c.why }}{% if c.until %} ({{ c.until }}){% endif %}</td></tr>
{% endfor %}</table>
"""
_FOLDED = """
{% for verdict, rows in groups %}
<details><summary style="padding:2px 8px">{{ signs[verdict] }} {{ verdict }}: {{ rows.count }}</summary>
{{ rows.table }}</details>
{% endfor %}
"""
_COUNT = """<div role="status" style="padding:2px 8px">{{ count }} of {{ of }} claims</div>"""


class DocketView:
    """The claims of a docket; at the end of a cell, it shows menus and a table or, without a kernel, folded tables."""

    def __init__(self, docket: Docket) -> None:
        self.docket = docket

    def claims(self, guide: str = ANY, verdict: str = ANY, notebook: str = ANY, text: str = "") -> list[Claim]:
        """Return the claims of this guide and notebook, with this verdict (also of their number) and this text."""
        return [
            c
            for c in self.docket.claims
            if guide in (ANY, *c.guides)
            and verdict in (ANY, c.verdict, c.number)
            and notebook in (ANY, self.docket.notebooks[c.experiment])
            and text.lower() in f"{c.id} {c.claim} {c.why} {c.place} {c.figures}".lower()
        ]

    def __repr__(self) -> str:
        return "\n".join(
            f"{SIGNS[c.verdict]} {'/'.join(c.guides)} {c.id}: {c.verdict}"
            + (f"; its number: {c.number}" if c.number else "")
            for c in self.docket.claims
        )

    def rows(self, claims: Sequence[Claim]) -> str:
        """Return HTML: a table with a row for each of these claims."""
        return markup.rendered(_ROWS, claims=claims, signs=SIGNS, notebooks=self.docket.notebooks)

    def folded(self) -> str:
        """Return HTML: a table for each verdict, folded up behind how many claims it has."""
        import markupsafe

        groups = [(v, [c for c in self.docket.claims if c.verdict == v]) for v in VERDICTS]
        shown = [(v, {"count": len(some), "table": markupsafe.Markup(self.rows(some))}) for v, some in groups if some]
        return markup.rendered(_FOLDED, groups=shown, signs=SIGNS)

    @functools.cached_property
    def widget(self) -> Any:
        """The menus, a field to search in, and the table below them; a screen reader announces how many claims are left."""
        import ipywidgets

        every = self.docket.claims
        guides = sorted({guide for c in every for guide in c.guides})
        options = {
            "guide": guides,
            "verdict": VERDICTS,
            "notebook": sorted({self.docket.notebooks[c.experiment] for c in every}),
        }
        menus = {
            name: ipywidgets.Dropdown(
                options=[ANY, *found], value=ANY, description=name, layout={"width": "max-content"}
            )
            for name, found in options.items()
        }
        field = ipywidgets.Text(description="text", placeholder="cache mount", continuous_update=True)
        count, table = ipywidgets.HTML(), ipywidgets.HTML()

        def draw(_: Any = None) -> None:
            found = self.claims(**{name: menu.value for name, menu in menus.items()}, text=field.value)
            count.value = markup.rendered(_COUNT, count=len(found), of=len(every))
            table.value = self.rows(found)

        for part in (*menus.values(), field):
            part.observe(draw, "value")
        draw()
        # It wraps where the page is narrow.
        top = ipywidgets.HBox([*menus.values(), field], layout={"flex_flow": "row wrap"})
        return ipywidgets.VBox([top, count, table])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, Any]:
        still = {"text/plain": repr(self), "text/html": self.folded()}
        return {**still, **self.widget._repr_mimebundle_()} | still
