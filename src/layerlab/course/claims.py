"""Claims about builds: who makes each, and the verdicts that a file records for it.

Format of the file (TOML). `[notebooks]` says which notebook runs each experiment. A `[[claim]]` table for each claim:
    id           its name, "amas-0mb"
    at           where it's made: a list of [guide, section]
    claim        the claim, in our words
    experiment   which experiment tries it
    verdict      one of VERDICTS: whether what the claim describes happens
    why          what decided the verdict
    until        what ended it, with the release: only of an outdated claim
    figures      the numbers that it names, as the guide gives them (optional)
    number       the verdict on those numbers, judged apart from the rest: only with figures
    factor       [lowest, highest]: how many times faster the figures make a build (optional)
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import LayerLabError

HOLDS, CONDITION, FAILS, OUTDATED, UNTRIED = VERDICTS = (
    "holds",
    "holds on a condition",
    "does not hold",
    "outdated",
    "cannot be tried here",
)
#: A sign for each verdict, so that none needs a colour.
SIGNS = {HOLDS: "✓", CONDITION: "±", FAILS: "✗", OUTDATED: "†", UNTRIED: "·"}


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim; the module's docstring explains the fields."""

    id: str
    at: tuple[tuple[str, str], ...]
    claim: str
    experiment: str
    verdict: str
    why: str
    until: str = ""
    figures: str = ""
    number: str = ""
    factor: tuple[float, float] | tuple[()] = ()

    @property
    def guides(self) -> tuple[str, ...]:
        """Numbers of the guides that make it, each once."""
        return tuple(dict.fromkeys(guide for guide, _ in self.at))

    @property
    def place(self) -> str:
        """Where it's made, in words: "003 Problem Solved; 004 Changes Made"."""
        return "; ".join(f"{guide} {section}" for guide, section in self.at)


@dataclasses.dataclass(frozen=True)
class Docket:
    """The claims of a file, in its order, and the notebook that runs each experiment."""

    claims: tuple[Claim, ...]
    notebooks: dict[str, str]


def read(path: str | Path) -> Docket:
    """Read a file of claims. Raises LayerLabError that lists what's missing, unknown, repeated or contradictory in it."""
    path = Path(path)
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    notebooks = data.get("notebooks", {})
    try:
        claims = tuple(map(_claim, data.get("claim", [])))
    except (TypeError, KeyError, ValueError) as error:
        raise LayerLabError(f"{path.name}: a claim is malformed: {error}") from None
    wrong = [*_repeated(claims), *(f"{c.id}: {problem}" for c in claims for problem in _problems(c, notebooks))]
    if wrong or not claims:
        raise LayerLabError(
            f"{path.name}: {'; '.join(wrong) or 'no claims'}", "see the format in layerlab.course.claims"
        )
    return Docket(claims, notebooks)


def verdict_of(circumstances: Sequence[bool], until: str = "") -> str:
    """Return the verdict on a claim that came true in these circumstances, or didn't.

    HOLDS if it came true in all of them, CONDITION in some, UNTRIED if there are none. In no circumstance at all, it's OUTDATED
    if something is known to have ended it (`until`), and otherwise FAILS.
    """
    if not circumstances:
        return UNTRIED
    if any(circumstances):
        return HOLDS if all(circumstances) else CONDITION
    return OUTDATED if until else FAILS


def counted(verdicts: Iterable[tuple[Claim, str]]) -> pd.DataFrame:
    """Count claims by guide and verdict: a row per guide, a column per verdict. One of several guides counts for each."""
    rows = [(guide, verdict) for claim, verdict in verdicts for guide in claim.guides]
    counts = pd.DataFrame(rows, columns=["guide", "verdict"]).value_counts().unstack(fill_value=0)
    return counts.sort_index().reindex(columns=list(VERDICTS), fill_value=0)


def _claim(table: dict[str, Any]) -> Claim:
    at = tuple((guide, section) for guide, section in table["at"])
    return Claim(**{**table, "at": at, "factor": tuple(table.get("factor", ()))})


def _repeated(claims: Sequence[Claim]) -> list[str]:
    return [f"{name}: repeated" for name, times in Counter(c.id for c in claims).items() if times > 1]


def _problems(claim: Claim, experiments: Collection[str]) -> Iterator[str]:
    """Yield what's wrong with one claim."""
    if claim.verdict not in VERDICTS:
        yield f"unknown verdict {claim.verdict!r}"
    if claim.experiment not in experiments:
        yield f"no notebook runs experiment {claim.experiment!r}"
    if (claim.verdict == OUTDATED) != bool(claim.until):
        yield "until belongs to outdated claims, and each of them needs it"
    yield from _number_problems(claim)


def _number_problems(claim: Claim) -> Iterator[str]:
    if bool(claim.figures) != bool(claim.number):
        yield "figures and the verdict on their number belong together"
    if claim.number and (claim.number not in VERDICTS or claim.number == OUTDATED):
        yield f"unknown verdict on a number, {claim.number!r}"
    if claim.factor and not (claim.figures and len(claim.factor) == 2 and 0 < claim.factor[0] <= claim.factor[1]):
        yield "a factor is [lowest, highest], of the figures"
