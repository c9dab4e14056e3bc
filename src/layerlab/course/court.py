"""A court that hears claims: in one or more circumstances, a claim came true or it didn't, and the verdict follows from that."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..charts import theme
from ..charts.markup import rendered
from ..errors import LayerLabError
from ..record.build import Build
from .claims import SIGNS, Claim, Docket, counted, read, verdict_of
from .docket_view import DocketView

_TABLE = """
<table style="{{ s.table }}">
<tr style="{{ s.row }}">{% for name in columns %}<th style="{{ s.head }}">{{ name }}</th>{% endfor %}</tr>
{% for row in rows %}<tr style="{{ s.line }}">
{% for cell in row %}<td style="{{ s.cell }}">{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>"""


@dataclasses.dataclass(frozen=True)
class Hearing:
    """The outcome for one claim: where it came true, where its number did, the builds that show it, and both verdicts."""

    claim: Claim
    circumstances: Mapping[str, bool]
    numbers: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    builds: tuple[Build, ...] = ()

    @property
    def verdict(self) -> str:
        return verdict_of(list(self.circumstances.values()), self.claim.until)

    @property
    def number(self) -> str:
        """The verdict on the claim's number; "" if it names none."""
        return verdict_of(list(self.numbers.values())) if self.claim.figures else ""

    @property
    def factor(self) -> float:
        """How many times faster the last build was than the first; 0.0 if there aren't two."""
        return self.builds[0].seconds / self.builds[-1].seconds if len(self.builds) > 1 else 0.0

    @property
    def overturns(self) -> bool:
        """Whether a verdict here differs from the file's."""
        return (self.verdict, self.number) != (self.claim.verdict, self.claim.number)

    def __str__(self) -> str:
        lines = [f"{SIGNS[self.verdict]} {self.claim.id}: {_both(self.verdict, self.number)}"]
        lines += [f"    {_tried(self.circumstances)}"] if self.circumstances else []
        lines += [f"    number: {_tried(self.numbers)}"] if self.numbers else []
        if self.overturns:
            lines.append(f"    but the file says: {_both(self.claim.verdict, self.claim.number)}")
        return "\n".join(lines)


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

    def __init__(self, docket: Docket) -> None:
        self.docket = docket
        self.claims = {claim.id: claim for claim in docket.claims}
        self.hearings: dict[str, Hearing] = {}

    @classmethod
    def open(cls, path: str | Path, *experiments: str) -> Court:
        """Open a court for the claims in a file: all of them, or those that the named experiments try.

        Raises LayerLabError as `claims.read` does, and for an experiment without a claim.
        """
        docket = read(path)
        found = tuple(c for c in docket.claims if not experiments or c.experiment in experiments)
        if missing := set(experiments) - {c.experiment for c in found}:
            raise LayerLabError(f"{Path(path).name}: no claim is tried by {', '.join(sorted(missing))}")
        return cls(dataclasses.replace(docket, claims=found))

    def charges(self, experiment: str) -> Table:
        """Tabulate the claims that this experiment tries, without their verdicts."""
        found = [c for c in self.claims.values() if c.experiment == experiment]
        return Table(["claim", "figures", "guide"], [[c.claim, c.figures, c.place] for c in found])

    def hear(self, name: str, *builds: Build, number: Mapping[str, bool] | None = None, **circumstances: bool) -> None:
        """Say in which circumstances (words joined by _) the claim came true, and print the verdict.

        Args:
            name: the claim's id.
            builds: the measured ones, the slow one first.
            number: circumstances in which the claim's number came true; without any, it counts as not tried.
            circumstances: each is True where what the claim describes happened.

        Raises LayerLabError for an unknown claim, without any circumstance, and for the number of a claim that names none.
        """
        claim = self._claim(name)
        if not circumstances:
            raise LayerLabError(
                f"{name} was heard without any circumstance", "say at least one: hear(…, code_edited=True)"
            )
        if number and not claim.figures:
            raise LayerLabError(f"{name} names no number", "leave out number=…, or give the claim its figures")
        self._keep(Hearing(claim, _told(circumstances), _told(number or {}), builds))

    def leave(self, *names: str) -> None:
        """Set claims aside that can't be tried here; their `why` says why not. Raises LayerLabError for an unknown one."""
        for name in names:
            self._keep(Hearing(self._claim(name), {}))

    def _claim(self, name: str) -> Claim:
        if name not in self.claims:
            raise LayerLabError(f"there is no claim {name!r} here", f"there are: {', '.join(self.claims)}")
        return self.claims[name]

    def _keep(self, hearing: Hearing) -> None:
        self.hearings[hearing.claim.id] = hearing
        print(hearing)

    def table(self, experiment: str) -> Table:
        """Tabulate the heard claims of one experiment: what was measured, the verdicts and what decided them."""
        heard = [h for h in self.hearings.values() if h.claim.experiment == experiment]
        rows = [
            [h.claim.claim, _measured(h), f"{SIGNS[h.verdict]} {_both(h.verdict, h.number)}", _reason(h.claim)]
            for h in heard
        ]
        return Table(["claim", "measured here", "verdict", "what decided it"], rows)

    def unheard(self) -> list[str]:
        """Return the claims that haven't been heard or left yet."""
        return [name for name in self.claims if name not in self.hearings]

    def overturned(self) -> list[str]:
        """Return the claims that got another verdict here than in the file."""
        return [name for name, h in self.hearings.items() if h.overturns]

    def expected(self) -> pd.DataFrame:
        """Count each guide's claims by the file's verdicts: a row per guide, a column per verdict."""
        return counted((c, c.verdict) for c in self.claims.values())

    def verdicts(self) -> pd.DataFrame:
        """Count each guide's heard claims by the verdicts here: a row per guide, a column per verdict."""
        return counted((h.claim, h.verdict) for h in self.hearings.values())

    def filed(self) -> DocketView:
        """Return all these claims with the file's verdicts, as a table that a reader can filter."""
        return DocketView(self.docket)

    def factors(self) -> pd.DataFrame:
        """Return claimed and measured factors, a row per claim; columns: claim, lowest, highest, measured."""
        heard = [h for h in self.hearings.values() if h.claim.factor and h.factor]
        rows = [(h.claim.id, *h.claim.factor, h.factor) for h in heard]
        return pd.DataFrame(rows, columns=["claim", "lowest", "highest", "measured"])


def _told(circumstances: Mapping[str, bool]) -> dict[str, bool]:
    return {word.replace("_", " "): bool(came) for word, came in circumstances.items()}


def _tried(circumstances: Mapping[str, bool]) -> str:
    return "   ".join(f"{'yes' if came else 'no'}: {name}" for name, came in circumstances.items())


def _both(verdict: str, number: str) -> str:
    return f"{verdict}; its number: {number}" if number else verdict


def _reason(claim: Claim) -> str:
    return f"{claim.why} ({claim.until})" if claim.until else claim.why


def _measured(hearing: Hearing) -> str:
    told = [f"{theme.seconds(b.seconds)}, {theme.megabytes(b.downloaded_bytes / 1e6)}" for b in hearing.builds]
    return " → ".join(told) or _tried(hearing.circumstances).replace("   ", "; ")
