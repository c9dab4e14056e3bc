"""Take snapshots of build contexts beside a build, while the engine works."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..record.snapshot import Snapshot
from .taking import take

#: The last snapshot of each folder, by the folder and the Dockerfile whose ignore rules applied.
Snapshots = dict[tuple[str, str], Snapshot]


@contextlib.contextmanager
def looking_at(folders: Mapping[str, Path], dockerfile: str, known: Snapshots) -> Iterator[dict[str, Snapshot]]:
    """Take snapshots of `folders` (name → folder) while the body of the `with` runs; they're complete when it ends.

    A folder that can't be read is left out. Files that haven't changed since the snapshot in `known` aren't read again, and
    the new snapshot takes its place there.

    Args:
        folders: the build contexts; the main one is called "context".
        dockerfile: path of the Dockerfile, relative to the main context; "" if it isn't in a file.
        known: earlier snapshots.
    """
    found: dict[str, Snapshot] = {}

    def look() -> None:
        for name, folder in folders.items():
            file = dockerfile if name == "context" else ""
            with contextlib.suppress(OSError):
                found[name] = known[str(folder), file] = take(folder, file, known.get((str(folder), file)))

    thread = threading.Thread(target=look, name="layerlab-snapshot")
    thread.start()
    try:
        yield found
    finally:
        thread.join()
