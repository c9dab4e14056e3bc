"""The pure half of `explain`: why each step of a build ran or didn't, from its record and those of earlier builds.

The causes of a step that ran, in the order of causes.KINDS: `--no-cache` was given; the instruction is new; its operation
differs; a file it reads differs; the image it builds on moved; a step above that it builds on ran again. If a step above was
a hit, but differs from the build we compare with (because an earlier, failed build made it), its differences are the cause.
If everything is equal, the cache record must be gone. If something couldn't be compared, the cause is "unknown" instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..record.build import Build
from ..record.hosts import IMPORTED, in_words, is_builder
from ..record.states import FAILED
from ..record.step import shortened
from ..system import docker_words
from ..texts.plain import named
from . import remedies
from .causes import Explanation, StepCause
from .comparison import Comparison, on_one_engine
from .deciding import Deciding
from .listing import NAMED
from .notes import with_notes

#: What docker, bake, BuildKit and gRPC put before the error itself.
_AROUND = re.compile(
    r"\A(?:ERROR: |failed to build: |target \S+: |failed to solve: |failed to receive status: |rpc error: code = \w+ desc = )+"
)


def explain_against(build: Build, earlier: Sequence[Build], *, forgotten: bool = False) -> Explanation:
    """Say why each step of `build` is in its state.

    Args:
        build: the build to explain.
        earlier: earlier builds of the same project, the most telling first: those of the same engine, and newer before older.
        forgotten: whether there may have been others that are no longer known.
    """
    # Services of one file are different images, and none explains another.
    earlier = [b for b in earlier if b.what[2] == build.what[2]]
    same = [b for b in earlier if b.what == build.what]
    others = [Comparison(build, b) for b in earlier if b.what != build.what] if same else []
    same = same or earlier
    comparisons = [Comparison(build, b) for b in same]
    steps: list[StepCause] = []
    for index in range(len(build.steps)):  # a stage can only use stages above it, so file order will do
        steps.append(Deciding(build, index, comparisons, others, steps, forgotten).explained())
    told = with_notes(steps, comparisons)
    return Explanation(
        build.app, build.variant, _against(build, same), told, remedies.remedies(build, told), _failure(build)
    )


def _failure(build: Build) -> str:
    """Say how a build failed if none of its steps did: before the first, or when it was exported; "" for any other build."""
    if not build.error or any(s.state == FAILED for s in build.steps):
        return ""
    odd = [named(path) for snapshot in build.contexts.values() for path in snapshot.entries if not _utf8(path)]
    if "invalid UTF-8" in build.error and odd:
        return f"BuildKit takes only names in UTF-8, unlike that of {', '.join(odd[:NAMED])}"
    lines = [line for line in build.error.splitlines() if line.startswith("ERROR: ")] or build.error.splitlines()
    return shortened(_AROUND.sub("", lines[-1]).rstrip("."), 200)


def _utf8(name: str) -> bool:
    """Tell whether a name has no byte that Python had to keep as a lone surrogate."""
    return not any(0xDC80 <= ord(c) <= 0xDCFF for c in name)


def _against(build: Build, earlier: Sequence[Build]) -> str:
    if not earlier:
        return ""
    before = earlier[0]
    where = f" of branch {before.branch}" if before.branch not in ("", build.branch) else ""
    if before.machine != build.machine or before.machine == IMPORTED:
        where += f" on {in_words(before.machine)}"
    elif not on_one_engine(build, before):
        where += " on another computer" if is_builder(build.machine) else " on another engine"
    elif is_builder(build.machine):  # others may have built there since
        where += f" on {build.machine} known to LayerLab"
    target = docker_words.target(before.command)
    same = target == docker_words.target(build.command)
    other = "" if same else f", of target {target}" if target else ", of its last stage"
    failed = ", which failed" if before.error else ""
    return f"the previous build of {before.app} {before.variant}{where}{other}{failed}"
