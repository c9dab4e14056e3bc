"""What doctor's checks are made of: a finding, and asking a command. What engines and tools print is known to `faults`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ..engines import endpoint, packages
from ..errors import CommandFailed, LayerLabError
from ..system.shell import run

#: A question that is not answered in this time counts as unanswered, seconds. They are asked at the same time.
SECONDS = 12.0


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: what was looked at.
        ok: True where it is fine, False where something must be mended, None where it is only worth knowing.
        what: what was found, in words.
        remedy: what mends it, with the command; may be empty.
    """

    name: str
    ok: bool | None
    what: str
    remedy: str = ""


@dataclasses.dataclass(frozen=True)
class Output:
    """What a command said: its standard output where it succeeded, otherwise `failed` and all that it printed."""

    text: str
    failed: bool = False


def ask(command: Sequence[str], environment: Mapping[str, str]) -> Output:
    try:
        return Output(run(*command, env=environment, timeout=SECONDS))
    except CommandFailed as error:
        output = error.output or error.message
        return Output(output if error.exit_code != 124 else f"{output}\nno answer in {SECONDS:.0f} s", failed=True)


def ask_plugin(*arguments: str) -> Output:
    """Ask the docker command and plugins that LayerLab would use: those it unpacked, else the person's."""
    environment = endpoint.person_environment()
    plugins = packages.plugin_dirs()
    if plugins:
        # The plugin itself runs without the docker command, and needs no configuration that names its folder.
        plugin = plugins[0] / f"docker-{arguments[0]}"
        if plugin.exists():
            return ask([str(plugin), *arguments[1:]], environment)
    try:
        return ask([endpoint.docker_program(), *arguments], environment)
    except LayerLabError as error:
        return Output(str(error), failed=True)


def first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
