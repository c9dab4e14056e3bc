"""Keep snapshots in files of their own: quick to read, and read only as far as they're asked for.

A context of 100,000 files is 100,000 rows. Most often nothing in it has changed, and then one dict of texts answers all that
the next snapshot asks. JSON would first make a million objects of it (0.5 s and 150 MB; this takes 0.05 s and 40 MB).

The file: one line of JSON, then, each after a NUL byte, which no path can have, path and row of each entry, and a last NUL
byte, without which the file was cut off. A row is nine words: size, time of content change, time of any change, inode (the
`Stat`; empty if there is none), type and permission bits as one number, size, hash of the attributes, `Entry.unix`, content.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

from .reading import no_number, read
from .snapshot import Entry, Snapshot, Stat, bits, entry_of

#: Says which layout of a file this is; another one is not read.
LAYOUT = 1


class _Head(TypedDict):
    """The first line of a file."""

    layout: int
    entries: int
    rules: tuple[str, ...]
    ignore_file: str
    ignored: tuple[str, ...]
    about: Mapping[str, Any]


class PackedEntries(Mapping[str, Entry]):
    """The entries of a snapshot; each becomes an object when it's first asked for.

    Attributes:
        rows: by path.
        file: the file they come from; None if they differ from those in it.
    """

    def __init__(self, rows: Mapping[str, str], file: Path | None = None) -> None:
        self.rows, self.file = rows, file
        self._made: dict[str, Entry] = {}

    def __getitem__(self, path: str) -> Entry:
        entry = self._made.get(path)
        if entry is None:
            *_, mode, size, attributes, unix, content = self.rows[path].split(" ", 8)
            entry = self._made[path] = entry_of(int(mode), int(size), content, attributes, unix)
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, path: object) -> bool:
        return path in self.rows


class PackedStats(Mapping[str, Stat]):
    """The stats that go with `PackedEntries`."""

    def __init__(self, rows: Mapping[str, str]) -> None:
        self.rows = rows

    def __getitem__(self, path: str) -> Stat:
        size, content_time, time, inode, _ = self.rows[path].split(" ", 4)
        if not size:
            raise KeyError(path)
        return int(size), int(content_time), int(time), int(inode)

    def __iter__(self) -> Iterator[str]:
        return (path for path, row in self.rows.items() if row[0] != " ")

    def __len__(self) -> int:
        return sum(1 for _ in self)


def pack(snapshot: Snapshot, about: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the content of a file that keeps a snapshot, and `about`, which is plain data, with it."""
    head = {
        "layout": LAYOUT, "entries": len(snapshot.entries), "rules": snapshot.rules, "ignore_file": snapshot.ignore_file,
        "ignored": snapshot.ignored, "about": about,
    }  # fmt: skip
    yield json.dumps(head).encode() + b"\n"
    for path, row in _rows(snapshot):
        yield f"\0{path}\0{row}".encode(errors="surrogateescape")  # a name that isn't UTF-8 keeps its bytes
    yield b"\0"


def _rows(snapshot: Snapshot) -> Iterable[tuple[str, str]]:
    if isinstance(snapshot.entries, PackedEntries):
        return snapshot.entries.rows.items()
    return ((path, _row(entry, snapshot.stats.get(path))) for path, entry in snapshot.entries.items())


def _row(entry: Entry, stat: Stat | None) -> str:
    words = " ".join(map(str, stat or _NO_STAT))
    return f"{words} {bits(entry)} {entry.size} {entry.attributes} {entry.unix} {entry.content}"


_NO_STAT = ("", "", "", "")


def updated(
    before: Snapshot, entries: Mapping[str, Entry | None], stats: Mapping[str, Stat]
) -> tuple[Mapping[str, Entry], Mapping[str, Stat]]:
    """Return the entries and stats of a snapshot that shares most with an earlier one, without copying what they share.

    Args:
        before: the earlier snapshot.
        entries: by path, in order; None for an entry that hasn't changed, nor has its stat.
        stats: those of changed entries.
    """
    if isinstance(before.entries, PackedEntries):
        old = before.entries.rows
        rows = {path: old[path] if entry is None else _row(entry, stats.get(path)) for path, entry in entries.items()}
        return PackedEntries(rows), PackedStats(rows)
    kept = {path: before.stats[path] for path, entry in entries.items() if entry is None}
    return {path: entry or before.entries[path] for path, entry in entries.items()}, {**kept, **stats}


def about(file: Path) -> dict[str, Any]:
    """Return what was kept with a snapshot. Raises OSError if the file can't be read, ValueError if it's something else."""
    with file.open("rb") as opened:
        return dict(_head(opened.readline())["about"])


def unpack(file: Path) -> Snapshot:
    """Return the snapshot that a file keeps. Raises OSError if it can't be read, ValueError if it's something else."""
    return _unpacked(file.read_bytes(), file)


def without_stats(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without what only this computer's files have: it's the same for every checkout of the same files."""
    rows = {path: f"{' ' * len(_NO_STAT)}{row.split(' ', 4)[4]}" for path, row in _rows(snapshot)}
    return dataclasses.replace(snapshot, entries=PackedEntries(rows), stats={})


def checked(content: bytes) -> Snapshot:
    """Return the snapshot in packed bytes of unknown origin, without its stats. Raises ValueError for anything else."""
    snapshot = _unpacked(content, None)
    try:
        for path in snapshot.entries:
            snapshot.entries[path]
    except KeyError as error:
        raise ValueError(f"an entry is of an unknown kind ({error})") from None
    return dataclasses.replace(snapshot, stats={})


def _unpacked(content: bytes, file: Path | None) -> Snapshot:
    line, _, rest = content.partition(b"\n")
    head = _head(line)
    # Counted first: a short file may hold a hundred million NUL bytes.
    if rest.count(b"\0") == 2 * head["entries"] + 1:
        words = rest.decode(errors="surrogateescape").split("\0")
        rows = dict(zip(words[1:-1:2], words[2:-1:2], strict=False))
        if not words[0] and not words[-1] and len(rows) == head["entries"]:
            return Snapshot(
                PackedEntries(rows, file), head["rules"], head["ignore_file"], head["ignored"], PackedStats(rows)
            )
    raise ValueError(f"it doesn't hold the {head['entries']} entries that it should")


def _head(line: bytes) -> _Head:
    head = json.loads(line, parse_constant=no_number)
    if not isinstance(head, dict) or head.get("layout") != LAYOUT:
        raise ValueError("not a packed snapshot of this layout")
    read_head: _Head = read(_Head, head)
    return read_head
