"""`layerlab build`: build a project, show its steps, save the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .build_table import show_build
from .machines import started
from .options import json_option, machine_option, parsed_arguments

if TYPE_CHECKING:
    from ..record.build import Build


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    help="Dockerfile, Compose or bake file, or a variant's name; relative to PATH. Repeat it for Compose and bake files that "
    "override the first. Without it, LayerLab takes what Docker takes.",
)
@click.option("--target", default="", help="Stage to stop at.")
@click.option(
    "--build-arg",
    "build_args",
    multiple=True,
    metavar="NAME=VALUE",
    help="Build argument; repeatable. NAME alone takes its value from your environment.",
)
@click.option("--service", default="", help="Compose service or bake target to build.")
@click.option(
    "--allow",
    multiple=True,
    help="Allow a Compose or bake file something beyond the project, as in bake: network.host, security.insecure, ssh, "
    "fs.read=PATH, fs.write=PATH, fs=PATH; or prepare: let layerlab.toml run its command here. Repeatable.",
)
@machine_option("to build on")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Save the record here, as JSON.")
@json_option
def build(
    path: Path,
    files: tuple[str, ...],
    target: str,
    build_args: tuple[str, ...],
    service: str,
    allow: tuple[str, ...],
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

    options = [f"--file={file}" for file in files[1:]] + [f"--allow={key}" for key in allow if key != "prepare"]
    variant = files[0] if files else ""
    with App.at(path, allow=allow) as app:
        if variant:
            app.variant(variant)  # a wrong path is told at once, not after an engine was fetched
        machine = started(machine_name)
        try:
            done = machine.build(app, variant, target=target, args=arguments, service=service, options=options)
            failure = None
        except BuildFailed as error:
            done, failure = error.build, error
    if output:
        done.save(output)
    if as_json:
        click.echo(record_text(done))
    else:
        show_build(done)
    if failure:
        raise failure


def record_text(build: Build) -> str:
    """Return the record as `Build.save` writes it."""
    return json.dumps(build.to_json(), indent=1)
