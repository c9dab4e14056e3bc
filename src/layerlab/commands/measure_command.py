"""`layerlab measure`: how long a project's builds take in the situations that people wait in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..record.traffic import least
from .options import json_option
from .printing import dump, echo, print_table
from .subjects import subject_of, subject_options
from .where import Where, where_options

if TYPE_CHECKING:
    from ..measuring.answer import Answer

_TITLES = ("situation", "builds", "s", "from", "to", "export s", "MB downloaded", "MB context", "ran", "cached")


@click.command()
@subject_options
@click.option(
    "--situation",
    "situations",
    multiple=True,
    help="cold, unchanged, code, dependency, context, base or registry; repeatable. By default all that the project allows.",
)
@click.option("--repeats", default=3, show_default=True, help="Builds in each situation.")
@click.option("--quick", is_flag=True, help="Build once after no change, a code edit and a dependency edit.")
@where_options("to build on; it's reset for cold builds")
@json_option
def measure(
    path: Path,
    variant: str,
    service: str,
    allow: tuple[str, ...],
    situations: tuple[str, ...],
    repeats: int,
    quick: bool,
    where: Where,
    as_json: bool,
) -> None:
    """Measure the project in PATH: how long you wait, for what, and which line is to blame.

    It builds cold, after no change, after a code edit and a dependency edit, after the base image moved, and on a fresh CI runner
    with a registry cache. Edits are made in a scratch copy. Which files they change, it says; layerlab.toml can name others.
    Your own builder is never reset, so only edits are measured there.
    """
    from ..measuring.answer import answers
    from ..measuring.measure import QUICK, measurable, observations, possible

    with subject_of(path, variant, service, allow) as what:
        machine = where.host()
        chosen = situations or (possible(what, QUICK) if quick else measurable(machine, what))
        edits = list(dict.fromkeys(filter(None, map(what.edit_of, chosen))))
        for edit in edits:
            echo(f"{edit.kind} edit: {edit.path}, {edit.why}", err=True)
        found = answers(observations(machine, what, chosen, 1 if quick else repeats))
    if as_json:
        click.echo(dump([answer.to_json() for answer in found]))
        return
    for answer in found:
        echo(answer)
    echo("")
    print_table(_TITLES, map(_row, found), right=_TITLES[1:])


def _row(answer: Answer) -> tuple[object, ...]:
    seconds = (answer.median_seconds, answer.min_seconds, answer.max_seconds, answer.export_seconds)
    return (
        answer.situation,
        answer.builds,
        *(f"{value:.1f}" for value in seconds),
        f"{least(answer.downloads_counted)}{answer.downloaded_bytes / 1e6:.1f}",
        f"{answer.context_bytes / 1e6:.1f}",
        answer.steps_ran,
        answer.steps_cached,
    )
