"""One build on the time axis: a bar per step, stages in lanes, the critical path, and the phases outside the steps."""

from __future__ import annotations

import dataclasses
import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator

from ..record.build import Build
from ..record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from ..record.step import Phase, Step
from ..record.traffic import least
from ..texts.plain import plain
from . import theme
from .chart import Chart
from .critical_path import critical_path
from .labels import INSTANT, PHASES, brief
from .theme import escaped, megabytes, seconds, shortened

PHASE = "outside the steps"


@dataclasses.dataclass(frozen=True)
class Look:
    """How a state is drawn: states differ in pattern or symbol too, not in colour alone.

    Attributes:
        colour: outline and fill of its bars.
        pattern: plotly's pattern of the fill; "" is solid.
        symbol: plotly's symbol that replaces a bar of no length; "" if a thin bar will do.
        word: the label's word before the seconds.
    """

    colour: str
    pattern: str = ""
    symbol: str = ""
    word: str = ""


LOOKS = {
    RAN: Look(theme.BLUE),
    CACHED: Look(theme.GREEN, pattern=".", symbol="circle", word="cached"),
    BASE: Look(theme.INK, pattern="-", symbol="square-open", word="base"),
    FAILED: Look(theme.VERMILLION, pattern="x", word="failed"),
    CANCELED: Look(theme.PURPLE, pattern="/", word="canceled"),
    NOT_REACHED: Look(theme.INK, symbol="x-thin-open", word="not reached"),
    PHASE: Look(theme.ORANGE, pattern="\\"),
}

#: How many characters of an instruction fit beside the bars when the page is 1000 px wide.
LABEL_WIDTH = 36

#: A tooltip shows this many lines from the end of a step's log, and is this many characters wide.
LOG_LINES, HOVER_WIDTH = 8, 76


@dataclasses.dataclass(frozen=True)
class Mark:
    """A bar: row, state (or PHASE), start and length in seconds, the label beside it, the tooltip."""

    row: int
    state: str
    start: float
    seconds: float
    label: str
    hover: str
    critical: bool = False


def timeline(build: Build) -> Chart:
    """Draw a bar per step over the seconds since the build started, in file order, stages in lanes.

    Cached and not reached steps are symbols, because they take no time. Context transfer, export and caches have their own
    lane, below a line. Solid bars with a diamond, joined by a line, are the critical path; the dotted line is the end of
    the command. Tooltips have the full text, bytes and the end of the log.
    """
    labels, marks, rule = _rows(build)
    end = max([build.seconds, 0.1, *(m.start + m.seconds for m in marks)])
    chart = Chart(layout=theme.layout(_title(build), _subtitle(build), len(labels)))
    for state in LOOKS:
        _draw(chart, state, [m for m in marks if m.state == state])
    _connect(chart, [m for m in marks if m.critical])
    _label(chart, [m for m in marks if m.label])
    if rule is not None:
        chart.add_hline(y=rule, line={"color": theme.INK, "width": 1})
    chart.add_vline(x=build.seconds, line={"color": theme.INK, "width": 1, "dash": "dot"}, layer="below")
    return chart.update_layout(
        meta={"summary": words(build)},
        yaxis=theme.row_axis(labels),
        xaxis=theme.value_axis("seconds since the build started") | {"range": [0, end * 1.22]},  # room for a label
    )


def words(build: Build) -> str:
    """Describe the build in one line."""
    states = [s.state for s in build.steps]
    counts = ", ".join(f"{states.count(s)} {s.lower()}" for s in LOOKS if s != BASE and s in states)
    parts = [f"timeline of {build.app} {build.variant}, edit {build.edit}: {seconds(build.seconds)}", counts]
    slowest = max((s for s in build.steps if s.seconds >= INSTANT), key=lambda s: s.seconds, default=None)
    if slowest:
        where = f"line {slowest.line} " if slowest.line else ""
        parts.append(f"slowest: {where}{brief(slowest.text, 48)} {seconds(slowest.seconds)}")
    if build.export_seconds:
        parts.append(f"export {seconds(build.export_seconds)}")
    if build.error:
        parts.append(f"failed: {_reason(build)}")
    return "; ".join(filter(None, parts))


def _rows(build: Build) -> tuple[list[str], list[Mark], float | None]:
    """Return the rows' texts, their marks, and the position of the line between steps and phases."""
    labels: list[str] = []
    marks: list[Mark] = []
    path = critical_path(build)
    for stage in dict.fromkeys(s.stage for s in build.steps):
        labels.append(_head(stage if stage.startswith("stage") else f"stage {stage}"))
        for step in (s for s in build.steps if s.stage == stage):
            marks.append(_step(len(labels), step, step.digest in path))
            labels.append(theme.cell(f"{step.line or '':>3} {brief(step.text, LABEL_WIDTH)}", LABEL_WIDTH + 4))
    found = {p.kind for p in build.phases}
    if not found:
        return labels, marks, None
    rule = len(labels) - 0.5
    labels.append(_head(PHASE))
    for kind in [k for k in PHASES if k in found] + sorted(found - set(PHASES)):
        marks += _phases(len(labels), build, kind)
        labels.append(theme.cell(f"    {PHASES.get(kind, kind)}", LABEL_WIDTH + 4))
    return labels, marks, rule


def _step(row: int, step: Step, critical: bool) -> Mark:
    took = seconds(step.seconds) if step.seconds >= INSTANT or step.state == RAN else ""
    label = " ".join(filter(None, (LOOKS[step.state].word, took)))
    return Mark(row, step.state, step.started or 0.0, step.seconds, label, _hover(step), critical)


