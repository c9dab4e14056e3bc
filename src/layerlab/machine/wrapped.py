"""What the user's own docker command builds, as Definitions: by its words, or by the plan that Compose or bake prints for it.

Nothing is asked for permission here: the command runs anyway, and these files are only read.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import AppError, CommandFailed
from ..project import permissions
from ..project.definition import Definition
from ..project.plan import COMPOSE_ESCAPES, ESCAPES, Plan
from ..project.variant import COMPOSE_FILES
from ..system import build_options, docker_words
from ..system.docker_command import DockerBuild
from . import ingredients
from .ingredients import Ingredients
from .references import PLAIN

#: How long Compose or bake may take to print a plan, seconds.
PLAN_SECONDS = 60.0
#: What docker takes for an address where a context is named (buildx, util/urlutil; BuildKit, dfgitutil).
_ADDRESS = re.compile(r"[a-z+]+://|git@|[\w.-]+@[\w.-]+:|github\.com/")


def definitions(command: DockerBuild, folder: Path) -> dict[str, Definition]:
    """Return what `command` builds when it runs in `folder`, by buildx's name of the target.

    Compose's `up`, `create` and `run` may build only some of them. Raises AppError if the words leave open what is built,
    CommandFailed if Compose or bake can't read its files.
    """
    if command.tool == "build":
        return {PLAIN: _plain(command, folder)}
    return _planned(command, folder)


# -- a plain build -----------------------------------------------------------------------------------------------------


def _plain(command: DockerBuild, folder: Path) -> Definition:
    if not command.context:
        raise AppError("the command's words leave open which of them is the build context")
    options = _with_full_paths(command.options, folder)
    place = folder / command.context
    stage, args = docker_words.target(options), ingredients.given_args(options)
    if not place.is_dir():  # an address, or standard input
        told = Ingredients(folder, {"context": command.context}, "", "", stage, args)
        return told.definition(
            folder.name, "Dockerfile", project=folder, scratch=folder, options=options, given_args=args
        )
    context = place.resolve()
    file = (command.says("--file") or [""])[-1]
    if file == "-" or _ADDRESS.match(file):
        told = Ingredients(context, {"context": "."}, "", "", stage, args)
    else:
        told = ingredients.of_dockerfile(context, str(folder / file) if file else "Dockerfile", stage, {}, options)
    variant = told.file or "Dockerfile"
    return told.definition(
        context.name, variant, project=context, scratch=context, options=options, given_args=told.args
    )


def _with_full_paths(words: tuple[str, ...], folder: Path) -> list[str]:
    """Return options with the paths in their values in full: docker takes them from the current folder, not the context."""
    full = {option.name: option.full_paths for option in build_options.OPTIONS if not option.flag}
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        found.append(f"{name}={full[name](value, folder)}" if equals and name in full else word)
    return found


# -- what Compose or bake plans ----------------------------------------------------------------------------------------


def _planned(command: DockerBuild, folder: Path) -> dict[str, Definition]:
    escapes = COMPOSE_ESCAPES if command.tool == "compose" else ESCAPES
    plan = Plan.read(_said(plan_command(command), folder), escapes=escapes)
    project = compose_project(command, folder) if command.tool == "compose" else folder
    return {name: _target(plan, name, said, folder, project) for name, said in plan.targets.items()}


def plan_command(command: DockerBuild) -> list[str]:
    """Return the command that prints what `command` builds. Whatever it was given is given to this one, too.

    `up`, `create` and `run` print nothing, so all services are asked for: they build those, or some.
    """
    if command.tool == "bake" or command.verb == "build":
        return [*command.words, "--print"]
    return [*command.prefix, "--profile=*", "build", "--print"]


def compose_project(command: DockerBuild, folder: Path) -> Path:
    """Return the folder of the Compose files that a command reads, which is the project wherever in it the command runs."""
    if given := command.says("--project-directory"):
        return (folder / given[-1]).resolve()
    files = [*command.says("--file"), *os.environ.get("COMPOSE_FILE", "").split(os.pathsep)]
    if files[0] not in ("", "-"):
        return (folder / files[0]).resolve().parent
    above = (place for place in (folder, *folder.parents) if any((place / name).is_file() for name in COMPOSE_FILES))
    return next(above, folder)


def _target(plan: Plan, name: str, said: Mapping[str, Any], folder: Path, project: Path) -> Definition:
    try:
        told = ingredients.of_plan(folder, said)
    except AppError:  # the command will say that there's no such file
        told = Ingredients(folder, {"context": said.get("context", ".")}, "", "", said.get("target", ""), {})
    own = Plan({name: said})
    return told.definition(
        project.name,
        name,
        project=project,
        scratch=project,
        service=name,
        plan=own.text,
        given_args=told.args,
        options=_options(name, said),
        secrets=permissions.secret_words(own, folder),
    )


def _options(name: str, said: Mapping[str, Any]) -> list[str]:
    """Return what a target's fields say besides, as options: what tells its builds from others, and no-cache."""
    tags = [f"--tag={tag}" for tag in said.get("tags") or ()]
    labels = [f"--label={key}={value or ''}" for key, value in (said.get("labels") or {}).items()]
    outputs = [f"--output={output}" for output in said.get("output") or ()]
    return [
        *tags,
        *labels,
        *outputs,
        *docker_words.settings(name, {"no-cache": "true"} if said.get("no-cache") else {}),
    ]


def _said(command: list[str], folder: Path) -> str:
    """Run a command that only reads. Its input isn't the user's, which the command itself may want."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PLAN_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed("the plan of what's built can't be read", command, 124, str(error)) from None
    if done.returncode:
        raise CommandFailed("the plan of what's built can't be read", command, done.returncode, done.stderr)
    return done.stdout
