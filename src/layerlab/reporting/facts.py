"""The content of a report as plain data. The HTML page, the Markdown summary and the JSON are three ways to write it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from ..charts.critical_path import critical_path
from ..explaining.alignment import aligned, stage_names, written
from ..explaining.caches import image_stages
from ..explaining.causes import Cause, Explanation, Remedy, RootCause, StepCause
from ..explaining.comparison import on_one_engine
from ..record.build import Build
from ..record.states import BASE, CACHED, CANCELED, FAILED, RAN
from ..record.step import Phase, Step
from ..system import faults
from ..texts.plain import named, shown

#: Name and version of the JSON. A new field keeps the version; removing one or changing its meaning raises it.
SCHEMA, VERSION = "layerlab-report", 1

SUCCEEDED, BROKEN, STOPPED = "succeeded", "failed", "canceled"

#: Networks for which a report says how long the downloads would take, Mbit/s.
NETWORKS = (10, 100, 1000)

#: How many pieces of evidence are shown for one cause; a context may have thousands of changed files.
EVIDENCE = 20


@dataclasses.dataclass(frozen=True)
class StepFacts:
    """One step: the data of `record.step.Step`, and why it is in its state.

    Attributes:
        number: its place among the steps, from 1; other parts of the report refer to it by this number.
        critical: whether it is on the critical path.
        in_image: whether its stage is part of the image, not only used while building; None if unknown.
        root: whether it ran for a reason of its own.
        causes: why it ran, the most telling first.
        above: numbers of the steps whose new result made it run, if it isn't a root.
        still_hit: why it's a hit although something changed.
        ruled_out: things that were compared and found equal.
    """

    number: int
    line: int
    end_line: int
    stage: str
    instruction: str
    text: str
    state: str
    started: float | None
    seconds: float
    size_bytes: int | None
    downloaded_bytes: int
    downloads_counted: bool
    critical: bool
    in_image: bool | None
    root: bool
    causes: tuple[Cause, ...]
    above: tuple[int, ...]
    still_hit: str
    ruled_out: tuple[str, ...]

    @property
    def why(self) -> str:
        """The reasons in one line; "" if there are none."""
        return "; ".join(c.text for c in self.causes) or self.still_hit


@dataclasses.dataclass(frozen=True)
class Totals:
    """The build in numbers: times in seconds, sizes in bytes, the rest are counts of steps."""

    seconds: float
    ran: int
    cached: int
    failed: int
    canceled: int
    not_reached: int
    critical_path_seconds: float
    export_seconds: float
    context_seconds: float
    context_bytes: int
    downloaded_bytes: int
    undivided_bytes: int | None
    image_bytes: int | None

    @property
    def downloads_counted(self) -> bool:
        """Whether all that was downloaded was counted."""
        return self.undivided_bytes is not None


@dataclasses.dataclass(frozen=True)
class ComparedStep:
    """One step in one of the two builds being compared."""

    number: int
    line: int
    text: str
    state: str
    seconds: float
    size_bytes: int | None
    downloaded_bytes: int
    downloads_counted: bool


@dataclasses.dataclass(frozen=True)
class Pair:
    """A step in the previous build and in this one; None for a build that doesn't have it. One has it."""

    stage: str
    before: ComparedStep | None
    now: ComparedStep | None

    @property
    def shown(self) -> ComparedStep:
        """The step in this build or, if it's gone, in the previous one."""
        return cast(ComparedStep, self.now or self.before)  # one has it


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The previous build, to compare this one with.

    Unless `same_machine` is true (one engine, and no reset in between), times reflect the machines as much as the builds.
    """

    app: str
    variant: str
    edit: str
    machine: str
    started_at: str
    outcome: str
    same_machine: bool
    totals: Totals
    steps: tuple[Pair, ...]


@dataclasses.dataclass(frozen=True)
class Facts:
    """Everything a report says, with secrets removed.

    Attributes:
        generator: the program that wrote it, with its version.
        outcome: "succeeded", "failed" or "canceled".
        file: full path of the Dockerfile; "" if it's inline or remote, or unknown.
        command: the docker command, quoted for a shell.
        error: BuildKit's error; "" for a build that succeeded.
        meaning: what the error means; "" unless it's a known one.
        remedy: what to do about it.
        transfer_seconds: how long downloads and context would take, by the network's Mbit/s.
        critical_path: numbers of the steps that decide when the build ends, first to last.
        against: the build it was compared with to find the causes, in words; "" if there was none.
        unexplained: why there are no causes; "" if there are.
        roots: numbers of the steps that ran for a reason of their own.
        root_causes: what made them run, each thing once.
        remedies: what to do about the causes, where there's something.
        comparison: None without a previous build.
        step_logs: the output of each step, without terminal codes and not yet cut; in the page only.
        dockerfile: text of the Dockerfile; in the page only.
    """

    generator: str
    app: str
    variant: str
    edit: str
    machine: str
    file: str
    command: str
    started_at: str
    outcome: str
    error: str
    meaning: str
    remedy: str
    image: str
    totals: Totals
    transfer_seconds: Mapping[str, float]
    steps: tuple[StepFacts, ...]
    phases: tuple[Phase, ...]
    critical_path: tuple[int, ...]
    against: str
    unexplained: str
    roots: tuple[int, ...]
    root_causes: tuple[RootCause, ...]
    remedies: tuple[Remedy, ...]
    comparison: Comparison | None
    warnings: tuple[str, ...]
    step_logs: tuple[str, ...] = dataclasses.field(repr=False)
    dockerfile: str = dataclasses.field(repr=False)

    @property
    def failed_step(self) -> StepFacts | None:
        """The step that failed; None if none did."""
        return next((s for s in self.steps if s.state == FAILED), None)

    def step(self, number: int) -> StepFacts:
        """Return the step with this number."""
        return self.steps[number - 1]


def gather(
    build: Build, previous: Build | None = None, explanation: Explanation | None = None, unexplained: str = ""
) -> Facts:
    """Gather the facts of a build.

    Args:
        build: the build.
        previous: the build to compare it with, if any.
        explanation: why its steps ran; None if there is no explanation.
        unexplained: why there is no explanation.
    """
    build, previous = build.fitted(), previous and previous.fitted()
    in_image = _image_stages(build)
    told = _by_step(build, explanation)
    path = critical_path(build)
    fault = _fault(build)
    steps = tuple(
        _step(number, step, cause, step.digest in path, in_image, build)
        for number, (step, cause) in enumerate(zip(build.steps, told, strict=True), 1)
    )
    totals = _totals(build)
    moved = totals.downloaded_bytes + totals.context_bytes
    return Facts(
        generator=f"layerlab {importlib.metadata.version('layerlab')}",
        app=build.app, variant=build.variant, edit=build.edit, machine=build.machine,
        file=named(str(Path(build.project, build.file))) if build.file else "", command=shlex.join(build.command),
        started_at=build.started_at, outcome=outcome(build), error=build.error.rstrip(), image=build.image_name,
        meaning=fault.what if fault else "", remedy=fault.remedy if fault else "",
        totals=totals, transfer_seconds={str(mbit): moved * 8 / (mbit * 1e6) for mbit in NETWORKS}, steps=steps,
        phases=build.phases,
        critical_path=tuple(s.number for d in path for s in steps if build.steps[s.number - 1].digest == d),
        against=explanation.against if explanation else "",
        unexplained="" if explanation else unexplained or "no explanation was made",
        roots=tuple(s.number for s in steps if s.root),
        root_causes=explanation.root_causes if explanation else (), remedies=explanation.remedies if explanation else (),
        comparison=_compared(build, previous) if previous else None,
        warnings=build.warnings, step_logs=tuple(s.log.rstrip() for s in build.steps), dockerfile=shown(build.dockerfile),
    )  # fmt: skip


def outcome(build: Build) -> str:
    """Return SUCCEEDED, BROKEN or STOPPED."""
    if not build.error:
        return SUCCEEDED
    return STOPPED if build.canceled else BROKEN


def _fault(build: Build) -> faults.Fault | None:
    """Return the known fault that the build's error stands for; None if it's not a known one."""
    if not build.error:
        return None
    failed = next((s for s in build.steps if s.state == FAILED), None)
    return faults.recognise(f"{build.error}\n{failed.log if failed else ''}")


def _totals(build: Build) -> Totals:
    states = [s.state for s in build.steps]
    path = critical_path(build)
    return Totals(
        seconds=build.seconds, ran=states.count(RAN), cached=states.count(CACHED), failed=states.count(FAILED),
        canceled=states.count(CANCELED), not_reached=len(states) - sum(map(states.count, (RAN, CACHED, BASE, FAILED, CANCELED))),
        # One vertex may be on several lines, but its time counts only once.
        critical_path_seconds=sum({s.digest: s.seconds for s in build.steps if s.digest in path}.values()),
        export_seconds=build.export_seconds, context_seconds=build.seconds_in("context"),
        context_bytes=build.context_bytes, downloaded_bytes=build.downloaded_bytes,
        undivided_bytes=build.undivided_bytes, image_bytes=build.image_bytes,
    )  # fmt: skip


def _step(
    number: int, step: Step, cause: StepCause | None, critical: bool, in_image: frozenset[str] | None, build: Build
) -> StepFacts:
    lines = cause.above if cause else ()
    return StepFacts(
        number=number, line=step.line, end_line=step.end_line, stage=step.stage, instruction=step.instruction,
        text=step.text, state=step.state, started=step.started, seconds=step.seconds, size_bytes=step.size_bytes,
        downloaded_bytes=step.downloaded_bytes, downloads_counted=step.downloads_counted, critical=critical,
        in_image=None if in_image is None else step.stage in in_image,
        root=bool(cause and cause.root), causes=tuple(map(_shortened, cause.causes)) if cause else (),
        above=tuple(n for n, s in enumerate(build.steps, 1) if s.line and s.line in lines),
        still_hit=cause.still_hit if cause else "", ruled_out=cause.ruled_out if cause else (),
    )  # fmt: skip


def _shortened(cause: Cause) -> Cause:
    more = len(cause.evidence) - EVIDENCE
    if more <= 0:
        return cause
    rest = dataclasses.replace(cause.evidence[EVIDENCE], what=f"{more:,} more", before="", now="")
    return dataclasses.replace(cause, evidence=(*cause.evidence[:EVIDENCE], rest))


def _by_step(build: Build, explanation: Explanation | None) -> list[StepCause | None]:
    """Return the cause of each step. An explanation has one for each, in the same order."""
    if not explanation:
        return [None] * len(build.steps)
    if [c.line for c in explanation.steps] == [s.line for s in build.steps]:
        return list(explanation.steps)
    found = {(c.line, c.stage, c.instruction): c for c in explanation.steps}
    return [found.get((s.line, s.stage, s.instruction)) for s in build.steps]


def _image_stages(build: Build) -> frozenset[str] | None:
    """Name the stages whose layers make up the image: the last step's and those it is FROM. None if unknown."""
    if not build.dockerfile or not build.image_bytes or not build.steps:
        return None
    return image_stages(build) or None


