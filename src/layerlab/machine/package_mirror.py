"""What a machine's builds took from the package mirror, and an office's proxy that forbids keeping, for lessons and tests.

Only builds on stand-ins use the mirror, and only where the computer's own index doesn't let clients keep anything
(`engines/mirror.py`). `used(machine)` tells.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..engines import mirror, mirrored, network
from ..engines.mirror_log import Served, Traffic
from .machine import Machine

__all__ = ["Served", "Traffic", "counting", "forbidding", "served", "used"]


def used(machine: Machine) -> bool:
    """Tell whether builds on this machine's stand-ins take packages from the mirror."""
    return mirrored(machine.name)


def served(start: float = 0.0, end: float = float("inf")) -> Traffic:
    """Return what the mirror served from `start` to `end`, in seconds since 1970: pages and files, requests and bytes.

    All machines of this home share the mirror, so it's what all of them asked for.
    """
    return mirror.traffic().between(start, end)


@contextlib.contextmanager
def counting() -> Iterator[Traffic]:
    """Count what the mirror serves during a `with`; the Traffic is filled in at its end."""
    before, counted = len(mirror.traffic().served), Traffic()
    yield counted
    counted.served = mirror.traffic().served[before:]


@contextlib.contextmanager
def forbidding(machine: Machine) -> Iterator[None]:
    """During a `with`, let the machine's builds meet the index as many offices' proxies pass it on: nothing may be kept.

    The mirror then leaves out Cache-Control and ETag. Addresses, pages and files stay the same, so the Dockerfile and the
    keys of its steps do, too. What a client kept before, it still has: use a mount that's empty.
    Builds on the host's network aren't concerned, nor those with an index of their own.
    """
    with network.mirror_led_to(machine.name, mirror.ports()[1]):
        yield
