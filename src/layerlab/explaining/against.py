"""The pure half of `explain`: why each step of a build ran or did not, over this build's record and those before it.

For a step that ran, in the order of causes.KINDS: `--no-cache` was given; the instruction is new; its operation differs; a
file it reads differs; the image it builds on moved; what it builds on was made anew by a step above. Where a step above was
a hit, and yet other than in the build it is compared with (an earlier, failed build made it), its differences count as the
reason. If all of it is equal the cache record must be gone. What could not be looked at makes it "unknown" instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..record.build import Build
from ..system import docker_words
from .causes import Explanation, StepCause
from .comparison import Comparison
from .deciding import decide
from .notes import with_notes


def explain_against(build: Build, earlier: Sequence[Build], *, forgotten: bool = False) -> Explanation:
    """Why each step of `build` is in the state it is in.

    Args:
        build: the build to explain.
        earlier: builds of the same project before it, the newest first; on the same machine, unless that is the question.
        forgotten: whether there may have been others that nobody remembers any more.
    """
    earlier = [b for b in earlier if _service(b) == _service(build)]
    same = [b for b in earlier if _key(b) == _key(build)] or earlier
    comparisons = [Comparison(build, b) for b in same]
    steps: list[StepCause] = []
    for index in range(len(build.steps)):  # a stage can only use those above it, so file order will do
        steps.append(decide(build, index, comparisons, steps, forgotten))
    return Explanation(build.app, build.variant, _against(build, same), with_notes(steps, comparisons))


def _key(build: Build) -> tuple[str, str]:
    """Builds of one variant are compared with one another, before those of other variants."""
    return build.variant, docker_words.target(build.command)


def _service(build: Build) -> str:
    """The Compose service it is of; services of one file are different images, and none explains another."""
    return build.command[-1] if "bake" in build.command[:3] else ""


def _against(build: Build, earlier: Sequence[Build]) -> str:
    if not earlier:
        return ""
    before = earlier[0]
    where = f" on machine {before.machine}" if before.machine != build.machine else ""
    failed = ", which failed" if before.error else ""
    return f"the previous build of {before.app} {before.variant}{where}{failed}"
