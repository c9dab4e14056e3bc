"""Variant: one way to build an app, by a Dockerfile, a Compose service or a bake target."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path, PurePath

#: The files that Compose looks for, and those that override them (compose-go, cli/options.go).
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yaml", "compose.override.yml", "docker-compose.override.yml", "docker-compose.override.yaml",
)  # fmt: skip
#: The bake files that bake looks for, in the order it reads them (buildx bake/bake.go). It also reads Compose files, but not as
#: Compose does (compose #13724), so those are Compose's here.
BAKE_FILES = (
    "docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to build an app.

    Attributes:
        name: what charts and tables call it.
        dockerfile: path in the app, or a full path outside it; "" for a Compose service or a bake target.
        target: stage to stop at; "" for the last.
        args: build arguments.
        compose: path of the Compose or bake file in the app; "" for a plain build, or if Compose finds its own.
        more: further Compose or bake files, which override the first.
        service: the Compose service or bake target to build; "" for a plain build.
    """

    name: str
    dockerfile: str = ""
    target: str = ""
    args: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    compose: str = ""
    more: tuple[str, ...] = ()
    service: str = ""

    @property
    def tag(self) -> str:
        """The tag of images built from it: the name, made valid for Docker, as a Dockerfile may be called "my=app, test"."""
        return re.sub(r"[^a-z0-9_.-]", "-", self.name.lower()).lstrip(".-")[:128] or "image"

    @property
    def files(self) -> tuple[str, ...]:
        """The Compose or bake files; () for a plain build, or if Compose finds its own."""
        return (self.compose, *self.more) if self.compose else ()

    @property
    def target_name(self) -> str:
        """The service's name in a plan: bake allows no dots (compose, pkg/compose/build_bake.go)."""
        return self.service.replace(".", "_")

    @property
    def read(self) -> tuple[str, ...]:
        """The files that say what is built, as far as their names are known; not all of them need exist."""
        if self.dockerfile:
            return self.dockerfile, f"{self.dockerfile}.dockerignore", ".dockerignore"
        beside = (str(PurePath(file).with_name(".env")) for file in self.files)
        return (*(self.files or (*COMPOSE_FILES, *OVERRIDES)), ".env", *beside)

    @property
    def by_bake(self) -> bool:
        """Whether bake reads its files, not Compose: it does if one of them is a bake file."""
        return any(PurePath(file).suffix in (".hcl", ".json") for file in self.files)


def of_file(name: str, path: str) -> Variant:
    """Return the variant of a file: a Compose or bake file, by its ending, or a Dockerfile."""
    if PurePath(path).suffix in (".yaml", ".yml", ".hcl", ".json"):
        return Variant(name, compose=path)
    return Variant(name, dockerfile=path)


def dockerfiles(folder: Path, *patterns: str) -> list[Path]:
    """Return the Dockerfiles in `folder` whose names match one of the patterns, as `*` or `*/*`, in order."""
    found = (path for pattern in patterns for path in folder.glob(pattern))
    return sorted(path for path in found if is_dockerfile(path.name) and path.is_file())


def is_dockerfile(name: str) -> bool:
    """Tell whether a file is a Dockerfile by its name: Dockerfile, Dockerfile.dev, dev.Dockerfile; but no ignore file."""
    return "dockerfile" in re.split(r"[._-]", name.lower()) and not name.endswith(".dockerignore")
