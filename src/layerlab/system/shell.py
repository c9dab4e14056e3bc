"""Run a command, and say plainly what happened if it fails. Builds use machine/client_process.py instead."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..errors import CommandFailed, LayerLabError

#: A command started by `beside` is ended within this many seconds.
NOTICE_SECONDS = 0.1
#: On the threads of `beside`, its event `ended` says that their work is no longer wanted.
_thread = threading.local()


def run(
    *command: str,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    what: str = "",
    stdin: bytes | None = None,
) -> str:
    """Run `command` and return its standard output.

    `env` is added to this process's environment; an empty value removes the variable. `what` replaces the error's message.
    Raises CommandFailed with the exact command, the exit code and the end of the output. A missing program has exit code 127,
    and one that takes longer than `timeout` seconds has 124, as in a shell and with timeout(1).
    """
    try:
        done = _finished(command, environment(env), stdin, timeout)
    except FileNotFoundError:
        raise CommandFailed(what or f"{command[0]} is not installed", command, 127, "") from None
    except subprocess.TimeoutExpired as error:
        output = _text(error.stdout) + _text(error.stderr)
        raise CommandFailed(what or f"{command[0]} took longer than {timeout:.0f} s", command, 124, output) from None
    if done.returncode != 0:
        output = _text(done.stdout) + _text(done.stderr)
        raise CommandFailed(what or f"{command[0]} failed", command, done.returncode, output)
    return _text(done.stdout)


def _finished(
    command: Sequence[str], env: Mapping[str, str], stdin: bytes | None, timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """Do the same as subprocess.run, but on a thread of `beside`, stop early when told to."""
    ended: threading.Event | None = getattr(_thread, "ended", None)
    if ended is None:
        return subprocess.run(command, env=env, input=stdin, capture_output=True, timeout=timeout)
    deadline = time.monotonic() + timeout
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe if stdin else None, stdout=pipe, stderr=pipe) as process:
        while True:
            try:
                output, errors = process.communicate(stdin, timeout=NOTICE_SECONDS)
                return subprocess.CompletedProcess(command, process.returncode, output, errors)
            except subprocess.TimeoutExpired as error:
                if ended.is_set() or time.monotonic() > deadline:
                    process.kill()
                    raise subprocess.TimeoutExpired(command, timeout, error.output, error.stderr) from None


@contextlib.contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do `work` on a thread while the body runs. When the body ends, so does the command that `work` is running.

    LayerLab's own errors and the computer's refusals in `work` aren't reported: it only prepares something that the code
    after it can do itself.
    """
    ended = threading.Event()

    def target() -> None:
        _thread.ended = ended
        with contextlib.suppress(LayerLabError, OSError):  # such as a full disk
            work()

    thread = threading.Thread(target=target, name="layerlab-beside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(15)  # it may be waiting for another process's lock; once it has that, it does nothing more


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """Return this process's environment with `extra` on top; an empty value removes the variable."""
    merged = {**os.environ, **(extra or {})}
    return {key: value for key, value in merged.items() if value != "" or key not in (extra or {})}


def succeeds(command: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 20) -> bool:
    """Tell whether the command runs and exits with 0."""
    try:
        run(*command, env=env, timeout=timeout)
    except CommandFailed:
        return False
    return True


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")


def dies_with_us() -> list[str]:
    """Return a command prefix that makes the kernel end the command if this process is killed; [] where none exists."""
    return ["setpriv", "--pdeathsig", "TERM"] if sys.platform == "linux" and shutil.which("setpriv") else []
