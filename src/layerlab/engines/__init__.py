"""Ways to run a disposable Docker engine of our own, and which one fits this computer.

An engine knows nothing of builds: it starts, is found again, and goes without a trace. `machine.Machine` is what
notebooks use. All are used through the same few methods:

    start(name)        bring the machine's engine up: found, restarted on its old data after a crash, or new from the seed
    alive(name)        whether it answers
    environment(name)  the DOCKER_* variables with which a client reaches it
    renew(name)        bring it up on new data from the seed; the old is deleted in the background, however much it is
    remove(name)       kill it and delete all that was its own
    keep_as_seed(name) stop it and keep its data as what new machines start from
    seeded()           whether there is such data
    clean()            delete what belongs to no single machine (the seed, engine images)
"""

from __future__ import annotations

import os
import sys
from typing import Protocol

from ..errors import SetupError
from . import container, process
from .packages import Say


class Engine(Protocol):
    """One way to run engines; `kind` is the word that a machine's file remembers it by."""

    kind: str

    def start(self, name: str, say: Say) -> None: ...
    def alive(self, name: str) -> bool: ...
    def environment(self, name: str) -> dict[str, str]: ...
    def renew(self, name: str, say: Say) -> None: ...
    def remove(self, name: str) -> None: ...
    def keep_as_seed(self, name: str) -> None: ...
    def seeded(self) -> bool: ...
    def clean(self) -> None: ...


ENGINES: dict[str, Engine] = {
    "container": container.ContainerEngine(),
    "process": process.ProcessEngine(),
}


def may_run_own() -> bool:
    """Whether a private dockerd can be run here: we are root on Linux."""
    return sys.platform == "linux" and os.geteuid() == 0


def choose() -> Engine:
    """The engine that fits this computer: a container where a Docker answers, else a process where we are root.

    `$LAYERLAB_ENGINE` ("container" or "process") overrides. Raises SetupError where neither can be.
    """
    wanted = os.environ.get("LAYERLAB_ENGINE", "")
    if wanted and wanted not in ENGINES:
        raise SetupError(f"LAYERLAB_ENGINE is {wanted!r}", f"set it to one of: {', '.join(ENGINES)}; or unset it")
    if wanted:
        return ENGINES[wanted]
    if container.person_has_docker():
        return ENGINES["container"]
    if may_run_own():
        return ENGINES["process"]
    raise SetupError(
        "no Docker engine answers here, and LayerLab may not run one of its own, because you are not root on Linux",
        "start Docker (Docker Desktop, or `sudo systemctl start docker`) and try again; `layerlab doctor` says more",
    )
