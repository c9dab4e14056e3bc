"""Why a step that differs in nothing ran on an engine that didn't make the earlier build: what was imported, and what was not.

A cache that travels is exported by one build (--cache-to, or inline in its image) and imported by another (--cache-from).
BuildKit goes on without one that it can't import. With mode=min, the default, and inline, it holds only layers of the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..record.build import Build
from ..record.hosts import IMPORTED, in_words, is_builder
from ..record.step import shortened
from ..system import docker_words
from ..traces.instructions import read
from .causes import Cause
from .comparison import Comparison

#: Kinds of cause of a step whose key is that of the earlier build: it ran because no cache here has it.
NOT_HERE = ("record gone", "another machine", "cache not imported", "not in imported cache")

_IMPORT = re.compile(r"importing cache manifest from (.+)")


def not_here(comparison: Comparison, index: int) -> tuple[Cause, bool]:
    """Return why this engine doesn't have the result that the earlier build had on another one, and whether that's certain.

    It isn't where a cache was imported: another difference, if something couldn't be compared, would explain the step as well.
    """
    now, before = comparison.now, comparison.before
    failed = dict(_failed(now))
    imported = [name for name in _imports(now) if name not in failed]
    if imported:
        text = f"the cache imported from {' and '.join(imported)} doesn't have it{_why(comparison, index, imported)}"
        return Cause("not in imported cache", text), False
    if failed:
        told = " and ".join(f"{name} ({shortened(why)})" for name, why in failed.items())
        return Cause("cache not imported", f"no cache could be imported from {told}"), True
    return _elsewhere(before.machine, now.machine)


def _elsewhere(before: str, now: str) -> tuple[Cause, bool]:
    """Return the cause of a step that another machine, builder or computer made, and whether it's certain."""
    where = f"the previous build ran on {in_words(before)}"
    if IMPORTED in (before, now):
        text = "nothing that is known differs; whether both builds had the same cache isn't known"
        return Cause("unknown", text), False
    if before == now and is_builder(now):  # both computers may use one builder
        return Cause(
            "another machine", f"the previous build ran on another computer; {now} doesn't have its result here"
        ), False
    if before == now:
        text = "the previous build ran on another engine, or before this one was reset; its cache isn't here"
        return Cause("another machine", text), True
    if is_builder(before) and is_builder(now):  # two names may stand for one engine
        return Cause("unknown", f"{where}; whether {now} can use its cache isn't known"), True
    return Cause("another machine", f"{where}; {now} doesn't have its cache"), True


def image_stages(build: Build) -> frozenset[str]:
    """Name the stages whose layers make up the image: the last step's and those it is FROM."""
    bases = {i.stage_name: i.base.lower() for i in read(build.dockerfile) if i.keyword == "FROM"}
    stage = _name(max(build.steps, key=lambda s: s.line).stage) if build.steps else ""
    found: list[str] = []
    while stage in bases and stage not in found:
        found.append(stage)
        stage = bases[stage]
    return frozenset(found)


def _name(stage: str) -> str:
    return stage.rpartition(" ")[2]  # the platform comes before it, if there are several


def _imports(build: Build) -> Iterator[str]:
    for phase in build.phases:
        if phase.kind == "cache import" and (found := _IMPORT.search(phase.name)):
            yield found[1]


def _failed(build: Build) -> Iterator[tuple[str, str]]:
    """Yield the caches that couldn't be imported, and what BuildKit said. It names them in a warning (`traces.trace`)."""
    for name in _imports(build):
        start = f"importing cache manifest from {name}: "
        if told := [w for w in build.warnings if start in w]:
            yield name, told[0].rpartition(": ")[2]  # an error of Go's names the cause last


def _why(comparison: Comparison, index: int, imported: list[str]) -> str:
    """Say why an imported cache may not have a step's result, as far as the earlier build's command tells; else ""."""
    before = comparison.before
    if "bake" in before.command[:3]:  # its file may say more
        return ""
    exports = [_export(value) for value in docker_words.values(before.command, "--cache-to")]
    inline = before.args.get("BUILDKIT_INLINE_CACHE") == "1" or any(e.get("type") == "inline" for e in exports)
    if not exports and not inline:
        return "; the previous build exported none"
    elsewhere = [e["ref"] for e in exports if e.get("ref") and e["ref"] not in imported]
    if elsewhere and len(elsewhere) == len(exports):
        return f"; the previous build exported its own to {' and '.join(elsewhere)}"
    small = inline or all(e.get("mode", "min") == "min" for e in exports)
    if small and _name(comparison.now.steps[index].stage) not in image_stages(before):
        how = "inline" if inline else "with mode=min"
        return f"; it was exported {how}, so it holds no layers of stages that aren't in the image"
    return ""


def _export(value: str) -> Mapping[str, str]:
    """Read a value of --cache-to; one that's only a name means a registry's (buildx util/buildflags/cache.go)."""
    return docker_words.fields(value) if "=" in value else {"type": "registry", "ref": value}
