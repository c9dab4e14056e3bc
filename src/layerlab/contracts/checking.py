"""Check a contract: build on a machine and judge, or reason from the files."""

from __future__ import annotations

from collections.abc import Sequence

from ..machine.machine_like import Measurable
from ..measuring.measure import observations
from ..measuring.situations import Subject, reason
from .clauses import Clause, repeats, situations
from .judging import judge
from .verdict import Finding, Verdict


def check(machine: Measurable, what: Subject, contract: Sequence[Clause]) -> Verdict:
    """Build in each situation that the contract names, and judge. The app must be a scratch copy.

    Raises the same errors as `machine.build`, and AppError for an edit that the project has nothing for.
    """
    needed = situations(contract)
    return _verdict(what, contract, judge(contract, observations(machine, what, needed, repeats(contract))), False)


def check_fast(what: Subject, contract: Sequence[Clause]) -> Verdict:
    """Judge by states that are reasoned from the files, without building. What only a build can tell is unknown.

    Raises AppError for an edit that the project has nothing for.
    """
    return _verdict(what, contract, judge(contract, list(reason(what, situations(contract)))), True)


def _verdict(what: Subject, contract: Sequence[Clause], findings: Sequence[Finding], reasoned: bool) -> Verdict:
    edits = tuple(map(str, what.edits_of(situations(contract))))
    return Verdict(what.draft.app, what.draft.variant, what.dockerfile, edits, tuple(findings), reasoned)
