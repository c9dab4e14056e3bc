"""What running a build and asking its image need of a machine, so that neither imports Machine, which imports them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import docker


class MachineLike(Protocol):
    """A machine, as far as one build and its image are concerned."""

    @property
    def name(self) -> str:
        """What the machine is called."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with which `docker` reaches it."""

    @property
    def running(self) -> bool:
        """Whether its engine answers."""

    def named_contexts(self) -> Mapping[str, str]:
        """Map image names to their stand-ins."""

    def forget_contexts(self) -> None:
        """Ask for the stand-ins again at the next build."""

    def client(self) -> docker.DockerClient:
        """Return a docker-py client of its engine; the caller closes it."""
