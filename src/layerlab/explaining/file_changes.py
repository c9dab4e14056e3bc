"""How the files that a step reads from local contexts differ from those of an earlier build, as causes. Pure, over records."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from ..contexts.selection import Change, changes, content_key, files_of
from ..record.snapshot import UNREADABLE, Entry, Snapshot
from ..texts.plain import named
from .causes import Cause, Evidence
from .listing import listed
from .operations import Reading, Source
from .step_in_build import StepInBuild

#: How many files the evidence of a cause names.
EVIDENCE = 20
#: What a sentence says of one file, and of several.
_VERBS = {
    "file added": ("is new", "are new"),
    "file removed": ("is gone", "are gone"),
    "file changed": ("changed", "changed"),
    "mode changed": ("has different permissions", "have different permissions"),
}
#: Kinds of cause for kinds of `selection.Change`; all others are "file changed".
_CHANGE_KINDS = {
    "added": "file added",
    "removed": "file removed",
    "renamed": "file renamed",
    "mode changed": "mode changed",
}


@dataclasses.dataclass(frozen=True)
class _Compared:
    """What a step reads from one local context: the reading, the context now, and the earlier one."""

    reading: Reading
    now: Snapshot
    before: Snapshot

    @property
    def after(self) -> dict[str, Entry]:
        """The files that it looks at now."""
        return {path: self.now.entries[path] for path in files_of(self.now, self.reading.copy)}

    @property
    def earlier(self) -> dict[str, Entry]:
        """The files that it looked at in the earlier build."""
        return {path: self.before.entries[path] for path in files_of(self.before, self.reading.copy)}

    @property
    def where(self) -> str:
        """The context in words; "" for the main one."""
        name = self.reading.of.name if isinstance(self.reading.of, Source) else ""
        return "" if name == "context" else f" in context {name}"


def files(now: StepInBuild, before: StepInBuild, held: bool) -> tuple[list[Cause], list[str]]:
    """Return how the files that it reads from local contexts differ, and what couldn't be compared.

    `held`, as in `selection.content_key`: whether we take the engine to hold the earlier build's context.
    """
    causes: list[Cause] = []
    unknown: list[str] = []
    for mine, theirs in _pairs(now, before):
        after, earlier = _snapshots(now, before, mine, theirs)
        if after is None or earlier is None:
            unknown.append(f"the files of context {_name(mine)!r}")
            continue
        compared = _Compared(mine, after, earlier)
        differ = content_key(after, mine.copy, held) != content_key(earlier, theirs.copy, held)
        if differ and not (held and _all_unsent(compared)):
            causes += _causes(compared)
        unknown += [f"the content of {named(p)}" for p, entry in compared.after.items() if entry.content == UNREADABLE]
    return causes, unknown


def unsent(now: StepInBuild, before: StepInBuild) -> str:
    """Say which files changed without the engine being told; "" if it was told, or nothing changed."""
    for compared in _contexts(now, before):
        if names := _all_unsent(compared):
            verb = "its size and date" if len(names) == 1 else "their sizes and dates"
            return f"{listed(names)} changed, but not {verb}, so the engine didn't get the change"
    return ""


def only_dates(now: StepInBuild, before: StepInBuild) -> str:
    """Say which of the files that it reads have different dates; "" if none have."""
    names: list[str] = []
    for compared in _contexts(now, before):
        dates = ((p, compared.now.stats.get(p), compared.before.stats.get(p)) for p in compared.after)
        names += [path for path, new, old in dates if new and old and new[1] != old[1]]
    verb = "has a different date" if len(names) == 1 else "have different dates"
    return f"{listed(names)} {verb}, which doesn't count" if names else ""


def uncounted(now: StepInBuild, before: StepInBuild) -> str:
    """Say which files that it looks at changed in a way that its cache key doesn't see; "" if none did.

    With wildcards and --exclude, the key has only the last part of each path (`contexts.selection`). BuildKit 0.26 and later
    are said to use the relative path, which no engine here could show.
    """
    names = [c.path for compared in _contexts(now, before) for c in changes(compared.earlier, compared.after)]
    return f"{listed(names)} changed or moved" if names else ""


def _all_unsent(compared: _Compared) -> list[str]:
    """Return the files that changed, if all of them kept their size and date: then the client doesn't send them (fsutil)."""
    found = changes(compared.earlier, compared.after)
    stats = [(c, compared.now.stats.get(c.path), compared.before.stats.get(c.path)) for c in found]
    untold = [c.path for c, new, old in stats if c.kind == "changed" and new and old and new[:2] == old[:2]]
    return untold if len(untold) == len(found) else []


def _pairs(now: StepInBuild, before: StepInBuild) -> Iterator[tuple[Reading, Reading]]:
    """Yield what it reads from local contexts, now and in the earlier build."""
    for mine, theirs in zip(now.operation.readings, before.operation.readings, strict=False):
        if isinstance(mine.of, Source) and isinstance(theirs.of, Source) and mine.of.kind == "context":
            yield mine, theirs


def _snapshots(
    now: StepInBuild, before: StepInBuild, mine: Reading, theirs: Reading
) -> tuple[Snapshot | None, Snapshot | None]:
    return now.build.contexts.get(_name(mine)), before.build.contexts.get(_name(theirs))