def _phases(row: int, build: Build, kind: str) -> Iterator[Mark]:
    """Yield a bar for each phase of this kind; the last one has the label for all."""
    phases = sorted((p for p in build.phases if p.kind == kind), key=lambda p: p.started + p.seconds)
    moved = megabytes(sum(p.bytes for p in phases) / 1e6)
    label = seconds(_covered(phases)) + (f", {moved}" if moved != megabytes(0) else "")
    for phase in phases:
        hover = "<br>".join([*_wrapped(phase.name), f"<b>{seconds(phase.seconds)}, {megabytes(phase.bytes / 1e6)}</b>"])
        yield Mark(row, PHASE, phase.started, phase.seconds, label if phase is phases[-1] else "", hover)


def _covered(phases: Iterable[Phase]) -> float:
    """Return how many seconds at least one of the phases was going on."""
    total, until = 0.0, 0.0
    for start, end in sorted((p.started, p.started + p.seconds) for p in phases):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _draw(chart: Chart, state: str, marks: list[Mark]) -> None:
    """Draw the bars and symbols of one state."""
    look = LOOKS[state]
    symbols = [m for m in marks if look.symbol and m.seconds < INSTANT]
    bars = [m for m in marks if m not in symbols]
    shared = {"name": state, "hoverinfo": "text"}
    faded = theme.faded(look.colour)
    # Solid if critical. A pattern needs a faded fill, given once: if each bar has its own, plotly draws it grey.
    fill = faded if look.pattern else [look.colour if m.critical else faded for m in bars]
    pattern = {"shape": look.pattern, "fillmode": "overlay", "fgcolor": look.colour, "size": 6, "solidity": 0.35}
    if bars:
        chart.add_bar(
            **shared,
            y=[m.row for m in bars],
            base=[m.start for m in bars],
            x=[m.seconds for m in bars],
            hovertext=[m.hover for m in bars],
            orientation="h",
            width=0.68,
            marker={"color": fill, "line": {"color": look.colour, "width": 1.5}, "pattern": pattern},
        )
    if symbols:
        chart.add_scatter(
            **shared,
            y=[m.row for m in symbols],
            x=[m.start + m.seconds for m in symbols],
            hovertext=[m.hover for m in symbols],
            mode="markers",
            marker={"symbol": look.symbol, "size": 9, "color": look.colour, "line": {"color": look.colour, "width": 2}},
            cliponaxis=False,
        )


def _connect(chart: Chart, marks: list[Mark]) -> None:
    """Draw a line from the end of each step of the critical path to the start of the next."""
    marks = sorted(marks, key=lambda m: (m.start + m.seconds, m.row))
    xs, ys = [], []
    for one, other in itertools.pairwise(marks):
        xs += [one.start + one.seconds, other.start, None]
        ys += [one.row, other.row, None]
    if xs:
        line = {"color": theme.INK, "width": 1.5, "shape": "vh"}
        chart.add_scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", name="critical path")


def _label(chart: Chart, marks: list[Mark]) -> None:
    """Write state and seconds to the right of each bar."""
    chart.add_scatter(
        x=[m.start + m.seconds for m in marks],
        y=[m.row for m in marks],
        text=[theme.beside(m.label if not _counts(m) else f"<b>◆ {m.label}</b>") for m in marks],
        mode="text",
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        name="labels",
    )


def _counts(mark: Mark) -> bool:
    return mark.critical and mark.seconds >= INSTANT


def _title(build: Build) -> str:
    end = f"failed after {seconds(build.seconds)}" if build.error else seconds(build.seconds)
    return f"{build.app} · {build.variant} · edit: {build.edit} · {end}"


def _subtitle(build: Build) -> str:
    if build.error:
        return _reason(build)
    path = critical_path(build)
    steps = sum({s.digest: s.seconds for s in build.steps if s.digest in path}.values())  # one digest, several lines
    parts = [
        f"◆ critical path {seconds(steps)} in steps" if steps >= INSTANT else "no time in steps",
        f"export {seconds(build.export_seconds)}",
        f"{_downloaded(build)} downloaded",
        f"{megabytes(build.context_bytes / 1e6)} context sent",
    ]
    return " · ".join(parts)


def _reason(build: Build) -> str:
    """Return the one line of BuildKit's error that gives the reason."""
    lines = [line for line in build.error.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if line.startswith("ERROR:")), (lines or [""])[0])
    return shortened(re.sub(r"^ERROR: (failed to (build|solve): )*", "", reason), 110)


def _hover(step: Step) -> str:
    """Return the tooltip: full text, state, seconds, bytes and the end of the log."""
    size = "no layer" if step.size_bytes is None else f"layer {megabytes(step.size_bytes / 1e6)}"
    facts = f"{step.state}, {seconds(step.seconds)}, {size}, downloaded {_downloaded(step)}"
    log = [line.rstrip() for line in plain(step.log).rstrip().split("\n")]
    tail = [escaped(line if len(line) <= HOVER_WIDTH else line[: HOVER_WIDTH - 1] + "…") for line in log[-LOG_LINES:]]
    where = f"line {step.line}, " if step.line else ""
    return "<br>".join([*_wrapped(step.text), f"<b>{where}{escaped(facts)}</b>", *filter(None, tail)])


def _downloaded(one: Step | Build) -> str:
    return least(one.downloads_counted) + megabytes(one.downloaded_bytes / 1e6)


def _wrapped(text: str) -> list[str]:
    lines = textwrap.wrap(" ".join(text.split()), HOVER_WIDTH, max_lines=6, placeholder=" …")
    return [escaped(line) for line in lines]


def _head(lane: str) -> str:
    return f"<b>{theme.cell(shortened(lane, LABEL_WIDTH), LABEL_WIDTH + 4)}</b>"
