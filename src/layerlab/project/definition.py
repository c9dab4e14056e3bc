"""What a variant is built from: the text of its Dockerfile, its ignore rules, its target. Read before anything is built.

No engine is asked. A Compose file is read by `bake --print`, so that it means here what it means in a build.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..engines import client
from ..errors import AppError, CommandFailed
from ..system.shell import environment
from ..traces import instructions
from ..traces.instructions import MAKES_A_STEP, Instruction
from .app import App, Variant


@dataclasses.dataclass(frozen=True)
class Definition:
    """What one build of a variant is told.

    Attributes:
        app: name of the app.
        variant: name of the variant.
        file: path of the Dockerfile in the app; "" where the Compose file has it inline.
        dockerfile: its text.
        ignore_file: path of the file with its ignore rules in the app; "" where there is none.
        ignore: the text of that.
        target: stage to stop at; "" for the last.
        args: build arguments.
    """

    app: str
    variant: str
    file: str
    dockerfile: str
    ignore_file: str
    ignore: str
    target: str
    args: Mapping[str, str] = dataclasses.field(hash=False)

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


def of(
    app: App, variant: str, *, target: str = "", args: Mapping[str, str] | None = None, service: str = ""
) -> Definition:
    """The definition that `machine.build` would use, were it called with the same arguments.

    Raises AppError where there is no such variant or file, CommandFailed for a Compose file that cannot be read.
    """
    chosen = app.variant(variant)
    service = service or chosen.service
    if service and not chosen.compose:
        chosen = Variant(chosen.name, compose=chosen.dockerfile, service=service)
    target = target or chosen.target
    args = {**chosen.args, **(args or {})}
    if chosen.compose:
        said = service_settings(app, chosen.compose, service, client.environment_in(app.scratch / "docker", {}))
        folder, file = said.get("context", "."), said.get("dockerfile", "Dockerfile")
        text = service_dockerfile(app, said)
        file = "" if "dockerfile-inline" in said else (Path(folder) / file).as_posix()
        target, args = target or said.get("target", ""), {**(said.get("args") or {}), **args}
    else:
        folder, file, text = ".", chosen.dockerfile, app.read(chosen.dockerfile)
    # BuildKit prefers the rules that are named after the Dockerfile (frontend/dockerui/config.go).
    places = [f"{file}.dockerignore", (Path(folder) / ".dockerignore").as_posix()]
    ignore = next((place for place in places if app.file(place).is_file()), "")
    return Definition(app.name, chosen.name, file, text, ignore, app.read(ignore) if ignore else "", target, args)


def text_of(instruction: Instruction) -> str:
    """An instruction on one line."""
    return " ".join(f"{instruction.keyword} {instruction.value}".split())


def service_settings(app: App, compose: str, service: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """How bake reads a Compose service: context, dockerfile, target, args, ...; `variables` reach `docker`."""
    app.read(compose)  # a clear error if there is none
    command = [client.docker_program(), "buildx", "bake", f"--file={compose}", "--print", service]
    done = subprocess.run(command, cwd=app.path, env=environment(variables), capture_output=True, text=True)
    if done.returncode:
        raise CommandFailed(f"bake cannot read {compose}", command, done.returncode, done.stderr)
    return json.loads(done.stdout)["target"][service]


def service_dockerfile(app: App, settings: Mapping[str, Any]) -> str:
    """Text of the Dockerfile that `service_settings` names, or has inline."""
    inline = settings.get("dockerfile-inline")
    return inline or app.read(Path(settings.get("context", ".")) / settings.get("dockerfile", "Dockerfile"))
