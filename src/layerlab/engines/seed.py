"""What every new machine starts with: the seed, an engine's data with the base images unpacked and nothing else.

Nearly all of it is written once and then only read or deleted. Machines reach that by symbolic links into the seed, which
containerd and overlayfs follow: deleting an image in a machine deletes its links. Only the rest, some hundred kilobytes,
is a copy of the machine's own, so that a machine is made, and removed, at once.

`link` does it for a machine in a private process, start-in-container.sh for one in a container.
"""

from __future__ import annotations

import shutil
from pathlib import Path

#: Free space below which old data is deleted before a machine starts anew, not in the background, bytes. A start needs
#: little; the next build may need much. start-in-container.sh has it too.
ROOM = 1e9
#: Folders of an engine's data in which each entry is written once: images as they came (content, named by its hash) and
#: unpacked (committed snapshots, the lower layers of overlayfs).
WRITTEN_ONCE = (
    "containerd/daemon/io.containerd.content.v1.content/blobs/sha256",
    "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots",
)


def link(seed: Path, data: Path) -> None:
    """Make `data`, which does not exist, the data of a new machine."""

    def left_out(folder: str, names: list[str]) -> list[str]:
        place = Path(folder)
        if str(place.relative_to(seed)) in WRITTEN_ONCE:
            return names
        # Device nodes and sockets, which an engine makes itself; and its id, or every machine would say it is the seed.
        return [n for n in names if not ((place / n).is_file() or (place / n).is_dir()) or n == "engine-id"]

    shutil.copytree(seed, data, symlinks=True, ignore=left_out)
    for folder in WRITTEN_ONCE:
        for entry in (seed / folder).iterdir():
            (data / folder / entry.name).symlink_to(entry)
