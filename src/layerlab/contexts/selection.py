"""Which files of a context one COPY looks at, what its cache key sees of them, and how they changed. Pure.

The rules follow BuildKit's cache key (cache/contenthash/checksum.go) and were checked with real builds
(tests/engine/test_snapshot_engine.py). For one source of a COPY, or of a bind mount:

- A plain path stands for what it leads to: links on the way and at the end are followed, within the context. For a file, its
  `Entry` counts, but not its name. For a folder, its own permissions count, and everything in it, by name: that includes empty
  folders, and where a link in it leads, but not what's there. The permissions of the folders above don't count, nor do those
  of the context's root.
- With a wildcard, or with --exclude or --parents, a list counts: the last name and the `Entry` of each selected folder and
  file, but not where it is. So moving `a/b/x` to `a/x` can be a **hit** (BuildKit sees a, b, x both times). An outermost link
  (one that is the source, matches the wildcard itself or is in the context's root) counts as what it leads to, and **fails
  the build** if that's nothing. If it leads to a folder, the files that --exclude names count as well.
- Copies with --chmod or --chown look at the same things.

This is for a context that the engine has never seen. If it **holds** the context from an earlier build of the same folder,
the client sends only what differs in type, permissions, size, mtime or link target (fsutil, diff.go), and:

- a folder's changed permissions are sent, but the key keeps the old ones (fsutil, diskwriter.go tells nobody): a **hit**;
- changed extended attributes alone aren't sent, nor is different content of the same size and mtime: a **hit**.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..record.snapshot import Entry, Snapshot
from .patterns import BadPattern, Matched, Patterns, clean, go_match

#: How many links BuildKit follows on one path before it gives up (cache/contenthash/path.go).
LINKS = 255

#: A content-based cache key: equal for two contexts if BuildKit's keys are. Only for comparing.
Key = Entry | Mapping[str, Entry] | tuple[Any, ...]
#: Stands for every folder whose permissions don't count.
_FOLDER = Entry("folder", 0, 0, "")


def files_of(snapshot: Snapshot, copy: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths that one source of a COPY looks at, in the snapshot's order; () if there is no such file.

    `copy`: the LLB copy action as provenance has it (`src`, `allowWildcard`, `followSymlink`, `include_patterns`,
    `exclude_patterns`; a missing one is false), or `{"src": selector}` for a mount.
    """
    return _Look(snapshot.entries, copy).paths


def content_key(snapshot: Snapshot, copy: Mapping[str, Any], held: bool = False) -> Key | None:
    """Return what BuildKit's key for that source is made of; None if there is no such file, which fails the build.

    `held`: whether the engine holds the context from an earlier build, see above.
    """
    return _Look(snapshot.entries, copy, held).key


