"""Views: the interface of what shows a build while it runs, and how one is chosen.

Code that can draw registers itself here, so running a build imports nothing that draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, Unpack

from ..errors import LayerLabError

if TYPE_CHECKING:
    from .build import Build


class View(Protocol):
    """Shows one build. An exception from one of these methods while the build runs cancels the build."""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the trace."""

    def tick(self) -> None:
        """Move the clocks on. Called at least ten times a second, even if no event comes. Optional."""

    def finish(self, build: Build | None) -> None:
        """Show the final state once the build is over; `build` is None if it was cancelled."""


#: What a build may be shown in: what suits this process's output, nothing, or a view of the caller's own.
Wanted = View | Literal["auto", "none"]


class NoView:
    """Show nothing."""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Show nothing."""

    def tick(self) -> None:
        """Show nothing."""

    def finish(self, build: Build | None) -> None:
        """Show nothing."""


class Known(TypedDict, total=False):
    """What else is known about a build before it runs; `chosen` says what each means."""

    target: str
    args: Mapping[str, str]
    service: str


class Maker(Protocol):
    """Makes a build's view from its title and the text of its Dockerfile."""

    def __call__(self, title: str, dockerfile: str, **known: Unpack[Known]) -> View: ...


def _nothing(title: str, dockerfile: str, **known: Unpack[Known]) -> View:
    return NoView()


_maker: Maker = _nothing


def register(maker: Maker) -> None:
    """Let `maker` make the views of all future builds that ask for "auto"."""
    global _maker
    _maker = maker


def chosen(
    wanted: Wanted,
    title: str,
    dockerfile: str = "",
    *,
    target: str = "",
    args: Mapping[str, str] | None = None,
    service: str = "",
) -> View:
    """Return the view for `wanted`: "auto", "none", or an object that already is a view.

    Args:
        wanted: as above.
        title: what is built, as the user reads it.
        dockerfile: its text, so that steps can be shown before the engine reports them.
        target: stage to stop at; "" for the last.
        args: build arguments.
        service: the Compose service that is built.

    Raises LayerLabError for any other text.
    """
    if wanted == "none":
        return NoView()
    if wanted == "auto":
        return _maker(title, dockerfile, target=target, args=args or {}, service=service)
    if isinstance(wanted, str):
        raise LayerLabError(f"there is no view {wanted!r}", 'choose "auto" or "none", or pass a view of your own')
    return wanted
