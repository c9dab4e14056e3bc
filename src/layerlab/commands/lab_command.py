"""`layerlab lab …`: give out, check and solve labs from a shell, and collect a workshop's progress."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import click

from .options import json_option, machine_option
from .printing import dump

# As everywhere in this room, what brings docker-py or pandas along is imported by the commands that need it.


@click.group()
def lab() -> None:
    """List, check, reset and solve labs; see and collect progress.

    NAME is a lab's folder in labs/, or the beginning of it: 03 for 03-mount-a-cache.
    """


@lab.command("list")
@json_option
def list_labs(as_json: bool) -> None:
    """The labs, and which of them you have passed."""
    from .. import labs

    passed = {attempt.lab for attempt in labs.attempts() if attempt.passed}
    if as_json:
        click.echo(dump([{"lab": name, "passed": name in passed} for name in labs.LABS]))
        return
    for name in labs.LABS:
        click.echo(f"[{'x' if name in passed else ' '}] {name}")


@lab.command()
@click.argument("name")
@click.option(
    "--files", type=click.Path(exists=True, path_type=Path), help="Other files than yours: a folder, or one file."
)
@machine_option("to build on")
@json_option
def check(name: str, files: Path | None, machine_name: str, as_json: bool) -> None:
    """Build your files of lab NAME and judge how they behave. Exits with 1 if a goal is not met yet."""
    from .. import labs
    from .machines import started

    found = labs.find(name)
    verdict = labs.check_lab(started(machine_name), found.name, files)
    if as_json:
        shown = {"passed": verdict.passed, "goals": [{"goal": g, "met": m} for g, m in verdict.goals]}
        shown |= {"hint": verdict.hint, "detail": verdict.detail, "figures": dict(verdict.figures)}
        click.echo(dump({"lab": found.name, **shown}))
    else:
        click.echo(str(verdict))
    if not verdict.passed:
        sys.exit(1)


@lab.command()
@click.argument("name")
@json_option
def reset(name: str, as_json: bool) -> None:
    """Put the starting point of lab NAME back. Your files, if they differ, are kept beside as FILE.mine-1."""
    from .. import labs

    found = labs.find(name)
    _tell_kept(found.name, labs.reset(found), "starting point", as_json)


@lab.command()
@click.argument("name")
@click.option("--apply", is_flag=True, help="Put it in place of your files, which are kept as FILE.mine-1.")
@json_option
def solution(name: str, apply: bool, as_json: bool) -> None:
    """Print a solution of lab NAME."""
    from .. import labs

    found = labs.find(name)
    texts = labs.solution(found)
    if apply:
        _tell_kept(found.name, labs.put(found, texts), "solution", as_json)
    elif as_json:
        click.echo(dump({"lab": found.name, "files": texts}))
    else:
        for file, text in texts.items():
            if len(texts) > 1:
                click.echo(f"# --- {file} ---")
            click.echo(text, nl=not text.endswith("\n"))


@lab.command()
@click.option("--to", "target", type=click.Path(path_type=Path), help="Hand yours in: copy it into this folder.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Collect: read what all learners handed in to this folder.",
)
@json_option
def progress(target: Path | None, source: Path | None, as_json: bool) -> None:
    """Your attempts at the labs; with --to and --from, a workshop's.

    A workshop leader names a folder that all can write to. Learners run `layerlab lab progress --to FOLDER`, or set
    LAYERLAB_PROGRESS=FOLDER so that each check does it; the leader runs `layerlab lab progress --from FOLDER`.
    """
    from ..labs import logbook

    if target and source:
        raise click.UsageError("say --to or --from, not both")
    if target:
        written = logbook.hand_in(target)
        click.echo(f"Your progress is in {written}.", err=True)
    found = logbook.collected(source) if source else logbook.attempts()
    if as_json:
        click.echo(dump([dataclasses.asdict(attempt) for attempt in found]))
    elif found:
        click.echo(logbook.overview(found).to_string(index=False))
    else:
        click.echo("No lab was checked yet.")


def _tell_kept(name: str, kept: list[Path], what: str, as_json: bool) -> None:
    if as_json:
        click.echo(dump({"lab": name, "kept": [str(path) for path in kept]}))
        return
    click.echo(f"Lab {name}: the {what} is in place.")
    for path in kept:
        click.echo(f"Your own is kept: {path}")
