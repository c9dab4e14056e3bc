"""What the platform knows: one fact a line of a file, found again by the words that it shares with a question."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

WORD = re.compile(r"[a-z0-9]{2,}")
STOP = frozenset(re.findall(WORD, "the and who what when where which how does did is are was our we to of for in it"))


class Knowledge:
    """Facts as rows of a matrix: a weight for each word, the rarer the word the heavier (TF-IDF)."""

    def __init__(self, facts: list[str]) -> None:
        counts = [Counter(_words(fact)) for fact in facts]
        self.facts = facts
        self._column = {word: column for column, word in enumerate(sorted(set().union(*counts)))}
        self._rarity = np.zeros(len(self._column))
        for word, column in self._column.items():
            self._rarity[column] = np.log((1 + len(facts)) / (1 + sum(word in c for c in counts))) + 1
        self._rows = np.stack([self._vector(fact) for fact in facts])

    @classmethod
    def load(cls, path: Path) -> Knowledge | None:
        """The facts of the file at `path`; None where there is no such file."""
        if not path.is_file():
            return None
        return cls([json.loads(line)["fact"] for line in path.read_text(encoding="utf-8").splitlines() if line])

    def __len__(self) -> int:
        return len(self.facts)

    def find(self, question: str, least: float = 0.15) -> str | None:
        """The fact nearest to the question; None where nothing is near."""
        likeness = self._rows @ self._vector(question)
        best = int(np.argmax(likeness))
        return self.facts[best] if likeness[best] >= least else None

    def _vector(self, text: str) -> np.ndarray:
        vector = np.zeros(len(self._column))
        for word, count in Counter(_words(text)).items():
            if word in self._column:
                vector[self._column[word]] = count
        vector *= self._rarity
        length = np.linalg.norm(vector)
        return vector / length if length else vector


def _words(text: str) -> list[str]:
    return [word.rstrip("s") for word in WORD.findall(text.lower()) if word not in STOP]
