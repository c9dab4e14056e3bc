"""layerlab.toml: what LayerLab has to know to build an app, change it and see that it still works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from ..errors import AppError
from ..record.reading import read

MANIFEST = "layerlab.toml"
_REMEDY = "correct it, or delete it if you don't need variants"


class _App(TypedDict, total=False):
    name: str
    image: str


class _Prepare(TypedDict):
    command: tuple[str, ...]
    outputs: tuple[str, ...]


class _Profile(TypedDict, total=False):
    files: Mapping[str, str]


class _Edits(TypedDict, total=False):
    code: str
    requirements: str
    dependencies: tuple[str, ...]
    context: str
    weights: str


class _Asked(TypedDict):
    method: str
    path: str


class _Request(_Asked, total=False):
    expect: str
    json: Any


class _Run(TypedDict):
    port: int
    health: str
    request: _Request


class Manifest(TypedDict, total=False):
    """The tables of the file; App's documentation says what each is for."""

    app: _App
    prepare: _Prepare
    variants: Mapping[str, Mapping[str, Any]]
    profiles: Mapping[str, _Profile]
    edits: _Edits
    run: _Run


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest in the file `path`; {} if there is none. Raises AppError if it can't be read."""
    if not path.is_file():
        return {}
    import tomllib  # here, because few projects have a manifest

    try:
        text = path.read_text(encoding="utf-8")
        manifest: dict[str, Any] = checked(Manifest, tomllib.loads(text), path)
    except UnicodeDecodeError as error:
        raise AppError(f"{path} isn't UTF-8 text: {error}", _REMEDY) from None
    except tomllib.TOMLDecodeError as error:
        raise AppError(f"{path} is not valid TOML: {error}", _REMEDY) from None
    return manifest


def checked(kind: Any, data: Any, path: Path, where: str = "") -> Any:
    """Return `data`, of the manifest in `path`, as a `kind`. Raises AppError that names the key."""
    try:
        return read(kind, data, where)
    except ValueError as error:
        raise AppError(f"{path}: {error}", _REMEDY) from None
