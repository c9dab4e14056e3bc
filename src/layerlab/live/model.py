"""A build while it runs: its steps with their states, times, logs and bytes. Pure, apart from the clock.

The Dockerfile's instructions are known beforehand and start out waiting; the trace tells what happens to them.
"""

from __future__ import annotations

import base64
import codecs
import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from ..texts.plain import named, shown
from ..texts.secrets import without_marks
from ..traces import instructions, placement
from ..traces.downloads import Downloads
from ..traces.events import RUNNING, Progress, Vertex, state
from ..traces.trace import phase_kind

#: In a running build: reported by the engine or known from the Dockerfile, but not started yet.
WAITING = NOT_REACHED
#: Shapes and words, not only colours, distinguish the states. FROM is not classified (record.states.BASE): once the image is
#: there, it's done.
SIGNS = {WAITING: "·", RUNNING: "▶", RAN: "■", CACHED: "○", FAILED: "✗", CANCELED: "✗", BASE: "■"}
WORDS = {
    WAITING: "waiting", RUNNING: "running", RAN: "done", CACHED: "cached", FAILED: "failed", CANCELED: "cancelled",
    BASE: "done",
}  # fmt: skip
#: How many lines of a running step's log are shown.
TAIL_LINES = 4
#: Names of a build's phases (record.step.Phase). Phases that aren't listed here end at once and are not shown.
PHASES = {
    "context": "send the build context", "pull": "pull an image", "export": "export the image",
    "cache import": "read the exported cache", "cache export": "export the cache", "metadata": "look up the base image",
}  # fmt: skip
#: Phases that come after the steps.
LAST_PHASES = ("export", "cache export")
#: A phase that was shorter and moved less than this isn't worth a line.
LEAST_SECONDS, LEAST_BYTES = 0.5, 100_000


@dataclasses.dataclass(frozen=True)
class Transfer:
    """Bytes in transit: the build context, layers, or a step's downloads.

    Attributes:
        what: "sent", "pulled", "pushed" or "downloaded".
        current: bytes so far.
        total: bytes in all; 0 if unknown.
    """

    what: str
    current: int
    total: int


@dataclasses.dataclass(frozen=True)
class Activity:
    """One step or phase at one moment.

    Attributes:
        line: the Dockerfile's line; 0 for a phase, or if the line is unknown.
        stage: name of the stage; "" for a phase.
        text: the instruction, or what the phase does.
        state: WAITING, RUNNING, RAN, CACHED, BASE, FAILED or CANCELED.
        seconds: how long it has run; None while it waits.
        busy: whether the engine is working on it: it's running, or it's cached and its layers are being pulled.
        tail: the last lines of its log, if it's running or failed.
        transfers: bytes it has moved so far.
    """

    line: int
    stage: str
    text: str
    state: str
    seconds: float | None
    busy: bool
    tail: tuple[str, ...]
    transfers: tuple[Transfer, ...]

    @property
    def sign(self) -> str:
        """The state's sign, one character."""
        return SIGNS[self.state]

    @property
    def word(self) -> str:
        """The state's word, as shown to the user."""
        return WORDS[self.state]


