"""What was measured, as one HTML file that needs no network."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence

from ..reporting.page import environment
from .answer import Answer


def page(
    title: str, host: str, edits: Sequence[str], before: Sequence[Answer], now: Sequence[Answer], commit: str = ""
) -> str:
    """Return the page: the answers, then a table of all measurements.

    Args:
        title: the project and the variant.
        host: where it was built, in words.
        edits: what the edits changed, in words.
        before: what was measured of `commit`.
        now: what was measured of the project as it is.
        commit: the commit that it's compared with; "" for none.
    """
    rows = [(name, answer) for answer in now for name, answer in _pair(answer, before, commit)]
    longest = max((answer.max_seconds for _, answer in rows), default=0.0)
    return environment().get_template("measure.html").render(
        title=title, host=host, edits=edits, answers=now, rows=rows, compared=bool(commit), longest=longest or 1.0,
        generator=f"layerlab {importlib.metadata.version('layerlab')}",
    )  # fmt: skip


def _pair(answer: Answer, before: Sequence[Answer], commit: str) -> list[tuple[str, Answer]]:
    """Return what the commit took in the same situation, if it was measured, and what it takes now."""
    return [*((commit, other) for other in before if other.situation == answer.situation), ("now", answer)]
