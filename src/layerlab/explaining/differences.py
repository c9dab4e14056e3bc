"""How one operation differs from the same operation in another build, as causes. Pure, over records.

The order and the sentences are for the user. What counts is what BuildKit's cache keys are made of: an operation's own
definition (solver/llbsolver/ops: exec.go, file.go, CacheMap) and the content of the files it reads (cache/contenthash).
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from ..contexts.selection import changes, content_key, files_of
from ..record.build import Build
from ..record.snapshot import UNREADABLE, Entry, Snapshot
from ..record.step import shortened
from ..texts.plain import named
from ..texts.secrets import HIDDEN, is_hidden
from ..traces.instructions import Instruction, read
from .causes import Cause, Evidence
from .operations import Operation, Reading, Source

#: How many files a sentence names; it only counts the rest.
NAMED = 3
#: Facts of a copy action that a flag of COPY or ADD sets.
_COPY_FLAGS = {
    "mode": "--chmod",
    "modeStr": "--chmod",
    "owner": "--chown",
    "exclude_patterns": "--exclude",
    "include_patterns": "--parents",
    "attemptUnpackDockerCompatibility": "unpacking (ADD or --unpack)",
    "alwaysReplaceExistingDestPaths": "--link",
}
_PLAIN = {"cwd": "working directory changed", "user": "user changed", "network": "network changed"}
_VERBS = {
    "file added": "is new",
    "file removed": "is gone",
    "file changed": "changed",
    "file renamed": "was renamed",
    "mode changed": "has different permissions",
}
#: Kinds of cause for kinds of `selection.Change`; all others are "file changed".
_CHANGE_KINDS = {
    "added": "file added",
    "removed": "file removed",
    "renamed": "file renamed",
    "mode changed": "mode changed",
}


@dataclasses.dataclass(frozen=True)
class StepInBuild:
    """A step in one build: its operation, its text in the Dockerfile, and the build."""

    operation: Operation
    text: str
    build: Build

    @property
    def dockerfile(self) -> tuple[Instruction, ...]:
        """The instructions of the build's Dockerfile."""
        return read(self.build.dockerfile)


def own(now: StepInBuild, before: StepInBuild) -> list[Cause]:
    """Return how the step's own definition differs."""
    return list(_definition(now, before))


def hidden(now: StepInBuild) -> list[str]:
    """Name what is hidden in the step's own definition."""
    held = [key for key, value in now.operation.facts.items() if HIDDEN in value]
    return [f"the hidden value of {k[4:]}" if k.startswith("env ") else f"what is hidden in its {k}" for k in held]


def files(now: StepInBuild, before: StepInBuild, held: bool) -> tuple[list[Cause], list[str]]:
    """Return how the files that it reads from local contexts differ, and what couldn't be compared.

    `held`, as in `selection.content_key`: whether we take the engine to hold the earlier build's context.
    """
    causes: list[Cause] = []
    unknown: list[str] = []
    for mine, theirs in _pairs(now.operation.readings, before.operation.readings):
        if not (isinstance(mine.of, Source) and isinstance(theirs.of, Source) and mine.of.kind == "context"):
            continue
        after, earlier = now.build.contexts.get(mine.of.name), before.build.contexts.get(theirs.of.name)
        if after is None or earlier is None:
            unknown.append(f"the files of context {mine.of.name!r}")
            continue
        differ = content_key(after, mine.copy, held) != content_key(earlier, theirs.copy, held)
        if differ and not (held and _all_unsent(mine, after, earlier)):
            causes += _file_causes(mine, after, earlier)
        seen = ((path, after.entries[path]) for path in files_of(after, mine.copy))
        unknown += [f"the content of {path}" for path, entry in seen if entry.content == UNREADABLE]
    return causes, unknown


def unsent(now: StepInBuild, before: StepInBuild) -> str:
    """Say which files changed without the engine being told; "" if it was told, or nothing changed."""
    for mine, after, earlier in _contexts(now, before):
        if names := _all_unsent(mine, after, earlier):
            verb = "its size and date" if len(names) == 1 else "their sizes and dates"
            return f"{_listed(names)} changed, but not {verb}, so the engine didn't get the change"
    return ""