class _Look:
    """One source of a COPY in one context."""

    def __init__(self, entries: Mapping[str, Entry], copy: Mapping[str, Any], held: bool = False) -> None:
        self.entries, self.held = entries, held
        source = clean("/" + copy.get("src", "")).removeprefix("/")
        include, exclude = copy.get("include_patterns") or (), copy.get("exclude_patterns") or ()
        self.wild = bool(copy.get("allowWildcard")) and _has_wildcard(source)
        # A mount's selector is always followed (solver/llbsolver/ops/exec.go).
        self.follow = bool(copy.get("followSymlink", "allowWildcard" not in copy))
        self.paths: tuple[str, ...] = ()
        self.key: Key | None = None
        try:
            if self.wild or include or exclude:
                self._listed(source, include, exclude)
            else:
                self.paths, self.key = self._plain(source)
        except (BadPattern, LookupError):
            return  # no such file, or a malformed pattern: the build fails

    # -- a plain path ------------------------------------------------------------------------------------------------

    def _plain(self, source: str) -> tuple[tuple[str, ...], Key]:
        """Return the file or tree that a path leads to. Raises LookupError if there is none."""
        path = self._resolved(source, self.follow)
        entry = self.entries.get(path)
        if path and entry is None:
            raise LookupError(path)
        if entry is not None and entry.kind != "folder":
            return (path,), self._facts(entry)
        start = len(path)
        if path:
            below = [p for p in self.entries if p.startswith(path) and p[start : start + 1] in ("", "/")]
        else:
            below = list(self.entries)
        return tuple(below), {p[start:]: self._facts(self.entries[p]) for p in below}

    def _resolved(self, path: str, follow: bool) -> str:
        """Return `path` with its links followed, the last one only with `follow`. Raises LookupError if there are too many."""
        if not follow and path in self.entries:
            return path
        at, rest, links = "", [p for p in path.split("/") if p], 0
        while rest:
            part = rest.pop(0)
            at = clean(f"/{at}/{part}").removeprefix("/")
            entry = self.entries.get(at)
            if entry is None or entry.kind != "link" or not (rest or follow):
                continue
            links += 1
            if links > LINKS:
                raise LookupError(f"too many links: {path}")
            rest = [p for p in entry.content.split("/") if p] + rest
            at = "" if entry.content.startswith("/") else at.rpartition("/")[0]
        return at

    def _facts(self, entry: Entry) -> Entry:
        """Return the part of an entry that's in the key; mostly the same object, so comparing keys is quick."""
        if not self.held:
            return entry
        if entry.kind == "folder":
            return _FOLDER
        return dataclasses.replace(entry, attributes="") if entry.attributes else entry

    # -- a list ------------------------------------------------------------------------------------------------------

    def _listed(self, source: str, include: Sequence[str], exclude: Sequence[str]) -> None:
        found = list(self._selected(source, Patterns(include), Patterns(exclude)))
        paths: dict[str, None] = {}
        key: list[Any] = []
        for path, name, outermost in found:
            if outermost and self.follow and self.entries[path].kind == "link":
                target, facts = self._plain(path)
                paths.update(dict.fromkeys((path, *target)))
            else:
                paths[path] = None
                facts = self._facts(self.entries[path])
            key.append((name, facts) if len(found) > 1 or name != source.rpartition("/")[2] else facts)
        self.paths, self.key = tuple(paths), tuple(key)

    def _selected(self, source: str, include: Patterns, exclude: Patterns) -> Iterator[tuple[str, str, bool]]:
        """Yield what's selected, in order: its path, its last name in the key, and whether it's outermost.

        Outermost means in no folder that is looked at. The context's root doesn't count: BuildKit leaves it out of the list.
        """
        prefix = _plain_prefix(source) if self.wild else source
        resolved = self._resolved(prefix, follow=self.wild)
        if resolved and resolved not in self.entries:
            return
        match = go_match("/" + source) if self.wild else None
        inside = resolved and resolved + "/"
        candidates = sorted((p for p in self.entries if p == resolved or p.startswith(inside)), key=_order)
        matched = source  # the last path that the source itself matched; everything in it comes along
        seen_match = not self.wild
        above: list[_Above] = []
        for path in candidates:
            # The name that the COPY has for it, which patterns are matched against.
            shown = (prefix + path[len(resolved) :]).removeprefix("/")
            while above and not shown.startswith(above[-1].shown + "/"):
                above.pop()
            if match and not (seen_match and shown.startswith(matched + "/")):
                if not match("/" + shown):
                    continue
                matched, seen_match = shown, True
            relative = "" if shown == matched else shown[len(matched) + 1 :] if matched else shown
            parent = above[-1] if above else _Above("", "", (), ())
            ok, included, excluded = _verdict(relative, parent, include, exclude)
            entry = self.entries[path]
            if ok:
                for folder in above:
                    if not folder.told:
                        folder.told = True
                        yield folder.path, folder.shown.rpartition("/")[2], False
                yield path, shown.rpartition("/")[2], not above
            if entry.kind == "folder":
                above.append(_Above(path, shown, included, excluded, told=ok))


@dataclasses.dataclass
class _Above:
    """A folder that the walk is in, selected or not yet."""

    path: str
    shown: str
    included: Matched
    excluded: Matched
    told: bool = False


