"""The events of a build as they come: what `docker buildx build --progress=rawjson` prints, gathered by vertex.

The lines are BuildKit's `SolveStatus` (BuildKit client/graph.go). `Progress` is all that live progress needs; `trace`
reads a whole build with it.
"""

from __future__ import annotations

import base64
import codecs
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from .downloads import downloaded_bytes
from .records import CACHED, CANCELED, FAILED, NOT_REACHED, RAN

#: A state only live progress shows: started and not completed.
RUNNING = "RUNNING"

#: Pieces of log that live progress looks through for the last line.
_TAIL = 8


def read_events(lines: Iterable[str], rest: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The events of a trace; lines that are not JSON objects, which a build that fails adds, go to `rest`."""
    for line in lines:
        if line.startswith("{"):
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                event = None
            if isinstance(event, dict):
                yield event
                continue
        if rest is not None:
            rest.append(line.rstrip("\r\n"))


@dataclasses.dataclass
class Vertex:
    """What the trace says of one vertex.

    A vertex may start and complete several times, and each time is told twice (started, completed): `times` is keyed by
    `started` (FACTS.md). Bake reports a vertex that two targets share once under each name.
    """

    digest: str
    names: list[str] = dataclasses.field(default_factory=list)
    inputs: tuple[str, ...] = ()
    times: dict[str, str] = dataclasses.field(default_factory=dict)
    hits: set[str] = dataclasses.field(default_factory=set)
    error: str = ""
    weak: bool = False
    logs: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    transfers: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)

    @property
    def cached(self) -> bool:
        """Whether it was a hit: the first of its times says so.

        Later ones do not tell: a hit in a registry cache is followed by uncached times that pull it (FACTS.md), and a step
        that ran may be loaded from the cache again by a step that needs its result.
        """
        return bool(self.times) and min(self.times, key=_seconds) in self.hits

    @property
    def running(self) -> bool:
        """Whether it started and some start has no end."""
        return any(not completed for completed in self.times.values())

    def spans(self, until: float = 0.0) -> list[tuple[float, float]]:
        """Its (start, end) times in seconds since 1970, joined where they overlap; what did not end lasts `until`."""
        return joined_spans((_seconds(start), _seconds(end) if end else until) for start, end in self.times.items())

    def text(self, stream: int | None = None) -> str:
        """What it printed, on one stream or on both in the order of arrival.

        A chunk may end within a character, so each stream has a decoder of its own.
        """
        decoders: dict[int, codecs.IncrementalDecoder] = {}
        parts = []
        for source, data in self.logs:
            if stream in (None, source):
                if source not in decoders:
                    decoders[source] = codecs.getincrementaldecoder("utf-8")(errors="replace")
                parts.append(decoders[source].decode(base64.b64decode(data)))
        return "".join(parts) + "".join(decoder.decode(b"", final=True) for decoder in decoders.values())

    def last_line(self) -> str:
        """The last line it printed that is not empty."""
        tail = b"".join(base64.b64decode(data) for _, data in self.logs[-_TAIL:]).decode(errors="replace")
        return next((line for line in reversed(re.split(r"[\r\n]+", tail)) if line.strip()), "")

    @property
    def downloaded(self) -> int:
        """Bytes that its logs tell of, and layers pulled from a registry, which a hit in a registry cache needs too."""
        streams = {source for source, _ in self.logs}
        pulled = sum(current for id_, (current, _) in self.transfers.items() if id_.startswith("sha256:"))
        return pulled + sum(downloaded_bytes(self.text(stream)) for stream in streams)

    @property
    def transferred(self) -> int:
        """Bytes of build context or Dockerfile sent to the engine: the last `current` (FACTS.md)."""
        return sum(current for id_, (current, _) in self.transfers.items() if id_.startswith("transferring "))


@dataclasses.dataclass(frozen=True)
class Now:
    """What live progress shows of one vertex.

    Attributes:
        digest: of the vertex, to tell rows apart.
        name: as BuildKit names it.
        state: RUNNING, RAN, CACHED, FAILED, CANCELED, or NOT_REACHED for not yet.
        started: seconds since 1970; None if it did not start.
        completed: seconds since 1970; None while it runs.
        line: the last line it printed.
        current: bytes transferred so far, context or layers.
        total: bytes to transfer; 0 where BuildKit does not know.
    """

    digest: str
    name: str
    state: str
    started: float | None
    completed: float | None
    line: str
    current: int
    total: int


class Progress:
    """Follows the events of a build: `feed` each one, in order."""

    def __init__(self) -> None:
        self.vertices: dict[str, Vertex] = {}
        self.warnings: list[str] = []

    def feed(self, event: Mapping[str, Any]) -> list[Now]:
        """Take in one event; gives the vertices it tells of as they now are."""
        return [_now(self.vertices[digest]) for digest in dict.fromkeys(self.absorb(event))]

    def absorb(self, event: Mapping[str, Any]) -> list[str]:
        """Take in one event; gives the digests of the vertices it tells of, perhaps more than once."""
        touched = []
        for told in event.get("vertexes") or ():
            vertex = self._vertex(told["digest"])
            touched.append(vertex.digest)
            if (name := told.get("name", "")) and name not in vertex.names:
                vertex.names.append(name)
            vertex.inputs = tuple(told.get("inputs") or vertex.inputs)
            vertex.error = told.get("error") or vertex.error
            if group := told.get("progressGroup"):
                vertex.weak = group.get("weak", False)
            if started := told.get("started"):
                vertex.times[started] = told.get("completed") or vertex.times.get(started, "")
                if told.get("cached"):
                    vertex.hits.add(started)
        for told in event.get("statuses") or ():
            vertex = self._vertex(told["vertex"])
            touched.append(vertex.digest)
            vertex.transfers[told["id"]] = (told.get("current", 0), told.get("total", 0))
        for told in event.get("logs") or ():
            vertex = self._vertex(told["vertex"])
            touched.append(vertex.digest)
            vertex.logs.append((told.get("stream", 1), told.get("data", "")))
        for told in event.get("warnings") or ():
            text = base64.b64decode(told.get("short") or "").decode(errors="replace")
            if text not in self.warnings:
                self.warnings.append(text)
        return touched

    def _vertex(self, digest: str) -> Vertex:
        if digest not in self.vertices:
            self.vertices[digest] = Vertex(digest)
        return self.vertices[digest]


def joined_spans(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """(start, end) times in order, joined where they overlap."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, max(start, end)))
    return joined


def state(vertices: Sequence[Vertex]) -> str:
    """The state of a step from the vertices it is made of: RAN, CACHED, FAILED, CANCELED, NOT REACHED or RUNNING.

    `COPY --link` is two vertices, the copy and a merge with what is below it; the copy says whether it was a hit
    (FACTS.md: when the base moves it hits, and only the merge is made anew).
    """
    if errors := [v.error for v in vertices if v.error]:
        return CANCELED if all("context canceled" in error for error in errors) else FAILED
    telling = [v for v in vertices if v.weak and v.times] or [v for v in vertices if v.times]
    if not telling:
        return NOT_REACHED
    if any(v.cached for v in telling):
        return CACHED
    return RUNNING if any(v.running for v in vertices) else RAN


def _now(vertex: Vertex) -> Now:
    spans = vertex.spans()
    moving = [t for id_, t in vertex.transfers.items() if t[1] or id_.startswith("transferring ")]
    return Now(
        digest=vertex.digest,
        name=vertex.names[0] if vertex.names else "",
        state=state([vertex]),
        started=spans[0][0] if spans else None,
        completed=spans[-1][1] if spans and not vertex.running else None,
        line=vertex.last_line(),
        current=sum(current for current, _ in moving),
        total=sum(total for _, total in moving),
    )


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