def _all_unsent(reading: Reading, now: Snapshot, before: Snapshot) -> list[str]:
    """Return the files that changed, if all of them kept their size and date: then the client doesn't send them (fsutil)."""
    after = {path: now.entries[path] for path in files_of(now, reading.copy)}
    earlier = {path: before.entries[path] for path in files_of(before, reading.copy)}
    found = changes(earlier, after)
    stats = [(c, now.stats.get(c.path), before.stats.get(c.path)) for c in found]
    untold = [c.path for c, new, old in stats if c.kind == "changed" and new and old and new[:2] == old[:2]]
    return untold if len(untold) == len(found) else []


def _contexts(now: StepInBuild, before: StepInBuild) -> Iterator[tuple[Reading, Snapshot, Snapshot]]:
    """Yield what it reads from local contexts: the reading, the context now, and the earlier one, if both are known."""
    for mine, theirs in _pairs(now.operation.readings, before.operation.readings):
        if isinstance(mine.of, Source) and isinstance(theirs.of, Source) and mine.of.kind == "context":
            after, earlier = now.build.contexts.get(mine.of.name), before.build.contexts.get(theirs.of.name)
            if after and earlier:
                yield mine, after, earlier


def only_dates(now: StepInBuild, before: StepInBuild) -> str:
    """Say which of the files that it reads have different dates; "" if none have."""
    names: list[str] = []
    for mine, after, earlier in _contexts(now, before):
        dates = ((path, after.stats.get(path), earlier.stats.get(path)) for path in files_of(after, mine.copy))
        names += [path for path, new, old in dates if new and old and new[1] != old[1]]
    verb = "has a different date" if len(names) == 1 else "have different dates"
    return f"{_listed(names)} {verb}, which doesn't count" if names else ""


def sources(now: Operation, before: Operation) -> list[Cause]:
    """Return how its sources other than local files differ: ADD of a URL or repository, COPY --from=image."""
    causes = []
    for mine, theirs in _pairs(now.readings, before.readings):
        if not (isinstance(mine.of, Source) and isinstance(theirs.of, Source)) or mine.of.kind == "context":
            continue
        if mine.of.name == theirs.of.name:
            causes += moved(mine.of, theirs.of, "source changed")
        elif mine.mounted:  # for COPY and ADD, the definition says it
            causes.append(_simple("mount changed", "from", theirs.of.name, mine.of.name))
    return causes


def moved(now: Source, before: Source, kind: str = "base moved") -> list[Cause]:
    """Return the cause if an image changed; nothing if its layers are the same, which is all that counts.

    (BuildKit source/containerimage/pull.go: the second cache key is the chain of layers.)
    """
    if (now.layers and now.layers == before.layers) or (now.digest and now.digest == before.digest):
        return []
    if now.name != before.name:
        return [
            Cause(
                "base changed",
                f"the base image changed: {before.name} → {now.name}",
                (Evidence("image", before.name, now.name),),
            )
        ]
    if now.digest != before.digest:
        what = f"image {now.name} moved" if now.kind == "image" else f"{now.name} changed"
        text = f"{what}: {_digest(before.digest)} → {_digest(now.digest)}"
        return [Cause(kind, text, (Evidence(now.name, before.digest, now.digest),))]
    return []


def moved_alike(now: Source, before: Source) -> list[Cause]:
    """Return the cause if an image changed but has the same layers: only its configuration differs, or how it was made.

    Steps that build on it may still hit, or not: an engine doesn't always compute the key that is made from the layers.
    """
    if now.digest == before.digest or moved(now, before):
        return []
    text = f"image {now.name} moved: {_digest(before.digest)} → {_digest(now.digest)}, with the same layers"
    return [Cause("base moved", text, (Evidence(now.name, before.digest, now.digest),))]


# ----------------------------------------------------------------------------------------------------------------------


def _definition(now: StepInBuild, before: StepInBuild) -> Iterator[Cause]:
    mine, theirs = now.operation.facts, before.operation.facts
    changed = [k for k in dict.fromkeys([*theirs, *mine]) if mine.get(k) != theirs.get(k)]
    variables = [k.removeprefix("env ") for k in changed if k.startswith("env ") and k != "env order"]
    same_text = now.text == before.text
    if "command" in changed:
        yield _text_changed(theirs.get("command", ""), mine.get("command", ""))
    if "shell" in changed and mine.get("shell") and theirs.get("shell"):  # not between RUN a and RUN ["a"]
        yield _simple("shell changed", "SHELL", theirs.get("shell", ""), mine.get("shell", ""))
    yield from _variables(variables, now, before)
    if not variables and "env order" in changed:
        evidence = Evidence("order of variables", theirs.get("env order", ""), mine.get("env order", ""))
        yield Cause("environment changed", "the variables are set in a different order", (evidence,))
    for key, kind in _PLAIN.items():
        if key in changed and (key in mine or key in theirs) and "command" in mine:
            yield _simple(kind, kind.removesuffix(" changed"), theirs.get(key, ""), mine.get(key, ""))
    for key in changed:
        if key.startswith(("mount ", "secret in ")):
            yield _simple("mount changed", key, theirs.get(key, ""), mine.get(key, ""))
        elif key.startswith("option ") or key in ("security", "platform", "link"):
            name = "--link" if key == "link" else key.removeprefix("option ")
            yield _simple("option changed", name, theirs.get(key, ""), mine.get(key, ""))
    yield from _copy(changed, now, before, same_text)


