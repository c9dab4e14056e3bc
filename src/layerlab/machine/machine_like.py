"""What other modules need of a machine or a builder. Those of this room can't import Machine, because Machine imports them."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import docker

    from ..engines.packages import Say
    from ..errors import LayerLabError
    from ..project.app import App
    from ..record.build import Build
    from ..record.traffic import Sample
    from ..record.view import Wanted


class Host(Protocol):
    """Where one build runs: a machine, or a builder of the user's."""

    @property
    def label(self) -> str:
        """What records and the history call it (`record.hosts`)."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that make `docker` reach it, PATH included."""

    def named_contexts(self) -> Mapping[str, str]:
        """Map image names to their stand-ins."""

    def forget_contexts(self) -> None:
        """Forget the stand-ins, so that the next build asks for them again."""

    def traffic(self, ended: threading.Event) -> Iterator[Sample]:
        """Yield samples of what flows to its containers until `ended` is set, and one more; none without counters."""

    def gone(self, during: str) -> LayerLabError | None:
        """Return the error that says that its engine doesn't answer any more, `during` something; None if it does."""


class MachineLike(Protocol):
    """A machine, reduced to what asking an image needs."""

    def client(self) -> docker.DockerClient:
        """Return a docker-py client of its engine; the caller closes it."""


@dataclasses.dataclass(frozen=True)
class Preparation:
    """What comes before a measured build and isn't an edit of the app: `make` does it, `undo` undoes it in the end."""

    make: Callable[[], object]
    undo: Callable[[], object] = lambda: None


class Measurable(Protocol):
    """A machine or a builder, as `compare` uses it."""

    @property
    def label(self) -> str:
        """What records call it (`record.hosts`)."""

    @property
    def preparations(self) -> Mapping[str, Preparation]:
        """What can be done to it before a build, by the name of `compare`'s edit: "cold", "base"."""

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Keep others away during a `with`, as far as that's possible."""

    def build(self, app: App, variant: str, *, view: Wanted, say: Say) -> Build:
        """Run one real build of `app` and return its record."""
