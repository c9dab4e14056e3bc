"""Clauses: what the [contract] tables of layerlab.toml say, one by one. Plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import AppError
from ..measuring.situations import SITUATIONS
from ..project.app import App
from ..project.manifest import MANIFEST

#: The table whose clauses hold in every situation.
ANY = "any"
#: Builds whose median counts, if a contract doesn't say how many.
REPEATS = 3
#: The unit of each limit; other rules have none.
UNITS = {"max_downloaded_mb": "MB", "max_context_mb": "MB", "max_image_mb": "MB", "max_seconds": "s"}


@dataclasses.dataclass(frozen=True)
class Clause:
    """One thing that must be true.

    Attributes:
        situation: one of SITUATIONS, or ANY.
        rule: the key in layerlab.toml.
        limit: the number that mustn't be exceeded; 0 for "cached".
        pattern: the instructions that must be cached; "" for other rules.
        warns: whether it only warns.
        repeats: how many builds it needs.
    """

    situation: str
    rule: str
    limit: float = 0
    pattern: str = ""
    warns: bool = False
    repeats: int = 1

    def __str__(self) -> str:
        what = self.pattern or f"{self.limit:g}{f' {UNITS[self.rule]}' if self.rule in UNITS else ''}"
        return f"{self.situation}: {self.rule} {what}{' (warns)' if self.warns else ''}"


def clauses(told: Mapping[str, Mapping[str, Any]]) -> tuple[Clause, ...]:
    """Return what the [contract] tables say, in their order."""
    return tuple(
        clause
        for situation, rules in told.items()
        for rule, value in rules.items()
        for clause in _of(situation, rule, value)
    )


def _of(situation: str, rule: str, value: Any) -> Iterable[Clause]:
    if rule == "cached":
        return [Clause(situation, rule, pattern=pattern) for pattern in value]
    if rule != "max_seconds":
        return [Clause(situation, rule, value)]
    repeats = value.get("repeats", REPEATS)
    return [Clause(situation, rule, value[w], "", w == "warn", repeats) for w in ("fail", "warn") if w in value]


def of_app(app: App) -> tuple[Clause, ...]:
    """Return a project's contract. Raises AppError if it has none."""
    found = clauses(app.told("contract"))
    if not found:
        raise AppError(
            f"{app.source} has no contract", f"write one into {MANIFEST}: `layerlab contract init` proposes its tables"
        )
    return found


def situations(contract: Iterable[Clause]) -> list[str]:
    """Return the situations that a contract needs, in the order in which they're built: if it names none, "unchanged"."""
    named = {clause.situation for clause in contract}
    return [situation for situation in SITUATIONS if situation in named] or ["unchanged"]


def repeats(contract: Iterable[Clause]) -> dict[str, int]:
    """Return how many builds a contract needs in each of its situations."""
    contract = list(contract)
    return {s: max((c.repeats for c in contract if c.situation in (s, ANY)), default=1) for s in situations(contract)}


def phrase(situation: str) -> str:
    """Return a situation for the beginning of a sentence."""
    return "in any build" if situation == ANY else SITUATIONS[situation]
