"""Records in a folder that travels: from one CI job to the next, or to another computer. Several jobs may write into it at once.

    PROJECT/BRANCH/TIME-IMAGE-RANDOM.json.gz    a record without its raw trace; IMAGE stands for variant, target and service
    contexts/HASH.gz                            a snapshot of a context, which all records with the same files share

The snapshots have no dates of files: each checkout has its own, and they don't count. A file is written beside its place and
then put there, and writers take turns, so a reader finds whole files, or none. What a reader can't use, it names and skips.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from ..system.checkout import Checkout
from ..system.files import put_private
from ..system.gzipped import gunzipped
from ..system.home import locked
from ..system.refusals import refusals_told
from . import packed
from .build import Build
from .history import ended_before
from .reading import no_number, read
from .snapshot import Snapshot

#: How many records are kept of each image of a branch.
KEPT = 10
#: How many branches of a project are kept: those with the newest records.
BRANCHES = 50
#: A file that holds more than this isn't read, bytes: a context of a million files has less.
MOST = 100 * 10**6
#: How hard gzip tries: with more, a context of 100,000 files takes seconds.
_QUICK = 3
#: Says which layout of a file this is; another one isn't read.
LAYOUT = 1
#: Stands for a cache whose id isn't in a record: it may be any computer's.
UNKNOWN_CACHE = "unknown"

_RECORD = re.compile(r"(?P<time>[\w.+-]+)-(?P<image>[0-9a-f]{8})-[0-9a-f]{8}\.json\.gz")
_CONTEXT = re.compile(r"(?P<hash>[0-9a-f]{32})\.gz")

#: Gets a line about each file that can't be used.
Say = Callable[[str], object]


class _File(TypedDict):
    """What a record's file holds."""

    layout: int
    contexts: Mapping[str, str]
    build: Any


