"""The corpus as vectors, and the nearest of them to a question."""

from collections.abc import Sequence

import numpy as np

from search.corpus import Entry
from search.embedding import Embed


class Index:
    def __init__(self, entries: Sequence[Entry], embed: Embed) -> None:
        self.entries, self._embed = tuple(entries), embed
        self._vectors = embed([f"{entry.title}. {entry.text}" for entry in entries])

    def nearest(self, question: str, count: int) -> list[tuple[Entry, float]]:
        """The `count` entries nearest in meaning, best first, with their cosine likeness (-1 to 1)."""
        likeness = self._vectors @ self._embed([question])[0]
        best = np.argsort(-likeness, kind="stable")[:count]
        return [(self.entries[i], round(float(likeness[i]), 4)) for i in best]
