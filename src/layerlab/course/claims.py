"""Claims about builds, and what real builds say about them.

A file of claims (TOML) says who claims what, where, and what the verdict was. A `Court` hears each claim: in one or more
circumstances, it came true or it didn't. The verdict follows from that and is compared with the file's.

Format of the file, a `[[claim]]` table for each claim:
    id           its name, "amas-zero-mb"
    at           where it's made: a list of [guide, section]
    claim        the claim, in our words
    figures      the numbers it names, as the guide gives them (optional)
    factor       [lowest, highest]: how many times faster that would be (optional)
    experiment   which of the notebook's experiments tries it
    verdict      one of VERDICTS
    why          what decided the verdict
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..charts import theme
from ..charts.markup import rendered
from ..errors import LayerLabError
from ..record.build import Build
from ..record.states import CACHED, RAN
from ..record.step import Step

HOLDS, CONDITION, FAILS, UNTRIED = VERDICTS = (
    "holds",
    "holds on a condition",
    "does not hold",
    "cannot be tried here",
)
#: A sign for each verdict, so that none needs a colour.
SIGNS = {HOLDS: "✓", CONDITION: "±", FAILS: "✗", UNTRIED: "·"}

_TABLE = """
<table style="{{ s.table }}">
<tr style="{{ s.row }}">{% for name in columns %}<th style="{{ s.head }}">{{ name }}</th>{% endfor %}</tr>
{% for row in rows %}<tr style="{{ s.line }}">
{% for cell in row %}<td style="{{ s.cell }}">{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>"""


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim; the module's docstring explains the fields."""

    id: str
    at: tuple[tuple[str, str], ...]
    claim: str
    experiment: str
    verdict: str
    why: str
    figures: str = ""
    factor: tuple[float, float] | tuple[()] = ()

    @property
    def guides(self) -> tuple[str, ...]:
        """Numbers of the guides that make it, each once."""
        return tuple(dict.fromkeys(guide for guide, _ in self.at))

    @property
    def place(self) -> str:
        """Where it's made, in words: "003 Problem Solved; 004 Changes Made"."""
        return "; ".join(f"{guide} {section}" for guide, section in self.at)


def read(path: str | Path) -> tuple[Claim, ...]:
    """Read a file of claims. Raises LayerLabError for a missing, unknown or malformed field, a repeated id, or no claims."""
    tables = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("claim", [])
    try:
        claims = tuple(
            Claim(**{**t, "at": tuple(map(tuple, t["at"])), "factor": tuple(t.get("factor", ()))}) for t in tables
        )
    except (TypeError, KeyError) as error:
        raise LayerLabError(f"{Path(path).name}: a claim is malformed: {error}") from None
    wrong = [c.id for c in claims if c.verdict not in VERDICTS]
    ids = [c.id for c in claims]
    wrong += sorted({name for name in ids if ids.count(name) > 1})
    if wrong or not claims:
        raise LayerLabError(
            f"{Path(path).name}: unknown verdict, repeated id, or empty file: {', '.join(wrong) or 'no claims'}"
        )
    return claims


def verdict_of(circumstances: Sequence[bool]) -> str:
    """Return HOLDS if a claim came true in all circumstances, CONDITION if in some, FAILS if in none, UNTRIED without any."""
    if not circumstances:
        return UNTRIED
    return HOLDS if all(circumstances) else CONDITION if any(circumstances) else FAILS


@dataclasses.dataclass(frozen=True)
class Hearing:
    """The outcome for one claim: where it came true, the builds that show it, and the verdict."""

    claim: Claim
    circumstances: dict[str, bool]
    builds: tuple[Build, ...] = ()

    @property
    def verdict(self) -> str:
        return verdict_of(list(self.circumstances.values()))

    @property
    def factor(self) -> float:
        """How many times faster the last build was than the first; 0.0 if there aren't two."""
        return self.builds[0].seconds / self.builds[-1].seconds if len(self.builds) > 1 else 0.0

    def __str__(self) -> str:
        tried = "   ".join(f"{'yes' if came else 'no'}: {name}" for name, came in self.circumstances.items())
        line = f"{SIGNS[self.verdict]} {self.claim.id}: {self.verdict}"
        other = "" if self.verdict == self.claim.verdict else f"\n    but the file says: {self.claim.verdict}"
        return f"{line}\n    {tried}{other}" if tried else f"{line}{other}"


class Table:
    """Rows that show as a table in a notebook and as text anywhere else."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.columns, self.rows = tuple(columns), tuple(map(tuple, rows))

    def __repr__(self) -> str:
        return "\n".join(" | ".join(cell for cell in row if cell) for row in self.rows)

    def _repr_html_(self) -> str:
        return rendered(_TABLE, columns=self.columns, rows=self.rows)


class Court:
    """A court that hears claims: `hear` one after another, then ask for `table`, `verdicts` and what's still `unheard`."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self.claims = {claim.id: claim for claim in claims}
        self.hearings: dict[str, Hearing] = {}

    @classmethod
    def open(cls, path: str | Path) -> Court:
        """Open a court for the claims in a file. Raises LayerLabError as `read` does."""
        return cls(read(path))

    def charges(self, experiment: str) -> Table:
        """Tabulate the claims that this experiment tries, without their verdicts."""
        found = [c for c in self.claims.values() if c.experiment == experiment]
        return Table(["claim", "figures", "guide"], [[c.claim, c.figures, c.place] for c in found])

    def hear(self, name: str, *builds: Build, **circumstances: bool) -> None:
        """Say in which circumstances (words joined by _) the claim came true, and print the verdict.

        `builds` are the measured ones, the slow one first. Raises LayerLabError for an unknown claim, or without any
        circumstance.
        """
        if not circumstances:
            raise LayerLabError(
                f"{name} was heard without any circumstance", "say at least one: hear(…, code_edited=True)"
            )
        told = {word.replace("_", " "): bool(came) for word, came in circumstances.items()}
        self._keep(Hearing(self._claim(name), told, builds))

    def leave(self, *names: str) -> None:
        """Set claims aside that can't be tried here; their `why` says why not. Raises LayerLabError for an unknown one."""
        for name in names:
            self._keep(Hearing(self._claim(name), {}))

    def _claim(self, name: str) -> Claim:
        if name not in self.claims:
            raise LayerLabError(f"there is no claim {name!r} in the file")
        return self.claims[name]

    def _keep(self, hearing: Hearing) -> None:
        self.hearings[hearing.claim.id] = hearing
        print(hearing)

    def table(self, experiment: str) -> Table:
        """Tabulate the heard claims of one experiment: what was measured, the verdict and what decided it."""
        heard = [h for h in self.hearings.values() if h.claim.experiment == experiment]
        rows = [[h.claim.claim, _measured(h), f"{SIGNS[h.verdict]} {h.verdict}", h.claim.why] for h in heard]
        return Table(["claim", "measured here", "verdict", "what decided it"], rows)

    def unheard(self) -> list[str]:
        """Return the claims in the file that haven't been heard or left yet."""
        return [name for name in self.claims if name not in self.hearings]

    def overturned(self) -> list[str]:
        """Return the claims whose verdict here differs from the file's."""
        return [name for name, h in self.hearings.items() if h.verdict != h.claim.verdict]

    def verdicts(self) -> pd.DataFrame:
        """Count each guide's claims by verdict: a row per guide, a column per verdict."""
        rows = [(guide, h.verdict) for h in self.hearings.values() for guide in h.claim.guides]
        counts = pd.DataFrame(rows, columns=["guide", "verdict"]).value_counts().unstack(fill_value=0)
        return counts.sort_index().reindex(columns=list(VERDICTS), fill_value=0)

    def factors(self) -> pd.DataFrame:
        """Return claimed and measured factors, a row per claim; columns: claim, lowest, highest, measured."""
        heard = [h for h in self.hearings.values() if h.claim.factor and h.factor]
        rows = [(h.claim.id, *h.claim.factor, h.factor) for h in heard]
        return pd.DataFrame(rows, columns=["claim", "lowest", "highest", "measured"])


def _measured(hearing: Hearing) -> str:
    told = [f"{theme.seconds(b.seconds)}, {theme.megabytes(b.downloaded_bytes / 1e6)}" for b in hearing.builds]
    return " → ".join(told) or "; ".join(f"{'yes' if came else 'no'}: {n}" for n, came in hearing.circumstances.items())


# -- building blocks for circumstances ---------------------------------------------------------------------------------


def steps(build: Build, text: str = "", stage: str = "") -> list[Step]:
    """Find the steps whose instruction contains `text`, in one stage or in all. Raises LayerLabError if there are none."""
    found = [s for s in build.steps if text in s.text and stage in ("", s.stage)]
    if not found:
        raise LayerLabError(f"no step of {build.variant} contains {text!r}" + (f" in stage {stage}" if stage else ""))
    return found


def ran(build: Build, text: str, stage: str = "") -> bool:
    """Tell whether all steps that contain `text` ran. Raises LayerLabError if there are none."""
    return all(s.state == RAN for s in steps(build, text, stage))


def cached(build: Build, text: str, stage: str = "") -> bool:
    """Tell whether all steps that contain `text` were cached. Raises LayerLabError if there are none."""
    return all(s.state == CACHED for s in steps(build, text, stage))


def fetched(build: Build, stage: str = "", text: str = "") -> int:
    """Return the bytes that these steps say they downloaded. Raises LayerLabError if there are none."""
    return sum(s.downloaded_bytes for s in steps(build, text, stage))


def printed(build: Build, text: str, stage: str = "") -> str:
    """Return the output of the steps that contain `text`. Raises LayerLabError if there are none."""
    return "\n".join(s.log for s in steps(build, text, stage))


def together(build: Build, one: str, other: str) -> bool:
    """Tell whether two stages' RUNs worked at the same time; each must print the time (`date +%s.%N`) as it begins and ends.

    The steps' own times won't do: a step that waits for a locked mount counts as started.
    """
    (began, ended), (other_began, other_ended) = (
        [float(word) for word in printed(build, "RUN", stage).split()] for stage in (one, other)
    )
    return max(began, other_began) < min(ended, other_ended)
