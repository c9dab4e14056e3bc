"""How long it takes to read a long trace, and how much memory.

The trace is made up: 40 steps that print logs, like a verbose pip or apt, and move bytes. Time and memory are measured in
separate runs, because tracking memory slows the parser down.
"""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from collections.abc import Iterator

from layerlab.live.model import LiveBuild
from layerlab.traces.trace import parse, read_events

from .result import Result, spread

EVENTS = 100_000
STEPS = 40
REPEATS = 3


def synthetic(events: int) -> tuple[str, str]:
    """Return (trace, Dockerfile) with about this many events."""
    dockerfile = "FROM python:3.11-slim\n" + "".join(f"RUN step {n}\n" for n in range(STEPS))
    lines = []
    each = events // STEPS - 3
    for n in range(STEPS):
        vertex = {"digest": f"sha256:{n:064x}", "name": f"[{n + 2:2}/{STEPS + 1}] RUN step {n}"}
        started, completed = (f"2026-01-01T00:{n:02}:{second:02}.123456789Z" for second in (0, 59))
        lines.append({"vertexes": [vertex]})
        lines.append({"vertexes": [{**vertex, "started": started}]})
        for k in range(each):
            if k % 4:
                text = f"Downloading package_{k}-1.0.whl (12 kB)\n" if k % 40 == 1 else f"line {k} of a log\n"
                data = base64.b64encode(text.encode()).decode()
                lines.append({"logs": [{"vertex": vertex["digest"], "stream": 1, "data": data, "timestamp": started}]})
            else:
                status = {"id": "sha256:layer", "vertex": vertex["digest"], "current": k, "total": each}
                lines.append({"statuses": [{**status, "timestamp": started, "started": started}]})
        lines.append({"vertexes": [{**vertex, "started": started, "completed": completed}]})
    return "".join(json.dumps(line) + "\n" for line in lines), dockerfile


def run() -> Iterator[Result]:
    trace, dockerfile = synthetic(EVENTS)
    events = trace.count("\n")
    assert events >= EVENTS, events

    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        parsed = parse(trace, {}, dockerfile)
        seconds.append(time.perf_counter() - began)
    assert len(parsed.steps) == STEPS, len(parsed.steps)
    what = f"reading a trace of {events:,} events ({len(trace) / 1e6:.0f} MB)"
    yield Result(what, min(seconds), 1.0, "s", detail=spread(seconds, "s") + "; the fastest counts")

    tracemalloc.start()
    parse(trace, {}, dockerfile)
    peak = (tracemalloc.get_traced_memory()[1] + len(trace)) / 1e6
    tracemalloc.stop()
    yield Result("memory for it, the trace included", peak, 200, "MB")

    began = time.perf_counter()
    live = LiveBuild("a trace", dockerfile)
    for event in read_events(trace.splitlines()):
        live.feed(event)
    yield Result("following the same trace live", time.perf_counter() - began, 2.0, "s", detail="once")
