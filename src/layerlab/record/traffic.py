"""What flowed over a machine's network, as its kernel counts it: plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Sample(NamedTuple):
    """The counters of a machine's bridge, where the containers of its builds are connected, at one moment.

    Attributes:
        at: seconds since 1970, by the clock of the engine's computer.
        sent: bytes that came in over the bridge for containers, from the computer or through it.
        cables: each connected container's cable, by name: bytes to the container and bytes from it, since it was connected.
    """

    at: float
    sent: int
    cables: Mapping[str, tuple[int, int]]


def telling(samples: Iterable[Sample], kept: list[Sample]) -> None:
    """Add samples to `kept` as they come. While the same containers are connected, only the first and the last are kept.

    So a long build needs little memory, and the samples around each coming and going are there.
    """
    for sample in samples:
        if len(kept) > 1 and kept[-2].cables.keys() == kept[-1].cables.keys() == sample.cables.keys():
            kept[-1] = sample
        else:
            kept.append(sample)


def least(counted: bool) -> str:
    """Return what stands before a number of downloaded bytes: "≥ " if they weren't counted."""
    return "" if counted else "≥ "