def _contexts(now: StepInBuild, before: StepInBuild) -> Iterator[_Compared]:
    """Yield what it reads from those local contexts that both builds know."""
    for mine, theirs in _pairs(now, before):
        after, earlier = _snapshots(now, before, mine, theirs)
        if after and earlier:
            yield _Compared(mine, after, earlier)


def _name(reading: Reading) -> str:
    return reading.of.name if isinstance(reading.of, Source) else ""


# -- sentences ---------------------------------------------------------------------------------------------------------


def _causes(compared: _Compared) -> Iterator[Cause]:
    """Yield one cause for all files that changed in the same way."""
    earlier, after = compared.earlier, compared.after
    found: dict[tuple[str, str], list[Change]] = {}
    for change in changes(earlier, after):
        kind = _kind(change, compared)
        old, new = earlier.get(change.old_path or change.path), after.get(change.path)
        how = _how(change, old, new) if kind in _VERBS else ""
        found.setdefault((kind, how), []).append(change)
    for (kind, how), told in found.items():
        rows = [_evidence(change, earlier, after) for change in told[:EVIDENCE]]
        text = _sentence(kind, how, told, compared)
        if kind == "mode changed" and len(told) == 1:
            text += f": {rows[0].before.partition(' ')[0]} → {rows[0].now.partition(' ')[0]}"
        if kind == "ignore rules changed":
            rows.insert(0, Evidence("rules", ", ".join(compared.before.rules), ", ".join(compared.now.rules)))
        yield Cause(kind, text, tuple(rows))


def _kind(change: Change, compared: _Compared) -> str:
    kind = _CHANGE_KINDS.get(change.kind, "file changed")
    other = {"file added": compared.before, "file removed": compared.now}.get(kind)
    return "ignore rules changed" if other and _ignored(change.path, other) else kind


def _how(change: Change, old: Entry | None, new: Entry | None) -> str:
    """Return what is special about a change, to follow the names of the files; "" for nothing."""
    if change.kind == "target changed" and old and new:
        return f"is a link that leads to {named(new.content)} now, not {named(old.content)}"
    if change.kind == "kind changed" and old and new:
        return f"is a {new.kind} now, not a {old.kind}"
    if change.kind == "attributes changed":
        return "changed in extended attributes only"
    if change.kind == "changed" and old and new:
        if new.unix and new.unix in (old.content, old.unix):
            return "changed in line ends only (LF → CRLF)"
        if old.unix and old.unix == new.content:
            return "changed in line ends only (CRLF → LF)"
    return ""


def _sentence(kind: str, how: str, told: Sequence[Change], compared: _Compared) -> str:
    names = [c.path for c in told]
    if kind == "ignore rules changed":
        file = compared.now.ignore_file or compared.before.ignore_file or ".dockerignore"
        return f"a change in {file} lets in or keeps out {listed(names)}{compared.where}"
    if kind == "file renamed":
        return f"renamed: {_renamed(told)}{compared.where}"
    folder = (
        "the empty folder " if [c.of for c in told] == ["folder"] and kind in ("file added", "file removed") else ""
    )
    if len(names) > 1:
        how = how.replace("is a ", "are each a ", 1)
    return f"{folder}{listed(names)}{compared.where} {how or _VERBS[kind][len(names) > 1]}"


def _renamed(told: Sequence[Change]) -> str:
    """Name the files that were renamed, or the folder whose files all moved alike."""
    moved = {(c.old_path.removesuffix(rest), c.path.removesuffix(rest)) for c in told for rest in [_common_end(c)]}
    if len(told) > 1 and len(moved) == 1:
        old, new = moved.pop()
        return f"{named(old) or '.'} → {named(new) or '.'} ({len(told):,} files)"
    return listed([f"{c.old_path} → {c.path}" for c in told], by_folder=False)


def _common_end(change: Change) -> str:
    """Return the end that both paths share, in whole names: "/n.py" for old/n.py and new/n.py."""
    old, new = change.old_path.split("/"), change.path.split("/")
    count = 0
    while count < min(len(old), len(new)) and old[-1 - count] == new[-1 - count]:
        count += 1
    return "/" + "/".join(new[-count:]) if count else ""


def _evidence(change: Change, earlier: Mapping[str, Entry], after: Mapping[str, Entry]) -> Evidence:
    what = f"{named(change.old_path)} → {named(change.path)}" if change.kind == "renamed" else named(change.path)
    return Evidence(what, _entry(earlier.get(change.old_path or change.path)), _entry(after.get(change.path)))


def _ignored(path: str, snapshot: Snapshot) -> bool:
    """Tell whether the path was there, but the ignore rules kept it out."""
    return any(path == kept_out or path.startswith(f"{kept_out}/") for kept_out in snapshot.ignored)


def _entry(entry: Entry | None) -> str:
    if entry is None:
        return ""
    size = f", {entry.size} bytes" if entry.kind == "file" else ""
    content = f", {named(entry.content) if entry.kind == 'link' else entry.content[:12]}" if entry.content else ""
    return f"{entry.mode:04o} {entry.kind}{size}{content}"