class LiveBuild:
    """Follows a build: `feed` it each event, and look at `rows`, `counts` and `elapsed` whenever you like.

    Feeding is quick and looking takes a few milliseconds, because events may come much faster than anybody looks.
    """

    def __init__(
        self,
        title: str,
        dockerfile: str = "",
        *,
        target: str = "",
        args: Mapping[str, str] | None = None,
        service: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock of a build that begins now.

        Args:
            title: name of the build, as shown to the user.
            dockerfile: text of the Dockerfile; its instructions are shown as waiting.
            target: stage the build stops at; "" for the last.
            args: build arguments.
            service: the bake target whose steps are shown.
            clock: returns seconds, from any zero. It times whatever is still running, because the engine's clock, which the
                trace uses, may differ.
        """
        self.title = named(title)
        self._dockerfile, self._service, self._clock = without_marks(dockerfile), service, clock
        # Named as in provenance, because that's where `placement` looks for them.
        self._given = {"invocation": {"parameters": {"args": {f"build-arg:{k}": v for k, v in (args or {}).items()}}}}
        self._expected = _expected(dockerfile, target, args or {})
        self._progress = Progress()
        self._since: dict[str, float] = {}
        self._logs = _Logs()
        self._placed = placement.Placed((), ())
        self._names = 0
        self._started = clock()
        self._ended: float | None = None

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the trace."""
        self._progress.absorb(event)
        for told in event.get("vertexes") or ():
            vertex = self._progress.vertices[told["digest"]]
            if vertex.running:
                self._since.setdefault(vertex.digest, self._clock())
            else:
                self._since.pop(vertex.digest, None)

    def end(self) -> None:
        """Stop the clocks: the build is over, and anything still running was cancelled."""
        self._ended = self._clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the build began."""
        return (self._clock() if self._ended is None else self._ended) - self._started

    @property
    def steps(self) -> list[Activity]:
        """The steps in file order, FROM lines of images included."""
        rows = [self._row(p.vertices, p.line, p.stage, p.text, p.keyword == "FROM") for p in self._place().steps]
        if any(not row.text.startswith("FROM") for row in rows):
            return rows  # the trace names all steps of a build at once, before the first of them starts
        told = {row.line for row in rows}
        return sorted([*rows, *(row for row in self._expected if row.line not in told)], key=lambda row: row.line)

    @property
    def rows(self) -> list[Activity]:
        """The steps, with the phases above and below them: whatever takes time or moves bytes outside the steps."""
        phases = self._phases()
        first = [row for kind, row in phases.items() if kind not in LAST_PHASES]
        return [*first, *self.steps, *(row for kind, row in phases.items() if kind in LAST_PHASES)]

    def _phases(self) -> dict[str, Activity]:
        by_kind: dict[str, list[Vertex]] = {}
        for vertex, name in self._place().others:
            if vertex.times and (kind := phase_kind(name)) in PHASES:
                by_kind.setdefault(kind, []).append(vertex)
        rows = {kind: self._row(found, 0, "", PHASES[kind], False) for kind, found in by_kind.items()}
        return {k: r for k, r in rows.items() if r.busy or (r.seconds or 0.0) >= LEAST_SECONDS or r.transfers}

    def counts(self) -> str:
        """Say how far the build is: "3 of 7 steps done (1 cached), 1 running"."""
        rows = self.steps
        words = Counter(row.word for row in rows)
        over = f"{words['done'] + words['cached']} of {len(rows)} step{'' if len(rows) == 1 else 's'} done"
        cached = f" ({words['cached']} cached)" if words["cached"] else ""
        others = [f"{words[w]} {w}" for w in ("running", "failed", "cancelled") if words[w]]
        return ", ".join([over + cached, *others])

    def _place(self) -> placement.Placed:
        """Find out which vertices belong to which step; done again only when a vertex or a name is new."""
        vertices = self._progress.vertices.values()
        names = sum(len(v.names) for v in vertices)
        if names != self._names:
            named = placement.named(vertices, {}, self._service)
            self._placed, self._names = placement.place(named, self._given, self._dockerfile), names
        return self._placed

    def _row(self, vertices: Sequence[Vertex], line: int, stage: str, text: str, is_base: bool) -> Activity:
        now = state(vertices)
        busy = self._ended is None and any(v.digest in self._since for v in vertices)
        if now == RUNNING and not busy:
            now = CANCELED
        if is_base and now in (RAN, CACHED):
            now = BASE
        shows_log = busy or now in (FAILED, CANCELED)
        return Activity(
            line, named(stage), " ".join(shown(text).split()), now, self._seconds(vertices), busy,
            tail=_merged_tail(vertices) if shows_log else (),
            transfers=tuple(t for t in (_moved(vertices), self._logs.downloaded(vertices)) if t),
        )  # fmt: skip

    def _seconds(self, vertices: Sequence[Vertex]) -> float | None:
        if not any(v.times for v in vertices):
            return None
        now = self._clock() if self._ended is None else self._ended
        # A step's vertices follow one another, and each may start several times; one that's running has no end yet.
        over = sum(end - start for v in vertices for start, end in v.spans() if end > start)
        return over + max((now - self._since[v.digest] for v in vertices if v.digest in self._since), default=0.0)


class _Logs:
    """The downloads that logs report. Each piece of a log is read once, when somebody looks."""

    def __init__(self) -> None:
        self._read: Counter[str] = Counter()
        self._streams: dict[tuple[str, int], tuple[codecs.IncrementalDecoder, Downloads]] = {}

    def downloaded(self, vertices: Sequence[Vertex]) -> Transfer | None:
        found = [d for v in vertices for d in self._of(v)]
        total = sum(d.expected for d in found)
        return Transfer("downloaded", sum(d.arrived for d in found), total) if total else None

    def _of(self, vertex: Vertex) -> list[Downloads]:
        new: dict[int, list[bytes]] = {}
        for stream, data in vertex.logs[self._read[vertex.digest] :]:
            new.setdefault(stream, []).append(base64.b64decode(data))
        self._read[vertex.digest] = len(vertex.logs)
        for stream, pieces in new.items():
            key = vertex.digest, stream
            if key not in self._streams:
                self._streams[key] = codecs.getincrementaldecoder("utf-8")(errors="replace"), Downloads()
            decoder, downloads = self._streams[key]
            downloads.feed(decoder.decode(b"".join(pieces)))
        return [downloads for (digest, _), (_, downloads) in self._streams.items() if digest == vertex.digest]


def _expected(dockerfile: str, target: str, args: Mapping[str, str]) -> list[Activity]:
    """Return the steps that a build of this Dockerfile should have, all waiting."""
    found = instructions.read(dockerfile, args)
    root = instructions.stages(found).get(target.lower())
    used = instructions.used_stages(found, set() if root is None else {root})
    earlier: set[str] = {"scratch"}
    rows = []
    for i in found:
        is_image = i.keyword == "FROM" and i.base.lower() not in earlier
        earlier |= {i.stage_name} if i.keyword == "FROM" else set()
        if i.stage in used and (is_image or i.keyword in instructions.MAKES_A_STEP):
            text = " ".join(shown(f"{i.keyword} {i.value}").split())
            rows.append(Activity(i.line, named(i.stage_name), text, WAITING, None, False, (), ()))
    return rows


def _merged_tail(vertices: Sequence[Vertex]) -> tuple[str, ...]:
    return tuple([line for v in vertices for line in v.tail(TAIL_LINES)][-TAIL_LINES:])


def _moved(vertices: Sequence[Vertex]) -> Transfer | None:
    """Return the context sent (BuildKit doesn't report its total) or the layers pulled or pushed."""
    sent = sum(v.transferred for v in vertices)
    layers = {id_: t for v in vertices for id_, t in v.transfers.items() if t[1]}
    if layers:
        pulled = all(id_.startswith("sha256:") for id_ in layers)
        current, total = (sum(t[i] for t in layers.values()) for i in (0, 1))
        return Transfer("pulled" if pulled else "pushed", current, total)
    return Transfer("sent", sent, 0) if sent >= LEAST_BYTES else None
