"""Commands on earlier builds: explain, report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import LayerLabError
from .options import json_option, previous_option, what_argument
from .printing import dump, echo
from .where import Where, where_options

if TYPE_CHECKING:
    from ..record.build import Build


@click.command()
@what_argument
@previous_option
@click.option("--evidence", is_flag=True, help="Show what was compared, before → now.")
@where_options("it was built on")
@json_option
def explain(what: Path, previous: str | None, evidence: bool, where: Where, as_json: bool) -> None:
    """Explain why each step of a build ran. A ▸ marks the root causes.

    PATH is a project (by default the current folder), whose newest build is explained, or a record saved by `build --output`.
    """
    from ..explaining import why

    build, before = chosen_builds(what, previous, where)
    explanation = why.explain(build, before)
    if as_json:
        echo(dump(explanation.to_json()))
    elif evidence:
        echo(explanation.evidence())
    else:
        echo(f"{build.app} {build.variant}, compared with {explanation.against or 'no earlier build'}\n\n{explanation}")


@click.command()
@what_argument
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; - for standard output."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "markdown", "json"]),
    help="By default, what the file's extension says, or else HTML.",
)
@previous_option
@where_options("it was built on")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(what: Path, output: Path | None, form: str | None, previous: str | None, where: Where, show: bool) -> None:
    """Write a report of a build.

    PATH is a project (by default the current folder), whose newest build is reported, or a record saved by
    `build --output`. The report is one HTML file that needs no network, a Markdown summary for CI, or JSON. Unless you
    name a file, Markdown and JSON go to standard output, and the page to LayerLab's own folder, so that your next
    `COPY . .` doesn't copy it into the image.
    """
    from .. import reporting as reports

    form = form or reports.format_of(output)
    to_stdout = str(output) == "-" or (output is None and form != "html")
    if to_stdout and show:
        raise click.UsageError("--open needs a file: name one with --output")
    build, before = chosen_builds(what, previous, where)
    if to_stdout:
        click.echo(reports.render(build, before, form), nl=False)
        return
    written = reports.report(build, output or own_page(build), before, form)
    echo(f"The report of {build.app} {build.variant} is in {written}.", err=True)
    if show:
        click.launch(str(written))


def own_page(build: Build) -> Path:
    """Return the file in LayerLab's home for a build's page, where none was named; make its folder."""
    from ..system.home import reports_dir

    return reports_dir() / (re.sub(r"[^\w.-]+", "-", f"{build.app}-{build.variant}")[:100] + ".html")


def chosen_builds(what: Path, previous: str | None, where: Where) -> tuple[Build, Build | None]:
    """Return the build that `what` names (a saved record, or a project's newest build), and the one to compare it with.

    The latter is None unless `previous` names a record: the build is then compared with those before it in the same place.
    Raises LayerLabError if there is no such build, or if a record can't be read.
    """
    from ..record import history
    from ..record.build import Build
    from ..record.hosts import in_words

    before = Build.load(previous) if previous else None
    if what.is_file():
        return Build.load(what), before
    found = history.builds(what.resolve(), where.label)
    if not found:
        reset = ", or not since the machine was reset" if where.machine else " by LayerLab"
        raise LayerLabError(
            f"{what.resolve()} hasn't been built on {in_words(where.label)}{reset}",
            f"build it with `layerlab build {what} {where.options}`",
        )
    return found[0], before
