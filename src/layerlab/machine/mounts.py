"""Look at cache mounts: list those of a machine, and the files in one."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..project.app import App
from ..system.extras import needs_course

if TYPE_CHECKING:
    import pandas as pd

    from .machine import Machine

#: BuildKit's description of a cache mount (BuildKit, solver/llbsolver/mounts/mount.go).
_DESCRIBED = re.compile(r'^cached mount (?P<target>\S+) from exec .* with id "(?P<id>.*)"$', re.DOTALL)
_LOOK = """FROM python:3.11-slim
ARG LOOK
RUN --mount=type=cache,target=/look,readonly{options} cd /look && find . -type f -printf 'file %s %P\\n'
"""


@dataclasses.dataclass(frozen=True)
class Mount:
    """A cache mount of a machine.

    Attributes:
        target: its path in the RUN that created it.
        id: the engine's id for it: the namespace, "/", and the value of `id=`, by default the target.
        bytes: its size.
        uses: how many RUNs have used it.
    """

    target: str
    id: str
    bytes: int
    uses: int


def find_mounts(machine: Machine) -> list[Mount]:
    """List the cache mounts of a machine, including empty ones, the largest first."""
    with contextlib.closing(machine.client()) as engine:
        # Only the build cache: measuring images too takes long, and fails (404) while one of them is being unpacked.
        answer = engine.api.get(
            f"{engine.api.base_url}/v{engine.api.api_version}/system/df", params={"type": "build-cache"}
        )
        answer.raise_for_status()
        records = [r for r in answer.json().get("BuildCache") or [] if r["Type"] == "exec.cachemount"]
    found = [
        Mount(described["target"], described["id"], record["Size"], record["UsageCount"])
        for record in records
        if (described := _DESCRIBED.match(record["Description"]))
    ]
    return sorted(found, key=lambda mount: -mount.bytes)


def mounts(machine: Machine) -> pd.DataFrame:
    """Return the cache mounts of a machine, including empty ones, the largest first.

    Returns a DataFrame with one row per mount. Columns: target (its path in the RUN that created it), id (the engine's id for
    it: the namespace, "/", and the value of `id=`, by default the target), bytes, uses (how many RUNs have used it).
    """
    with needs_course():
        import pandas as pd  # here, because checking a lab needs no frame

    columns = [field.name for field in dataclasses.fields(Mount)]
    return pd.DataFrame([dataclasses.asdict(mount) for mount in find_mounts(machine)], columns=columns)


def inside(machine: Machine, name: str, options: str = "") -> pd.DataFrame:
    """Return the files in a cache mount, the largest first. A build mounts it and lists it; nothing in it changes.

    Args:
        machine: the machine that has the mount.
        name: the mount's id; without an `id=`, that's its target, such as "/root/.cache/pip".
        options: more options of the mount, such as "uid=10001": a mount with another owner is another mount.

    Returns a DataFrame with one row per file. Columns: file (path in the mount), bytes. Raises BuildFailed.
    """
    with needs_course():
        import pandas as pd

    more = f",id={name}" + (f",{options}" if options else "")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(_LOOK.format(options=more))
        with App.from_path(folder) as app:
            # Pass a new value each time, or the build would reuse the last list from the cache. Never use --no-cache: that
            # empties the mount.
            build = machine.build(
                app,
                "Dockerfile",
                args={"LOOK": str(time.time_ns())},
                options=["--output=type=cacheonly"],
                view="none",
            )
    log = next(step.log for step in build.steps if step.instruction == "RUN")
    rows = [(path, int(size)) for size, path in re.findall(r"^file (\d+) (.+)$", log, re.MULTILINE)]
    frame = pd.DataFrame(rows, columns=["file", "bytes"])
    return frame.sort_values(["bytes", "file"], ascending=[False, True], ignore_index=True)


__all__ = ["Mount", "find_mounts", "inside", "mounts"]
