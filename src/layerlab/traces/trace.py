"""Read a build's trace: from the output of `--progress=rawjson` to steps and phases. Pure; needs no engine.

`events` gathers the trace by vertex, `placement` finds the Dockerfile line that a vertex belongs to.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from ..record.step import Phase, Step
from ..record.traffic import Sample
from . import placement, traffic
from .events import RUNNING, Progress, Vertex, joined_spans, read_events, state

__all__ = ["Parsed", "Progress", "parse", "phase_kind", "read_events", "resumed"]

#: Kinds of phase by the vertex's name; the first match counts.
_KINDS = (
    ("definition", r"\[internal\] load (build definition|local bake)|load \.dockerignore|resolve image config for"),
    ("metadata", r"load metadata for|\[auth\]"),
    ("context", r"\[internal\] load (build context|remote build context|git source)|load from client$"),
    ("cache import", r"importing cache manifest|inferred cache manifest"),
    ("cache export", r"exporting cache|preparing (inline|build) cache"),
    ("export", r"exporting |pushing |sending tarball|importing to docker|unpacking "),
    ("pull", placement.SOURCE_IMAGE),
)


@dataclasses.dataclass(frozen=True)
class Parsed:
    """What a trace says about a build.

    Attributes:
        steps: in file order; those without a known line come last.
        phases: the work outside the steps, in order of start.
        context_bytes: bytes of build context sent.
        undivided_bytes: as in `record.build.Build`.
        warnings: BuildKit's, one line each, and failed cache imports, which BuildKit tolerates.
        error: "" for a build that succeeded; otherwise what BuildKit printed.
        seconds: from the first start to the last completion in the trace.
        failed: the step that failed first, if any did.
        failed_line: the Dockerfile line that BuildKit's error names, or else that of the failed step; 0 if there's neither.
    """

    steps: tuple[Step, ...]
    phases: tuple[Phase, ...]
    context_bytes: int
    undivided_bytes: int | None
    warnings: tuple[str, ...]
    error: str
    seconds: float
    failed: Step | None
    failed_line: int


def parse(
    trace: str,
    provenance: Mapping[str, Any],
    dockerfile: str,
    target: str = "",
    samples: Sequence[Sample] = (),
) -> Parsed:
    """Parse a trace into the steps and phases of one build.

    Args:
        trace: the output of `--progress=rawjson`.
        provenance: `buildx.build.provenance` of the metadata file; {} for a build that failed.
        dockerfile: text of the Dockerfile.
        target: which target of a bake; "" to find out (of several, the one that the provenance or the failure belongs to).
        samples: the counters of the machine's network during the build; without them, downloads are what logs report.
    """
    progress = Progress()
    rest: list[str] = []
    # Not splitlines: it copies the whole trace, and splits at characters that JSON may hold.
    for event in read_events((m[0] for m in re.finditer(r"[^\n]+", trace)), rest):
        progress.absorb(event)
    if provenance:
        _forget_others_cancels(progress)
    vertices = placement.named(progress.vertices.values(), provenance, target)
    placed = placement.place(vertices, provenance, dockerfile)
    spans = [span for v in progress.vertices.values() for span in v.spans()]
    clock = min((start for start, _ in spans), default=0.0), max((end for _, end in spans), default=0.0)

    # A vertex on several lines (one FROM for two stages) downloads once: the first line gets the bytes.
    first: dict[str, placement.Place] = {}
    for place in placed.steps:
        for vertex in place.vertices:
            first.setdefault(vertex.digest, place)
    fetching = traffic.fetching(progress.vertices.values(), provenance)
    counts = traffic.counted(samples, fetching)
    unknown = fetching.keys() - counts.each
    steps = tuple(
        _step(p, [v for v in p.vertices if first[v.digest] is p], clock, counts.each, unknown) for p in placed.steps
    )
    phases = tuple(sorted((_phase(v, name, clock) for v, name in placed.others if v.times), key=lambda p: p.started))
    failures = sorted((s for s in steps if s.state == FAILED), key=lambda s: (s.started or 0.0) + s.seconds)
    message = "\n".join(rest).strip()
    ended_badly = re.search(r"^ERROR:", message, re.MULTILINE)
    ignored = [
        f"{name}: {v.error}"
        for v, name in placed.others
        if v.error and (not ended_badly or phase_kind(name) == "cache import")
    ]
    told = [line for line in rest if re.match(r"WARNING|.*\blevel=warning\b", line)]
    where = re.search(r"^\S+:(\d+)\n-{5,}$", message, re.MULTILINE)
    return Parsed(
        steps=steps,
        phases=phases,
        context_bytes=sum(p.bytes for p in phases if p.kind == "context"),
        undivided_bytes=max(
            0, counts.together - sum(v.announced for v in progress.vertices.values() if v.digest in unknown)
        )
        if counts.complete
        else None,
        warnings=(*progress.warnings, *told, *ignored),
        error=message if ended_badly else next((v.error for p in placed.steps for v in p.vertices if v.error), ""),
        seconds=clock[1] - clock[0],
        failed=failures[0] if failures else None,
        failed_line=int(where[1]) if where else failures[0].line if failures else 0,
    )


def _forget_others_cancels(progress: Progress) -> None:
    """Forget that vertices were canceled, in a build that succeeded: only a failed build has no provenance.

    Builds at the same time share a vertex that both have (BuildKit solver/jobs.go). If the one whose try it was is killed, the
    other sees that it was canceled, and tries again.
    """
    for vertex in progress.vertices.values():
        if "context canceled" in vertex.error:
            vertex.error = ""


def resumed(first: Parsed, second: Parsed, seconds: float) -> Parsed:
    """Join two tries into one build: the first failed only in its export, after `seconds`.

    The second try finds the first one's results in the cache, so without this, a retried build would say that nothing ran.
    """

    def key(step: Step) -> tuple[int, str, str]:
        return step.line, step.stage, "" if step.line else step.text  # another bake target's step has no line here

    earlier = {key(s): s for s in first.steps}

    def both(step: Step) -> Step:
        before = earlier.get(key(step))
        if before:
            step = dataclasses.replace(
                step,
                downloaded_bytes=step.downloaded_bytes + before.downloaded_bytes,
                downloads_counted=step.downloads_counted and before.downloads_counted,
            )
            if before.state == RAN and step.state == CACHED:
                return dataclasses.replace(
                    step, state=RAN, started=before.started, seconds=before.seconds, log=before.log
                )
        return step if step.started is None else dataclasses.replace(step, started=step.started + seconds)

    later = (dataclasses.replace(phase, started=phase.started + seconds) for phase in second.phases)
    return dataclasses.replace(
        second,
        steps=tuple(both(step) for step in second.steps),
        phases=(*first.phases, *later),
        context_bytes=first.context_bytes + second.context_bytes,
        undivided_bytes=None
        if first.undivided_bytes is None or second.undivided_bytes is None
        else first.undivided_bytes + second.undivided_bytes,
        seconds=seconds + second.seconds,
    )


def _step(
    place: placement.Place,
    own: Iterable[Vertex],
    clock: tuple[float, float],
    counted: Mapping[str, int],
    unknown: Collection[str],
) -> Step:
    vertices = place.vertices
    inside = {v.digest for v in vertices}
    # Later steps depend on a step's last vertex: for COPY --link, the merge.
    last = next((v for v in vertices if not any(v.digest in other.inputs for other in vertices)), vertices[-1])
    started, seconds = _times(vertices, clock)
    # The trace is over, so a vertex that still runs in it was stopped.
    found = {RUNNING: CANCELED}.get(_state(vertices), _state(vertices))
    return Step(
        line=place.line,
        end_line=place.end_line,
        stage=place.stage,
        instruction=place.keyword,
        text=place.text,
        state=found if place.keyword != "FROM" or found in (FAILED, CANCELED) else BASE,
        started=None if found == NOT_REACHED else started,
        seconds=seconds,
        size_bytes=place.size_bytes,
        downloaded_bytes=sum(v.pulled + counted.get(v.digest, v.announced) for v in own),
        downloads_counted=not any(v.digest in unknown for v in vertices),
        log="".join(v.text() for v in vertices),
        digest=last.digest,
        inputs=tuple(dict.fromkeys(i for v in vertices for i in v.inputs if i not in inside)),
    )


def phase_kind(name: str) -> str:
    """Return the kind of phase (`record.step.Phase.kind`) of a vertex with this name."""
    return next((kind for kind, pattern in _KINDS if re.search(pattern, name)), "other")


def _state(vertices: Sequence[Vertex]) -> str:
    """Return the state of a whole step.

    When BuildKit asks a vertex without inputs for its cache key, it reports that as a first time that the vertex ran
    (solver/jobs.go, CacheMap). Such a vertex is what ADD fetches, or a WORKDIR on nothing (FROM scratch).
    """
    if (found := state(vertices)) != RAN:
        return found
    if working := [v for v in vertices if v.inputs]:
        return state(working)
    later = [v.after_the_first_time() for v in vertices]
    # With no other time, nothing needed its result, so the step built on it was a hit.
    return state(later) if any(v.times for v in later) else CACHED


def _phase(vertex: Vertex, name: str, clock: tuple[float, float]) -> Phase:
    kind = phase_kind(name)
    started, seconds = _times([vertex], clock)
    return Phase(kind, name, started, seconds, vertex.transferred + (vertex.pulled if kind == "pull" else 0))


def _times(vertices: Iterable[Vertex], clock: tuple[float, float]) -> tuple[float, float]:
    """Return (start since the trace began, seconds without the waits between the times it ran)."""
    zero, until = clock
    spans = joined_spans(span for v in vertices for span in v.spans(until))
    return (spans[0][0] - zero if spans else 0.0), sum(end - start for start, end in spans)
