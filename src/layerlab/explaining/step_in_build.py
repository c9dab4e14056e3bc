"""A step in one of the two builds that are compared. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from ..record.build import Build
from ..traces.instructions import Instruction, read
from . import plan
from .operations import Operation


@dataclasses.dataclass(frozen=True)
class StepInBuild:
    """A step in one build: its operation, its text in the Dockerfile, and the build.

    `line` is the first line of its instruction; 0 if unknown.
    """

    operation: Operation
    text: str
    build: Build
    line: int = 0

    @property
    def dockerfile(self) -> tuple[Instruction, ...]:
        """The instructions of the build's Dockerfile."""
        return read(self.build.dockerfile)

    @property
    def source(self) -> str:
        """The instruction's lines in the Dockerfile, with its heredocs; "" if its line is unknown."""
        end = next((i.end_line for i in self.dockerfile if i.line == self.line), 0)
        return "\n".join(self.build.dockerfile.splitlines()[self.line - 1 : end]) if self.line else ""

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that the Dockerfile and the build arguments set for this step; not those of the base image."""
        return plan.variables(self.build).get(self.line, {})


def secrets_of(text: str) -> tuple[str, ...]:
    """Return the ids of the secrets that a RUN mounts, from its text."""
    mounts = (mount.split(",") for mount in re.findall(r"--mount=(\S+)", text) if "type=secret" in mount.split(","))
    given = [dict(part.partition("=")[::2] for part in mount) for mount in mounts]
    # Without an id, it's the last name of the target (dockerfile2llb, convert_secrets.go).
    names = (m.get("id") or (m.get("target") or m.get("dst") or "").rpartition("/")[2] for m in given)
    return tuple(dict.fromkeys(filter(None, names)))
