"""What makes a step run again: a table of real pairs of builds, with the states and root causes expected of each.

The expectations come from the Dockerfile reference and from what BuildKit was seen to do, and were written before the builds
ran; where the engine says otherwise than one would think, the case says why.
"""

from . import environment, failures, files, instructions, machines, mounts, projects, reports, stages
from .checking import check
from .scene import Case, Scene, Servers, move_base, serving

#: By theme.
ALL: dict[str, tuple[Case, ...]] = {
    module.__name__.rpartition(".")[2]: module.CASES
    for module in (files, instructions, environment, mounts, stages, machines, reports, projects, failures)
}

__all__ = ["ALL", "Case", "Scene", "Servers", "check", "move_base", "serving"]
