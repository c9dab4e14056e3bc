"""The layout of the timeline's drawing: rows from the top in pixels, time from left to right in percent.

Percent lets the drawing fit any page while its text keeps its size. Each row has its text above its bar, which leaves the
whole width for time, even on a phone. The logic is the same as in `charts.timeline`.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

from ..charts.labels import INSTANT, PHASES, brief
from ..charts.theme import shortened
from ..record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from .facts import Facts, StepFacts
from .words import downloaded, duration, megabytes

#: Heights of a lane's head, of a row and of the axis, px.
HEAD, ROW, AXIS = 30, 34, 26
#: Positions of a row's text and bar, px from its top, and the bar's thickness, px.
TEXT, BAR, THICK = 13, 18, 11
#: How many characters of an instruction fit beside its seconds, on a desktop and on a phone.
WIDE, NARROW = 84, 26
#: The most marks on the axis.
TICKS = 6
#: The narrowest bar, percent.
THIN = 0.4


@dataclasses.dataclass(frozen=True)
class Bar:
    """One bar: x and width in percent, y in px; `state` is a step's state or "phase"."""

    y: int
    x: float
    width: float
    state: str
    critical: bool
    symbol: bool

    @property
    def linked(self) -> bool:
        """Whether the line of the critical path goes through this bar: only bars that did some work count."""
        return self.critical and not self.symbol and (self.width > THIN or self.state not in (BASE, CACHED))


@dataclasses.dataclass(frozen=True)
class Row:
    """A lane's head (no bars), a step or a phase.

    Above the bar, `text` (or `short`, on a narrow page) is on the left and `label` on the right; `hover` is the tooltip.
    """

    y: int
    text: str
    short: str
    label: str
    hover: str
    bars: tuple[Bar, ...]
    critical: bool = False


@dataclasses.dataclass(frozen=True)
class Line:
    """A line; x in percent, y in px."""

    x1: float
    y1: int
    x2: float
    y2: int


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The whole drawing: `ticks` are (percent, text), `end` is the end of the command in percent, `words` describes it."""

    height: int
    rows: tuple[Row, ...]
    links: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    end: float
    words: str


def draw(facts: Facts) -> Drawing:
    """Lay out the stages in lanes, then the phases outside the steps; a line joins the bars of the critical path."""
    ends = [s.started + s.seconds for s in facts.steps if s.started is not None]
    ends += [p.started + p.seconds for p in facts.phases]
    whole = max([facts.totals.seconds, 0.1, *ends])

    def bar(y: int, start: float, took: float, state: str, critical: bool = False) -> Bar:
        width = max(THIN, 100 * took / whole)
        symbol = took < INSTANT and state in (CACHED, NOT_REACHED)
        return Bar(y + BAR, min(100 * start / whole, 100 - width), width, state, critical, symbol)

    rows: list[Row] = []
    y = AXIS
    for stage in dict.fromkeys(s.stage for s in facts.steps):
        head = stage if stage.startswith("stage") else f"stage {stage}"
        rows.append(Row(y, shortened(head, WIDE), shortened(head, NARROW), "", "", ()))
        y += HEAD
        for step in (s for s in facts.steps if s.stage == stage):
            mark = bar(y, step.started or 0.0, step.seconds, step.state, step.critical)
            at = f"{step.line}  " if step.line else ""
            wide, narrow = at + brief(step.text, WIDE), at + brief(step.text, NARROW)
            rows.append(Row(y, wide, narrow, _label(step), _hover(step), (mark,), _counts(step)))
            y += ROW
    kinds = {p.kind for p in facts.phases}
    if kinds:
        rows.append(Row(y, "outside the steps", "outside the steps", "", "", ()))
        y += HEAD
    for kind in [k for k in PHASES if k in kinds] + sorted(kinds - set(PHASES)):
        phases = [p for p in facts.phases if p.kind == kind]
        took, moved = sum(p.seconds for p in phases), sum(p.bytes for p in phases)
        name = shortened(PHASES.get(kind, kind), NARROW)
        label = duration(took) + (f", {megabytes(moved)}" if moved >= 1e4 else "")
        hover = "\n".join(f"{brief(p.name, 100)}: {duration(p.seconds)}" for p in phases[:12])
        rows.append(Row(y, name, name, label, hover, tuple(bar(y, p.started, p.seconds, "phase") for p in phases)))
        y += ROW
    return Drawing(
        height=y + AXIS,
        rows=tuple(rows),
        links=tuple(_links(rows)),
        ticks=tuple((100 * at / whole, text) for at, text in _ticks(whole)),
        end=100 * facts.totals.seconds / whole,
        words=_words(facts),
    )


def _label(step: StepFacts) -> str:
    took = duration(step.seconds) if step.seconds >= INSTANT or step.state == RAN else ""
    words = ["◆" if _counts(step) else "", step.state.lower() if step.state != RAN else "", took]
    return " ".join(filter(None, words))


def _counts(step: StepFacts) -> bool:
    """Tell whether the step is marked as critical: it's on the path and took time."""
    return step.critical and step.seconds >= INSTANT


def _hover(step: StepFacts) -> str:
    size = "no layer" if step.size_bytes is None else f"layer {megabytes(step.size_bytes)}"
    facts = f"{step.state}, {duration(step.seconds)}, {size}, downloaded {downloaded(step)}"
    return "\n".join(filter(None, (brief(step.text, 400), facts, step.why)))


def _links(rows: list[Row]) -> list[Line]:
    """Draw lines down from the end of each bar of the critical path to the start of the next."""
    marks = sorted((b for r in rows for b in r.bars if b.linked), key=lambda b: (b.x + b.width, b.y))
    found = []
    for one, other in itertools.pairwise(marks):
        x, top, bottom = one.x + one.width, one.y + THICK // 2, other.y + THICK // 2
        found += [Line(x, top, x, bottom), Line(x, bottom, other.x, bottom)]
    return found


def _ticks(whole: float) -> list[tuple[float, str]]:
    """Return zero and at most TICKS round times: in seconds, or in minutes for a long build."""
    rough = whole / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    choice = [power * factor for factor in (1, 2, 5, 10)] if rough <= 20 else [30, 60, 120, 300, 600, 1200, 1800, 3600]
    step = next((s for s in choice if s >= rough), 3600 * math.ceil(rough / 3600))
    return [
        (n * step, f"{n * step / 60:g} min" if step >= 60 else f"{n * step:g} s") for n in range(int(whole / step) + 1)
    ]


def _words(facts: Facts) -> str:
    states = (RAN, CACHED, FAILED, CANCELED, NOT_REACHED)
    counts = [f"{n} {s.lower()}" for s in states if (n := sum(step.state == s for step in facts.steps))]
    path = " then ".join(f"line {facts.step(n).line}" for n in facts.critical_path if facts.step(n).line)
    told = f"{len(facts.steps)} steps over {duration(facts.totals.seconds)}: {', '.join(counts) or 'none started'}."
    return f"{told} Critical path: {path}." if path else told
