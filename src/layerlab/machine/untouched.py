"""Run the user's own command as it is: its words, on their terminal, with its signals and its exit code.

The command is in our process group, so a terminal's Ctrl-C and Ctrl-Z reach it as they would without us. Other signals reach
only us, and are passed on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence

from ..errors import LayerLabError
from ..system.shell import dies_with_us

#: Signals that are the command's, not ours, while it runs.
_PASSED_ON = {
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
}  # fmt: skip
_WATCHED = _PASSED_ON | {signal.SIGCHLD}
#: Signals that Python ignores, and the commands that it starts must not (subprocess, restore_signals).
_PYTHONS = (signal.SIGPIPE, signal.SIGXFSZ)
#: A shell's exit codes for a program that isn't there, or can't be run.
NOT_FOUND, NOT_RUNNABLE = 127, 126


class NotRun(LayerLabError):
    """There's no such program, or it can't be run; `exit_code` is what a shell returns then."""

    def __init__(self, message: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(message)


@dataclasses.dataclass(frozen=True)
class Ran:
    """How the command ended.

    Attributes:
        exit_code: negative for a signal.
        started, ended: seconds since 1970.
        interrupted: whether a signal came that ends a command.
    """

    exit_code: int
    started: float
    ended: float
    interrupted: bool

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.ended - self.started


def run(command: Sequence[str], beside: Callable[[], object]) -> Ran:
    """Run `command` and return how it ended; call `beside` once it runs. Call this in the main thread.

    If this process is killed, so is the command (on Linux). Raises NotRun if there's no such program.
    """
    _check(command)
    handled = signal.signal(signal.SIGCHLD, lambda *_: None)  # else it may be dropped, although it's blocked
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    try:
        started = time.time()
        words = [*dies_with_us(), *command]
        pid = os.posix_spawnp(words[0], words, os.environ, setsigmask=before, setsigdef=_PYTHONS)
        beside()
        exit_code, interrupted = _wait(pid)
        return Ran(exit_code, started, time.time(), interrupted)
    finally:
        while signal.sigpending() & _WATCHED:  # one that came too late for the command isn't for us
            signal.sigwait(_WATCHED)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGCHLD, handled)


def _check(command: Sequence[str]) -> None:
    if shutil.which(command[0]):
        return
    if os.path.exists(command[0]):
        raise NotRun(f"{command[0]} can't be run", NOT_RUNNABLE)
    raise NotRun(f"there is no command {command[0]!r}", NOT_FOUND)


def _wait(pid: int) -> tuple[int, bool]:
    """Wait for the command, and pass signals on; return its exit code, and whether one of them ends a command."""
    interrupted = False
    while True:
        number, ours_alone = _next_signal()
        if number == signal.SIGCHLD:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status), interrupted
            continue
        interrupted = interrupted or number not in (signal.SIGUSR1, signal.SIGUSR2)
        if ours_alone:
            os.kill(pid, number)


def _next_signal() -> tuple[int, bool]:
    """Wait for a signal; return its number, and whether only this process got it.

    What a terminal sends comes from the kernel, and goes to its whole group. Only Linux says where a signal comes from.
    """
    if sys.platform == "linux":
        told = signal.sigwaitinfo(_WATCHED)
        return told.si_signo, told.si_code <= 0
    number = signal.sigwait(_WATCHED)
    return number, number != signal.SIGINT


def end_as(exit_code: int) -> int:
    """Return the exit code to end with; if a signal ended the command, end by the same one, as the caller may look."""
    if exit_code >= 0:
        return exit_code
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):  # SIGKILL has no other action
        signal.signal(-exit_code, signal.SIG_DFL)
    os.kill(os.getpid(), -exit_code)
    return 128 - exit_code  # the kernel takes a moment
