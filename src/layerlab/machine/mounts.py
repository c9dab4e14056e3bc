"""Cache mounts, looked at: which a machine has, and which files lie in one."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..project.app import App

if TYPE_CHECKING:
    from .machine import Machine

#: What BuildKit writes down of a cache mount (BuildKit, solver/llbsolver/mounts/mount.go).
_DESCRIBED = re.compile(r'^cached mount (?P<target>\S+) from exec .* with id "(?P<id>.*)"$', re.DOTALL)
_LOOK = """FROM python:3.11-slim
ARG LOOK
RUN --mount=type=cache,target=/look,readonly{options} cd /look && find . -type f -printf 'file %s %P\\n'
"""


def mounts(machine: Machine) -> pd.DataFrame:
    """The cache mounts of a machine, the fullest first; empty ones included.

    Returns a DataFrame, a row a mount. Columns: target (where the RUN that made it had it), id (as the engine knows it: the
    namespace, "/", and what `id=` says, by default the target), bytes, uses (by how many RUNs).
    """
    with contextlib.closing(machine.client()) as engine:
        # Only the build cache: measuring images too takes long, and fails (404) while one of them is being unpacked.
        answer = engine.api.get(
            f"{engine.api.base_url}/v{engine.api.api_version}/system/df", params={"type": "build-cache"}
        )
        answer.raise_for_status()
        records = [r for r in answer.json().get("BuildCache") or [] if r["Type"] == "exec.cachemount"]
    rows = [
        {**found.groupdict(), "bytes": record["Size"], "uses": record["UsageCount"]}
        for record in records
        if (found := _DESCRIBED.match(record["Description"]))
    ]
    columns = ["target", "id", "bytes", "uses"]
    return pd.DataFrame(rows, columns=columns).sort_values("bytes", ascending=False, ignore_index=True)


def inside(machine: Machine, name: str, options: str = "") -> pd.DataFrame:
    """The files in a cache mount, the largest first: a build mounts it and lists it. Nothing in it changes.

    Args:
        machine: whose mount.
        name: the mount's id; where none was given that is its target, as "/root/.cache/pip".
        options: further options of the mount, as "uid=10001": a mount with another owner is another mount.

    Returns a DataFrame, a row a file. Columns: file (path in the mount), bytes. Raises BuildFailed.
    """
    more = f",id={name}" + (f",{options}" if options else "")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(_LOOK.format(options=more))
        with App.from_path(folder) as app:
            # A new value each time, or the list of the last look would be found in the cache. Never --no-cache: that empties it.
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


__all__ = ["inside", "mounts"]
