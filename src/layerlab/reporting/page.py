"""The facts as one HTML file that needs no network: templates/report.html, with its style and a few lines of script."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib

import jinja2

from ..charts.labels import brief
from ..charts.markup import printable
from . import drawing, logs, words
from .facts import NETWORKS, Facts, StepFacts

#: Weight of a page, bytes. Logs get what everything else leaves of it. Mail and issue trackers take 2 MB and more.
PAGE = 1_500_000
#: Each log gets at least this much, bytes.
LEAST = 2_000
#: At most this much of a Dockerfile is shown, bytes; few have a tenth of it.
DOCKERFILE = 150_000
#: At most this much of an error message is shown, bytes.
ERROR = 30_000
#: Lines of a failed step's log shown with its error; the whole log is further down.
TAIL = 25


@dataclasses.dataclass(frozen=True)
class Layer:
    """A bar of the chart of layers; `share` is its share of the image, 0 to 1."""

    step: StepFacts | None
    bytes: int
    share: float


@dataclasses.dataclass(frozen=True)
class SourceLine:
    """A line of the Dockerfile and the steps that begin on it."""

    number: int
    text: str
    steps: tuple[StepFacts, ...]


def page(facts: Facts) -> str:
    """Write the page in at most about PAGE bytes."""
    weights = [logs.weight(log) for log in facts.step_logs]
    without = len(_page(facts, [""] * len(weights)).encode())
    granted = logs.shares(weights, max(PAGE - without, 0))
    return _page(facts, [logs.cut(log, max(LEAST, limit)) for log, limit in zip(facts.step_logs, granted, strict=True)])


def _page(facts: Facts, step_logs: list[str]) -> str:
    layers, outside = _layers(facts)
    script = _environment().get_template("print.js").render().strip()
    return _environment().get_template("report.html").render(
        facts=facts,
        title=f"{facts.app} {facts.variant}",
        lines=_source_lines(facts),
        logs=[(step, log) for step, log in zip(facts.steps, step_logs, strict=True) if log],
        failed_log=_end(facts.step_logs[facts.failed_step.number - 1]) if facts.failed_step else "",
        error=logs.cut(facts.error, ERROR),
        drawing=drawing.draw(facts),
        layers=layers,
        outside=outside,
        downloads=sorted((s for s in facts.steps if s.downloaded_bytes), key=lambda s: -s.downloaded_bytes),
        networks=NETWORKS,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        thick=drawing.THICK,
    )  # fmt: skip


def _end(log: str) -> str:
    return logs.cut("\n".join(log.split("\n")[-TAIL:]), ERROR)


def _layers(facts: Facts) -> tuple[list[Layer], list[StepFacts]]:
    """Return the image's layers, with one for bytes no step accounts for, and the steps whose layers aren't in the image."""
    sized = [(s, s.size_bytes) for s in facts.steps if s.size_bytes is not None]
    inside = [(s, size) for s, size in sized if s.in_image is not False]
    whole = facts.totals.image_bytes or sum(size for _, size in inside)
    layers = [Layer(s, size, size / whole if whole else 0.0) for s, size in inside]
    rest = whole - sum(layer.bytes for layer in layers)
    if layers and rest > 0:
        layers.insert(0, Layer(None, rest, rest / whole))
    return layers, [s for s, _ in sized if s.in_image is False]


def _source_lines(facts: Facts) -> list[SourceLine]:
    begins: dict[int, list[StepFacts]] = {}
    for step in facts.steps:
        begins.setdefault(step.line, []).append(step)
    found, weight = [], 0
    for number, text in enumerate(facts.dockerfile.splitlines(), 1):
        weight += logs.weight(text)
        if weight > DOCKERFILE:
            found.append(SourceLine(number, "… the rest is left out …", ()))
            break
        found.append(SourceLine(number, text, tuple(begins.get(number, ()))))
    return found


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("layerlab.reporting"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=printable,
    )  # fmt: skip
    for name in (
        "duration",
        "megabytes",
        "downloaded",
        "share",
        "place",
        "named",
        "counted",
        "tally",
        "difference",
        "moment",
    ):
        environment.filters[name] = getattr(words, name)
    environment.filters["brief"] = brief
    environment.globals.update(
        SIGNS=words.SIGNS, MEASURED=words.MEASURED, verdict=words.verdict, short_story=words.short_story,
        slowest=words.slowest, comparison_rows=words.comparison_rows,
    )  # fmt: skip
    return environment
