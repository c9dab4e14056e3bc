"""The builds made on a machine or a builder, which `explain` compares with. A machine's are gone when it's reset.

They're kept in the folder of the machine or builder by project, so another kernel, or the command line, finds them. The
snapshots of a build's contexts are in files of their own beside its record, NAME.NUMBER.context: an unchanged context costs a
link to the file of the build before, and one that nobody asks for isn't read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import RecordError
from ..system.files import made_once, write_private
from . import packed
from .build import Build
from .hosts import all_folders, folder_of
from .snapshot import Snapshot

#: How many builds of each service or target of a project are kept, on each machine and builder.
KEPT = 20
_HISTORY = "history"


def remember(build: Build, folders: Mapping[str, Path] | None = None) -> None:
    """Keep `build` without its raw trace. A full disk raises no error: the build matters more than later explanations.

    Args:
        build: the build.
        folders: the folders of its contexts, by name, for `snapshot_of`.
    """
    if not folder_of(build.machine).exists():
        return
    with contextlib.suppress(OSError):
        folder = _folder(build.machine, build.project)
        for made in (folder.parent, folder):
            made.mkdir(exist_ok=True, mode=0o700)
        name = f"{build.started_at.replace(':', '')}-{os.getpid()}{_mark(build.service)}"
        for number, (context, snapshot) in enumerate(build.contexts.items()):
            place = str((folders or {}).get(context, ""))
            _keep(folder / f"{name}.{number}.context", snapshot, {"context": context, "folder": place})
        part = folder / f"{name}.json.part"
        write_private(part, json.dumps(dataclasses.replace(build, trace="", contexts={}).to_json()))
        part.rename(folder / f"{name}.json")
        for old in _records(folder, build.service)[:-KEPT]:
            for file in (old, *folder.glob(f"{old.stem}.*.context")):
                file.unlink(missing_ok=True)


def _mark(service: str) -> str:
    """Return what ends the names of a service's files; "" for plain builds. One command may build several at once."""
    return f"~{hashlib.sha256(service.encode(errors='surrogatepass')).hexdigest()[:8]}" if service else ""


def _records(folder: Path, service: str) -> list[Path]:
    """Return the records of a service, or of plain builds, oldest first."""
    return [file for file in sorted(folder.glob("*.json")) if _marked(file) == _mark(service)]


def _marked(file: Path) -> str:
    return "".join(file.stem.partition("~")[1:])


def builds(project: str | Path, machine: str, service: str | None = None) -> list[Build]:
    """Return the builds of the project in folder `project` on `machine`, newest first; those of one service, if it's given."""
    found = []
    for file in sorted(_folder(machine, str(project)).glob("*.json"), reverse=True):
        if service is not None and _marked(file) not in ("", _mark(service)):  # an earlier LayerLab's have no mark
            continue
        with contextlib.suppress(RecordError, OSError):  # removed meanwhile, or of another format
            build = _load(_File.at(file))
            found.append(build if build.contexts else dataclasses.replace(build, contexts=_Contexts(file)))
    return found


def snapshot_of(folder: Path, project: str | Path, machine: str = "") -> Snapshot | None:
    """Return the newest snapshot of a context's folder among the builds of a project; None if there is none.

    Args:
        folder: the context's folder.
        project: the project's.
        machine: where the builds ran; "" for anywhere.
    """
    places = [_folder(machine, str(project))] if machine else [_of(host, str(project)) for host in all_folders()]
    files = [file for place in places for file in place.glob("*.context")]
    for file in sorted(files, key=lambda file: file.name, reverse=True):
        with contextlib.suppress(OSError, ValueError, KeyError):
            if packed.about(file)["folder"] == str(folder):
                return packed.unpack(file)
    return None


def _keep(file: Path, snapshot: Snapshot, about: Mapping[str, str]) -> None:
    """Write a snapshot, or link to the file that has it."""
    if isinstance(snapshot.entries, packed.PackedEntries) and snapshot.entries.file:
        with contextlib.suppress(OSError, ValueError):
            if packed.about(snapshot.entries.file) == about:
                os.link(snapshot.entries.file, file)
                return
    part = file.with_suffix(".part")
    write_private(part, packed.pack(snapshot, about))
    part.rename(file)


class _Contexts(Mapping[str, Snapshot]):
    """The contexts of a kept build. A snapshot is read when it's asked for; one that can't be read isn't there."""

    def __init__(self, record: Path) -> None:
        self._record = record

    @functools.cached_property
    def _files(self) -> dict[str, Path]:
        found = {}
        for file in sorted(self._record.parent.glob(f"{self._record.stem}.*.context")):
            with contextlib.suppress(OSError, ValueError, KeyError):
                found[packed.about(file)["context"]] = file
        return found

    def __getitem__(self, name: str) -> Snapshot:
        file = self._files[name]
        try:
            return _read(_File.at(file))
        except (OSError, ValueError) as error:
            raise KeyError(name) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@dataclasses.dataclass(frozen=True)
class _File:
    """A file, which may have several names: an unchanged context's snapshot is read once for all builds."""

    device: int
    inode: int
    changed: int
    path: Path = dataclasses.field(compare=False)

    @classmethod
    def at(cls, path: Path) -> _File:
        found = path.stat()
        return cls(found.st_dev, found.st_ino, found.st_mtime_ns, path)


@functools.lru_cache(maxsize=4)
def _read(file: _File) -> Snapshot:
    return packed.unpack(file.path)


@functools.lru_cache(maxsize=2 * KEPT)
def _load(file: _File) -> Build:
    """Load a build once: it's read while the next one runs, and again to explain that one."""
    return Build.load(file.path)


def before(build: Build) -> list[Build]:
    """Return the builds of the same project on the same machine that had ended when `build` started, newest first.

    One that ran beside it may have started first and still have got its steps from it.
    """
    return [b for b in builds(build.project, build.machine, build.service) if ended_before(b, build)]


def ended_before(one: Build, build: Build) -> bool:
    """Tell whether `one` had ended when `build` started."""
    return one.started_at != build.started_at and _started(one) + one.seconds <= _started(build)


def _started(build: Build) -> float:
    """Return when a build started, in seconds since 1970; 0.0 if that isn't known."""
    try:
        return datetime.datetime.fromisoformat(build.started_at).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def kept(build: Build) -> bool:
    """Tell whether `build` itself is kept. If it isn't, the machine was reset since, and the builds before it aren't known."""
    started = build.started_at.replace(":", "")
    return any(file.name.startswith(started) for file in _folder(build.machine, build.project).glob("*.json"))


def cache_id(machine: str) -> str:
    """Return an id of a machine's cache, which it has until it's reset; "" if none can be kept."""
    with contextlib.suppress(OSError):
        if _all(machine).parent.exists():
            _all(machine).mkdir(exist_ok=True, mode=0o700)
            return made_once(_all(machine) / "cache-id", os.urandom(8).hex().encode()).decode()
    return ""


def forget(machine: str) -> None:
    """Forget all builds of `machine`: it's cold, so none of them counts any more."""
    shutil.rmtree(_all(machine), ignore_errors=True)


def _all(machine: str) -> Path:
    return folder_of(machine) / _HISTORY


def _folder(machine: str, project: str) -> Path:
    return _of(folder_of(machine), project)


def _of(host: Path, project: str) -> Path:
    return host / _HISTORY / hashlib.sha256(os.fsencode(project)).hexdigest()[:16]
