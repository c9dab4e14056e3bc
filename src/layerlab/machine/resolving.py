"""Resolve a variant: work out, once, everything that goes into its build. Needs the docker command, but no engine.

We read Compose files with `bake --print`, so that they mean the same here as in a build.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contexts.ignoring import ignore_file, keeps_out
from ..engines import endpoint
from ..errors import AppError, CommandFailed
from ..project.app import App, Variant
from ..project.definition import Definition
from ..record.fitting import masker_for
from ..record.marks import mark
from ..system import docker_words
from ..system.home import home
from ..system.shell import environment
from ..texts.plain import named


def resolve(
    app: App,
    variant: str,
    *,
    target: str = "",
    args: Mapping[str, str] | None = None,
    service: str = "",
    options: Sequence[str] = (),
) -> Definition:
    """Return the definition of what `machine.build` builds with the same arguments.

    Raises AppError if there is no such variant or file, or if a context holds LayerLab's own home; CommandFailed if bake
    can't read the Compose file.
    """
    chosen = _with_service(app.variant(variant), service)
    given_target, given_args = target or chosen.target, {**chosen.args, **(args or {})}
    told = (_told_by_compose if chosen.compose else _told_by_dockerfile)(app, chosen, given_target, given_args, options)
    absent = {
        name: app.complete(place, told.file if name == "context" else "") for name, place in told.contexts.items()
    }
    folders = told.folders(app.path)
    _refuse_our_home(folders, told.file)
    masker = masker_for(options, {**told.args, **given_args}, told.dockerfile)
    marking = dataclasses.replace(masker, mark=mark)
    ignore_name, ignore = ignore_file(folders["context"], told.file) if "context" in folders else ("", b"")
    return Definition(
        app=named(app.name),
        variant=named(chosen.name),
        folder=app.path,
        project=app.source,
        scratch=app.scratch,
        image="" if chosen.compose else f"{app.image}:{chosen.tag}",
        file=told.in_app(told.file),
        file_in_context=told.file,
        dockerfile=marking.source(told.dockerfile),
        source=told.dockerfile,
        ignore_file=told.in_app(ignore_name),
        ignore=ignore.decode(errors="replace").replace("\r\n", "\n"),
        compose=chosen.compose,
        service=chosen.service,
        target=told.target,
        args=marking.arguments(told.args),
        given_target=given_target,
        given_args=given_args,
        options=tuple(options),
        contexts=told.contexts,
        folders=folders,
        absent=absent,
        masker=masker,
    )


@dataclasses.dataclass(frozen=True)
class _Told:
    """A build according to a Dockerfile and the options, or to a Compose file; `file` is relative to the main context."""

    contexts: Mapping[str, str]
    file: str
    dockerfile: str
    target: str
    args: Mapping[str, str]

    def folders(self, app: Path) -> dict[str, Path]:
        """Return the contexts that are local folders, not images, addresses or other targets."""
        places = {name: app / place for name, place in self.contexts.items() if "://" not in place}
        return {name: place for name, place in places.items() if place.is_dir()}

    def in_app(self, file: str) -> str:
        """Return the path in the app of a `file` that is relative to the main context; "" for none."""
        return (Path(self.contexts["context"]) / file).as_posix() if file else ""


def _refuse_our_home(folders: Mapping[str, Path], file: str) -> None:
    """Raise AppError if a build would send LayerLab's home, which has engines' data in it and changes with every build."""
    for name, folder in folders.items():
        place = folder.resolve()
        if not home().is_relative_to(place):
            continue
        inside = home().relative_to(place).as_posix()
        if inside == "." or not keeps_out(place, file if name == "context" else "", inside):
            raise AppError(
                f"LayerLab's own folder, {home()}, is in the build context {place}",
                f"add the line `{inside}` to {place / '.dockerignore'}, or set LAYERLAB_HOME to a folder outside"
                if inside != "."
                else "build another folder",
            )


def _with_service(variant: Variant, service: str) -> Variant:
    """Return the variant with the given service. A file that is given with a service is a Compose file."""
    if not service:
        return variant
    if not variant.compose:
        return Variant(variant.name, compose=variant.dockerfile, service=service)
    return dataclasses.replace(variant, service=service)


def _told_by_dockerfile(
    app: App, variant: Variant, target: str, args: Mapping[str, str], options: Sequence[str]
) -> _Told:
    named = docker_words.pairs(options, "--build-context")
    more = docker_words.pairs(options, "--build-arg")
    # An argument without a value takes it from the environment, if it's set there (docker buildx build --help).
    more = {name: os.environ.get(name) if value is None else value for name, value in more.items()}
    return _Told(
        contexts={"context": ".", **{name: place for name, place in named.items() if place is not None}},
        file=variant.dockerfile,
        dockerfile=app.read(variant.dockerfile),
        target=docker_words.target(options) or target,
        args={**args, **{name: value for name, value in more.items() if value is not None}},
    )


def _told_by_compose(app: App, variant: Variant, target: str, args: Mapping[str, str], options: Sequence[str]) -> _Told:
    app.read(variant.compose)  # raises a clear error if there is none
    given = {"target": target} if target else {}
    given |= {f"args.{name}": value for name, value in args.items()}
    said = _printed(app, variant, [*docker_words.settings(variant.service, given), *_meaning(options)])
    context, inline = said.get("context", "."), said.get("dockerfile-inline")
    file = "" if inline else said.get("dockerfile", "Dockerfile")
    return _Told(
        contexts={"context": context, **(said.get("contexts") or {})},
        file=file,
        dockerfile=inline or app.read(Path(context) / file),
        target=said.get("target", ""),
        args=said.get("args") or {},
    )


def _meaning(options: Sequence[str]) -> list[str]:
    """Return bake's options that change what a service means; the others affect only the build."""
    return [f"{name}={value}" for name in ("--file", "--var", "--set") for value in docker_words.values(options, name)]


def _printed(app: App, variant: Variant, options: Sequence[str]) -> dict[str, Any]:
    """Return the service (context, dockerfile, target, args and so on) as bake reads it."""
    variables = environment(endpoint.environment_in(app.scratch / "docker", {}))
    command = [endpoint.docker_program(), "buildx", "bake", f"--file={variant.compose}", "--print"]
    command += [*options, variant.service]
    done = subprocess.run(command, cwd=app.path, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise CommandFailed(f"bake cannot read {variant.compose}", command, done.returncode, done.stderr)
    service: dict[str, Any] = json.loads(done.stdout)["target"][variant.service]
    return service
