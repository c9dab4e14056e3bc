"""Tell how far long work is: a bar on a terminal, a line every few seconds elsewhere, both on standard error.

Work that's soon done shows nothing. A thread asks how far the work is, so that showing it never holds it up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from ..texts.plain import named
from .front_end import on_terminal

if TYPE_CHECKING:
    from rich.progress import TaskID

#: On a terminal, work that ends within this many seconds shows nothing.
QUIET_SECONDS = 1.0
#: Seconds between two lines about the same work elsewhere, and before the first. CI systems give up on silent jobs.
LINE_SECONDS = 5.0
#: Seconds between two looks at the work.
LOOK_SECONDS = 0.25
#: Seconds to wait, at the end of the work, for a look that's under way, such as counting the files of a large folder.
LAST_LOOK_SECONDS = 1.0


@dataclasses.dataclass(eq=False)
class Work:
    """Something that takes long; `shown` has the meaning of its arguments."""

    title: str
    done: Callable[[], float] | None
    total: Callable[[], float] | None
    unit: str
    began: float
    amount: float = 0.0
    whole: float = 0.0

    def look(self) -> str:
        """Ask how far it is, and say so in words."""
        if self.done:
            self.amount = self.done()
        if self.total and not self.whole:
            self.whole = self.total()
        return described(self.amount if self.done else None, self.whole, time.monotonic() - self.began, self.unit)


@contextlib.contextmanager
def shown(
    title: str, done: Callable[[], float] | None = None, total: Callable[[], float] | None = None, unit: str = "files"
) -> Iterator[None]:
    """Show, while the body runs, how far its work is.

    Args:
        title: what's going on, such as "Deleting machine laptop".
        done: returns how much is done. It's asked several times a second, on another thread.
        total: returns how much there is to do. It's asked only once the work turns out to be long, and may take a while.
        unit: "bytes", or what is counted.
    """
    work = Work(named(title), done, total, unit, time.monotonic())
    _BOARD.add(work)
    try:
        yield
    finally:
        _BOARD.remove(work)


def say(line: str) -> None:
    """Print a line to standard error, above what's shown there now."""
    _BOARD.say(named(line))


def described(amount: float | None, whole: float, seconds: float, unit: str) -> str:
    """Say how much is done, of how much, and how long the rest takes at the same speed; None and 0 are unknown."""
    if amount is None:
        return f"{_duration(seconds)} so far"
    if not whole or amount >= whole:
        return f"{_quantity(amount, unit)} {_name(unit)}"
    rest = f", about {_duration((whole - amount) * seconds / amount)} left" if amount else ""
    return f"{_quantity(amount, unit)} of {_quantity(whole, unit)} {_name(unit)}{rest}"


def _quantity(amount: float, unit: str) -> str:
    return f"{amount / 1e6:.1f}" if unit == "bytes" else f"{amount:,.0f}"


def _name(unit: str) -> str:
    return "MB" if unit == "bytes" else unit


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


class _Display(Protocol):
    def show(self, work: Work) -> None: ...
    def drop(self, work: Work) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


class _Lines:
    """Lines for a pipe, a log or a notebook."""

    def __init__(self) -> None:
        self._told: dict[Work, float] = {}

    def show(self, work: Work) -> None:
        if time.monotonic() - self._told.get(work, work.began) >= LINE_SECONDS:
            self._told[work] = time.monotonic()
            self.say(f"{work.title}: {work.look()}")

    def drop(self, work: Work) -> None:
        self._told.pop(work, None)

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        pass


class _Bars:
    """Bars on a terminal, which go when the work is done."""

    def __init__(self) -> None:
        # Most commands never get here, and rich takes a while to import.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            TextColumn("{task.fields[told]}"),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._tasks: dict[Work, TaskID] = {}
        self._progress.start()

    def show(self, work: Work) -> None:
        if time.monotonic() - work.began < QUIET_SECONDS:
            return
        told = work.look()
        if work not in self._tasks:
            self._tasks[work] = self._progress.add_task(work.title, total=None, told=told)
        self._progress.update(self._tasks[work], completed=work.amount, total=work.whole or None, told=told)

    def drop(self, work: Work) -> None:
        if work in self._tasks:
            self._progress.remove_task(self._tasks.pop(work))

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()


class _Board:
    """All the work that's going on in this process, on one display: two would overwrite each other on a terminal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: tuple[Work, ...] = ()
        self._display: _Display | None = None
        self._over = threading.Event()
        self._thread = threading.Thread()

    def add(self, work: Work) -> None:
        with self._lock:
            self._works = (*self._works, work)
            if len(self._works) == 1:
                self._over = threading.Event()
                self._thread = threading.Thread(
                    target=self._watch, args=[self._over], name="layerlab-progress", daemon=True
                )
                self._thread.start()

    def remove(self, work: Work) -> None:
        with self._lock:
            self._works = tuple(other for other in self._works if other is not work)
            if not self._works:
                self._over.set()
                self._thread.join(LAST_LOOK_SECONDS)

    def say(self, line: str) -> None:
        (self._display or _Lines()).say(line)

    def _watch(self, over: threading.Event) -> None:
        if over.wait(LOOK_SECONDS):
            return
        display = self._display = _Bars() if on_terminal() else _Lines()
        seen: set[Work] = set()
        try:
            while not over.wait(LOOK_SECONDS):
                now = self._works
                for work in seen.difference(now):
                    display.drop(work)
                seen = set(now)
                for work in now:
                    with contextlib.suppress(OSError):  # what it looks at may be gone by now
                        display.show(work)
        finally:
            self._display = None
            display.close()


_BOARD = _Board()
