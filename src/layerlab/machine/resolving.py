"""Resolve a variant: work out, once, everything that goes into its build. Needs the docker command, but no engine.

Compose and bake say themselves what they build (plans.py), and what they ask for beyond the project must have been allowed.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contexts.ignoring import ignore_file, keeps_out
from ..errors import AppError
from ..project import permissions
from ..project.app import App
from ..project.definition import Definition
from ..project.plan import Plan
from ..project.variant import Variant
from ..record.fitting import masker_for
from ..record.marks import mark
from ..system import build_options, docker_words
from ..system.files import what_is
from ..system.home import home
from ..texts.plain import named
from .choosing import chosen

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
        told = _told_by_dockerfile(app, found, given_target, given_args, options)
    absent = {
        name: app.complete(place, told.file if name == "context" else "") for name, place in told.contexts.items()
    }
    folders = told.folders(app.path)
    _refuse_our_home(folders, told.file)
    secrets = permissions.secret_words(plan, app.path) if plan else []
    masker = masker_for([*options, *secrets], {**told.args, **given_args}, told.dockerfile)
    marking = dataclasses.replace(masker, mark=mark)
    ignore_name, ignore = ignore_file(folders["context"], told.file) if "context" in folders else ("", b"")
    return Definition(
        app=named(app.name),
        variant=named(found.name),
        folder=app.path,
        project=app.source,
        scratch=app.scratch,
        image="" if found.service else f"{app.image}:{found.tag}",
        file=told.in_app(told.file, app.path),
        file_in_context=told.file,
        dockerfile=marking.source(told.dockerfile),
        source=told.dockerfile,
        ignore_file=told.in_app(ignore_name, app.path),
        ignore=ignore.decode(errors="replace").replace("\r\n", "\n"),
        plan=plan.text if plan else "",
        service=found.target_name,
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


@dataclasses.dataclass(frozen=True)
class _Told:
    """What goes into a build, by a Dockerfile and the options, or by a plan; `file` is relative to the main context."""

    contexts: Mapping[str, str]
    file: str
    dockerfile: str
    target: str
    args: Mapping[str, str]

    def folders(self, app: Path) -> dict[str, Path]:
        """Return the contexts that are local folders, not images, addresses or other targets."""
        places = {name: app / place for name, place in self.contexts.items() if "://" not in place}
        return {name: place for name, place in places.items() if place.is_dir()}

    def in_app(self, file: str, app: Path) -> str:
        """Return the path in the app of a `file` that is relative to the main context; "" for none."""
        return _within(app, Path(app, self.contexts["context"], file)) if file else ""


def _told_by_dockerfile(
    app: App, variant: Variant, target: str, args: Mapping[str, str], options: Sequence[str]
) -> _Told:
    named = docker_words.pairs(options, "--build-context")
    more = docker_words.pairs(options, "--build-arg")
    # An argument without a value takes it from the environment, if it's set there (docker buildx build --help).
    more = {name: os.environ.get(name) if value is None else value for name, value in more.items()}
    file = _spelled(app.path / variant.dockerfile)
    return _Told(
        contexts={"context": ".", **{name: place for name, place in named.items() if place is not None}},
        file=_within(app.path, file),
        dockerfile=_text(app, file),
        target=docker_words.target(options) or target,
        args={**args, **{name: value for name, value in more.items() if value is not None}},
    )


def _told_by_plan(
    app: App, service: str, plan: Plan, target: str, args: Mapping[str, str], options: Sequence[str]
) -> _Told:
    sets = docker_words.values(options, "--set")
    meant = [f"--set={value}" for value in sets if value.partition("=")[0].split(".")[1:2] in [[f] for f in MEANING]]
    from . import plans

    said = plans.changed(app, plan, service, meant).targets[service]
    contexts = {"context": said.get("context", "."), **(said.get("contexts") or {})}
    contexts = {name: _place(app.path, place) for name, place in contexts.items()}
    file, dockerfile = _dockerfile(app, contexts["context"], said)
    return _Told(
        contexts=contexts,
        file=file,
        dockerfile=dockerfile,
        target=docker_words.target(options) or target or said.get("target", ""),
        args={**{name: value or "" for name, value in (said.get("args") or {}).items()}, **args},
    )


def _dockerfile(app: App, context: str, said: Mapping[str, Any]) -> tuple[str, str]:
    """Return a target's Dockerfile, relative to its context, and the text. Both are "" if it comes from an address."""
    inline = said.get("dockerfile-inline")
    if inline is not None:
        return "", str(inline)
    if not (app.path / context).is_dir():
        return "", ""
    folder = app.path / context
    file = _spelled(folder / said.get("dockerfile", "Dockerfile").removeprefix("cwd://"))
    return os.path.relpath(file, folder), _text(app, file)


def _place(app: Path, place: str) -> str:
    """Return a context as a path relative to the app where it's inside it; addresses, images and targets stay as they are."""
    here = app / place.removeprefix("cwd://")
    return _within(app, here) if here.is_dir() else place


def _within(folder: Path, path: Path) -> str:
    """Return `path` relative to `folder` if it's inside it, else the full path."""
    path = Path(os.path.normpath(path))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _spelled(file: Path) -> Path:
    """Return the Dockerfile that buildx takes: `dockerfile` where there is no `Dockerfile` (build/opt.go)."""
    other = file.with_name("dockerfile")
    return other if file.name == "Dockerfile" and not file.exists() and other.is_file() else file


def _text(app: App, file: Path) -> str:
    """Return a Dockerfile's text. Raises AppError if there is none."""
    if not app.in_place and file.is_relative_to(app.path):
        return app.read(file.relative_to(app.path))
    if not file.is_file():
        raise AppError(f"there's no Dockerfile {file}{what_is(file)}", "name the one that you mean")
    return file.read_text(encoding="utf-8", errors="replace")


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
