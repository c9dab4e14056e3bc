"""Build with `docker compose build` itself, as the guides do, and read which steps were cached from what it prints.

`Machine.build` builds a service from what Compose says it would build. That's exact about steps, but it isn't the command that
a guide's claim is about.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..engines.endpoint import docker_program
from ..machine.holding import Kind
from ..record.states import CACHED, FAILED, RAN
from ..system.shell import run

if TYPE_CHECKING:
    from ..machine.machine import Machine
    from ..project.app import App

#: Names a step of BuildKit's plain progress: "#7 [api builder 2/4] COPY . .". Steps of the build itself, such as
#: "[api internal] load build definition", have no number.
_STEP = re.compile(r"^#(?P<id>\d+) \[(?P<stage>[^\]]*?)(?P<place>\d+)/\d+\] (?P<text>.+)$", re.MULTILINE)
#: Says how a step ended: "#7 CACHED", "#7 DONE 0.3s", "#7 ERROR: …".
_END = re.compile(r"^#(\d+) (CACHED|DONE|ERROR)\b", re.MULTILINE)
_STATES = {"CACHED": CACHED, "DONE": RAN, "ERROR": FAILED}


@dataclasses.dataclass(frozen=True)
class Composed:
    """What one `docker compose build` did.

    Attributes:
        states: state by instruction, stage by stage and without FROM; a step that's both cached and done was cached.
        output: everything that it printed.
    """

    states: dict[str, str]
    output: str

    def cached(self, text: str = "") -> bool:
        """Tell whether there are steps whose instruction contains `text`, and all of them were cached."""
        found = {state for step, state in self.states.items() if text in step}
        return found == {CACHED}

    def state(self, text: str) -> str:
        """Return the state of the first step whose instruction contains `text`; "" if there is none."""
        return next((state for step, state in self.states.items() if text in step), "")


def compose_build(machine: Machine, app: App, *words: str, file: str = "compose.yaml", **variables: str) -> Composed:
    """Run `docker compose build` on the machine with the app's Compose file, and return what it did.

    Args:
        machine: where to build.
        app: whose folder holds the Compose file.
        words: more options of `docker compose build`, and services.
        file: the Compose file, from the app's folder.
        variables: variables that Compose reads. An empty value removes one.

    Where a base image is a stand-in, a second Compose file says so. Raises CommandFailed with what Compose printed.
    """
    with machine.holds.during(Kind.USE):
        return composed(_printed(machine, app, words, file, variables))


def _printed(machine: Machine, app: App, words: Sequence[str], file: str, variables: Mapping[str, str]) -> str:
    compose = [docker_program(), "compose", "--progress=plain", "--file", str(app.path / file)]
    if contexts := machine.named_contexts():
        told = run(*compose, "config", "--format=json", env={**machine.environment, **variables})
        services = {name: {"build": {"additional_contexts": contexts}} for name in json.loads(told)["services"]}
        beside = app.path / "compose.stand-ins.yaml"
        beside.write_text(json.dumps({"services": services}), encoding="utf-8")
        compose += ["--file", str(beside)]
    # Compose tells its progress on standard error, which `run` returns only of a command that failed.
    return run("sh", "-c", '"$@" 2>&1', "sh", *compose, "build", *words, env={**machine.environment, **variables})


def composed(output: str) -> Composed:
    """Read BuildKit's plain progress, as Compose prints it."""
    ends: dict[str, str] = {}
    for number, word in _END.findall(output):
        ends.setdefault(number, _STATES[word])
    # Cached steps are printed in any order.
    steps = sorted(_STEP.finditer(output), key=lambda step: (step["stage"], int(step["place"])))
    return Composed({s["text"]: ends.get(s["id"], "") for s in steps if not s["text"].startswith("FROM ")}, output)
