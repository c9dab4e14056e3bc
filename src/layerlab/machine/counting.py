"""Count what flows over a machine's network beside a build."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from ..record.traffic import Sample, telling

#: How long to wait for the last sample, seconds: an engine that hangs must not hold up the end of a build.
PATIENCE = 2.0
#: Yields samples until the event is set, and one more.
Sampler = Callable[[threading.Event], Iterator[Sample]]


@contextlib.contextmanager
def counting(sampler: Sampler) -> Iterator[list[Sample]]:
    """Collect samples while the body of the `with` runs; the last is taken when it ends. There are none without counters."""
    samples: list[Sample] = []
    ended, done = threading.Event(), threading.Event()

    def count() -> None:
        try:
            with contextlib.suppress(OSError):
                telling(sampler(ended), samples)
        finally:
            done.set()

    threading.Thread(target=count, name="layerlab-counting", daemon=True).start()
    try:
        yield samples
    finally:
        ended.set()
        done.wait(PATIENCE)
