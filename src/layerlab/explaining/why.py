"""`explain`: why each step of a build ran, compared with earlier builds of its project."""

from __future__ import annotations

from collections.abc import Sequence

from ..record import history
from ..record.build import Build
from .against import explain_against
from .causes import Explanation


def explain(build: Build, previous: Build | Sequence[Build] | None = None) -> Explanation:
    """Say why each step of `build` ran or didn't.

    Args:
        build: the build to explain.
        previous: the build to compare it with, or several, the most telling first; by default, earlier builds of the same
            project on the same machine.
    """
    forgotten = not previous and not history.kept(build)
    return explain_against(build, compared_with(build, previous), forgotten=forgotten)


def compared_with(build: Build, previous: Build | Sequence[Build] | None = None) -> Sequence[Build]:
    """Return the builds that `explain` compares with."""
    if previous is None:
        return history.before(build)
    return [previous] if isinstance(previous, Build) else previous