def _compared(now: Build, before: Build) -> Comparison:
    return Comparison(
        app=before.app, variant=before.variant, edit=before.edit, machine=before.machine, started_at=before.started_at,
        outcome=outcome(before), same_machine=on_one_engine(now, before), totals=_totals(before),
        steps=tuple(_pairs(before, now)),
    )  # fmt: skip


def _pairs(before: Build, now: Build) -> list[Pair]:
    """Pair the steps of two builds, in the order of the later one. Removed steps follow their predecessor."""

    def side(build: Build, index: int | None) -> ComparedStep | None:
        if index is None:
            return None
        s = build.steps[index]
        return ComparedStep(
            index + 1, s.line, s.text, s.state, s.seconds, s.size_bytes, s.downloaded_bytes, s.downloads_counted
        )

    was = aligned(written(now), written(before), stage_names(now), stage_names(before))
    gone = [i for i in range(len(before.steps)) if i not in was.values()]
    pairs: list[Pair] = []
    for index in range(len(now.steps)):
        while gone and index in was and gone[0] < was[index]:
            pairs.append(Pair(before.steps[gone[0]].stage, side(before, gone.pop(0)), None))
        pairs.append(Pair(now.steps[index].stage, side(before, was.get(index)), side(now, index)))
    return pairs + [Pair(before.steps[i].stage, side(before, i), None) for i in gone]
