"""Take snapshots of build contexts beside a build, while the engine works."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..record.snapshot import Snapshot
from .readers import PATIENCE, Cancelled
from .taking import take

#: The last snapshot of each folder, by the folder and the Dockerfile whose ignore rules applied.
Snapshots = dict[tuple[str, str], Snapshot]


@contextlib.contextmanager
def looking_at(
    folders: Mapping[str, Path],
    dockerfile: str,
    known: Snapshots,
    absent: Mapping[str, Sequence[str]] | None = None,
    earlier: Callable[[Path], Snapshot | None] = lambda folder: None,
) -> Iterator[dict[str, Snapshot]]:
    """Take snapshots of `folders` (name → folder) while the body of the `with` runs; they're complete when it ends.

    A folder that can't be read is left out. Files that haven't changed since the snapshot in `known` aren't read again, and
    the new snapshot takes its place there. If the body raises, or Ctrl-C or SIGTERM comes while we wait for the snapshots, they
    are given up.

    Args:
        folders: the build contexts; the main one is called "context".
        dockerfile: path of the Dockerfile, relative to the main context; "" if it isn't in a file.
        known: earlier snapshots.
        absent: name → paths that a scratch copy lacks because ignore rules keep them out.
        earlier: finds the snapshot of a folder that isn't in `known`, such as another process's.
    """
    found: dict[str, Snapshot] = {}
    # We wait for an event rather than for the thread: Python 3.11 takes a thread for ended if Ctrl-C interrupts its join().
    cancelled, ended = threading.Event(), threading.Event()

    def look() -> None:
        try:
            for name, folder in folders.items():
                file = dockerfile if name == "context" else ""
                with contextlib.suppress(OSError, Cancelled):
                    previous = known.get((str(folder), file)) or earlier(folder)
                    found[name] = known[str(folder), file] = take(
                        folder, file, previous, cancelled, (absent or {}).get(name, ())
                    )
        finally:
            ended.set()

    # A daemon, so that a disk that doesn't answer holds up nobody's exit.
    threading.Thread(target=look, name="layerlab-snapshot", daemon=True).start()
    try:
        yield found
        ended.wait()
    except BaseException:
        cancelled.set()
        ended.wait(PATIENCE)
        raise
