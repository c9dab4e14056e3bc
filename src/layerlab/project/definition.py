"""Everything that one build is made from, as data: `resolving` makes it of an App and a variant, and the rest takes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from ..errors import AppError
from ..traces import instructions
from ..traces.instructions import MAKES_A_STEP, Instruction


@dataclasses.dataclass(frozen=True)
class Definition:
    """Everything that one build of a variant is made from.

    Attributes:
        app: name of the app.
        variant: name of the variant.
        folder: where the client runs: the app's copy.
        project: the folder that the app was copied from.
        scratch: a folder for what the build needs to keep.
        image: name of the image to make; "" where the Compose file names it.
        file: path of the Dockerfile in the app; "" where the Compose file has it inline.
        file_in_context: the same relative to the main context, by which its own ignore file is found.
        dockerfile: its text.
        ignore_file: path of the file with its ignore rules in the app; "" where there is none.
        ignore: the text of that.
        compose: path of the Compose file in the app; "" for a plain build.
        service: the Compose service to build; "" for a plain build.
        target: stage to stop at; "" for the last.
        args: build arguments.
        given_target: `target`, as far as the command has to say it: a Compose file says its own.
        given_args: the same of `args`.
        options: further options of the command, a word each.
        contexts: name → folder, image or address; the main one is called "context".
        folders: those contexts that are folders here: name → full path.
    """

    app: str
    variant: str
    folder: Path
    project: Path
    scratch: Path
    image: str
    file: str
    file_in_context: str
    dockerfile: str
    ignore_file: str
    ignore: str
    compose: str
    service: str
    target: str
    args: Mapping[str, str] = dataclasses.field(hash=False)
    given_target: str
    given_args: Mapping[str, str] = dataclasses.field(hash=False)
    options: tuple[str, ...]
    contexts: Mapping[str, str] = dataclasses.field(hash=False)
    folders: Mapping[str, Path] = dataclasses.field(hash=False)

    @property
    def title(self) -> str:
        """What is built, for people."""
        return f"{self.app} {self.variant}"

    @property
    def steps(self) -> tuple[Instruction, ...]:
        """The instructions that a build of it makes steps of, FROM left out, in file order.

        Raises AppError where no stage is called as the target.
        """
        found = instructions.read(self.dockerfile, self.args)
        stages = {i.stage_name: i.stage for i in found if i.stage >= 0} | {str(i.stage): i.stage for i in found}
        if self.target and self.target.lower() not in stages:
            known = ", ".join(dict.fromkeys(i.stage_name for i in found if i.stage >= 0))
            raise AppError(f"{self.variant} has no stage {self.target!r}", f"there are: {known or 'none'}")
        used = instructions.used_stages(found, {stages[self.target.lower()]} if self.target else set())
        return tuple(i for i in found if i.keyword in MAKES_A_STEP and i.stage in used)
