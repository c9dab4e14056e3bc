"""A package index on a machine, as an office has one: it serves wheels, and says of each that it may be kept.

pip keeps a file only if the index lets it (HTTP's Cache-Control). PyPI does; many a mirror, and many a network between PyPI
and a computer, leaves the header out, and pip's cache stays empty then, without a word. So what pip's cache can do is
shown with an index of which it is known.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import CommandFailed

if TYPE_CHECKING:
    from ..project.app import App
    from .machine import Machine

CONTAINER = "package-index"
PORT = 8080


def serve(machine: Machine, app: App, variant: str = "index") -> dict[str, str]:
    """Build the app's index, run it on the machine, and return the variables with which pip in a build reaches it.

    An index that already runs there is replaced. Ends with `remove`, or with the machine's next reset.
    The variables are PIP_INDEX_URL and PIP_TRUSTED_HOST: pip keeps nothing of an index without TLS that it does not trust.
    Raises BuildFailed, CommandFailed.
    """
    image = machine.build(app, variant, view="none").image
    remove(machine)
    machine.docker("run", "--detach", "--name", CONTAINER, image)
    address = machine.docker("inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", CONTAINER).strip()
    return {"PIP_INDEX_URL": f"http://{address}:{PORT}/simple", "PIP_TRUSTED_HOST": address}


@contextlib.contextmanager
def served(machine: Machine, app: App, variant: str = "index") -> Iterator[dict[str, str]]:
    """`serve` for the length of a `with`."""
    try:
        yield serve(machine, app, variant)
    finally:
        remove(machine)


def by_name(office: Mapping[str, str]) -> dict[str, Any]:
    """Arguments for `Machine.build` with which pip reaches the index by name, so that no log of pip's has its address."""
    args = {"PIP_INDEX_URL": f"http://{CONTAINER}:{PORT}/simple", "PIP_TRUSTED_HOST": CONTAINER}
    return {"args": args, "options": [f"--add-host={CONTAINER}:{office['PIP_TRUSTED_HOST']}"]}


def remove(machine: Machine) -> None:
    """Remove the index's container, if there is one."""
    with contextlib.suppress(CommandFailed):
        machine.docker("rm", "--force", "--volumes", CONTAINER)


def requests(machine: Machine) -> int:
    """How many files the index was asked for since it started."""
    return machine.docker("logs", CONTAINER).count('"GET /files/')
