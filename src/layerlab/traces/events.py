"""The events of a build as they come: the output of `docker buildx build --progress=rawjson`, gathered by vertex.

The lines are BuildKit's `SolveStatus` (BuildKit client/graph.go). `Progress` gathers them: `trace` uses it for a finished
build, `live` for one that's still running.
"""

from __future__ import annotations

import base64
import codecs
import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..record.states import CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from ..texts.plain import plain
from .downloads import downloaded_bytes

#: A state that only live progress shows: started and not completed.
RUNNING = "RUNNING"

#: How many pieces of a step's log `tail` looks at: one line may come in several.
_TAIL_PIECES = 100


def read_events(lines: Iterable[str], rest: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the events of a trace. Lines that aren't JSON objects, which a failing build adds, go to `rest`."""
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
    """What the trace says about one vertex.

    A vertex may start and complete several times, and each time is reported twice (started, completed), so `times` is keyed
    by `started`. Bake reports a vertex that two targets share once under each name.
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
        """Whether it was a hit, as the first of its times says.

        Later times don't count: a hit in a registry cache is followed by uncached times that pull it, and a step
        that ran may be loaded from the cache again by a step that needs its result.
        """
        return bool(self.times) and min(self.times, key=_seconds) in self.hits

    @property
    def running(self) -> bool:
        """Whether one of its times has started and not ended."""
        return any(not completed for completed in self.times.values())

    def spans(self, until: float = 0.0) -> list[tuple[float, float]]:
        """Return its (start, end) times in seconds since 1970, joined where they overlap; a time without end ends at `until`."""
        return joined_spans((_seconds(start), _seconds(end) if end else until) for start, end in self.times.items())

    def work(self) -> list[tuple[float, float]]:
        """Return the (start, end) times in which its command ran: those that weren't hits. One without end is infinite."""
        times = self.times.items()
        return [(_seconds(at), _seconds(end) if end else math.inf) for at, end in times if at not in self.hits]

    def after_the_first_time(self) -> Vertex:
        """Return a copy without the first of its times."""
        return dataclasses.replace(self, times={t: self.times[t] for t in sorted(self.times, key=_seconds)[1:]})

    def text(self, stream: int | None = None) -> str:
        """Return what it printed, on one stream or on both in order of arrival.

        A chunk may end within a character, so each stream has its own decoder.
        """
        decoders: dict[int, codecs.IncrementalDecoder] = {}
        parts = []
        for source, data in self.logs:
            if stream in (None, source):
                if source not in decoders:
                    decoders[source] = codecs.getincrementaldecoder("utf-8")(errors="replace")
                parts.append(decoders[source].decode(base64.b64decode(data)))
        return "".join(parts) + "".join(decoder.decode(b"", final=True) for decoder in decoders.values())

    def tail(self, lines: int) -> list[str]:
        """Return the last non-empty lines it printed, as a terminal would show them. It reads no more than it needs."""
        data = b""
        for _, piece in reversed(self.logs[-_TAIL_PIECES:]):
            data = base64.b64decode(piece) + data
            if data.count(b"\n") > 2 * lines:  # some may be empty
                break
        shown = plain(data.decode(errors="replace")).split("\n")
        return [line for line in shown if line.strip()][-lines:]

    @property
    def announced(self) -> int:
        """Bytes that its logs say it downloaded."""
        return sum(downloaded_bytes(self.text(stream)) for stream in {source for source, _ in self.logs})

    @property
    def pulled(self) -> int:
        """Bytes of layers pulled from a registry, which a hit in a registry cache needs too."""
        return sum(current for id_, (current, _) in self.transfers.items() if id_.startswith("sha256:"))

    @property
    def transferred(self) -> int:
        """Bytes of build context or Dockerfile sent to the engine: the last `current`."""
        return sum(current for id_, (current, _) in self.transfers.items() if id_.startswith("transferring "))


class Progress:
    """Follows the events of a build: `absorb` each one, in order."""

    def __init__(self) -> None:
        self.vertices: dict[str, Vertex] = {}
        self.warnings: list[str] = []

    def absorb(self, event: Mapping[str, Any]) -> list[str]:
        """Take in one event; return the digests of the vertices it mentions, which may repeat."""
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
    """Return (start, end) times in order, joined where they overlap."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, max(start, end)))
    return joined


def state(vertices: Sequence[Vertex]) -> str:
    """Return the state of a step made of these vertices: RAN, CACHED, FAILED, CANCELED, NOT REACHED or RUNNING.

    `COPY --link` is two vertices, the copy and a merge with what is below it. The copy says whether it was a hit:
    when the base moves, the copy hits and only the merge runs again.
    """
    if errors := [v.error for v in vertices if v.error]:
        return CANCELED if all("context canceled" in error for error in errors) else FAILED
    telling = [v for v in vertices if v.weak and v.times] or [v for v in vertices if v.times]
    if not telling:
        return NOT_REACHED
    if any(v.cached for v in telling):
        return CACHED
    return RUNNING if any(v.running for v in vertices) else RAN


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
