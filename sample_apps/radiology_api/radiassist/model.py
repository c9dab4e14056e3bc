"""The model: reference images that resemble this one vote on what there is to see.

The weights are one matrix, a row a reference image: its 56 features, then its vote for each finding. The file is
mapped into memory and not read at the start, so that the service starts at once whatever the weights weigh.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from radiassist.preprocessing import FEATURES

FINDINGS = (
    "atelectasis",
    "cardiomegaly",
    "effusion",
    "infiltration",
    "mass",
    "nodule",
    "pneumonia",
    "pneumothorax",
)


class WeightsError(Exception):
    """A weights file that is there but cannot be used."""


class Model:
    def __init__(self, bank: np.ndarray, version: str, neighbours: int = 64) -> None:
        self.references, self.votes = bank[:, :FEATURES], bank[:, FEATURES:]
        self.version = version
        self.neighbours = min(neighbours, len(bank))

    @classmethod
    def load(cls, path: Path, neighbours: int = 64) -> Model | None:
        """The model of the weights at `path`; None where there is no such file."""
        if not path.is_file():
            return None
        try:
            bank = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise WeightsError(f"{path} is not a matrix in NumPy's format: {error}") from error
        width = FEATURES + len(FINDINGS)
        if bank.ndim != 2 or bank.shape[1] != width or not len(bank) or bank.dtype != np.dtype("<f4"):
            raise WeightsError(f"{path} holds {bank.dtype} {bank.shape}, not float32 rows of {width}")
        first_rows = hashlib.sha256(bank[:64].tobytes()).hexdigest()
        return cls(bank, f"{path.stat().st_size / 1e6:.1f} MB, {first_rows[:8]}", neighbours)

    def probabilities(self, features: np.ndarray) -> dict[str, float]:
        """How probable each finding is, by the votes of the nearest references, the nearer the weightier."""
        likeness = self.references @ features
        nearest = np.argpartition(likeness, -self.neighbours)[-self.neighbours :]
        nearest = nearest[np.argsort(-likeness[nearest], kind="stable")]
        weight = np.exp(likeness[nearest] - likeness[nearest[0]])
        score = (weight[:, None] * self.votes[nearest]).sum(axis=0) / np.sqrt((weight**2).sum())
        return {name: round(float(1 / (1 + np.exp(-s))), 4) for name, s in zip(FINDINGS, score, strict=True)}
