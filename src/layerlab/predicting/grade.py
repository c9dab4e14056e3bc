"""Grade: a prediction compared with its build, step by step. Pure records, which `predict` makes."""

from __future__ import annotations

import dataclasses

from ..charts import markup
from ..record.states import CACHED, RAN
from ..record.step import shortened

#: Signs tell right from wrong without colours.
RIGHT, WRONG, OPEN = "✓", "✗", "·"
SIGN_STYLES = {RIGHT: markup.STYLES["right"], WRONG: markup.STYLES["wrong"], OPEN: markup.STYLES["quiet"]}
#: The user's prediction, in a word.
SAID = {RAN: "run", CACHED: "cached", "": "no prediction"}

_HTML = """
<div style="font-size:13px"><p style="margin:4px 8px"><b>{{ g.summary }}</b>
{%- if g.course %} <span style="{{ s.quiet }}">Over the course: {{ g.course }}.</span>{% endif %}</p>
<table style="{{ s.table }}">
<thead><tr style="{{ s.row }}">
<th style="{{ s.head }}">line</th><th style="{{ s.head }}">step</th>
{% if g.of %}<th style="{{ s.head }}">you said</th>{% endif %}<th style="{{ s.head }}">it was</th></tr></thead>
<tbody>
{% for m in g.marks %}
<tr style="{{ s.line }}"><td style="{{ s.word }}">{{ m.line }}</td>
<td style="{{ s.wide }}"><code style="{{ s.code }};padding:0;background:none">{{ m.text }}</code>
{%- if m.explained %}<br>↳ {{ m.explained }}{% endif %}</td>
{% if g.of %}<td style="{{ s.word }}"><span style="{{ signs[m.sign] }}">{{ m.sign }}</span> {{ said[m.said] }}</td>{% endif %}
<td style="{{ s.word }}">{{ (m.was or "not in the build") | lower }}</td></tr>
{% endfor %}
</tbody></table></div>
"""


@dataclasses.dataclass(frozen=True)
class Mark:
    """The prediction for one step, compared with the build.

    Attributes:
        line: its first line in the Dockerfile.
        text: the instruction.
        said: RAN or CACHED; "" if nothing was predicted in time.
        was: its state in the build; "" if the build has no such step.
        right: whether the prediction came true; None if there was none, or if the step wasn't reached.
        why: the cause of its state; "" if none is known.
    """

    line: int
    text: str
    said: str
    was: str
    right: bool | None
    why: str

    @property
    def sign(self) -> str:
        return {True: RIGHT, False: WRONG, None: OPEN}[self.right]

    @property
    def explained(self) -> str:
        """The cause, if the user didn't predict the state; else ""."""
        if self.right or not self.was:
            return ""
        return self.why or ("nothing that it depends on has changed" if self.was == CACHED else "")


@dataclasses.dataclass(frozen=True)
class Grade:
    """A prediction compared with its build. `str` returns a text without times.

    Attributes:
        app: name of the app.
        variant: name of the variant.
        edit: the edit made before the build.
        marks: one for each step, in file order.
        late: number of steps chosen after the build had started, which don't count.
        course: the score over the course in words; "" if this prediction added nothing to it.
    """

    app: str
    variant: str
    edit: str
    marks: tuple[Mark, ...]
    late: int = 0
    course: str = dataclasses.field(default="", compare=False)

    @property
    def right(self) -> int:
        """Number of steps predicted correctly."""
        return sum(m.right is True for m in self.marks)

    @property
    def of(self) -> int:
        """Number of steps predicted."""
        return sum(m.right is not None for m in self.marks)

    @property
    def summary(self) -> str:
        """The grade in one line."""
        if self.of:
            text = f"{self.variant}: {self.right} of {self.of} right"
            left = sum(not m.said for m in self.marks)
            text += f", {left} not predicted" if left else ""
        else:
            text = f"{self.variant}: no prediction was made"
        return text + (f" ({self.late} chosen after the build had started: not counted)" if self.late else "")

    def __str__(self) -> str:
        lines = [self.summary]
        for mark in self.marks:
            told = f"you said {SAID[mark.said]}" if mark.said else ""
            told = f"{told:<15}  " if self.of else ""
            lines.append(
                f"{mark.sign} {f'line {mark.line}':>8}  {mark.was or '-':<6}  {told}{shortened(mark.text, 48)}"
            )
            if mark.explained:
                lines.append(f"{'':20}{mark.explained}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return markup.rendered(_HTML, g=self, signs=SIGN_STYLES, said=SAID)
