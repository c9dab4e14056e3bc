"""The part of a machine that building and asking need. They can't import Machine, because Machine imports them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import docker

    from ..record.traffic import Sample


class MachineLike(Protocol):
    """A machine, reduced to what one build and its image need."""

    @property
    def name(self) -> str:
        """The machine's name."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that make `docker` reach it."""

    @property
    def running(self) -> bool:
        """Whether its engine answers."""

    def named_contexts(self) -> Mapping[str, str]:
        """Map image names to their stand-ins."""

    def forget_contexts(self) -> None:
        """Forget the stand-ins, so that the next build asks for them again."""

    def traffic(self, ended: threading.Event) -> Iterator[Sample]:
        """Yield samples of what flows to its containers until `ended` is set, and one more; none without counters."""

    def client(self) -> docker.DockerClient:
        """Return a docker-py client of its engine; the caller closes it."""
