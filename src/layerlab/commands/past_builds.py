"""Commands on earlier builds: explain, report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import LayerLabError, RecordError
from .options import Saving, json_option, previous_option, saved_options, saving_of, what_argument
from .printing import dump, echo
from .where import Where, where_options

if TYPE_CHECKING:
    from ..record.build import Build


#: For commands that may find the build, and those to compare it with, in a folder that `layerlab build --save` wrote.
_saved = saved_options("--saved", "Compare with the records that `layerlab build --save DIR` kept.")


@click.command()
@what_argument
@previous_option
@_saved
@click.option("--evidence", is_flag=True, help="Show what was compared, before → now.")
@where_options("it was built on")
@json_option
def explain(
    what: Path,
    previous: str | None,
    saved: Path | None,
    branch: str,
    default_branch: str,
    evidence: bool,
    where: Where,
    as_json: bool,
) -> None:
    """Explain why each step of a build ran. A ▸ marks the root causes.

    PATH is a project (by default the current folder), whose newest build is explained, a record saved by `build --output`, or
    a .dockerbuild file of `docker buildx history export`. With --saved, the newest build may be one of another computer.
    """
    from ..explaining import why

    build, before = chosen_builds(what, previous, where, saving_of(saved, branch, default_branch))
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
    type=click.Choice(["html", "markdown", "json", "annotations"]),
    help="By default, what the file's extension says, or else HTML.",
)
@previous_option
@_saved
@where_options("it was built on")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(
    what: Path,
    output: Path | None,
    form: str | None,
    previous: str | None,
    saved: Path | None,
    branch: str,
    default_branch: str,
    where: Where,
    show: bool,
) -> None:
    """Write a report of a build.

    PATH is a project (by default the current folder), whose newest build is reported, a record saved by
    `build --output`, or a .dockerbuild file. The report is one HTML file that needs no network, a Markdown summary for CI, JSON,
    or annotations: lines that a GitHub job prints so that GitHub shows them beside the Dockerfile. Unless you name a file, the
    page goes to LayerLab's own folder, so that your next `COPY . .` doesn't copy it into the image, and the others go to
    standard output.
    """
    from .. import reporting as reports

    form = form or reports.format_of(output)
    to_stdout = str(output) == "-" or (output is None and form != "html")
    if to_stdout and show:
        raise click.UsageError("--open needs a file: name one with --output")
    build, before = chosen_builds(what, previous, where, saving_of(saved, branch, default_branch))
    if to_stdout:
        click.echo(reports.render(build, before, form), nl=False)
        return
    written = reports.report(build, output or own_page(build), before, form)
    echo(f"The report of {build.app} {build.variant} is in {written}.", err=True)
    if show:
        click.launch(str(written))


def own_page(build: Build) -> Path:
    """Return the file in LayerLab's home for a build's page, where none was named; make its folder."""
    from ..reporting import file_name
    from ..system.home import reports_dir

    return reports_dir() / f"{file_name(build)}.html"


def chosen_builds(
    what: Path, previous: str | None, where: Where, saving: Saving | None = None
) -> tuple[Build, Build | Sequence[Build] | None]:
    """Return the build that `what` names (a saved record, or a project's newest build), and the one to compare it with.

    The latter is None unless `previous` names a record: the build is then compared with those before it in the same place; with
    `saving`, also with those that other jobs and computers kept.
    Raises LayerLabError if there is no such build, or if a record can't be read.
    """
    if previous and saving:
        raise click.UsageError("use --previous or --saved, not both")
    build = _chosen_build(what, where, saving)
    if saving:
        from .saving import compared

        return compared(build, _project_of(what, build), saving)
    return build, loaded(Path(previous)) if previous else None


def _chosen_build(what: Path, where: Where, saving: Saving | None) -> Build:
    from ..record import history
    from ..record.hosts import in_words

    if what.is_file():
        return loaded(what)
    if own := history.builds(what.resolve(), where.label):
        return own[0]
    if saving:
        from .saving import newest

        if found := newest(what.resolve(), saving):
            return found
    reset = ", or not since the machine was reset" if where.machine else " by LayerLab"
    kept = f", and {saving.folder} keeps no build of it and its branch" if saving else ""
    raise LayerLabError(
        f"{what.resolve()} hasn't been built on {in_words(where.label)}{reset}{kept}",
        f"build it with `layerlab build {what} {where.options}`",
    )


def _project_of(what: Path, build: Build) -> Path:
    """Return the folder whose repository and branch count: the project's, or the current one for another computer's record."""
    if what.is_dir():
        return what
    return Path(build.project) if build.project and Path(build.project).is_dir() else Path.cwd()


def loaded(file: Path) -> Build:
    """Return the build of a saved record or a .dockerbuild file. Raises RecordError if it can't be read or isn't one."""
    from ..record.build import Build
    from ..traces import dockerbuild

    if not dockerbuild.is_one(file):
        return Build.load(file)
    found = dockerbuild.load(file)
    if len(found) > 1:
        raise RecordError(
            f"{file} holds {len(found)} builds: {', '.join(found)}",
            f"take one out with `layerlab import {file} --ref REF --output RECORD`",
        )
    return next(iter(found.values()))
