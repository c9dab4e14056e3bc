"""`layerlab measure`: how long a project's builds take in the situations that people wait in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..record.hosts import in_words
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
@click.option(
    "--against",
    metavar="REV",
    default="",
    help="Measure this commit first, and show both.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with the answers and the table here, as HTML.",
)
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
    against: str,
    report: Path | None,
    as_json: bool,
) -> None:
    """Measure the project in PATH: how long you wait, for what, and which line is to blame.

    It builds cold, after no change, after a code edit and a dependency edit, after the base image moved, and on a fresh CI runner
    with a registry cache. Edits are made in a scratch copy. Which files they change, it says; layerlab.toml can name others.
    Your own builder is never reset, so only edits are measured there.
    """
    from ..measuring.answer import answers
    from ..measuring.measure import QUICK, measurable, observations, possible

    edits: list[str] = []

    def measured(folder: Path) -> list[Answer]:
        with subject_of(folder, variant, service, allow) as what:
            host = where.host()
            chosen = situations or (possible(what, QUICK) if quick else measurable(host, what))
            edits[:] = map(str, what.edits_of(chosen))
            for edit in edits:
                echo(edit, err=True)
            return answers(observations(host, what, chosen, 1 if quick else repeats))

    before = _of_commit(measured, path, against) if against else []
    found = measured(path)
    if report:
        from ..measuring.page import page

        title = f"{path.resolve().name} {variant or service}".strip()
        report.write_text(page(title, in_words(where.label), edits, before, found, against), encoding="utf-8")
    if as_json:
        now = [answer.to_json() for answer in found]
        click.echo(dump({"before": [answer.to_json() for answer in before], "now": now} if against else now))
        return
    _print(found, before, against)


def _print(found: list[Answer], before: list[Answer], against: str) -> None:
    from ..measuring.situations import SITUATIONS

    for answer in found:
        echo(answer)
    echo("")
    if not against:
        print_table(_TITLES, map(_row, found), right=_TITLES[1:])
        return
    # Situation by situation, so that what's compared is side by side.
    told = [(against, answer) for answer in before] + [("now", answer) for answer in found]
    told.sort(key=lambda one: [*SITUATIONS].index(one[1].situation))
    print_table(("commit", *_TITLES), [(name, *_row(answer)) for name, answer in told], right=_TITLES[1:])


def _of_commit(measured: Callable[[Path], list[Answer]], path: Path, revision: str) -> list[Answer]:
    """Measure a commit's files, which are removed afterwards."""
    import tempfile

    from ..system.commits import checked_out

    with tempfile.TemporaryDirectory(prefix="layerlab-") as folder:
        return measured(checked_out(path, revision, Path(folder)))


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