def _copy(changed: Sequence[str], now: StepInBuild, before: StepInBuild, same_text: bool) -> Iterator[Cause]:
    """Yield what differs in file actions: COPY, ADD, WORKDIR."""
    mine, theirs = now.operation.facts, before.operation.facts
    told: set[str] = set()
    for key in changed:
        if not (action := re.fullmatch(r"(copy|mkdir|mkfile|rm|symlink|operation) ?(\d*) ?(.*)", key)):
            continue
        field = action[3]
        if field in _COPY_FLAGS:
            flag = _COPY_FLAGS[field]
            cause = _simple("option changed", flag, _flag(theirs.get(key)), _flag(mine.get(key)))
        elif field == "text":
            cause = _text_changed(theirs.get(key, ""), mine.get(key, ""))
        elif field == "timestamp":
            cause = _simple(
                "argument changed", "SOURCE_DATE_EPOCH, the time of the files it makes", *_times(theirs, mine, key)
            )
        elif field == "from" and mine.get(key, "").startswith(("http ", "git ")):
            cause = _text_changed(before.text, now.text)
        elif field == "from":
            cause = _simple("option changed", "--from", theirs.get(key, ""), mine.get(key, ""))
        elif same_text:
            cause = _expanded(now, theirs.get(key, ""), mine.get(key, ""))
        else:
            cause = _text_changed(before.text, now.text)
        if cause.text not in told:
            told.add(cause.text)
            yield cause


def _expanded(now: StepInBuild, old: str, new: str) -> Cause:
    """Explain why the same instruction means something else: because of a variable in it, or the working directory."""
    evidence = (Evidence("path", old, new),)
    names = set(re.findall(r"\$\{?(\w+)", now.text))
    if names:
        declared = [i for i in now.dockerfile if i.keyword == "ARG" and i.value.partition("=")[0] in names]
        kind, word = ("argument changed", "ARG") if declared else ("environment changed", "ENV")
        return Cause(
            kind, f"{word} {', '.join(sorted(names))} changes it: {shortened(old, 60)} → {shortened(new, 60)}", evidence
        )
    return Cause(
        "working directory changed", f"WORKDIR changes it: {shortened(old, 60)} → {shortened(new, 60)}", evidence
    )


def _variables(names: Sequence[str], now: StepInBuild, before: StepInBuild) -> Iterator[Cause]:
    """Yield the variables that changed, ARGs first: an ENV that takes its value from one changes with it."""
    if not names:  # the usual case, which needn't read the Dockerfiles
        return
    arguments = {
        i.value.partition("=")[0].strip()
        for side in (now, before)
        for i in side.dockerfile
        if i.keyword == "ARG" and i.stage >= 0
    }
    set_by_env = {
        name for side in (now, before) for i in side.dockerfile if i.keyword == "ENV" for name in _env_names(i.value)
    }
    for name in sorted(names, key=lambda n: (n not in arguments, names.index(n))):
        is_argument = name in arguments and name not in set_by_env
        kind, word = ("argument changed", "ARG") if is_argument else ("environment changed", "ENV")
        old, new = before.operation.facts.get(f"env {name}"), now.operation.facts.get(f"env {name}")
        evidence = (Evidence(f"{word} {name}", old or "", new or ""),)
        if old is None:
            text = f"{word} {name}={shortened(new or '', 40)} is new"
        elif new is None:
            text = f"{word} {name} is gone"
        elif is_hidden(old) and is_hidden(new):
            text = f"{word} {name} changed; both values are hidden"
        else:
            text = f"{word} {name}: {shortened(old or '(empty)', 40)} → {shortened(new or '(empty)', 40)}"
        yield Cause(kind, text, evidence)


