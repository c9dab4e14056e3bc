"""The chain of steps that decides when a build ends."""

from __future__ import annotations

from ..record.build import Build
from ..record.states import BASE, CACHED, FAILED
from ..record.step import Step

#: A cached step or base image that took fewer seconds than this did nothing; one that took longer was fetched from somewhere.
INSTANT = 0.05


def critical_path(build: Build) -> tuple[str, ...]:
    """Return the digests of the steps that determine the end of the build, first to last; () if no step started.

    The path goes from the step that finished last (or the one that failed, since the others were only canceled) back to the
    one of its inputs that finished last, and so on. Speeding up a step elsewhere may not make the build any faster.
    Inputs that are not steps (the build context, a base image's metadata) are not followed. A step that did nothing,
    such as a cached one, is followed only if no other input did anything, because it may be reported long after it was
    known. If steps end at the same time, the later one in the file counts.
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
    return (step.started or 0.0) + step.seconds, step.line
