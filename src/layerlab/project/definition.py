"""Everything that one build is made from, as data: `resolving` makes it from an App and a variant, the rest uses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AppError

if TYPE_CHECKING:
    from ..texts.masker import Masker
    from ..traces.instructions import Instruction


@dataclasses.dataclass(frozen=True)
class Definition:
    """Everything that one build of a variant is made from.

    Attributes:
        app: name of the app.
        variant: name of the variant.
        folder: where the client runs: the project itself, or the app's scratch copy.
        project: the project's folder, which the app is or was copied from.
        scratch: a folder where the build keeps files.
        image: name of the image to make; "" if the plan names it.
        file: path of the Dockerfile in the app, or its full path if it's outside; "" if it's inline in the plan, or remote.
        built_file: the file that the client reads instead of `file`, without what this engine can't have; "" for `file`.
        file_in_context: the same, relative to the main context, to find its own ignore file.
        dockerfile: the Dockerfile's text as records have it, with its secrets hidden.
        source: the Dockerfile's text as it is.
        ignore_file: path of the file with its ignore rules in the app; "" if there is none.
        ignore: the text of that file.
        plan: what Compose or bake said it will build, a bake file in JSON; "" for a plain build.
        service: the bake target in the plan, for a Compose service or a target of a bake file; "" for a plain build.
        target: stage to stop at; "" for the last.
        args: build arguments as records have them, with secrets hidden.
        given_target: `target`, but only if the command has to name it; a plan names its own.
        given_args: the same for the build arguments, with their real values.
        options: further options of the command, one word each.
        contexts: name → folder, image or address; the main one is called "context".
        folders: the contexts that are local folders: name → full path.
        absent: name of a context → what a scratch copy lacks of its folder, because its ignore rules keep it out.
        masker: hides the secrets of the build.
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
    source: str = dataclasses.field(repr=False)
    ignore_file: str
    ignore: str
    plan: str = dataclasses.field(repr=False)
    service: str
    target: str
    args: Mapping[str, str] = dataclasses.field(hash=False)
    given_target: str
    given_args: Mapping[str, str] = dataclasses.field(hash=False, repr=False)
    options: tuple[str, ...] = dataclasses.field(repr=False)
    contexts: Mapping[str, str] = dataclasses.field(hash=False)
    folders: Mapping[str, Path] = dataclasses.field(hash=False)
    absent: Mapping[str, tuple[str, ...]] = dataclasses.field(hash=False)
    masker: Masker
    built_file: str = ""

    @property
    def title(self) -> str:
        """The app and the variant, as the user reads them."""
        return f"{self.app} {self.variant}"

    @property
    def steps(self) -> tuple[Instruction, ...]:
        """The instructions that become steps of a build, without FROM, in file order.

        Raises AppError if no stage has the target's name.
        """
        from ..traces import instructions  # here: a parser that a build's command doesn't need

        found = instructions.read(self.dockerfile, self.args)
        stages = instructions.stages(found)
        if self.target and self.target.lower() not in stages:
            known = ", ".join(dict.fromkeys(i.stage_name for i in found if i.stage >= 0))
            raise AppError(f"{self.variant} has no stage {self.target!r}", f"there are: {known or 'none'}")
        used = instructions.used_stages(found, {stages[self.target.lower()]} if self.target else set())
        return tuple(i for i in found if i.keyword in instructions.MAKES_A_STEP and i.stage in used)
