"""`layerlab build`: build a project, show its steps, save the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from .machines import started
from .options import json_option, machine_option, parsed_arguments

if TYPE_CHECKING:
    from ..record.build import Build
    from ..record.view import Known, View


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-f",
    "--file",
    "dockerfile",
    default="",
    help="Dockerfile, or a variant's name; with --service, the Compose file. Relative to PATH.",
)
@click.option("--target", default="", help="Stage to stop at.")
@click.option(
    "--build-arg",
    "build_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="Build argument; repeatable. NAME alone takes its value from your environment.",
)
@click.option(
    "--service", default="", help="Build this service of the Compose file (compose.yaml unless --file names one)."
)
@machine_option("to build on")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Save the record here, as JSON.")
@json_option
def build(
    path: Path,
    dockerfile: str,
    target: str,
    build_args: tuple[str, ...],
    service: str,
    machine_name: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Build PATH in place and show its steps. You see which ran, how long they took and how large they are.

    Nothing is written to PATH.
    """
    arguments = parsed_arguments(build_args)
    from ..machine.building import BuildFailed
    from ..project.app import App
    from ..record import view

    view.register(_view_and_table)
    with App.at(path) as app:
        variant = dockerfile or default_file(app.path, service)
        app.variant(variant)  # a wrong path is told at once, not after an engine was fetched
        machine = started(machine_name)
        try:
            done, failure = machine.build(app, variant, target=target, args=arguments, service=service), None
        except BuildFailed as error:
            done, failure = error.build, error
    if output:
        done.save(output)
    if as_json:
        click.echo(record_text(done))
    else:
        from .build_table import show_build

        show_build(done)
    if failure:
        raise failure


def _view_and_table(title: str, dockerfile: str, **known: Unpack[Known]) -> View:
    """Make the live view, and import what will show the result: both happen once the engine works."""
    from rich import table  # noqa: F401

    from ..live.choosing import live_view
    from . import build_table  # noqa: F401

    return live_view(title, dockerfile, **known)


def default_file(folder: Path, service: str) -> str:
    """Return the name of the Dockerfile or, for a service, the Compose file that Docker itself would take."""
    names = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml") if service else ("Dockerfile",)
    return next((name for name in names if (folder / name).is_file()), names[0])


def record_text(build: Build) -> str:
    """Return the record as `Build.save` writes it."""
    return json.dumps(build.to_json(), indent=1)
