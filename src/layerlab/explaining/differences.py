"""How one operation differs from the same operation in another build, as causes. Pure, over records.

The order and the sentences are for the user. What counts is what BuildKit's cache keys are made of: an operation's own
definition (solver/llbsolver/ops: exec.go, file.go, CacheMap) and the content of the files it reads (`file_changes`).
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from ..record.build import Build
from ..record.step import shortened
from ..texts.secrets import HIDDEN, is_hidden
from ..traces.instructions import from_variables, global_values
from .causes import Cause, Evidence
from .operations import Operation, Reading, Source
from .step_in_build import StepInBuild

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


def own(now: StepInBuild, before: StepInBuild) -> list[Cause]:
    """Return how the step's own definition differs."""
    return list(_definition(now, before))


def hidden(now: StepInBuild) -> list[str]:
    """Name what is hidden in the step's own definition."""
    held = [key for key, value in now.operation.facts.items() if HIDDEN in value]
    return [f"the hidden value of {k[4:]}" if k.startswith("env ") else f"what is hidden in its {k}" for k in held]


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


def unknown_version(now: Source, before: Source) -> list[str]:
    """Name a source that may have changed or not: a failed build's record has no image's digest."""
    named = now.kind != "context" and now.name == before.name
    if not named or now.digest or before.digest or (now.vertex and now.vertex == before.vertex):
        return []
    return [f"image {now.name}" if now.kind == "image" else now.name]


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


def rebased(now: Build, before: Build, changed: Cause) -> Cause:
    """Return the cause that another image is the base, with the ARG before the first FROM that chose it, if one did."""
    values = [global_values(build.dockerfile, build.args) for build in (now, before)]
    names = {name for build in (now, before) for name in from_variables(build.dockerfile)}
    for name in sorted(n for n in names if values[0].get(n) != values[1].get(n)):
        old, new = (side.get(name, "") for side in reversed(values))
        told = Evidence(f"ARG {name}", old, new)
        text = f"{changed.text} (ARG {name}: {_arrow(old, new, 40)})"
        changed = dataclasses.replace(changed, text=text, evidence=(*changed.evidence, told))
    return changed


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
        elif field == "text" and now.source == before.source:  # a heredoc with a variable in it
            cause = _expanded(now, before, *_blocks(theirs.get(key, ""), mine.get(key, "")))
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
            cause = _expanded(now, before, theirs.get(key, ""), mine.get(key, ""))
        else:
            cause = _text_changed(before.text, now.text)
        if cause.text not in told:
            told.add(cause.text)
            yield cause


def _expanded(now: StepInBuild, before: StepInBuild, old: str, new: str) -> Cause:
    """Explain why the same instruction means something else: because of a variable in it, or the working directory."""
    mentioned = set(re.findall(r"\$\{?(\w+)", now.source or now.text))
    changed = {name for name in mentioned if now.variables.get(name) != before.variables.get(name)}
    names = sorted(changed or mentioned)  # a variable that the base image sets isn't known here
    shown = _arrow(old, new, 60, nothing="")
    evidence: tuple[Evidence, ...] = (Evidence("value", old, new),)
    if names:
        declared = [i for i in now.dockerfile if i.keyword == "ARG" and i.assigned.keys() & set(names)]
        kind, word = ("argument changed", "ARG") if declared else ("environment changed", "ENV")
        evidence += tuple(_variable_evidence(word, name, now.variables, before.variables) for name in sorted(changed))
        return Cause(kind, f"{word} {', '.join(names)} changes it: {shown}", evidence)
    return Cause("working directory changed", f"WORKDIR changes it: {shown}", evidence)


def _variable_evidence(word: str, name: str, now: Mapping[str, str], before: Mapping[str, str]) -> Evidence:
    return Evidence(f"{word} {name}", before.get(name, ""), now.get(name, ""))