def save(build: Build, folder: Path, checkout: Checkout) -> Path:
    """Keep a record in `folder`, with the branch, and return its file. The oldest ones go.

    Raises FileError if it can't be written, MachineBusy if another process has been writing there for a minute.
    """
    with refusals_told(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked("saved", folder=folder):
            contexts = {name: _keep(snapshot, folder) for name, snapshot in build.contexts.items()}
            plain = dataclasses.replace(build, trace="", contexts={}, branch=checkout.branch).to_json()
            place = _place(folder, checkout.project, checkout.branch)
            for made in (place.parent, place):  # `parents=True` would leave the upper one open to others
                made.mkdir(exist_ok=True, mode=0o700)
            time = re.sub(r"[^\w.+-]", "", build.started_at)
            file = place / f"{time}-{_image(build)}-{os.urandom(4).hex()}.json.gz"
            put_private(file, _packed({"layout": LAYOUT, "contexts": contexts, "build": plain}))
            _tidy(folder, place)
    return file


def earlier(build: Build, folder: Path, checkout: Checkout, say: Say) -> list[Build]:
    """Return the kept builds that `build` is compared with, the most telling first.

    They had ended when it started. Those of its branch come before those of the default one, and newer before older. Builds
    of the same variant, target and service come alone, if there are any.
    """
    files = [file for branch in checkout.branches for file in _newest_first(_place(folder, checkout.project, branch))]
    alike = [file for file in files if _named(file)["image"] == _image(build)]
    return [found for found in _read_all(alike or files, folder, say) if ended_before(found, build)]


def newest(folder: Path, checkout: Checkout, say: Say) -> Build | None:
    """Return the newest kept build of the branch; None if there is none."""
    return next(_read_all(_newest_first(_place(folder, checkout.project, checkout.branch)), folder, say), None)


def copied(build: Build, folder: Path, checkout: Checkout) -> str:
    """Return the path of `folder` in one of the build's contexts: then each record changes what the next build copies.

    It's "" if no context had records of the project.
    """
    place = f"/{folder.resolve().name}/{_readable(checkout.project)}"
    found = (path for context in build.contexts.values() for path in context.entries if f"/{path}".endswith(place))
    return next(found, "").rpartition("/")[0]


# -- names -------------------------------------------------------------------------------------------------------------


def _place(folder: Path, project: str, branch: str) -> Path:
    return folder / _readable(project) / _readable(branch)


def _readable(name: str) -> str:
    """Return a name as a folder's: readable, safe and unique."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name)[:40].strip("-")
    return f"{plain or 'unknown'}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def _image(build: Build) -> str:
    """Return eight hex digits that stand for what was built of the project."""
    return hashlib.sha256(json.dumps(build.what).encode()).hexdigest()[:8]


def _named(file: Path) -> Mapping[str, str]:
    found = _RECORD.fullmatch(file.name)
    return found.groupdict() if found else {}


def _newest_first(place: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted((file for file in place.iterdir() if _named(file)), key=lambda f: f.name, reverse=True)
    return []


# -- writing -----------------------------------------------------------------------------------------------------------


def _packed(data: Any) -> bytes:
    return gzip.compress(json.dumps(data, separators=(",", ":")).encode(), mtime=0)


def _keep(snapshot: Snapshot, folder: Path) -> str:
    """Write a snapshot, unless it's there, and return its hash."""
    content = b"".join(packed.pack(packed.without_stats(snapshot), {}))
    name = hashlib.sha256(content).hexdigest()[:32]
    file = folder / "contexts" / f"{name}.gz"
    if not file.exists():
        file.parent.mkdir(exist_ok=True, mode=0o700)
        put_private(file, gzip.compress(content, _QUICK, mtime=0))
    return name


def _tidy(folder: Path, place: Path) -> None:
    """Delete the oldest records of a branch and the oldest branches of its project, and snapshots that nothing refers to."""
    images: dict[str, list[Path]] = {}
    for file in _newest_first(place):
        images.setdefault(_named(file)["image"], []).append(file)
    old = [file for files in images.values() for file in files[KEPT:]]
    branches = {one: _newest_first(one) for one in place.parent.iterdir()}
    ranked = sorted(branches, key=lambda one: branches[one][0].name if branches[one] else "", reverse=True)
    old += [file for one in ranked[BRANCHES:] for file in branches[one]]
    for file in old:
        file.unlink(missing_ok=True)
    for one in ranked[BRANCHES:]:
        with contextlib.suppress(OSError):  # somebody's own file is in there
            one.rmdir()
    if old:
        _drop_contexts(folder)


def _drop_contexts(folder: Path) -> None:
    used: set[str] = set()
    for file in folder.glob("*/*/*.json.gz"):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            used |= set(_read_file(file)["contexts"].values())
    for file in (folder / "contexts").iterdir():
        if (found := _CONTEXT.fullmatch(file.name)) and found["hash"] not in used:
            file.unlink(missing_ok=True)


# -- reading -----------------------------------------------------------------------------------------------------------


def _read_all(files: Sequence[Path], folder: Path, say: Say) -> Iterator[Build]:
    for file in files:
        try:
            yield _read(file, folder, say)
        except FileNotFoundError:  # another process has just deleted it, as one of the oldest
            continue
        except (OSError, ValueError, RecursionError) as error:
            say(f"{file} is skipped: it isn't a record that `--save` wrote ({error})")


def _read(file: Path, folder: Path, say: Say) -> Build:
    told = _read_file(file)
    build = Build.from_json(told["build"])
    contexts = _Contexts(told["contexts"], folder / "contexts", say)
    return dataclasses.replace(build, contexts=contexts, cache=build.cache or UNKNOWN_CACHE)


def _read_file(file: Path) -> _File:
    told: _File = read(_File, _json(file))
    if told["layout"] != LAYOUT:
        raise ValueError(f"this version reads layout {LAYOUT}, and it has {told['layout']}")
    return told


class _Contexts(Mapping[str, Snapshot]):
    """The contexts of a kept build, by name. A snapshot is read when it's asked for; one that can't be read isn't there.

    Then its files can't be compared, and `explain` says so.
    """

    def __init__(self, hashes: Mapping[str, str], folder: Path, say: Say) -> None:
        self._hashes, self._folder, self._say = hashes, folder, say

    def __getitem__(self, name: str) -> Snapshot:
        file = self._folder / f"{self._hashes[name]}.gz"
        try:
            if not _CONTEXT.fullmatch(file.name):
                raise ValueError("it isn't named by a hash")
            return _snapshot(file)
        except (OSError, ValueError, RecursionError) as error:
            if not isinstance(error, FileNotFoundError):
                self._say(f"{file} is skipped: it isn't a snapshot that `--save` wrote ({error})")
            raise KeyError(name) from error

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._hashes if self.get(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@functools.lru_cache(maxsize=4)
def _snapshot(file: Path) -> Snapshot:
    """Read a snapshot; a file of that name never changes."""
    return packed.checked(gunzipped(file, MOST))


def _json(file: Path) -> Any:
    return json.loads(gunzipped(file, MOST), parse_constant=no_number)
