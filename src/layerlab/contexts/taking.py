"""Take a snapshot of a build context: what a COPY could see, after the ignore rules. Only reads a folder; needs no engine.

`record.snapshot` says what an Entry holds and leaves out; `selection` finds the entries that one COPY looks at, and how they
changed.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import operator
import os
import stat
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..record.packed import updated
from ..record.snapshot import UNREADABLE, UNSAFE, Entry, Snapshot, Stat
from .ignoring import ignore_file
from .patterns import BadPattern, Matched, Patterns, read_rules
from .readers import Cancelled, Readers

if TYPE_CHECKING:
    from concurrent.futures import Future

#: Files of at least this many bytes are read by threads; for smaller ones, handing over costs more than it saves.
LARGE = 256 * 1024
BLOCK = 1024 * 1024
#: A file that changed less than this before a snapshot could change again without its times showing it, so it's read
#: again next time (git calls this "racily clean"). FAT has the coarsest clock of the file systems in use. Nanoseconds.
CLOCK_STEP = 2_000_000_000
#: Extended attributes that BuildKit's keys leave out (cache/contenthash/tarsum.go; fsutil, stat_unix.go).
_NO_ATTRIBUTES = ("security.", "system.", "com.apple.")


def take(
    folder: str | Path,
    dockerfile: str = "Dockerfile",
    previous: Snapshot | None = None,
    cancelled: threading.Event | None = None,
    absent: Iterable[str] = (),
) -> Snapshot:
    """Take a snapshot of `folder`. Files that haven't changed since `previous`, of the same folder, aren't read again.

    Args:
        folder: the context.
        dockerfile: path of the Dockerfile, relative to `folder` or absolute: NAME.dockerignore beside it replaces the
            `.dockerignore` of the context. "" for a context that has no Dockerfile of its own (a named one).
        previous: an earlier snapshot.
        cancelled: another thread sets it if the snapshot isn't wanted any more.
        absent: paths that a scratch copy lacks because these ignore rules keep them out; they count as ignored.

    A file that vanishes meanwhile is left out; one that can't be read is marked UNREADABLE. If a rule is malformed, the rules
    keep nothing out: such a build fails. Raises NotADirectoryError or FileNotFoundError if `folder` isn't a folder, and
    Cancelled soon after `cancelled` is set.
    """
    root = os.path.realpath(folder)
    if not stat.S_ISDIR(os.stat(root).st_mode):
        raise NotADirectoryError(f"{folder} is not a folder")
    name, content = ignore_file(root, dockerfile)
    return _Walk(root, read_rules(content), name, previous, cancelled or threading.Event(), absent).run()


class _Walk:
    """One look at a context, as BuildKit's client walks it (fsutil, filter.go)."""

    def __init__(
        self,
        root: str,
        rules: tuple[str, ...],
        ignore_file: str,
        previous: Snapshot | None,
        cancelled: threading.Event,
        absent: Iterable[str],
    ) -> None:
        self.root, self.rules, self.ignore_file, self.cancelled = root, rules, ignore_file, cancelled
        self.inside = root.rstrip("/") + "/"
        try:
            self.patterns = Patterns(rules)
        except BadPattern:
            self.patterns = Patterns(())
        self.previous = previous
        self.old_entries = previous.entries if previous else {}
        self.old_stats = previous.stats if previous else {}
        # With the same rules, the same paths are let in or kept out: it depends on the path alone.
        self.same_rules = previous is not None and previous.rules == rules
        self.known_in: Mapping[str, Any] = self.old_entries if self.same_rules else {}
        self.known_out = frozenset(previous.ignored if previous and self.same_rules else ())
        #: None for a file that hasn't changed since the earlier snapshot.
        self.entries: dict[str, Entry | None] = {}
        #: Only of files that were read now.
        self.stats: dict[str, Stat] = {}
        self.ignored: list[str] = [*absent]
        #: Ignored folders that we look into, because something in them may be let in again.
        self.held_back: dict[str, Entry] = {}
        self.reading: list[tuple[str, os.stat_result, Future[_Content]]] = []
        self.readers: Readers[_Content] = Readers(min(4, os.cpu_count() or 1))
        self.safe_before = time.time_ns() - CLOCK_STEP

    def run(self) -> Snapshot:
        try:
            waiting: list[tuple[str, Matched]] = [("", ())]
            while waiting:
                path, matched = waiting.pop()
                waiting += reversed(self._folder(path, matched))
            for path, status, future in self.reading:
                self._read(path, status, *future.result())
        except BaseException:  # Ctrl-C, for one
            self.cancelled.set()
            raise
        finally:
            self.readers.end()
        return self._result()

    def _result(self) -> Snapshot:
        """Return the snapshot: the earlier one itself if it's the same, so that nobody writes or compares it again."""
        ignored, earlier = self._outermost(), self.previous
        if (
            earlier
            and len(self.entries) == len(self.old_entries)
            and all(entry is None or self.old_entries.get(path) == entry for path, entry in self.entries.items())
            and all(self.old_stats.get(path) == now for path, now in self.stats.items())
            and (self.rules, self.ignore_file, ignored) == (earlier.rules, earlier.ignore_file, earlier.ignored)
        ):
            return earlier
        entries, stats = updated(earlier or Snapshot({}), self.entries, self.stats)
        return Snapshot(entries, self.rules, self.ignore_file, ignored, stats)

    def _folder(self, folder: str, above: Matched) -> list[tuple[str, Matched]]:
        """Look at one folder's content; return the folders in it to look into, with the patterns that match them."""
        prefix = folder and folder + "/"
        into: list[tuple[str, Matched]] = []
        entries, old_stats = self.entries, self.old_stats
        held_back, cancelled = folder in self.held_back, self.cancelled.is_set
        try:
            # Through the open folder, not by path, so the kernel needn't walk down from the root for each file.
            opened = os.open(self.inside + folder, _OPEN | os.O_DIRECTORY)
            try:
                with os.scandir(opened) as found:
                    for child in sorted(found, key=_NAME):
                        if cancelled():
                            raise Cancelled
                        path = prefix + child.name
                        try:
                            status = child.stat(follow_symlinks=False)
                        except OSError:  # it is gone
                            continue
                        if child.is_dir(follow_symlinks=False):
                            into += self._subfolder(path, status, above)
                            continue
                        now = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
                        same = old_stats.get(path) == now
                        if not (same and self.same_rules) and self._out(path, above):
                            self.ignored.append(path)
                            continue
                        if held_back:
                            self._let_in_above(path)
                        if same:
                            entries[path] = None
                        else:
                            self._look(path, status)
            finally:
                os.close(opened)
        except OSError:
            if folder in entries:
                entries[folder] = dataclasses.replace(cast(Entry, entries[folder]), content=UNREADABLE)
        return into

    def _subfolder(self, path: str, status: os.stat_result, above: Matched) -> list[tuple[str, Matched]]:
        """Note a folder; return it if we have to look into it."""
        out, matched = self.patterns.matches(path, above) if self.patterns.rules else (False, ())
        if out and not self.patterns.may_let_in_below(path):
            self.ignored.append(path)
            return []
        entry = Entry("folder", stat.S_IMODE(status.st_mode), 0, "", _attributes(self.inside + path))
        if out:
            self.held_back[path] = entry
        else:
            self._let_in_above(path)
            self.entries[path] = entry
        return [(path, matched)]

    def _let_in_above(self, path: str) -> None:
        """Let in the ignored folders above something that is let in again: BuildKit's client sends them too."""
        missing = []
        while (path := path.rpartition("/")[0]) and path not in self.entries:
            missing.append(path)
        for folder in reversed(missing):
            self.entries[folder] = self.held_back[folder]

    def _out(self, path: str, above: Matched) -> bool:
        """Tell whether the rules keep out a file, which depends on its path alone."""
        if not self.patterns.rules or path in self.known_in:
            return False
        return path in self.known_out or self.patterns.matches(path, above)[0]

    def _outermost(self) -> tuple[str, ...]:
        """Return what's kept out, without the content of folders that are kept out whole."""
        found: list[str] = []
        whole = (folder for folder in self.held_back if folder not in self.entries)
        for path in sorted({*self.ignored, *whole}, key=lambda path: path.replace("/", "\0")):
            if not (found and path.startswith(found[-1] + "/")):
                found.append(path)
        return tuple(found)

    def _look(self, path: str, status: os.stat_result) -> None:
        place = self.inside + path
        mode, permissions = status.st_mode, stat.S_IMODE(status.st_mode)
        if stat.S_ISREG(mode):
            if status.st_size >= LARGE:
                self.entries[path] = Entry("file", permissions, status.st_size, UNREADABLE)  # until it's read
                self.reading.append((path, status, self.readers.submit(lambda: _hash(place, self.cancelled))))
            else:
                self._read(path, status, *_hash(place, self.cancelled))
        elif stat.S_ISLNK(mode):
            try:
                target = os.readlink(place)
            except OSError:
                target = UNREADABLE
            self.entries[path] = Entry("link", permissions, 0, target, _attributes(place))
        elif stat.S_ISSOCK(mode):
            self.entries[path] = Entry("file", permissions, 0, _NOTHING, _attributes(place))
        else:
            numbers = f" {os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
            what = "pipe" if stat.S_ISFIFO(mode) else ("block device" if stat.S_ISBLK(mode) else "device") + numbers
            self.entries[path] = Entry("other", permissions, 0, what, _attributes(place))

    def _read(self, path: str, status: os.stat_result, size: int, content: str, attributes: str, unix: str) -> None:
        """Note a file that was read. One that changes while it's read is taken as it came, and read again next time."""
        if size < 0:
            self.entries.pop(path, None)
            return
        self.entries[path] = Entry("file", stat.S_IMODE(status.st_mode), status.st_size, content, attributes, unix)
        safe = size == status.st_size and content != UNREADABLE and status.st_ctime_ns < self.safe_before
        self.stats[path] = (size if safe else UNSAFE, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


_NAME = operator.attrgetter("name")
_blake = functools.partial(hashlib.blake2b, digest_size=16)
_NOTHING = _blake().hexdigest()
#: If a name has become a link or a pipe meanwhile, it's neither followed nor waited for.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


#: Bytes read, their hash, hash of the extended attributes, `Entry.unix`; -1 bytes means that the file is gone.
_Content = tuple[int, str, str, str]


def _hash(place: str, cancelled: threading.Event | None = None) -> _Content:
    """Hash the content of a file; UNREADABLE replaces the hash if it can't be read. Raises Cancelled."""
    try:
        file = os.open(place, _OPEN)
    except FileNotFoundError:
        return -1, "", "", ""
    except OSError:
        return 0, UNREADABLE, "", ""
    try:
        digest, size, unix = _blake(), 0, ""
        while block := os.read(file, BLOCK if size else LARGE):
            if cancelled and cancelled.is_set():
                raise Cancelled
            digest.update(block)
            size += len(block)
            if len(block) < LARGE:  # in a regular file, a short block is the last
                if size == len(block) and b"\r\n" in block and b"\0" not in block:
                    unix = _blake(block.replace(b"\r\n", b"\n")).hexdigest()
                break
        return size, digest.hexdigest(), _attributes(file), unix
    except OSError:
        return 0, UNREADABLE, "", ""
    finally:
        os.close(file)


def _attributes(of: int | str) -> str:
    """Hash those extended attributes of an open file or a path that count; return "" if there are none."""
    follow = isinstance(of, int)
    try:
        names = os.listxattr(of, follow_symlinks=follow)
    except (OSError, AttributeError):  # this file system or operating system has none
        return ""
    digest, counted = _blake(), False
    for name in sorted(names):
        if name.startswith(_NO_ATTRIBUTES) and name != "security.capability":
            continue
        try:
            value = os.getxattr(of, name, follow_symlinks=follow)
        except OSError:
            continue
        counted = True
        digest.update(f"{name}\0{len(value)}\0".encode(errors="surrogateescape") + value)
    return digest.hexdigest() if counted else ""
