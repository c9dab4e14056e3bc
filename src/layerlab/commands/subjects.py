"""What `layerlab measure` and `layerlab contract` share: arguments that say what to build, and the copy that gets the edits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .comparing import scratch_copy
from .options import Function

if TYPE_CHECKING:
    from ..measuring.situations import Subject


def subject_options(function: Function) -> Function:
    """Add PATH, --file, --service and --allow to a command; `subject_of` takes them."""
    for add in (
        click.option(
            "--allow", multiple=True, help="prepare: let the project's layerlab.toml run its command on this computer."
        ),
        click.option("--service", default="", help="Compose service or bake target to build."),
        click.option(
            "-f",
            "--file",
            "variant",
            default="",
            help="Dockerfile, Compose or bake file, or a variant's name; relative to PATH.",
        ),
        click.argument("path", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)),
    ):
        function = add(function)
    return function


@contextlib.contextmanager
def subject_of(
    path: Path, variant: str, service: str, allow: tuple[str, ...], *, copy: bool = True
) -> Iterator[Subject]:
    """Yield what to build: a scratch copy of a project, where edits can be made, or the project in place."""
    from ..measuring.situations import subject
    from ..project.app import App

    with scratch_copy(path, allow) if copy else App.at(path, allow=allow) as app:
        yield subject(app, variant, service)
