"""`layerlab run -- …`: run a docker command as it is, and say afterwards what its builds did, and why."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import Saving, saved_options, saving_of
from .printing import echo

if TYPE_CHECKING:
    from ..explaining.causes import Explanation
    from ..machine.untouched import Ran
    from ..machine.wrapping import Watch
    from ..record.build import Build
    from ..system.docker_command import DockerBuild

#: Begins what we say below the command's output.
_OURS = "layerlab: "
#: What a failed build costs: BuildKit writes provenance only of a build that succeeds.
_FAILED = (
    "A failed build has no provenance, so this is read from the Dockerfile: what a step got from its base image, and the sizes "
    "of layers, are unknown."
)


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@saved_options(
    "--save",
    "Keep the records in this folder, which may travel from one CI job to the next, and compare with those in there.",
)
@click.option(
    "--report",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write reports into this folder: a page on each image, summary.md, and annotations.txt for GitHub.",
)
@click.pass_context
def run(
    context: click.Context,
    command: tuple[str, ...],
    saved: Path | None,
    branch: str,
    default_branch: str,
    report: Path | None,
) -> None:
    """Run your own docker COMMAND as it is, then say which steps ran, and why.

    \b
    layerlab run -- docker build -t shop .
    layerlab run -- docker buildx bake
    layerlab run -- docker compose up --build -d

    The command runs on your terminal and your builder, with its own output, signals and exit code; nothing is added to it. What
    its builds did is then read from the builder's history, compared with earlier builds that LayerLab knows of, and printed to
    standard error. Where that can't be decided, it says so.
    """
    from ..machine import untouched
    from ..system import docker_command

    watch = _watch(docker_command.read(command))
    try:
        ran = watch.run(_say) if watch else untouched.run(command, lambda: None)
    except untouched.NotRun as error:
        _say(error.message)
        context.exit(error.exit_code)
    try:
        _tell(watch, ran, saving_of(saved, branch, default_branch), report)
    except KeyboardInterrupt:
        pass  # the command has ended, and this isn't part of it
    except Exception as error:  # whatever happens here, the command's exit code is ours
        if context.find_root().params.get("debug"):
            raise
        _say(f"what the build did can't be told ({type(error).__name__}: {error})")
    context.exit(untouched.end_as(ran.exit_code))


def _watch(read: DockerBuild | None) -> Watch | None:
    if read is None:
        return None
    from ..machine.wrapping import Watch

    with contextlib.suppress(OSError, RuntimeError):  # no current folder, no home: docker will say so
        return Watch(read, Path.cwd())
    return None


def _tell(watch: Watch | None, ran: Ran, saving: Saving | None, report: Path | None) -> None:
    if watch is None:
        _say("there was no build to explain: this isn't a docker command that builds")
        return
    if ran.interrupted and ran.exit_code and not watch.goes_on:
        _say("interrupted, so there's nothing to explain")
        return
    told = watch.told(ran)
    compared = [_kept(build, saving) for build in told.builds]
    for build, earlier in compared:
        _show(build, earlier, told.builds)
    for note in told.notes:
        _say(note)
    if report and compared:
        from ..reporting import report_together

        report_together(compared, report)


def _kept(build: Build, saving: Saving | None) -> tuple[Build, Sequence[Build] | None]:
    """Keep a build's record if that's wished. Return it, and the builds to compare it with, or None for those before it here."""
    if saving is None:
        return build, None
    from .saving import kept

    return kept(build, saving)


def _show(build: Build, earlier: Sequence[Build] | None, others: Sequence[Build]) -> None:
    from ..explaining.why import explain

    explanation = explain(build, earlier)
    echo(f"\n{_OURS}{build.outcome()}", err=True)
    if explanation.against:
        echo(f"compared with {explanation.against}", err=True)
    echo(_the_same_for_all(explanation) or explanation, err=True)
    if by := _canceled_by(build, others):
        echo(f"It was canceled because {by} failed.", err=True)
    if build.error and not build.provenance:
        echo(_FAILED, err=True)


def _the_same_for_all(explanation: Explanation) -> str:
    """Return why all the steps that ran did, if nothing is known to compare the build with; "" if they have several reasons."""
    reasons = {step.why for step in explanation.steps if step.causes}
    if explanation.against or len(reasons) != 1:
        return ""
    return "\n".join([f"{reasons.pop()}.", *explanation.failed()])


def _canceled_by(build: Build, others: Sequence[Build]) -> str:
    """Return the build of the same command that failed, for which bake canceled this one; "" if it wasn't canceled."""
    failed = (f"{other.app} {other.variant}" for other in others if other.error and not other.canceled)
    return next(failed, "") if build.canceled else ""


def _say(line: str) -> None:
    echo(f"{_OURS}{line}", err=True)
