"""A few threads that read large files, as an executor has them, except that they never hold up the end of the process."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

#: How long whoever cancels waits for threads, seconds. They notice within a block of a file; a dead network disk never lets go.
PATIENCE = 0.5

_T = TypeVar("_T")


class Cancelled(Exception):
    """Nobody wants the result any more."""


class Readers(Generic[_T]):
    """Threads that are started when there's work.

    An executor's threads are waited for when Python ends (concurrent.futures.thread); these are daemons.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.threads: list[threading.Thread] = []
        self.jobs: queue.SimpleQueue[tuple[Future[_T], Callable[[], _T]] | None] = queue.SimpleQueue()

    def submit(self, job: Callable[[], _T]) -> Future[_T]:
        """Have a thread do `job`."""
        if len(self.threads) < self.most:
            self.threads.append(threading.Thread(target=self._work, name="layerlab-reader", daemon=True))
            self.threads[-1].start()
        from concurrent.futures import Future  # here: it takes 20 ms, and a small context has no large files

        future: Future[_T] = Future()
        self.jobs.put((future, job))
        return future

    def end(self) -> None:
        """End the threads, after the jobs they have; wait for at most PATIENCE seconds."""
        for _ in self.threads:
            self.jobs.put(None)
        until = time.monotonic() + PATIENCE
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while waiting := self.jobs.get():
            future, job = waiting
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)
