"""Running a command and saying plainly what happened when it fails. (Builds have their own runner: build.py.)"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from ..errors import CommandFailed


def run(
    *command: str,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    what: str = "",
    stdin: bytes | None = None,
) -> str:
    """Run `command` and return its standard output.

    `env` is added to this process's environment; an empty value removes the variable.
    Raises CommandFailed with the exact command, exit code and the end of the output; also when the program is missing
    (exit code 127) or takes longer than `timeout` seconds (exit code 124), as a shell and timeout(1) count them.
    """
    try:
        done = subprocess.run(command, env=environment(env), input=stdin, capture_output=True, timeout=timeout)
    except FileNotFoundError:
        raise CommandFailed(what or f"{command[0]} is not installed", command, 127, "") from None
    except subprocess.TimeoutExpired as error:
        output = _text(error.stdout) + _text(error.stderr)
        raise CommandFailed(what or f"{command[0]} took longer than {timeout:.0f} s", command, 124, output) from None
    if done.returncode != 0:
        output = _text(done.stdout) + _text(done.stderr)
        raise CommandFailed(what or f"{command[0]} failed", command, done.returncode, output)
    return _text(done.stdout)


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """This process's environment with `extra` on top; an empty value removes the variable."""
    merged = {**os.environ, **(extra or {})}
    return {key: value for key, value in merged.items() if value != "" or key not in (extra or {})}


def succeeds(command: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 20) -> bool:
    """Whether the command runs and exits with 0."""
    try:
        run(*command, env=env, timeout=timeout)
    except CommandFailed:
        return False
    return True


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")
