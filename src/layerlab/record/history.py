"""The builds that a machine has made, which `explain` compares with. They're gone when the machine is reset.

They're kept in the machine's folder by project, which is the folder that an App was copied from. So another kernel, or
the command line, finds them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from ..errors import RecordError
from ..system.home import machine_dir
from .build import Build

#: How many builds are kept per project and machine.
KEPT = 20


def remember(build: Build) -> None:
    """Keep `build` without its raw trace. A full disk raises no error: the build matters more than later explanations."""
    if not machine_dir(build.machine).exists():
        return
    with contextlib.suppress(OSError):
        folder = _folder(build.machine, build.project)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{build.started_at.replace(':', '')}-{os.getpid()}.json"
        part = folder / f"{name}.part"
        part.write_text(json.dumps({**build.to_json(), "trace": ""}), encoding="utf-8")
        part.rename(folder / name)
        for old in sorted(folder.glob("*.json"))[:-KEPT]:
            old.unlink(missing_ok=True)


def builds(project: str | Path, machine: str) -> list[Build]:
    """Return the builds of the project in folder `project` on `machine`, newest first."""
    found = []
    for file in sorted(_folder(machine, str(project)).glob("*.json"), reverse=True):
        with contextlib.suppress(RecordError):  # removed meanwhile, or of another format
            found.append(Build.load(file))
    return found


def before(build: Build) -> list[Build]:
    """Return the builds of the same project on the same machine that started before `build`, newest first."""
    return [b for b in builds(build.project, build.machine) if b.started_at < build.started_at]


def kept(build: Build) -> bool:
    """Tell whether `build` itself is kept. If it isn't, the machine was reset since, and the builds before it aren't known."""
    started = build.started_at.replace(":", "")
    return any(file.name.startswith(started) for file in _folder(build.machine, build.project).glob("*.json"))


def forget(machine: str) -> None:
    """Forget all builds of `machine`: it's cold, so none of them counts any more."""
    shutil.rmtree(_all(machine), ignore_errors=True)


def _all(machine: str) -> Path:
    return machine_dir(machine) / "history"


def _folder(machine: str, project: str) -> Path:
    return _all(machine) / hashlib.sha256(project.encode()).hexdigest()[:16]
