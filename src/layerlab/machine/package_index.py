"""A package index on a machine, like one in an office: it serves wheels and allows clients to keep them.

pip keeps what comes with a `Cache-Control: max-age`, an `Expires`, or an `ETag`, which it then asks about again (pip's
cachecontrol, controller.py). PyPI sends the first and the last. Many mirrors, and many networks between PyPI and a computer,
leave them out, and then pip's cache silently stays empty. So we show what pip's cache can do with one that we know allows it.

`package_mirror` does the same for all of PyPI, for builds on stand-in base images.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .. import engines
from ..engines import network
from ..errors import CommandFailed

if TYPE_CHECKING:
    from ..project.app import App
    from .machine import Machine

CONTAINER = "package-index"
PORT = 8080


def serve(machine: Machine, app: App, variant: str = "index") -> dict[str, str]:
    """Build the app's index, run it on the machine, and return the variables that make pip in a build use it.

    It replaces an index that already runs there, and ends with `remove` or with the machine's next reset.
    The variables are PIP_INDEX_URL and PIP_TRUSTED_HOST: pip keeps nothing from an index without TLS unless it trusts it.
    Raises BuildFailed if the index doesn't build, CommandFailed if it doesn't start.
    """
    image = machine.build(app, variant, view="none").image
    remove(machine)
    machine.docker("run", "--detach", "--name", CONTAINER, image)
    address = machine.docker("inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", CONTAINER).strip()
    return {
        "PIP_INDEX_URL": f"http://{address}:{PORT}/simple",
        "PIP_TRUSTED_HOST": " ".join([address, *_others(machine)]),
    }


def _others(machine: Machine) -> list[str]:
    """Return the hosts that the stand-ins' pip trusts already. The variable replaces that list, so it has to name them too.

    Otherwise a Dockerfile that takes this variable, but not the index's address, could install nothing.
    """
    return [str(network.MIRROR)] if engines.mirrored(machine.name) else []


@contextlib.contextmanager
def served(machine: Machine, app: App, variant: str = "index") -> Iterator[dict[str, str]]:
    """Run `serve` for the duration of a `with`, and `remove` the index at its end."""
    try:
        yield serve(machine, app, variant)
    finally:
        remove(machine)


def by_name(office: Mapping[str, str]) -> dict[str, Any]:
    """Return arguments for `Machine.build` that make pip use the index by name, so that pip's logs don't show its address."""
    address, *others = office["PIP_TRUSTED_HOST"].split()
    args = {"PIP_INDEX_URL": f"http://{CONTAINER}:{PORT}/simple", "PIP_TRUSTED_HOST": " ".join([CONTAINER, *others])}
    return {"args": args, "options": [f"--add-host={CONTAINER}:{address}"]}


def remove(machine: Machine) -> None:
    """Remove the index's container, if there is one."""
    with contextlib.suppress(CommandFailed):
        machine.docker("rm", "--force", "--volumes", CONTAINER)


def requests(machine: Machine) -> int:
    """Return how many files clients have requested from the index since it started."""
    return machine.docker("logs", CONTAINER).count('"GET /files/')
