"""Snapshot: what a build context held at one moment, as data. `contexts.taking` takes one.

An `Entry` holds everything that BuildKit's content-based cache keys depend on (cache/contenthash), and nothing else: no
times, and no owner, because the client resets it.
"""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from .reading import read

#: Stands for a file's content, or a folder's names, that couldn't be read: there's no telling whether they changed.
UNREADABLE = "unreadable"
#: Replaces a file's size if the next snapshot has to read the file again: it equals no real size.
UNSAFE = -1

#: Size in bytes, time of last content change, time of last change of any kind (both ns), inode.
Stat = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link of a context, as far as BuildKit's cache keys depend on it.

    Attributes:
        kind: "file", "folder", "link", "other". A socket counts as a file: BuildKit turns it into an empty one.
        mode: permission bits, with set-user-id, set-group-id and sticky.
        size: bytes; 0 for anything but a file.
        content: hash of a file's bytes (BLAKE2b, 128 bits, hex), target of a link, "" for a folder, kind and numbers of a
            pipe or device; UNREADABLE if it couldn't be read.
        attributes: hash of the extended attributes that count; "" if there are none, which is nearly always.
        unix: hash of a small text file's bytes with every CRLF replaced by LF; "" if it has no CRLF. It isn't in the key, but
            shows that only line ends changed.
    """

    kind: str
    mode: int
    size: int
    content: str
    attributes: str = ""
    unix: str = ""

    @property
    def known(self) -> bool:
        """Whether its content could be read."""
        return self.content != UNREADABLE

    def __str__(self) -> str:
        """Describe it for the user: "644 file, 12 bytes, hash 1f0c2b…"."""
        what = {"file": f"{self.size} bytes, hash {self.content[:12]}", "link": f"to {self.content}", "folder": ""}
        details = what.get(self.kind, self.content) if self.known else UNREADABLE
        return ", ".join(filter(None, (f"{self.mode:03o} {self.kind}", details)))


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A context at one moment.

    Attributes:
        entries: by path relative to the context, with "/"; only what the ignore rules let in. A name that isn't UTF-8 keeps
            its bytes as lone surrogates (os.fsdecode); BuildKit refuses such a context.
        rules: the ignore rules as BuildKit cleans them, without comments and empty lines.
        ignore_file: path of the file they come from, relative to the context if it's in there; "" if there is none.
        ignored: paths that the rules keep out, without those inside an ignored folder.
        stats: by path of a file; shows without reading it that it hasn't changed; UNSAFE as size if it can't show that.
    """

    entries: Mapping[str, Entry]
    rules: tuple[str, ...] = ()
    ignore_file: str = ""
    ignored: tuple[str, ...] = ()
    stats: Mapping[str, Stat] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return plain data.

        An entry is a list: path, type and permission bits (one number), size, content, attributes, stat, unix.
        """
        rows = []
        for path, entry in self.entries.items():
            row: list[Any] = [path, bits(entry), entry.size, entry.content]
            if entry.attributes or entry.unix or path in self.stats:
                row += [entry.attributes, *self.stats.get(path, ())]
            row += [entry.unix] if entry.unix else []
            rows.append(row)
        return {
            "entries": rows, "rules": list(self.rules), "ignore_file": self.ignore_file, "ignored": list(self.ignored),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        """Return the snapshot that `to_json` made `data` from. Raises KeyError, ValueError or TypeError for anything else."""
        told: _Plain = read(_Plain, data)
        entries, stats = {}, {}
        for row in told["entries"]:
            # Not by `read`: there may be 100,000 of them.
            if tuple(map(type, row)) not in _ROWS:
                raise ValueError(f"an entry is {str(row)[:80]}")
            path, mode, size, content, *rest = row
            unix = rest.pop() if len(rest) in (2, 6) else ""  # it comes after attributes, or after those and a stat
            entries[path] = entry_of(mode, size, content, rest[0] if rest else "", unix)
            if len(rest) == 5:
                stats[path] = tuple(rest[1:])
        return cls(entries, told["rules"], told["ignore_file"], told["ignored"], stats)


class _Plain(TypedDict):
    """A snapshot as `to_json` writes it."""

    entries: Annotated[Any, list]
    rules: tuple[str, ...]
    ignore_file: str
    ignored: tuple[str, ...]


#: The types in an entry's row: path, bits, size, content, then attributes, then its stat, then what Unix has besides.
_ROW, _STAT = (str, int, int, str), (str, int, int, int, int)
_ROWS = {_ROW, (*_ROW, str), (*_ROW, str, str), (*_ROW, *_STAT), (*_ROW, *_STAT, str)}


def bits(entry: Entry) -> int:
    """Return type and permission bits of an entry as one number, as a Unix mode has them."""
    return _TYPES[entry.kind] | entry.mode


def entry_of(mode: int, size: int, content: str, attributes: str, unix: str) -> Entry:
    """Return the entry with the type and permission bits `mode`. Raises KeyError for another type."""
    return Entry(_KINDS[stat.S_IFMT(mode)], stat.S_IMODE(mode), size, content, attributes, unix)


#: How the kinds are written: as the upper bits of a Unix mode.
_TYPES = {"file": stat.S_IFREG, "folder": stat.S_IFDIR, "link": stat.S_IFLNK, "other": stat.S_IFIFO}
_KINDS = {bits: kind for kind, bits in _TYPES.items()}
