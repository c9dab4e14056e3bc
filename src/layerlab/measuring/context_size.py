"""How much of its build context a build needs. Pure."""

from __future__ import annotations

import collections

from ..contexts.selection import files_of
from ..explaining import plan
from ..explaining.operations import Source
from ..record.build import Build


def context_bytes(build: Build) -> int | None:
    """Return the size of what a builder that holds nothing is sent, bytes; None if that isn't known.

    BuildKit's client sends what the steps' COPYs and mounts name, whatever their --exclude says. A record's `context_bytes` is
    only what this engine didn't hold.
    """
    sizes = _sizes(build)
    return None if sizes is None else sum(sizes.values())


def largest_parts(build: Build) -> list[tuple[str, int]]:
    """Return the outermost files and folders of the context that a build needs, with their sizes in bytes, largest first."""
    parts: collections.Counter[str] = collections.Counter()
    for (_, path), size in (_sizes(build) or {}).items():
        parts[path.partition("/")[0]] += size
    return parts.most_common()


def _sizes(build: Build) -> dict[tuple[str, str], int] | None:
    """Return the files that a build needs: name of the context and path → bytes."""
    found: dict[tuple[str, str], int] = {}
    for reading in (r for operation in plan.operations(build) if operation for r in operation.readings):
        if not isinstance(reading.of, Source) or reading.of.kind != "context":
            continue
        snapshot = build.contexts.get(reading.of.name)
        if snapshot is None:
            return None
        copy = {key: value for key, value in reading.copy.items() if key != "exclude_patterns"}
        found |= {(reading.of.name, path): snapshot.entries[path].size for path in files_of(snapshot, copy)}
    return found
