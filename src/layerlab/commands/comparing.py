"""`layerlab compare` and `layerlab diff`: variants of a project, measured and side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..record.traffic import least
from ..system.extras import needs_course
from .options import json_option
from .printing import dump, print_table
from .where import Where, where_options

if TYPE_CHECKING:
    from ..project.app import App

project_argument = click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
#: The edits of a comparison if none is named; the same as `compare`'s in Python.
EDITS = ("cold", "none", "code")


@click.command()
@project_argument
@click.argument("variants", nargs=-1, required=True)
@click.option(
    "--edit",
    "edits",
    multiple=True,
    default=EDITS,
    show_default=True,
    help="What comes before a build: cold, none, code, dependency, context, weights or base; repeatable.",
)
@click.option("--repeats", default=3, show_default=True, help="Builds of each variant after each edit.")
@click.option(
    "--allow", multiple=True, help="prepare: let the project's layerlab.toml run its command on this computer."
)
@where_options("to build on; it's reset before cold builds")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Save all rows here, as CSV.")
@json_option
def compare(
    path: Path,
    variants: tuple[str, ...],
    edits: tuple[str, ...],
    repeats: int,
    allow: tuple[str, ...],
    where: Where,
    output: Path | None,
    as_json: bool,
) -> None:
    """Build the VARIANTS of the project in PATH after each edit, and show what they took.

    A variant is a Dockerfile, a name in layerlab.toml, a Compose service or a bake target. Edits are made in a scratch copy. What
    can't be done is said before anything is built: your own builder is never reset, so "cold" and "base" can't be measured
    there (name the others with --edit), and its times include whatever else it does.
    """
    with needs_course():
        from ..charts.summary import summary
        from ..measuring.compare import compare as measured
        from ..measuring.compare import require_possible

    with _scratch_copy(path, allow) as app:
        require_possible(app, variants, edits, repeats)
        rows = measured(where.host(), app, variants, edits, repeats)
    if output:
        rows.to_csv(output, index=False)
    found = summary(rows).to_dict("records")
    if as_json:
        click.echo(dump(found))
        return
    titles = ("variant", "edit", "builds", "s", "from", "to", "MB downloaded", "ran", "cached")
    print_table(titles, [_row(row) for row in found], right=titles[2:])


def _row(of: dict[Hashable, Any]) -> tuple[object, ...]:
    seconds = [f"{of[f'{which}_seconds']:.1f}" for which in ("median", "min", "max")]
    counts = [f"{of[name]:g}" for name in ("steps_ran", "steps_cached")]
    downloaded = f"{least(of['downloads_counted'])}{of['downloaded_mb']:.1f}"
    return (of["variant"], of["edit"], of["repeats"], *seconds, downloaded, *counts)


@click.command()
@project_argument
@click.argument("left")
@click.argument("right")
@click.option(
    "--record",
    "records",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Record of a build of either, saved by `build --output`; repeatable. The steps then show what they did.",
)
@where_options("whose builds of the two show what their steps did", default="")
@json_option
def diff(path: Path, left: str, right: str, records: tuple[str, ...], where: Where | None, as_json: bool) -> None:
    """Show two variants of the project in PATH side by side: which instructions were added, removed, changed and moved."""
    with needs_course():
        from ..diffing.diff import diff as compared
        from ..diffing.diff import known_builds
    from ..project.app import App
    from ..record.build import Build

    with App.at(path) as app:
        builds = [Build.load(record) for record in records]
        if where:
            builds += known_builds(app, left, right, where.label)
        found = compared(app, left, right, builds if records or where else None)
    click.echo(dump(found.to_frame().to_dict("records")) if as_json else str(found))


@contextlib.contextmanager
def _scratch_copy(path: Path, allow: tuple[str, ...]) -> Iterator[App]:
    """Yield a scratch copy of a project, whose own command runs only if it's allowed."""
    from ..project.app import App

    with App.at(path, allow=allow) as app:
        if not app.in_place:
            yield app
            return
    with App.from_path(path) as app:
        yield app
