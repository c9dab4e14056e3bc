"""The parts of doctor's checks: findings, and asking commands. `faults` knows the messages of engines and tools."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence

from ..engines import endpoint, packages
from ..errors import CommandFailed, LayerLabError
from ..system.shell import run

#: A command that takes longer than this many seconds counts as unanswered. All checks run at the same time.
SECONDS = 12.0


@dataclasses.dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: the thing that was checked.
        ok: True if it's fine, False if something must be fixed, None if it's only worth knowing.
        what: the result in words.
        remedy: how to fix it, with the command; may be empty.
    """

    name: str
    ok: bool | None
    what: str
    remedy: str = ""


@dataclasses.dataclass(frozen=True)
class Output:
    """The answer of a command: its standard output if it succeeded, otherwise `failed` and everything that it printed."""

    text: str
    failed: bool = False


def ask(command: Sequence[str], environment: Mapping[str, str]) -> Output:
    """Run a command, for at most SECONDS, and return its answer; a command that fails is an answer, too."""
    try:
        return Output(run(*command, env=environment, timeout=SECONDS))
    except CommandFailed as error:
        output = error.output or error.message
        return Output(output if error.exit_code != 124 else f"{output}\nno answer in {SECONDS:.0f} s", failed=True)


def ask_plugin(*arguments: str) -> Output:
    """Ask the docker command or plugin that LayerLab would use: the unpacked one, else the user's."""
    # buildx notes in its folder which builder it used last; looking must leave nothing in the user's.
    with tempfile.TemporaryDirectory(prefix="layerlab-doctor-") as folder:
        environment = {**endpoint.person_environment(), "BUILDX_CONFIG": folder}
        plugins = packages.plugin_dirs()
        if plugins:
            # The plugin runs without the docker command, and then needs no configuration that names its folder.
            plugin = plugins[0] / f"docker-{arguments[0]}"
            if plugin.exists():
                return ask([str(plugin), *arguments[1:]], environment)
        try:
            return ask([endpoint.docker_program(), *arguments], environment)
        except LayerLabError as error:
            return Output(str(error), failed=True)


def first_line(text: str) -> str:
    """Return the first line of `text` that isn't blank, stripped; "" if there is none."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def last_line(text: str) -> str:
    """Return the last line of `text` that isn't blank, stripped; "" if there is none."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
