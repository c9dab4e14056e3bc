"""Choose the variant to build: the one named, or what Docker itself would build in that folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from ..errors import AppError
from ..project.app import App
from ..project.variant import BAKE_FILES, COMPOSE_FILES, Variant, dockerfiles
from . import plans

#: How to name a service, on the command line and in Python.
NAME_ONE = "name one, with --service NAME (in Python, service=…)"


def variants(app: App) -> list[str]:
    """Return the names of everything that can be built: the app's own variants, its Compose services and bake targets."""
    base = defining(app)
    return list(dict.fromkeys([*app.variants, *(plans.services(app, base) if base else [])]))


def chosen(app: App, name: str, service: str, options: Sequence[str] = ()) -> Variant:
    """Return the variant called `name`, with the Compose service or bake target to build.

    Without a name, it's the folder's Dockerfile, else the one service of its Compose files, else its bake files' default target;
    with a service and no name, the files are those that Compose or bake finds.
    Raises AppError if there's no such variant, or more than one that could be meant.
    """
    variant = _named(app, name, options) if name else found(app, service)
    if service:
        file = variant.compose or variant.dockerfile
        return dataclasses.replace(variant, name=variant.name or service, dockerfile="", compose=file, service=service)
    if variant.dockerfile or variant.service:
        return variant
    names = plans.defaults(app, variant, options)
    if len(names) != 1:
        what = ", ".join(variant.files) or "its Compose file"
        raise AppError(f"{app.name}: {what} builds {', '.join(names) or 'nothing'}", NAME_ONE if names else "")
    (only,) = names
    return dataclasses.replace(variant, name=variant.name or only, service=only)


def found(app: App, service: str) -> Variant:
    """Return what Docker finds in the app's folder. A service may also be in a Compose file of a folder above, as for Compose."""
    dockerfile = next((name for name in ("Dockerfile", "dockerfile") if os.path.lexists(app.path / name)), "")
    if dockerfile and not service:
        return app.variant(dockerfile)
    if base := defining(app) or (service and Variant("")):
        return base
    below = [path.relative_to(app.path).as_posix() for path in dockerfiles(app.path, "*", "*/*")]
    known = ", ".join(dict.fromkeys([*app.variants, *below]))
    raise AppError(
        f"{app.path} has no Dockerfile, Compose file or bake file",
        f"name one of these, with --file (in Python, the variant): {known}"
        if known
        else "write a Dockerfile, or name the folder that has it",
    )


def _named(app: App, name: str, options: Sequence[str]) -> Variant:
    """Return the variant called `name`: what the app says, else a Compose service or bake target of that name."""
    try:
        return app.variant(name)
    except AppError as error:
        base = defining(app)
        known = plans.services(app, base, options) if base else []
        if base and name in known:
            return dataclasses.replace(base, name=name, service=name)
        if known:
            raise AppError(error.message, f"{error.remedy}; services: {', '.join(known)}") from None
        raise


def defining(app: App) -> Variant | None:
    """Return the Compose or bake files in the app's folder, as a variant without a service; None if there are none."""
    if any((app.path / name).is_file() for name in COMPOSE_FILES) or plans.compose_variables()["COMPOSE_FILE"]:
        return Variant("")
    bake = tuple(name for name in BAKE_FILES if (app.path / name).is_file())
    return Variant("", compose=bake[0], more=bake[1:]) if bake else None
