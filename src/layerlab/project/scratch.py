"""Folders for apps: scratch copies, and what builds leave there. They're removed with the app, or by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TextIO

from ..system.home import apps_dir, locked
from ..system.trees import delete_tree

#: In every app's folder: locked while the app is in use.
OWNER = "owner.lock"


def abandoned() -> list[Path]:
    """Return the scratch copies whose process has ended without closing them (a killed kernel)."""
    found = []
    for lock in apps_dir().glob(f"*/{OWNER}"):
        with contextlib.suppress(OSError), lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append(lock.parent)
    return found


def sweep() -> None:
    """Delete abandoned scratch copies."""
    with locked("apps"):
        for folder in abandoned():
            delete_tree(folder, "Deleting the copy of an ended process", ignore_errors=True)


def new_folder() -> tuple[Path, TextIO]:
    """Make a folder for one app, and an open file that marks it as in use: the kernel drops its lock however we end."""
    sweep()
    with locked("apps"):  # no sweep between making the file and locking it
        folder = apps_dir() / os.urandom(4).hex()
        folder.mkdir()
        owner = (folder / OWNER).open("w")
        fcntl.flock(owner, fcntl.LOCK_EX)
    return folder, owner
