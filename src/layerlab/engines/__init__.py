"""The ways to run a disposable Docker engine of our own, and the choice of one for this computer.

An engine knows nothing about builds: it starts, can be found again, and goes without a trace. Notebooks use
`machine.Machine`. Every engine has the same few methods:

    start(name)        bring the machine's engine up: find it, restart it on its old data after a crash, or start a new
                       one from the seed
    alive(name)        tell whether it answers
    environment(name)  return the DOCKER_* variables that a client needs to reach it
    renew(name)        bring it up on new data from the seed; the old data, however big, is deleted in the background
    traffic(name, ended)  yield samples of what flows to its containers until the event `ended` is set, and one more
    unlimited(name)    return what its containers can take all of: "processes", "memory" ([]: both have limits)
    remove(name)       kill it and delete all its data, whatever is there: also if another kind of engine made the machine
    mirrored(name)     tell whether its stand-ins take packages from the mirror (mirror.py)
    keep_as_seed(name) stop it and keep its data as the seed that new machines start from
    seeded()           tell whether there is a seed
    clean()            delete everything that belongs to no single machine (the seed, engine images)
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ..errors import MachineError, SetupError
from ..record.traffic import Sample
from ..system.home import machine_dir
from . import container, images, mirror, process
from .packages import Say


class Engine(Protocol):
    """One way to run engines; `kind` is the word for it in a machine's file, `mirrors` whether machines can reach a mirror."""

    kind: str
    mirrors: bool

    def start(self, name: str, say: Say) -> None: ...
    def alive(self, name: str) -> bool: ...
    def environment(self, name: str) -> dict[str, str]: ...
    def renew(self, name: str, say: Say) -> None: ...
    def traffic(self, name: str, ended: threading.Event) -> Iterator[Sample]: ...
    def unlimited(self, name: str) -> list[str]: ...
    def remove(self, name: str) -> None: ...
    def mirrored(self, name: str) -> bool: ...
    def keep_as_seed(self, name: str, *, mirrored: bool) -> None: ...
    def seeded(self) -> bool: ...
    def clean(self) -> None: ...


class UnknownEngine:
    """Stands for the engine of a machine whose file can't be read. All it can do is remove the machine, whatever runs it."""

    kind = "unknown"
    mirrors = False

    def alive(self, name: str) -> bool:
        return False

    def remove(self, name: str) -> None:
        for engine in ENGINES.values():
            engine.remove(name)

    def start(self, name: str, say: Say) -> None:
        raise _unreadable(name)

    renew = start

    def environment(self, name: str) -> dict[str, str]:
        raise _unreadable(name)

    def mirrored(self, name: str) -> bool:
        return False

    def keep_as_seed(self, name: str, *, mirrored: bool) -> None:
        raise _unreadable(name)

    def traffic(self, name: str, ended: threading.Event) -> Iterator[Sample]:
        return iter(())

    def unlimited(self, name: str) -> list[str]:
        return []

    def seeded(self) -> bool:
        return False

    def clean(self) -> None:
        pass


def _unreadable(name: str) -> MachineError:
    return MachineError(
        f"{machine_file(name)} can't be read, so nobody knows which engine machine {name!r} has",
        f"remove the machine, and start a new one: layerlab down {name}",
    )


#: By its own name, because registries in the user's Docker need more of it than an Engine has.
CONTAINER = container.ContainerEngine()
ENGINES: dict[str, Engine] = {CONTAINER.kind: CONTAINER, "process": process.ProcessEngine()}


UNKNOWN = UnknownEngine()


def machine_file(name: str) -> Path:
    """Return the file that says that a machine exists, and which engine it has."""
    return machine_dir(name) / "machine.json"


def of_machine(name: str) -> Engine:
    """Return the engine that a machine's file names; UNKNOWN if the file is missing, truncated or something else."""
    try:
        return ENGINES[json.loads(machine_file(name).read_text(encoding="utf-8"))["engine"]]
    except (OSError, ValueError, KeyError, TypeError):
        return UNKNOWN


def mirrored(name: str) -> bool:
    """Tell whether a machine's stand-ins take packages from the mirror, which lets clients keep what they fetch."""
    return of_machine(name).mirrored(name)


def needs_mirror(engine: Engine, say: Say) -> bool:
    """Tell whether stand-ins on new machines of an engine should take packages from the mirror."""
    return engine.mirrors and images.hub_is_out_of_reach() and mirror.wanted(say)


def start_mirror(name: str, say: Say) -> None:
    """Start the mirror, if a machine's stand-ins use it and it isn't running. Raises MachineError, SetupError."""
    if mirrored(name):
        mirror.ensure(say)


def may_run_own() -> bool:
    """Tell whether we can run a private dockerd here: that takes root on Linux."""
    return sys.platform == "linux" and os.geteuid() == 0


def choose() -> Engine:
    """Return the engine for this computer: a container if the user's Docker answers, else a process if we're root.

    `$LAYERLAB_ENGINE` ("container" or "process") overrides this. Raises SetupError if neither can run here.
    """
    wanted = os.environ.get("LAYERLAB_ENGINE", "")
    if wanted and wanted not in ENGINES:
        raise SetupError(
            f"LAYERLAB_ENGINE is {wanted!r}, which isn't a kind of engine",
            f"set it to one of: {', '.join(ENGINES)}; or unset it",
        )
    if wanted == CONTAINER.kind and not container.person_has_docker():
        raise SetupError(
            "LAYERLAB_ENGINE is 'container', but no Docker engine answers the command `docker info`",
            "start Docker, or correct DOCKER_HOST or your Docker context; `layerlab doctor` tells you more",
        )
    if wanted:
        return ENGINES[wanted]
    if container.person_has_docker():
        return ENGINES["container"]
    if may_run_own():
        return ENGINES["process"]
    why, remedy = container.refusal()
    raise SetupError(
        f"{why}, and LayerLab can't run its own engine, because you are not root on Linux",
        f"{remedy}; or run the same command as root. `layerlab doctor` tells you more. These work without an engine: "
        "`layerlab explain` and `report` with a record, `lab list`, `course start`",
    )
