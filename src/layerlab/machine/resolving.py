"""Resolve a variant: work out, once, everything that goes into its build. Needs the docker command, but no engine.

Compose and bake say themselves what they build (plans.py), and what they ask for beyond the project must have been allowed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..contexts.ignoring import keeps_out
from ..errors import AppError
from ..project import permissions
from ..project.app import App
from ..project.definition import Definition
from ..project.plan import Plan
from ..project.variant import Variant
from ..system import build_options, docker_words
from ..system.home import home
from . import ingredients
from .choosing import chosen
from .ingredients import Ingredients

#: Fields of a bake target that say what goes into it; the others say what becomes of it.
MEANING = ("context", "contexts", "dockerfile", "dockerfile-inline", "target", "args")


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

    Raises AppError if there is no such variant or file, if a context holds LayerLab's own home, or if a Compose or bake file asks
    for more than its project and the options allow (PermissionNeeded, one of them); CommandFailed if Compose or bake can't read
    its files.
    """
    found = chosen(app, variant, service, options)
    given_target, given_args = target or found.target, {**found.args, **(args or {})}
    permit_reading(app, found, options)
    plan = _plan(app, found, options) if found.service else None
    if plan:
        _permit(app, found, permissions.wishes_of(plan, app.path, _root(app)), options)
        options, fields = build_options.for_bake(found.target_name, options)
        plan = plan.having(found.target_name, fields)
        told = _told_by_plan(app, found.target_name, plan, given_target, given_args, options)
    else:
        told = ingredients.of_dockerfile(app.path, found.dockerfile, given_target, given_args, options, _reader(app))
    absent = {
        name: app.complete(place, told.file if name == "context" else "") for name, place in told.contexts.items()
    }
    refuse_our_home(told.folders(), told.file)
    return told.definition(
        app.name,
        found.name,
        project=app.source,
        scratch=app.scratch,
        image="" if found.service else f"{app.image}:{found.tag}",
        plan=plan.text if plan else "",
        service=found.target_name,
        given_target=given_target,
        given_args=given_args,
        options=options,
        secrets=permissions.secret_words(plan, app.path) if plan else [],
        absent=absent,
    )


def _plan(app: App, variant: Variant, options: Sequence[str]) -> Plan:
    from . import plans  # here, because a build of a Dockerfile needs none

    return plans.plan_of(app, variant, options)


def permit_reading(app: App, variant: Variant, options: Sequence[str]) -> None:
    """Raise AppError if a file that says what to build is a link that leads out of the project, and isn't allowed."""
    _permit(app, variant, permissions.strays(app.path, variant.read, _root(app)), options)


def _root(app: App) -> Path:
    """Return the folder whose content a build may use without being allowed to."""
    return permissions.project_root(app.path) if app.in_place else app.path


def _permit(app: App, variant: Variant, wishes: Sequence[permissions.Wish], options: Sequence[str]) -> None:
    """Raise AppError if a build wants more than it has. A scratch copy has no surroundings that could be allowed."""
    strayed = [wish for wish in wishes if wish.path and Path(wish.path).is_relative_to(app.scratch)]
    if strayed and not app.in_place:
        raise AppError(
            f"{variant.name} needs more than the scratch copy of {app.source} holds: {strayed[0].why}",
            "copy a folder that holds all of it, or build the project in place: App.at(…), `layerlab build`",
        )
    permissions.check(variant.name, wishes, options, app.path)


def _told_by_plan(
    app: App, service: str, plan: Plan, target: str, args: Mapping[str, str], options: Sequence[str]
) -> Ingredients:
    sets = docker_words.values(options, "--set")
    meant = [f"--set={value}" for value in sets if value.partition("=")[0].split(".")[1:2] in [[f] for f in MEANING]]
    from . import plans

    told = ingredients.of_plan(app.path, plans.changed(app, plan, service, meant).targets[service], _reader(app))
    stage = docker_words.target(options) or target or told.target
    return dataclasses.replace(told, target=stage, args={**told.args, **args})


def _reader(app: App) -> ingredients.Reader:
    """Return what reads the app's Dockerfiles: a scratch copy may have to get them first."""

    def text(file: Path) -> str:
        if not app.in_place and file.is_relative_to(app.path):
            return app.read(file.relative_to(app.path))
        return ingredients.read_text(file)

    return text


def refuse_our_home(folders: Mapping[str, Path], file: str) -> None:
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
