"""How long reading a long trace takes, and how much memory: `python benchmarks/bench_trace.py [events]`.

The trace is made up: 40 steps, each printing logs as a verbose pip or apt does, and moving bytes. Time and memory are
measured in two runs, as following memory slows the parser down. The limits are 1 s and 200 MB for 100,000 events.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
import time
import tracemalloc

from layerlab.trace import Progress, parse, read_events

STEPS = 40


def synthetic(events: int) -> tuple[str, str]:
    """(trace, Dockerfile) with about this many events."""
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


def main() -> None:
    trace, dockerfile = synthetic(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    began = time.perf_counter()
    parsed = parse(trace, {}, dockerfile)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    progress = Progress()
    for event in read_events(trace.splitlines()):
        progress.feed(event)
    live = time.perf_counter() - began
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tracemalloc.start()
    parse(trace, {}, dockerfile)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    print(f"{trace.count(chr(10)):,} events, {len(trace) / 1e6:.0f} MB, {len(parsed.steps)} steps")
    print(f"parse: {seconds:.2f} s, {peak:.0f} MB above the trace; this process with the trace: {rss:.0f} MB")
    print(f"live progress, each event shown: {live:.2f} s")


if __name__ == "__main__":
    main()
