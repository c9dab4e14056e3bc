"""Take snapshots of build contexts beside a build, while the engine works."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..record.snapshot import Snapshot
from .taking import take

#: The last snapshot of each folder that was looked at, by the folder and the Dockerfile whose ignore rules counted.
Snapshots = dict[tuple[str, str], Snapshot]


@contextlib.contextmanager
def looking_at(folders: Mapping[str, Path], dockerfile: str, known: Snapshots) -> Iterator[dict[str, Snapshot]]:
    """Take snapshots of `folders` (name → folder) beside what happens in the `with`; they are there at its end.

    A folder that cannot be read is left out. What has not changed since the snapshot in `known` is not read again, and the
    new snapshot is put there in its place.

    Args:
        folders: the build contexts; the main one is called "context".
        dockerfile: path of the Dockerfile, relative to the main context; "" where it lies in no file.
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
