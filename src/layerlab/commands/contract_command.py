"""`layerlab contract`: what must stay true of a project's builds, checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import json_option
from .printing import dump, echo
from .subjects import subject_of, subject_options
from .where import Where, where_options

if TYPE_CHECKING:
    from ..contracts.verdict import Verdict

_fast = click.option("--fast", is_flag=True, help="Reason from the files and build nothing: states alone, in a second.")
_written = click.Path(dir_okay=False, path_type=Path)


@click.group()
def contract() -> None:
    """Keep builds fast: write down what must stay true of them, and check it.

    The contract is in the tables [contract.…] of the project's layerlab.toml. Edits are made in a scratch copy.
    """


@contract.command()
@subject_options
@_fast
@where_options("to build on; [contract.cold] and [contract.registry] reset it")
@click.option("--sarif", type=_written, help="Write what's broken here, as SARIF, for code scanning.")
@click.option("--junit", type=_written, help="Write a test report here, as JUnit's XML.")
@click.option("--markdown", type=_written, help="Add a summary to this file, such as $GITHUB_STEP_SUMMARY.")
@json_option
def check(
    path: Path,
    variant: str,
    service: str,
    fast: bool,
    allow: tuple[str, ...],
    where: Where,
    sarif: Path | None,
    junit: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Build the project in PATH, edit it, build again, and judge. Exits with 1 if a clause is broken.

    States and bytes fail, seconds only warn unless the contract says otherwise. What the evidence doesn't decide is unknown and
    fails nothing. With --fast, nothing is built: the states are reasoned from the Dockerfile and the files that it reads.
    """
    from ..contracts import outputs
    from ..contracts.checking import check as checked
    from ..contracts.checking import check_fast
    from ..contracts.clauses import of_app

    with subject_of(path, variant, service, allow, copy=not fast) as what:
        clauses = of_app(what.app)
        verdict = check_fast(what, clauses) if fast else checked(where.host(), what, clauses)
    if sarif:
        sarif.write_text(outputs.sarif(verdict, os.path.relpath(path)), encoding="utf-8")
    if junit:
        junit.write_text(outputs.junit(verdict), encoding="utf-8")
    if markdown:
        with markdown.open("a", encoding="utf-8") as file:
            file.write(outputs.markdown(verdict))
    _print(verdict, as_json)


def _print(verdict: Verdict, as_json: bool) -> None:
    echo(dump(verdict.to_json()) if as_json else verdict)
    if verdict.failed:
        raise SystemExit(1)


@contract.command()
@subject_options
@_fast
@where_options("to build on")
def init(path: Path, variant: str, service: str, fast: bool, allow: tuple[str, ...], where: Where) -> None:
    """Propose a contract for the project in PATH: what its builds keep now. Read it, then put it into layerlab.toml.

    It builds after no change, a code edit and a dependency edit. Nothing is written:
    `layerlab contract init >> layerlab.toml` adds it.
    """
    from ..contracts.proposing import proposal
    from ..measuring.measure import QUICK, observations, possible
    from ..measuring.situations import reason

    with subject_of(path, variant, service, allow, copy=not fast) as what:
        chosen = possible(what, QUICK)
        observed = list(reason(what, chosen)) if fast else observations(where.host(), what, chosen, 1)
        click.echo(proposal(observed), nl=False)
        for edit in what.edits_of(chosen):
            echo(edit, err=True)