def _env_names(value: str) -> list[str]:
    return re.findall(r"(?:^|\s)([A-Za-z_]\w*)=", value) or value.split()[:1]


def _text_changed(old: str, new: str) -> Cause:
    evidence = (Evidence("instruction", old, new),)
    words = re.compile(r"\s+|[^\s]+")
    a, b = words.findall(old), words.findall(new)
    if old.split() == new.split():
        return Cause("text changed", "only its white space changed, which counts", evidence)
    blocks = [o for o in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if o[0] != "equal"]
    first, last = blocks[0], blocks[-1]
    gone, come = ("".join(x).strip() for x in (a[first[1] : last[2]], b[first[3] : last[4]]))
    if not gone:
        text = f"{shortened(come, 60)} was added to it"
    elif not come:
        text = f"{shortened(gone, 60)} was removed from it"
    else:
        text = f"its text changed: {shortened(gone, 50)} → {shortened(come, 50)}"
    return Cause("text changed", text, evidence)


def _simple(kind: str, what: str, old: str, new: str) -> Cause:
    text = f"{what}: {shortened(old, 60) or '(none)'} → {shortened(new, 60) or '(none)'}"
    return Cause(kind, text, (Evidence(what, old, new),))


def _times(before: Mapping[str, str], now: Mapping[str, str], key: str) -> tuple[str, str]:
    """Return nanoseconds since 1970 as the seconds that the user gave; -1 means none."""

    def seconds(side: Mapping[str, str]) -> str:
        return str(int(side[key]) // 10**9) if int(side.get(key, -1)) >= 0 else ""

    return seconds(before), seconds(now)


def _flag(value: str | None) -> str:
    """Return a mode in octal, as people write it; other values as they are."""
    if value is None or value == "-1":
        return ""
    return oct(int(value))[2:] if value.isdigit() else value


def _digest(digest: str) -> str:
    return digest.partition(":")[2][:12] or "(unknown)"


def _pairs(now: Sequence[Reading], before: Sequence[Reading]) -> list[tuple[Reading, Reading]]:
    return list(zip(now, before, strict=False))


def _file_causes(reading: Reading, now: Snapshot, before: Snapshot) -> Iterator[Cause]:
    after = {path: now.entries[path] for path in files_of(now, reading.copy)}
    earlier = {path: before.entries[path] for path in files_of(before, reading.copy)}
    found: dict[str, list[tuple[str, str, str]]] = {}
    for change in changes(earlier, after):
        kind = _CHANGE_KINDS.get(change.kind, "file changed")
        if (kind == "file added" and _ignored(change.path, before)) or (
            kind == "file removed" and _ignored(change.path, now)
        ):
            kind = "ignore rules changed"
        old, new = earlier.get(change.old_path or change.path), after.get(change.path)
        found.setdefault(kind, []).append((change.path, _entry(old), _entry(new)))
        if change.kind == "renamed":
            found[kind][-1] = (f"{change.old_path} → {change.path}", _entry(old), _entry(new))
    for kind, paths in found.items():
        evidence = tuple(Evidence(named(path), old, new) for path, old, new in paths[:20])
        names = [path for path, _, _ in paths]
        if kind == "ignore rules changed":
            text = f"a change in {now.ignore_file or before.ignore_file or '.dockerignore'} lets in or keeps out {_listed(names)}"
            rules = Evidence("rules", ", ".join(before.rules), ", ".join(now.rules))
            evidence = (rules, *evidence)
        elif kind == "file renamed":
            text = f"renamed: {_listed(names)}"
        else:
            verb = _VERBS[kind] if len(names) == 1 else _VERBS[kind].replace("is ", "are ").replace("has ", "have ")
            text = f"{_listed(names)} {verb}"
            if kind == "mode changed" and len(names) == 1:
                text += f": {paths[0][1].partition(' ')[0]} → {paths[0][2].partition(' ')[0]}"
        yield Cause(kind, text, evidence)


def _ignored(path: str, snapshot: Snapshot) -> bool:
    """Tell whether the path was there, but the ignore rules kept it out."""
    return any(path == kept_out or path.startswith(f"{kept_out}/") for kept_out in snapshot.ignored)


def _entry(entry: Entry | None) -> str:
    if entry is None:
        return ""
    size = f", {entry.size} bytes" if entry.kind == "file" else ""
    content = f", {entry.content[:12]}" if entry.content else ""
    return f"{entry.mode:04o} {entry.kind}{size}{content}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(named, names[:NAMED]))
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
