"""The chain of steps that decides when a build ends."""

from __future__ import annotations

from ..record.build import Build
from ..record.states import BASE, CACHED, FAILED
from ..record.step import Step

#: A cached step or base image that took less did nothing; one that took more was fetched from somewhere, seconds.
INSTANT = 0.05


def critical_path(build: Build) -> tuple[str, ...]:
    """Digests of the steps that determine the end of the build, first to last; () if no step started.

    From the step that finished last (the one that failed, if one did: the others were only canceled), back to the one
    of its inputs that finished last, and so on: a step elsewhere may get faster without the build ending sooner.
    Inputs that are not steps (the build context, a base image's metadata) are not followed. A step that did nothing,
    such as a cached one, is followed only where no input did something: it may be reported long after it was known. Of
    steps that end together the later in the file counts.
    """
    started = {s.digest: s for s in build.steps if s.started is not None}
    failed = [s for s in started.values() if s.state == FAILED]
    path: list[str] = []
    step = max(failed or started.values(), key=_end, default=None)
    while step is not None:  # ends: BuildKit's digests cover the inputs' digests, so there is no cycle
        path.append(step.digest)
        inputs = (s for s in started.values() if s.digest in step.inputs)
        step = max(inputs, key=lambda s: (_worked(s), _end(s)), default=None)
    return tuple(reversed(path))


def _worked(step: Step) -> bool:
    return step.state not in (BASE, CACHED) or step.seconds >= INSTANT


def _end(step: Step) -> tuple[float, int]:
    return step.started + step.seconds, step.line
