"""`layerlab contract`: what must stay true of a project's builds, checked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .machines import started
from .options import json_option, machine_option
from .printing import dump, echo

if TYPE_CHECKING:
    from ..contracts.verdict import Verdict
    from ..measuring.situations import Subject

_path = click.argument("path", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
_file = click.option(
    "-f",
    "--file",
    "variant",
    default="",
    help="Dockerfile, Compose or bake file, or a variant's name; relative to PATH.",
)
_service = click.option("--service", default="", help="Compose service or bake target to build.")
_fast = click.option("--fast", is_flag=True, help="Reason from the files and build nothing: states alone, in a second.")
_allow = click.option(
    "--allow", multiple=True, help="prepare: let the project's layerlab.toml run its command on this computer."
)
_written = click.Path(dir_okay=False, path_type=Path)


@click.group()
def contract() -> None:
    """Keep builds fast: write down what must stay true of them, and check it.

    The contract is in the tables [contract.…] of the project's layerlab.toml. Edits are made in a scratch copy.
    """


@contract.command()
@_path
@_file
@_service
@_fast
@_allow
@machine_option("to build on; a [contract.cold] table resets it")
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
    machine_name: str,
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

    with _subject(path, variant, service, allow, copy=not fast) as what:
        clauses = of_app(what.app)
        verdict = check_fast(what, clauses) if fast else checked(started(machine_name), what, clauses)
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
@_path
@_file
@_service
@_fast
@_allow
@machine_option("to build on")
def init(path: Path, variant: str, service: str, fast: bool, allow: tuple[str, ...], machine_name: str) -> None:
    """Propose a contract for the project in PATH: what its builds keep now. Read it, then put it into layerlab.toml.

    It builds after no change, a code edit and a dependency edit. Nothing is written:
    `layerlab contract init >> layerlab.toml` adds it.
    """
    from ..contracts.proposing import proposal
    from ..measuring.situations import observe, reason

    with _subject(path, variant, service, allow, copy=not fast) as what:
        situations = ["unchanged", *(kind for kind in ("code", "dependency") if what.edits[kind].path)]
        observed = reason(what, situations) if fast else observe(started(machine_name), what, situations, {})
        click.echo(proposal(list(observed)), nl=False)
        for edit in what.edits.values():
            echo(f"{edit.kind} edit: {edit.path or 'none'}, {edit.why}", err=True)


@contextlib.contextmanager
def _subject(path: Path, variant: str, service: str, allow: tuple[str, ...], *, copy: bool) -> Iterator[Subject]:
    """Yield what to build: the project in place, or a scratch copy of it, where edits can be made."""
    from ..measuring.situations import subject
    from ..project.app import App
    from .comparing import scratch_copy

    with scratch_copy(path, allow) if copy else App.at(path, allow=allow) as app:
        yield subject(app, variant, service)
