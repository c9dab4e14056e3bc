"""`layerlab lab …`: give out, check and solve labs from a shell, and collect a workshop's progress."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import click

from .options import json_option, machine_option
from .printing import dump, echo, print_table

# As everywhere in this room, modules that need docker-py or pandas are imported only by the commands that use them.


@click.group()
def lab() -> None:
    """List, check, reset and solve labs; show and collect progress.

    NAME is a lab's folder in labs/, or the beginning of its name: 03 for 03-mount-a-cache.
    """


@lab.command("list")
@json_option
def list_labs(as_json: bool) -> None:
    """List the labs, and which of them you've passed."""
    from .. import labs

    passed = {attempt.lab for attempt in labs.attempts() if attempt.passed}
    if as_json:
        echo(dump([{"lab": name, "passed": name in passed} for name in labs.LABS]))
        return
    for name in labs.LABS:
        echo(f"[{'x' if name in passed else ' '}] {name}")


@lab.command()
@click.argument("name")
@click.option(
    "--files",
    type=click.Path(exists=True, path_type=Path),
    help="Check these files instead of yours: a folder or one file.",
)
@machine_option("to build on")
@json_option
def check(name: str, files: Path | None, machine_name: str, as_json: bool) -> None:
    """Build your files for lab NAME and judge how they behave. Exits with 1 if a goal isn't met yet."""
    from .. import labs
    from ..labs.files import own_folder
    from .machines import started

    found = labs.find(name)
    verdict = labs.check_lab(started(machine_name), found.name, files)
    echo(f"Checked: {files or own_folder(found)}", err=True)
    if as_json:
        shown = {"passed": verdict.passed, "goals": [{"goal": g, "met": m} for g, m in verdict.goals]}
        shown |= {"hint": verdict.hint, "detail": verdict.detail, "figures": dict(verdict.figures)}
        echo(dump({"lab": found.name, **shown}))
    else:
        echo(str(verdict))
    if not verdict.passed:
        sys.exit(1)


@lab.command()
@click.argument("name")
@json_option
def reset(name: str, as_json: bool) -> None:
    """Reset lab NAME to its starting point. Files that you've changed are kept as FILE.mine-1."""
    from .. import labs

    found = labs.find(name)
    _tell_kept(found.name, labs.reset(found), "starting point", as_json)


@lab.command()
@click.argument("name")
@click.option("--apply", is_flag=True, help="Replace your files with it; yours are kept as FILE.mine-1.")
@json_option
def solution(name: str, apply: bool, as_json: bool) -> None:
    """Print a solution of lab NAME."""
    from .. import labs

    found = labs.find(name)
    texts = labs.solution(found)
    if apply:
        _tell_kept(found.name, labs.put(found, texts), "solution", as_json)
    elif as_json:
        echo(dump({"lab": found.name, "files": texts}))
    else:
        for file, text in texts.items():
            if len(texts) > 1:
                echo(f"# --- {file} ---")
            click.echo(text, nl=not text.endswith("\n"))


@lab.command()
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="Hand in your progress: copy it into this folder."
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Collect progress: read what all learners handed in to this folder.",
)
@json_option
def progress(target: Path | None, source: Path | None, as_json: bool) -> None:
    """Show your attempts at the labs, or a workshop's.

    A workshop leader names a folder that everybody can write to. Learners run `layerlab lab progress --to FOLDER`, or set
    LAYERLAB_PROGRESS=FOLDER so that each check does it. The leader runs `layerlab lab progress --from FOLDER`.
    """
    from ..labs import logbook

    if target and source:
        raise click.UsageError("use --to or --from, not both")
    if target:
        written = logbook.hand_in(target)
        echo(f"Your progress is in {written}.", err=True)
    found = logbook.collected(source) if source else logbook.attempts()
    if as_json:
        echo(dump([dataclasses.asdict(attempt) for attempt in found]))
    elif found:
        print_table(logbook.OVERVIEW, logbook.overview(found), right={"attempts"})
    else:
        echo("No lab has been checked yet.")


def _tell_kept(name: str, kept: list[Path], what: str, as_json: bool) -> None:
    from .. import labs
    from ..labs.files import own_folder

    if as_json:
        echo(dump({"lab": name, "kept": [str(path) for path in kept]}))
        return
    echo(f"Lab {name}: the {what} is in place, in {own_folder(labs.find(name))}.")
    for path in kept:
        echo(f"Your own file is kept: {path}")
