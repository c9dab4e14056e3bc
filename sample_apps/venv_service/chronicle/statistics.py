"""What a list of commits says about how a team works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xxhash

from chronicle.repository import Commit


def statistics(commits: Sequence[Commit]) -> dict[str, Any]:
    """Authors, sizes and rhythm of some commits (at least one), and a fingerprint the same for the same commits.

    Sizes are in lines, the longest pause in days, the busiest hour in UTC.
    """
    sizes = np.array([commit.added + commit.removed for commit in commits])
    times = np.sort([commit.time for commit in commits])
    hours = np.bincount(times // 3600 % 24, minlength=24)
    pauses = np.diff(times)
    return {
        "commits": len(commits),
        "authors": authors(commits),
        "median_lines": float(np.median(sizes)),
        "large_lines": float(np.percentile(sizes, 90)),
        "busiest_hour": int(hours.argmax()),
        "longest_pause_days": round(float(pauses.max() / 86400), 2) if len(pauses) else 0.0,
        "fingerprint": fingerprint(commits),
    }


def authors(commits: Sequence[Commit]) -> list[dict[str, Any]]:
    """Commits and lines of each author, the most active first."""
    found: dict[str, dict[str, Any]] = {}
    for commit in commits:
        one = found.setdefault(commit.author, {"name": commit.author, "commits": 0, "added": 0, "removed": 0})
        one["commits"] += 1
        one["added"] += commit.added
        one["removed"] += commit.removed
    return sorted(found.values(), key=lambda author: (-author["commits"], author["name"]))


def fingerprint(commits: Sequence[Commit]) -> str:
    """Sixteen hex digits that are the same for the same commits, in whatever order."""
    digest = xxhash.xxh3_64()
    for commit in sorted(commits, key=lambda c: (c.time, c.author, c.added, c.removed)):
        digest.update(repr(commit).encode())
    return digest.hexdigest()
