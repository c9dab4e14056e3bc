"""The page of a Diff: a table with one row per line and its times, and below it the sums and the changes."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping

from ..charts import markup, theme
from ..live.model import SIGNS as STATE_SIGNS
from ..record.states import BASE, CACHED
from . import pairing
from .effects import Differences, Measured
from .pairing import ADDED, CHANGED, MOVED, MOVED_CHANGED, REMOVED, SIGNS, LinePair

#: Background tints of lines, in colours that people with colour blindness can tell apart; the sign says the same.
TINTS = {
    SIGNS[REMOVED]: theme.faded(theme.VERMILLION, 0.14),
    SIGNS[ADDED]: theme.faded(theme.BLUE, 0.16),
    SIGNS[CHANGED]: theme.faded(theme.ORANGE, 0.14),
    SIGNS[MOVED]: theme.faded(theme.PURPLE, 0.16),
    SIGNS[MOVED_CHANGED]: theme.faded(theme.PURPLE, 0.16),
}
MEANINGS = "− only left, + only right, ~ changed, ↕ moved, = the same"

_PAGE = """
{% macro number(n) -%}
<td style="{{ s.number }}">{{ n or "" }}</td>
{%- endmacro %}
{% macro side(cell, tint) -%}
<td style="{{ s.text }}{% if cell.line and tint %};background:{{ tint }}{% endif %}">
{%- for part, marked in cell.parts %}{% if marked %}<b style="text-decoration:underline">{{ part }}</b>{% else %}{{ part }}
{%- endif %}{% endfor %}{% if cell.to %} <i style="{{ s.quiet }}">({{ cell.to }})</i>{% endif %}</td>
{%- endmacro %}
{% macro times(cell) -%}
<td style="{{ s.times }}">{% for time in cell.times %}{{ time }}{% if not loop.last %}<br>{% endif %}{% endfor %}</td>
{%- endmacro %}
{% macro table(rows, heads, with_times) -%}
<table style="{{ s.table }};table-layout:fixed">
<colgroup><col style="width:2.6em"><col>{% if with_times %}<col style="width:{{ width }}">{% endif %}
<col style="width:2em"><col style="width:2.6em"><col>{% if with_times %}<col style="width:{{ width }}">{% endif %}</colgroup>
<thead><tr style="{{ s.row }}"><th></th><th style="{{ s.head }}">{{ heads[0] }}</th>{% if with_times %}<th></th>{% endif %}
<th></th><th></th><th style="{{ s.head }}">{{ heads[1] }}</th>{% if with_times %}<th></th>{% endif %}</tr></thead>
<tbody>
{% for left, sign, right in rows %}
<tr style="{{ s.row }}">{{ number(left.line) }}{{ side(left, tints[sign]) }}{% if with_times %}{{ times(left) }}{% endif %}
<td style="{{ s.sign }}">{{ sign }}</td>
{{ number(right.line) }}{{ side(right, tints[sign]) }}{% if with_times %}{{ times(right) }}{% endif %}</tr>
{% endfor %}
{% for left, right in sums if with_times %}
<tr style="{{ s.line }}">{{ number("") }}<td colspan="2" style="{{ s.cell }}">{{ left | safe }}</td><td></td>
{{ number("") }}<td colspan="2" style="{{ s.cell }}">{{ right | safe }}</td></tr>
{% endfor %}
</tbody></table>
{%- endmacro %}
<div style="font-size:13px;line-height:1.4">
<p style="margin:4px 0"><b>{{ d.left.app }}: {{ d.left.variant }} → {{ d.right.variant }}</b>
<span style="{{ s.quiet }}">{{ meanings }}</span></p>
{% for setting in d.settings() %}<p style="margin:4px 0">{{ setting }}</p>{% endfor %}
{{ table(rows, [d.left.variant, d.right.variant], measured) }}
{% if ignore_rows %}
<p style="margin:8px 0 4px"><b>Ignore rules</b></p>
{{ table(ignore_rows, [d.left.ignore_file or "none", d.right.ignore_file or "none"], False) }}
{% endif %}
<p style="margin:8px 0 4px"><b>{{ "What changed" if d.changes else "No instruction changed." }}</b></p>
<ul style="margin:0 0 4px;padding-left:0;list-style:none">
{% for sign, text, shown in told %}
<li style="margin:2px 0">{% if sign %}<b>{{ sign }}</b> {% endif %}{{ text }}
{%- for line in shown %}<br>&emsp;&ensp;{{ line }}{% endfor %}</li>
{% endfor %}
</ul>
{% if note %}<p style="margin:4px 0;{{ s.quiet }}">{{ note }}</p>{% endif %}
</div>
"""
_CODE = f"font-family:{theme.MONO};font-size:12px"
_STYLES = {
    "number": f"{_CODE};text-align:right;padding:0 6px;vertical-align:top;color:{theme.INK}",
    "text": f"{_CODE};text-align:left;padding:0 6px;vertical-align:top;max-width:none;"
    "white-space:pre-wrap;overflow-wrap:anywhere",
    "times": "font-size:12px;text-align:right;padding:0 6px;vertical-align:top;white-space:nowrap",
    "sign": f"{_CODE};font-weight:700;text-align:center;padding:0;vertical-align:top",
}


@dataclasses.dataclass(frozen=True)
class _Cell:
    """One side of a row: line (0 for none), text in parts (text, whether it changed), a note, times."""

    line: int = 0
    parts: tuple[tuple[str, bool], ...] = ()
    to: str = ""
    times: tuple[str, ...] = ()


def page(diff: Differences) -> str:
    """Return the diff as HTML for a width of about 900 pixels, or whatever the page has; long lines wrap."""
    several = len(diff.measured) > 1
    return markup.rendered(
        _PAGE,
        d=diff,
        rows=[_cells(r, diff.left.dockerfile, diff.right.dockerfile, *_beside(diff)) for r in diff.rows],
        ignore_rows=[_cells(r, diff.left.ignore, diff.right.ignore, {}, {}) for r in diff.ignore_rows],
        measured=bool(diff.measured),
        sums=[(_sum(edit, left), _sum(edit, right)) for edit, left, right in diff.measured],
        width="10.5em" if several else "7em",
        told=diff.told(_told),
        note=_note(diff),
        tints=TINTS,
        meanings=MEANINGS,
        styles=_STYLES,
    )


def _beside(diff: Differences) -> tuple[dict[int, tuple[str, ...]], dict[int, tuple[str, ...]]]:
    """Return the times to show beside each line, for both sides; each edit has a line of its own."""
    several = len(diff.measured) > 1

    def times(measured: list[tuple[str, Measured]]) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for edit, m in measured:
            for line, step in m.steps.items():
                if text := _told(*step):
                    found[line] = (*found.get(line, ()), f"{edit} {text}" if several else text)
        return found

    return times([(edit, left) for edit, left, _ in diff.measured]), times([(edit, r) for edit, _, r in diff.measured])


def _cells(
    row: LinePair,
    left: str,
    right: str,
    left_times: Mapping[int, tuple[str, ...]],
    right_times: Mapping[int, tuple[str, ...]],
) -> tuple[_Cell, str, _Cell]:
    mine = pairing.lines_of(left)[row.left - 1] if row.left else ""
    theirs = pairing.lines_of(right)[row.right - 1] if row.right else ""
    both = bool(row.left and row.right and row.sign)
    parts = _marked(mine, theirs) if both else (((mine, False),), ((theirs, False),))
    to = f"line {row.to}" if row.to else ""
    return (
        _Cell(row.left, parts[0], f"→ {to}" if to and row.left else "", left_times.get(row.left, ())),
        row.sign,
        _Cell(row.right, parts[1], f"← {to}" if to and row.right else "", right_times.get(row.right, ())),
    )


def _marked(left: str, right: str) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    """Return both texts in parts: (text, whether only this side has it), word by word."""
    mine, theirs = re.findall(r"\s+|\S+", left), re.findall(r"\s+|\S+", right)
    codes = difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes()
    return (
        tuple(("".join(mine[a:b]), what != "equal") for what, a, b, _, _ in codes if b > a),
        tuple(("".join(theirs[c:d]), what != "equal") for what, _, _, c, d in codes if d > c),
    )


def _told(state: str, seconds: float) -> str:
    if state == BASE:
        return theme.seconds(seconds) if seconds >= 0.05 else ""
    text = f"{STATE_SIGNS.get(state, '·')} {state}"
    return text if state == CACHED else f"{text} {theme.seconds(seconds)}"


def _sum(edit: str, m: Measured) -> str:
    context = f", {theme.megabytes(m.context_bytes / 1e6)} context" if m.context_bytes >= 5000 else ""
    return (
        f"edit {theme.escaped(edit)}: <b>{theme.seconds(m.seconds)}</b> in total: steps {theme.seconds(m.steps_seconds)}, "
        f"export {theme.seconds(m.export_seconds)}{context}"
    )


def _note(diff: Differences) -> str:
    counts = {m.repeats for _, *sides in diff.measured for m in sides}
    if not counts:
        return ""
    many = "the build with the median time of several; " if max(counts) > 1 else ""
    return (
        f"Times: {many}steps may overlap, and other work takes time too, so the parts don't always add up to the total."
    )