def _variables(names: Sequence[str], now: StepInBuild, before: StepInBuild) -> Iterator[Cause]:
    """Yield the variables that changed, ARGs first: an ENV that takes its value from one changes with it."""
    if not names:  # the usual case, which needn't read the Dockerfiles
        return
    written = [i for side in (now, before) for i in side.dockerfile if i.stage >= 0]
    arguments = {name for i in written if i.keyword == "ARG" for name in i.assigned}
    set_by_env = {name for i in written if i.keyword == "ENV" for name in i.assigned}
    for name in sorted(names, key=lambda n: (n not in arguments, names.index(n))):
        is_argument = name in arguments and name not in set_by_env
        kind, word = ("argument changed", "ARG") if is_argument else ("environment changed", "ENV")
        word = word if now.line else "ARG or ENV"  # another bake target's step: its Dockerfile isn't known
        old, new = before.operation.facts.get(f"env {name}"), now.operation.facts.get(f"env {name}")
        evidence = (Evidence(f"{word} {name}", old or "", new or ""),)
        if old is None:
            text = f"{word} {name}={shortened(new or '', 40)} is new"
        elif new is None:
            text = f"{word} {name} is gone"
        elif is_hidden(old) and is_hidden(new):
            text = f"{word} {name} changed; both values are hidden"
        else:
            text = f"{word} {name}: {_arrow(old, new, 40, nothing='(empty)')}"
            if not is_argument and (source := _argument_behind(name, now, before, arguments)):
                text += f", set from ARG {source}"
        yield Cause(kind, text, evidence)


def _argument_behind(name: str, now: StepInBuild, before: StepInBuild, arguments: Set[str]) -> str:
    """Return the ARG whose new value an unchanged ENV takes; "" if there's none."""

    def values(side: StepInBuild) -> set[str]:
        return {i.assigned[name] for i in side.dockerfile if i.keyword == "ENV" and name in i.assigned}

    if values(now) != values(before):
        return ""
    mentioned = {word for value in values(now) for word in re.findall(r"\$\{?(\w+)", value)}
    return ", ".join(sorted(mentioned & arguments))


def _text_changed(old: str, new: str) -> Cause:
    evidence = (Evidence("instruction", old, new),)
    if old.split() == new.split():
        return Cause("text changed", "only its white space changed, which counts", evidence)
    gone, come = _blocks(old, new)
    if not gone:
        text = f"{shortened(come, 60)} was added to it"
    elif not come:
        text = f"{shortened(gone, 60)} was removed from it"
    else:
        text = f"its text changed: {_arrow(gone, come, 50)}"
    return Cause("text changed", text, evidence)


def _arrow(old: str, new: str, width: int, nothing: str = "(none)") -> str:
    """Return "old → new", each of at most `width` characters, among them those where they begin to differ."""
    told = " ".join(old.split()), " ".join(new.split())
    common = next((i for i, (a, b) in enumerate(zip(*told, strict=False)) if a != b), min(map(len, told)))
    skipped = max(0, common - width // 3) if max(map(len, told)) > width else 0
    return " → ".join(shortened("…" * (skipped > 0) + text[skipped:], width) or nothing for text in told)


def _blocks(old: str, new: str) -> tuple[str, str]:
    """Return the part of each of two texts in which they differ, in whole words."""
    words = re.compile(r"\s+|[^\s]+")
    a, b = words.findall(old), words.findall(new)
    blocks = [o for o in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if o[0] != "equal"]
    first, last = blocks[0], blocks[-1]
    return "".join(a[first[1] : last[2]]).strip(), "".join(b[first[3] : last[4]]).strip()


def _simple(kind: str, what: str, old: str, new: str) -> Cause:
    text = f"{what}: {_arrow(old, new, 60)}"
    return Cause(kind, text, (Evidence(what, old, new),))


def _times(before: Mapping[str, str], now: Mapping[str, str], key: str) -> tuple[str, str]:
    """Return nanoseconds since 1970 as the seconds that the user gave; -1 means none."""

    def seconds(side: Mapping[str, str]) -> str:
        return str(int(side[key]) // 10**9) if int(side.get(key, -1)) >= 0 else ""

    return seconds(before), seconds(now)


def _flag(value: str | None) -> str:
    """Return the value of a flag as people write it: a mode in octal, an owner as user:group; others as they are."""
    if value is None or value == "-1":
        return ""
    if value.startswith("{"):
        owner = json.loads(value)
        return ":".join(filter(None, (_owner(owner.get(part)) for part in ("user", "group"))))
    return oct(int(value))[2:] if value.isdigit() else value


def _owner(told: Mapping[str, Any] | None) -> str:
    """Return the name or number of a user or group (pb.UserOpt)."""
    user = (told or {}).get("User") or {}
    return str(user["byName"].get("name", "")) if "byName" in user else str(user.get("byId", ""))


def _digest(digest: str) -> str:
    return digest.partition(":")[2][:12] or "(unknown)"


def _pairs(now: Sequence[Reading], before: Sequence[Reading]) -> list[tuple[Reading, Reading]]:
    return list(zip(now, before, strict=False))
