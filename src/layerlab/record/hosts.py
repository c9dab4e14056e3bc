"""Where builds run, as records name it: a machine of LayerLab's by its name, a builder of the user's by a label."""

from __future__ import annotations

import re
from pathlib import Path

from ..system.home import builder_dir, machine_dir

#: What records call the engine of a build that was imported from a file; no machine has such a name.
IMPORTED = "(imported)"
#: How the label of a builder begins; a machine's name has no space.
_BUILDER = "builder "


def builder_label(name: str, digits: str) -> str:
    """Return what records call the user's builder `name`; `digits` tell it from others of that name."""
    return f"{_BUILDER}{name} ({digits})"


def is_builder(host: str) -> bool:
    """Tell whether a record's host is a builder of the user's, where others may build and remove what they like."""
    return host.startswith(_BUILDER)


def in_words(host: str) -> str:
    """Name a host in a sentence: "machine laptop", "builder default (1f0e3dad)"."""
    if host == IMPORTED:
        return "an engine that isn't known here"
    return host if is_builder(host) else f"machine {host}"


def folder_of(host: str) -> Path:
    """Return the folder where LayerLab keeps what it knows of a host."""
    if not is_builder(host):
        return machine_dir(host)
    return builder_dir(re.sub(r"[^\w-]+", "-", host.removeprefix(_BUILDER), flags=re.ASCII).strip("-"))


def all_folders() -> list[Path]:
    """Return the folders of all hosts that LayerLab knows of."""
    return [*machine_dir("x").parent.glob("*"), *builder_dir("x").parent.glob("*")]
