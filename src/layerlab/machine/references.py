"""The references that buildx keeps of its builds on this computer: which of them are a command's own.

buildx writes a small file for every build just before it begins. Its name is the build's reference in the builder's history, its
place says the builder and the node, and it holds context, Dockerfile and target (buildx, localstate/localstate.go). So a build is
found by what it builds, and never because it's the newest.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..project.definition import Definition


#: Where they are in buildx's folder, and those of groups, which are the targets of one bake.
FOLDER, _GROUPS = "refs", "__group__"
#: What buildx calls the target of a build without bake.
PLAIN = "default"


@dataclasses.dataclass(frozen=True)
class Reference:
    """What buildx kept of one build.

    Attributes:
        builder: name of the builder.
        id: its reference in the builder's history.
        target: the bake target; PLAIN without bake.
        context: full path of the build context, or its address.
        dockerfile: path of the Dockerfile; "" or "-" if it isn't a file.
        group: shared by the targets of one bake; "" without bake.
        written: when the build began, seconds since 1970, by this computer's clock.
    """

    builder: str
    id: str
    target: str
    context: str
    dockerfile: str
    group: str
    written: float


def names(folder: Path) -> frozenset[str]:
    """Return the references in buildx's folder: builder, node and id, as a path."""
    return frozenset(
        f"{builder}/{node}/{one}"
        for builder in _entries(folder / FOLDER)
        if builder != _GROUPS
        for node in _entries(folder / FOLDER / builder)
        for one in _entries(folder / FOLDER / builder / node)
        if not one.startswith(".")  # being written
    )


def _entries(folder: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(folder)
    return []


def since(folder: Path, before: Collection[str]) -> list[Reference]:
    """Return the references that weren't there `before`. A build on several nodes is there once."""
    found = {}
    for name in sorted(names(folder).difference(before)):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be removed meanwhile
            file = folder / FOLDER / name
            told = json.loads(file.read_text(encoding="utf-8"))
            builder, _, one = name.split("/")
            found[one] = Reference(
                builder,
                one,
                told.get("Target") or PLAIN,
                told.get("LocalPath", ""),
                told.get("DockerfilePath", ""),
                told.get("GroupRef", ""),
                file.stat().st_mtime,
            )
    return list(found.values())


#: The builds of one command: target → reference.
Found = Mapping[str, Reference]


def fitting(wanted: Mapping[str, Definition], there: Iterable[Reference], *, whole: bool) -> list[Found]:
    """Return the builds that may be the command's: the targets of one bake together, others each on its own.

    Args:
        wanted: what the command builds, by target.
        there: the references that came while it ran.
        whole: whether it has built all that's wanted.
    """
    groups: dict[str, list[Reference]] = {}
    for reference in there:
        groups.setdefault(reference.group or reference.id, []).append(reference)
    whose = [of for of in groups.values() if all(_fits(one, wanted.get(one.target)) for one in of)]
    found = [{one.target: one for one in of} for of in whose]
    return [of for of in found if not whole or of.keys() == wanted.keys()]


def _fits(reference: Reference, definition: Definition | None) -> bool:
    if definition is None:
        return False
    folder = definition.folders.get("context")
    if folder is None:
        return reference.context == definition.contexts["context"]
    return _real(folder, reference.context) == _real(folder) and _same_file(
        folder, reference.dockerfile, definition.file_in_context
    )


def _same_file(folder: Path, noted: str, file: str) -> bool:
    """Tell whether the Dockerfile that buildx noted can be `file`: it notes none for one that wasn't named."""
    if not file or not noted:
        return not file or file.lower() == "dockerfile"
    return _real(folder, noted) == _real(folder, file)


def _real(folder: Path, path: str = "") -> str:
    return os.path.realpath(os.path.join(folder, path))
