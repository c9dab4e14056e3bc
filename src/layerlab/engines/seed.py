"""The seed that every new machine starts from: an engine's data with the base images unpacked and nothing else.

Nearly all of it is written once and then only read or deleted. Machines reach that part through symbolic links into the
seed, which containerd and overlayfs follow; deleting an image in a machine deletes only its links. Each machine copies
just the rest, a few hundred kilobytes, so making or removing a machine takes no time.

`link` does this for a machine in a private process, start-in-container.sh for one in a container.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from . import likeness

#: The name of the seed, and of the machine that becomes it. A new recipe for base images has a seed of its own beside the old
#: one, which machines that were made from it still read.
SEED_NAME = f"seed-{hashlib.sha256(repr((likeness.RECIPE, likeness.MIRROR_FILES)).encode()).hexdigest()[:8]}"
#: With less free space than this, in bytes, old data is deleted before a machine starts, not in the background. A start
#: needs little space, but the next build may need a lot. start-in-container.sh has the same number.
ROOM = 1e9
#: Folders of an engine's data where each entry is written once: images as pulled (content, named by its hash) and as
#: unpacked (committed snapshots, the lower layers of overlayfs).
WRITTEN_ONCE = (
    "containerd/daemon/io.containerd.content.v1.content/blobs/sha256",
    "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots",
)


def is_seed(name: str) -> bool:
    """Tell whether a machine's name is LayerLab's own: a seed's, of this recipe or another."""
    return name.partition("-")[0] == "seed"


def link(seed: Path, data: Path) -> None:
    """Create `data`, which must not exist yet, as a new machine's data."""

    def left_out(folder: str, names: list[str]) -> list[str]:
        place = Path(folder)
        if str(place.relative_to(seed)) in WRITTEN_ONCE:
            return names
        # Leave out device nodes and sockets, which engines make themselves, and the seed's id, or all would share it.
        return [n for n in names if not ((place / n).is_file() or (place / n).is_dir()) or n == "engine-id"]

    shutil.copytree(seed, data, symlinks=True, ignore=left_out)
    for folder in WRITTEN_ONCE:
        for entry in (seed / folder).iterdir():
            (data / folder / entry.name).symlink_to(entry)
