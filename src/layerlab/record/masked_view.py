"""A view between a running build and the one that shows it, so that the latter never gets to know a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..texts.masker import Masker
from .masked_trace import MaskedEvents
from .view import View


class MaskedView:
    """Hides secrets from another view."""

    def __init__(self, view: View, masker: Masker) -> None:
        self._view, self._events = view, MaskedEvents(masker)
        self.tick: Callable[[], None] = getattr(view, "tick", lambda: None)
        self.finish = view.finish

    def feed(self, event: Mapping[str, Any]) -> None:
        """Pass on one event of the trace, without secrets."""
        self._view.feed(self._events.masked(event))
