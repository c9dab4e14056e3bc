"""`layerlab build`: build a project, show its steps, save the record."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from .options import docker_options, json_option, parsed_arguments, saved_options, saving_of, words_of
from .where import Where, where_options

if TYPE_CHECKING:
    from ..project.app import App
    from ..record.build import Build
    from ..record.view import Known, View


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
@docker_options
@where_options("to build on")
@click.option(
    "--output",
    multiple=True,
    metavar="FILE|type=…",
    help="FILE: save the record here, as JSON. type=…: what comes of the build, as in docker. Repeatable.",
)
@saved_options(
    "--save",
    "Keep the record in this folder, which may travel from one CI job to the next, and compare with those in there.",
)
@json_option
def build(
    path: Path,
    files: tuple[str, ...],
    target: str,
    build_args: tuple[str, ...],
    service: str,
    where: Where,
    output: tuple[str, ...],
    saved: Path | None,
    branch: str,
    default_branch: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Build PATH in place and show its steps. You see which ran, how long they took and how large they are.

    It's built on a machine of LayerLab's, or on your own builder (--builder, --here), exactly as docker would: the image gets
    no name there but yours (--tag), and nothing else is changed.

    Nothing is written to PATH. The options from --secret to --push mean what they mean in `docker buildx build`; most may be
    repeated.
    """
    arguments = parsed_arguments(build_args)
    results = [value for value in output if "type=" in value]
    records = [Path(value) for value in output if value not in results]
    words = words_of({**given, "output": results})
    from ..machine.building import BuildFailed
    from ..project.app import App
    from ..record import view

    view.register(_view_and_table)
    with App.at(path, allow=given["allow"]) as app:
        variant, *more = [_file(app, file) for file in files] or [""]
        options = [f"--file={file}" for file in more] + [word for word in words if word != "--allow=prepare"]
        _check(app, variant, service, options)
        host = where.host()
        said = functools.partial(click.echo, err=True)
        try:
            done = host.build(app, variant, target=target, args=arguments, service=service, options=options, say=said)
            failure = None
        except BuildFailed as error:
            done, failure = error.build, error
    earlier = None
    if saving := saving_of(saved, branch, default_branch):
        from .saving import kept

        done, earlier = kept(done, saving)
    for record in records:
        done.save(record)
    if as_json:
        click.echo(record_text(done))
    else:
        from .build_table import show_build

        show_build(done, earlier)
    if failure:
        raise failure


def _file(app: App, name: str) -> str:
    """Return a file as the app finds it: in the project, or in the current folder, where docker looks."""
    here = Path.cwd() / name
    return str(here) if not (app.path / name).exists() and here.is_file() else name


def _check(app: App, variant: str, service: str, options: Sequence[str]) -> None:
    """Raise AppError for a wrong path now, not after an engine was fetched. Only docker can tell services and targets."""
    from ..machine import choosing, resolving

    known = "." in variant or "/" in variant or not choosing.defining(app)
    if not variant or known:
        found = app.variant(variant) if variant else choosing.found(app, service)
        resolving.permit_reading(app, found, options)


def _view_and_table(title: str, dockerfile: str, **known: Unpack[Known]) -> View:
    """Make the live view, and import what will show the result: both happen once the engine works."""
    from rich import table  # noqa: F401

    from ..live.choosing import live_view
    from . import build_table  # noqa: F401

    return live_view(title, dockerfile, **known)


def record_text(build: Build) -> str:
    """Return the record as `Build.save` writes it."""
    return json.dumps(build.to_json(), indent=1)
