"""Find a context's ignore rules. Reads files only; `patterns` matches the rules."""

from __future__ import annotations

import os
from pathlib import Path


def ignore_file(folder: str | Path, dockerfile: str) -> tuple[str, bytes]:
    """Find a context's file with ignore rules; return its path relative to the context, and its content.

    Both are empty if there is none. NAME.dockerignore beside the Dockerfile wins, even if it's empty (BuildKit
    frontend/dockerui).

    Args:
        folder: the context.
        dockerfile: path of the Dockerfile, relative to `folder` or absolute; "" for a context that has none of its own.
    """
    root = os.path.realpath(folder)
    for name in (f"{dockerfile}.dockerignore" if dockerfile else "", ".dockerignore"):
        if not name or not os.path.isfile(os.path.join(root, name)):  # a pipe would keep us waiting
            continue
        try:
            content = Path(root, name).read_bytes()
        except OSError:
            continue
        place = os.path.relpath(os.path.join(root, name), root)
        return (name if place.startswith("..") else place), content
    return "", b""


def keeps_out(folder: str | Path, dockerfile: str, path: str) -> bool:
    """Tell whether the ignore rules of a context keep out the folder `path`, relative to it, with everything in it.

    Args:
        folder: the context.
        dockerfile: as for `ignore_file`.
        path: with "/".
    """
    from .patterns import BadPattern, Patterns, read_rules  # here, because finding the file needs none of them

    try:
        patterns = Patterns(read_rules(ignore_file(folder, dockerfile)[1]))
    except BadPattern:
        return False
    return patterns.matches(path)[0] and not patterns.may_let_in_below(path)
