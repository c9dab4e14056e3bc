"""`explain`: why each step of a build ran, compared with earlier builds of its project."""

from __future__ import annotations

from ..record import history
from ..record.build import Build
from .against import explain_against
from .causes import Explanation


def explain(build: Build, previous: Build | None = None) -> Explanation:
    """Say why each step of `build` ran or didn't.

    Args:
        build: the build to explain.
        previous: the build to compare it with; by default, earlier builds of the same project on the same machine.
    """
    if previous is not None:
        return explain_against(build, [previous])
    return explain_against(build, history.before(build), forgotten=not history.kept(build))
