"""Snapshot of a build context: what a COPY could see, after the ignore rules. Pure reading of a folder; no engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file, folder or link of a context, as far as BuildKit's cache keys depend on it.

    Attributes:
        kind: "file", "folder", "link", "other".
        mode: permission bits.
        size: bytes; 0 for what is no file.
        content: hash of a file's bytes, target of a link, "" for a folder.
    """

    kind: str
    mode: int
    size: int
    content: str


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A context at one moment.

    Attributes:
        entries: by path relative to the context, with "/"; only what the ignore rules let in.
        rules: the ignore rules, as in the file, comments and empty lines left out.
        ignore_file: name of the file they come from; "" where there is none.
        ignored: paths that the rules keep out, those inside an ignored folder left out.
    """

    entries: Mapping[str, Entry]
    rules: tuple[str, ...] = ()
    ignore_file: str = ""
    ignored: tuple[str, ...] = ()


def take(folder: str | Path, dockerfile: str = "Dockerfile", previous: Snapshot | None = None) -> Snapshot:
    """Look at `folder`. What has not changed since `previous` was taken of the same folder is not read again."""
    raise NotImplementedError
