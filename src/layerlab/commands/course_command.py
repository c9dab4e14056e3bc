"""`layerlab course`: get a working copy of the course and open it."""

from __future__ import annotations

from pathlib import Path

import click

from .printing import echo

#: The working copy's folder, if you name none.
FOLDER = "layerlab-course"


@click.group()
def course() -> None:
    """Take the course: notebooks, labs and apps in your own folder."""


@course.command()
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[FOLDER] [-- JUPYTERLAB_OPTION ...]")
@click.option("--no-open", is_flag=True, help="Only make or update the working copy.")
def start(words: tuple[str, ...], no_open: bool) -> None:
    """Put the course into FOLDER and open it in JupyterLab.

    FOLDER may be new, empty or an earlier working copy of the course. By default it's the working copy you're in, or
    ./layerlab-course. An earlier copy is updated, but files that you've changed stay as they are. Everything after -- goes to
    JupyterLab.
    """
    from .. import labs
    from ..labs.files import give_out
    from ..project.course_files import enclosing
    from ..project.working_copy import update
    from . import jupyter

    if not no_open:
        jupyter.check_installed()
    named = bool(words) and not words[0].startswith("-")
    changes = update(Path(words[0]) if named else enclosing() or Path(FOLDER))
    if not (changes.written or changes.removed):
        echo(f"The course in {changes.folder} is up to date.")
    else:
        gone = f", {len(changes.removed)} removed" if changes.removed else ""
        echo(f"The course is in {changes.folder}: {len(changes.written)} files written{gone}.")
    if changes.kept:
        echo(
            "This edition has new versions of files that you've changed. Yours are kept; to get the new ones, "
            "rename yours and run this again:\n" + "\n".join(f"  {name}" for name in changes.kept)
        )
    for lab in labs.ALL:
        give_out(lab, changes.folder / "labs")
    if not no_open:
        jupyter.become_jupyterlab(changes.folder, words[1:] if named else words)
