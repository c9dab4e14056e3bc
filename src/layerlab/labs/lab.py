"""A lab: the files a learner edits, the builds that try them, and the judge of what those builds showed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from .lab_run import LabRun
from .verdict import Observed, Verdict


@dataclasses.dataclass(frozen=True)
class Lab:
    """One lab.

    Attributes:
        name: its folder in labs/.
        app: the sample app it's about.
        script: runs the builds.
        judge: turns what they showed into a verdict.
        files: the files that the learner edits: name in the lab's folder → path in a scratch copy of the app.
    """

    name: str
    app: str
    script: Callable[[LabRun], None]
    judge: Callable[[Observed], Verdict]
    files: Mapping[str, str] = dataclasses.field(default_factory=lambda: {"Dockerfile": "lab.Dockerfile"})
