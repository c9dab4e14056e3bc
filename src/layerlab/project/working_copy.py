"""A working copy of the course: made from the published edition, and updated without touching the learner's changes."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import importlib.metadata
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..errors import LayerLabError
from ..system.files import replace_text
from ..system.home import claim, home
from .course_files import FOLDERS, LATEST, MARKER, is_checkout, originals

#: What running notebooks and tests leaves in a checkout.
LEFTOVERS = ("__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache", "*-report.html")
#: The published parts of a lab's folder; anything else in there is the learner's own.
LAB_PARTS = ("lab.ipynb", "start", "solution", "patients")


@dataclasses.dataclass(frozen=True)
class Changes:
    """What making or updating a working copy did. All paths are relative to it.

    Attributes:
        folder: the working copy.
        written: files that weren't there, or that the learner hadn't changed.
        removed: files that this edition no longer has and the learner hadn't changed.
        kept: files that the learner changed and this edition changed too: left as the learner has them.
    """

    folder: Path
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def update(folder: Path) -> Changes:
    """Make `folder` a working copy of the course, or bring it up to date; remember it as the last one.

    A checkout is its own working copy, so nothing is copied into it. Raises LayerLabError if `folder` holds something else
    or can't be written.
    """
    folder = folder.expanduser().resolve()
    if is_checkout(folder):
        return Changes(folder)
    before = _recorded(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _record(folder, before)  # first, so that an interrupted copy can be continued
        changes, now = _copied(folder, before)
        _record(folder, now)
        claim()
        replace_text(home() / LATEST, json.dumps({"folder": str(folder)}))
    except OSError as error:
        raise LayerLabError(
            f"{error.filename or folder} can't be written: {error.strerror}", "name a folder that you may write to"
        ) from None
    return changes


def edition() -> dict[str, Path]:
    """Return the published files, by their path in a working copy."""
    root = originals()
    return {path.relative_to(root).as_posix(): path for name in FOLDERS for path in _files(root / name)}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        own = folder.name == "labs" and len(parts) > 1 and parts[1] not in LAB_PARTS
        left = any(fnmatch.fnmatch(part, pattern) for part in parts for pattern in LEFTOVERS)
        if path.is_file() and not own and not left:
            yield path


def _copied(folder: Path, before: dict[str, str]) -> tuple[Changes, dict[str, str]]:
    """Copy what's new; return what was done, and the digests to record."""
    written, removed, kept, now = [], [], [], {}
    new = edition()
    for name, source in new.items():
        target, digest = folder / name, _digest(source)
        there = _digest(target)
        if there == digest:
            now[name] = digest
        elif not there or there == before.get(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            shutil.copy2(source, part)
            part.replace(target)
            written.append(name)
            now[name] = digest
        else:
            now[name] = before.get(name, "")
            if now[name] != digest:
                kept.append(name)
    for name in sorted(set(before) - set(new)):
        if before[name] and _digest(folder / name) == before[name]:
            (folder / name).unlink()
            removed.append(name)
    return Changes(folder, tuple(written), tuple(removed), tuple(kept)), now


def _recorded(folder: Path) -> dict[str, str]:
    """Return the digests of the files that the working copy was made from. Raises LayerLabError if it's something else."""
    marker = folder / MARKER
    if not marker.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise LayerLabError(
                f"{folder} is neither an empty folder nor a working copy of the course",
                "name a new or an empty folder: layerlab course start FOLDER",
            )
        return {}
    try:
        return {
            str(name): str(digest) for name, digest in json.loads(marker.read_text(encoding="utf-8"))["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # nothing is known to be unchanged, so all that differs is kept


def _record(folder: Path, files: dict[str, str]) -> None:
    replace_text(
        folder / MARKER, json.dumps({"version": importlib.metadata.version("layerlab"), "files": files}, indent=1)
    )


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; "" if there's no such file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
