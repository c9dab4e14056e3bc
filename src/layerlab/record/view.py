"""Views: the interface of what shows a build while it runs, and how one is chosen.

Code that can draw registers itself here, so running a build imports nothing that draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

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


class NoView:
    """Show nothing."""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Show nothing."""

    def tick(self) -> None:
        """Show nothing."""

    def finish(self, build: Build | None) -> None:
        """Show nothing."""


#: Makes a build's view from its title and the text of its Dockerfile, with the keywords target, args and service.
Maker = Callable[..., View]


def _nothing(title: str, dockerfile: str, **known: Any) -> View:
    return NoView()


_maker: Maker = _nothing


def register(maker: Maker) -> None:
    """Let `maker` make the views of all future builds that ask for "auto"."""
    global _maker
    _maker = maker


def chosen(
    wanted: View | str,
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
    """
    if wanted == "none":
        return NoView()
    if wanted == "auto":
        return _maker(title, dockerfile, target=target, args=args or {}, service=service)
    return wanted  # type: ignore[return-value]  # no other text is allowed
