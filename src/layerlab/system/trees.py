"""Copy and delete whole folders, and show how far that is when they hold many files."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from . import progress


class _Count:
    def __init__(self) -> None:
        self.files = 0


#: As shutil.copytree's `ignore`: gets a folder and the names in it, and returns some of the names.
Choice = Callable[[str, list[str]], Iterable[str]]


def copy_tree(source: Path, target: Path, *, ignore: Choice, passed_over: Choice) -> None:
    """Copy a folder over another, with symbolic links as links. Raises the errors of shutil.copytree.

    `ignore` returns what isn't copied. `passed_over` returns the same, and what's there already; it's asked on another thread,
    only if the copy takes long.
    """
    copied = _Count()

    def copy(one: str, other: str) -> None:
        shutil.copy2(one, other)
        copied.files += 1

    with progress.shown(
        f"Copying {source}", lambda: copied.files, lambda: copied.files + count_files(source, passed_over)
    ):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=ignore, copy_function=copy)


def delete_tree(folder: Path, title: str = "", *, ignore_errors: bool = False) -> None:
    """Delete a folder and all in it, as shutil.rmtree does; what others delete meanwhile is no error.

    `title` says what's going on if it takes long. Raises OSError, unless errors are ignored: then what can be deleted is.
    """
    deleted = _Count()

    def failed(error: OSError) -> None:
        if not ignore_errors and not isinstance(error, FileNotFoundError):
            raise error

    with progress.shown(
        title or f"Deleting {folder}", lambda: deleted.files, lambda: deleted.files + count_files(folder)
    ):
        try:
            # By descriptors of folders, so that nobody can put a link in our way. Links to folders are among the folders.
            for _, folders, files, place in os.fwalk(folder, topdown=False, onerror=failed):
                for name in files:
                    _delete(os.unlink, name, place, failed)
                for name in folders:
                    _delete(_unlink_or_rmdir, name, place, failed)
                deleted.files += len(files)
            os.rmdir(folder)
        except OSError as error:
            failed(error)


def _delete(how: Callable[..., None], name: str, place: int, failed: Callable[[OSError], None]) -> None:
    try:
        how(name, dir_fd=place)
    except OSError as error:
        failed(error)


def _unlink_or_rmdir(name: str, *, dir_fd: int) -> None:
    try:
        os.rmdir(name, dir_fd=dir_fd)
    except NotADirectoryError:
        os.unlink(name, dir_fd=dir_fd)


def count_files(folder: Path, passed_over: Choice = lambda folder, names: ()) -> int:
    """Count the files and links in a folder and those below it, but not in what's passed over."""
    count = 0
    for place, folders, files in os.walk(folder):
        out = set(passed_over(place, [*folders, *files]))
        folders[:] = [name for name in folders if name not in out]
        count += len(set(files) - out)
    return count


def tree_bytes(folder: Path) -> int:
    """Return the size of all files in a folder and those below it, in bytes."""
    size = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):  # renamed or deleted meanwhile
                size += os.lstat(os.path.join(place, name)).st_size
    return size
