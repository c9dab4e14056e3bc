"""Spares: the machines and registries that a notebook gets because another one has those it asked for.

They're few, they're made only where there's room, and they go when their notebook has ended. The file that says that a machine
or registry exists also says whose place it takes.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from ..errors import LayerLabError, MachineBusy
from ..system.home import home
from . import holding

#: In that file: the name that was asked for.
KEY = "instead_of"
#: Bytes that must be free before a spare is made. An idle engine takes 150 MB of memory (measured), and builds take more; a
#: first build of a sample app takes up to 2 GB on the disk.
MEMORY, DISK = 0.5e9, 3e9
#: What finds the machines and registries that may have to go when this process ends.
_finders: set[Callable[[], Iterable[Spare]]] = set()


class Spare(Protocol):
    """A machine or a registry, as far as `sweep` is concerned."""

    instead_of: str
    holds: holding.Holds

    def remove(self, *, wait: float | None) -> None: ...


def instead_of(file: Path) -> str:
    """Return the name whose place this machine or registry takes; "" if it's no spare, or the file can't be read."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return str(json.loads(file.read_text(encoding="utf-8")).get(KEY, ""))
    return ""


def may_have(file: Path, asked: str) -> bool:
    """Tell whether a spare for `asked` may be the one with this file: it's such a spare already, or there's none.

    Raises MachineBusy if it would have to be made, and there's no room.
    """
    if file.parent.exists():
        return instead_of(file) == asked
    import psutil  # here, because a build needs none of it

    memory, disk = psutil.virtual_memory().available, shutil.disk_usage(home()).free
    if memory < MEMORY or disk < DISK:
        raise MachineBusy(
            f"another notebook or script has {asked!r}, and this computer has no room for one more: {memory / 1e9:.1f} GB of "
            f"memory and {disk / 1e9:.1f} GB on the disk are free",
            "shut down the kernel of a notebook that you're done with, then run this again",
        )
    return True


def sweep(things: Iterable[Spare]) -> None:
    """Remove the spares that nobody holds any more."""
    for thing in things:
        if thing.instead_of and thing.holds.free:
            with contextlib.suppress(LayerLabError, OSError):  # the next one does it
                thing.remove(wait=0)


def sweep_at_exit(find: Callable[[], Iterable[Spare]]) -> None:
    """When this process ends, give up its seats and sweep what `find` finds."""
    if not _finders:
        atexit.register(_end, os.getpid())
    _finders.add(find)


def _end(process: int) -> None:
    if os.getpid() == process:  # not in a process that was forked
        holding.leave_all()
        for find in _finders:
            sweep(find())
