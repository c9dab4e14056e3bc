"""Choose the variant to build: the one named, or what Docker itself would build in that folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ..engines import endpoint
from ..errors import AppError
from ..project.app import App
from ..project.variant import BAKE_FILES, COMPOSE_FILES, Variant
from . import plans

#: How to name a service, on the command line and in Python.
NAME_ONE = "name one, with --service NAME (in Python, service=…)"


def chosen(app: App, name: str, service: str, options: Sequence[str] = ()) -> Variant:
    """Return the variant called `name`, with the Compose service or bake target to build.

    Without a name, it's the folder's Dockerfile, else the one service of its Compose files, else its bake files' default target;
    with a service and no name, the files are those that Compose or bake finds.
    Raises AppError if there's no such variant, or more than one that could be meant.
    """
    variant = app.variant(name) if name else _found(app, service)
    if service:
        file = variant.compose or variant.dockerfile
        return dataclasses.replace(variant, name=variant.name or service, dockerfile="", compose=file, service=service)
    if variant.dockerfile or variant.service:
        return variant
    names = plans.services(app, variant, options)
    default = [name for name in names if variant.by_bake and name == "default"]
    if len(default or names) != 1:
        what = ", ".join(variant.files) or "its Compose file"
        raise AppError(f"{app.name}: {what} builds {', '.join(names) or 'nothing'}", NAME_ONE if names else "")
    (only,) = default or names
    return dataclasses.replace(variant, name=variant.name or only, service=only)


def _found(app: App, service: str) -> Variant:
    """Return what Docker finds in the app's folder. A service may also be in a Compose file of a folder above, as for Compose."""
    dockerfile = next((name for name in ("Dockerfile", "dockerfile") if (app.path / name).is_file()), "")
    if dockerfile and not service:
        return app.variant(dockerfile)
    bake = tuple(name for name in BAKE_FILES if (app.path / name).is_file())
    compose = any((app.path / name).is_file() for name in COMPOSE_FILES)
    if compose or endpoint.person_environment()["COMPOSE_FILE"] or (service and not bake):
        return Variant("")
    if bake:
        return Variant("", compose=bake[0], more=bake[1:])
    below = sorted(path.relative_to(app.path).as_posix() for path in _dockerfiles_below(app.path))
    raise AppError(
        f"{app.path} has no Dockerfile, Compose file or bake file",
        f"name one of these, with --file (in Python, the variant): {', '.join([*app.variants, *below])}"
        if below or app.variants
        else "write a Dockerfile, or name the folder that has it",
    )


def _dockerfiles_below(folder: Path) -> list[Path]:
    """Return the Dockerfiles in a folder and in those directly below it."""
    return [path for pattern in ("*Dockerfile*", "*/*Dockerfile*") for path in folder.glob(pattern) if path.is_file()]