def _verdict(relative: str, parent: _Above, include: Patterns, exclude: Patterns) -> tuple[bool, Matched, Matched]:
    included: Matched = ()
    if include.rules:
        wanted, included = include.matches(relative, parent.included)
        if not wanted:
            return False, included, ()
    if exclude.rules:
        out, excluded = exclude.matches(relative, parent.excluded)
        return not out, included, excluded
    return True, included, ()


def _order(path: str) -> str:
    """Return a key for BuildKit's order: a folder's content comes right after it."""
    return path.replace("/", "\0")


def _has_wildcard(path: str) -> bool:
    escaped = False
    for char in path:
        if not escaped and char in "*?[":
            return True
        escaped = char == "\\" and not escaped
    return False


def _plain_prefix(source: str) -> str:
    """Return the part of a path before the first name with a wildcard."""
    parts = source.split("/")
    first = next(n for n, part in enumerate(parts) if _has_wildcard(part))
    return "/".join(parts[:first])


# -- how they changed --------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Change:
    """How one path changed.

    Attributes:
        kind: "added", "removed", "renamed", "changed" (its content), "mode changed", "kind changed" (a file became a folder,
            …), "target changed" (of a link), or "attributes changed" (extended attributes).
        path: the path; if it was removed, the former path.
        old_path: the former path if it was renamed; else "".
        of: the kind of entry it is, or was: "file", "folder", "link", "other".
    """

    kind: str
    path: str
    old_path: str = ""
    of: str = "file"


def changes(before: Mapping[str, Entry], now: Mapping[str, Entry]) -> tuple[Change, ...]:
    """Return what differs between two sets of entries, one Change per path, sorted by path.

    A folder that is new or gone is named only if it's empty; otherwise the files in it show it. A removed file and a new one
    with the same bytes count as one renamed file; empty files aren't paired, because they're all alike. Content that couldn't
    be read on one side (`Entry.known`) doesn't count as changed.
    """
    found = []
    for path, entry in now.items():
        old = before.get(path)
        if old is not None and old is not entry and (kind := _difference(old, entry)):
            found.append(Change(kind, path, of=entry.kind))
    added = {path: now[path] for path in sorted(now.keys() - before.keys())}
    removed = {path: before[path] for path in sorted(before.keys() - now.keys())}
    for old_path, path in list(_renamed(removed, added)):
        found.append(Change("renamed", path, old_path, added.pop(path).kind))
        del removed[old_path]
    for kind, paths, whole in (("added", added, now), ("removed", removed, before)):
        if paths:
            full = {path.rpartition("/")[0] for path in whole}
            found += [Change(kind, p, of=e.kind) for p, e in paths.items() if not (e.kind == "folder" and p in full)]
    return tuple(sorted(found, key=lambda change: change.path))


def _difference(old: Entry, new: Entry) -> str:
    """Return the kind of change, the most telling one of several; "" for none."""
    if old.kind != new.kind:
        return "kind changed"
    if (old.content, old.size) != (new.content, new.size) and old.known and new.known:
        return "target changed" if new.kind == "link" else "kind changed" if new.kind == "other" else "changed"
    if old.mode != new.mode:
        return "mode changed"
    return "attributes changed" if old.attributes != new.attributes and old.known and new.known else ""


def _renamed(removed: Mapping[str, Entry], added: Mapping[str, Entry]) -> Iterator[tuple[str, str]]:
    """Yield pairs of former and new path; if several have the same bytes, those with the same name first, then in order."""
    gone: dict[tuple[str, str], list[str]] = {}
    for path, entry in removed.items():
        if entry.kind == "link" or (entry.size and entry.known):
            gone.setdefault((entry.kind, entry.content), []).append(path)
    late = []
    for path, entry in added.items():
        candidates = gone.get((entry.kind, entry.content), [])
        same = next((c for c in candidates if c.rpartition("/")[2] == path.rpartition("/")[2]), None)
        if same is not None:
            candidates.remove(same)
            yield same, path
        elif candidates:
            late.append((path, candidates))
    for path, candidates in late:
        if candidates:
            yield candidates.pop(0), path
