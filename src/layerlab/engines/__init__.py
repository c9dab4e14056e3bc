"""The ways to run a disposable Docker engine of our own, and the choice of one for this computer.

An engine knows nothing about builds: it starts, can be found again, and goes without a trace. Notebooks use
`machine.Machine`. Every engine has the same few methods:

    start(name)        bring the machine's engine up: find it, restart it on its old data after a crash, or start a new
                       one from the seed
    alive(name)        tell whether it answers
    environment(name)  return the DOCKER_* variables that a client needs to reach it
    renew(name)        bring it up on new data from the seed; the old data, however big, is deleted in the background
    remove(name)       kill it and delete all its data
    keep_as_seed(name) stop it and keep its data as the seed that new machines start from
    seeded()           tell whether there is a seed
    clean()            delete everything that belongs to no single machine (the seed, engine images)
"""

from __future__ import annotations

import os
import sys
from typing import Protocol

from ..errors import SetupError
from . import container, process
from .packages import Say


class Engine(Protocol):
    """One way to run engines; `kind` is the word for it in a machine's file."""

    kind: str

    def start(self, name: str, say: Say) -> None: ...
    def alive(self, name: str) -> bool: ...
    def environment(self, name: str) -> dict[str, str]: ...
    def renew(self, name: str, say: Say) -> None: ...
    def remove(self, name: str) -> None: ...
    def keep_as_seed(self, name: str) -> None: ...
    def seeded(self) -> bool: ...
    def clean(self) -> None: ...


#: By its own name, because registries in the user's Docker need more of it than an Engine has.
CONTAINER = container.ContainerEngine()
ENGINES: dict[str, Engine] = {CONTAINER.kind: CONTAINER, "process": process.ProcessEngine()}


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
    if wanted:
        return ENGINES[wanted]
    if container.person_has_docker():
        return ENGINES["container"]
    if may_run_own():
        return ENGINES["process"]
    raise SetupError(
        "no Docker engine answers here, and LayerLab can't run its own, because you are not root on Linux",
        "start Docker (Docker Desktop, or `sudo systemctl start docker`) and try again; `layerlab doctor` tells you more",
    )
