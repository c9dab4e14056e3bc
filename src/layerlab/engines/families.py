"""Long-lived processes in a PID namespace of their own, found again by their configuration: engines and the package mirror.

`unshare --kill-child` is the first of them. When it dies, however that happens, the kernel ends everything in the namespace.
"""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def of(configuration: Path) -> list[psutil.Process]:
    """Return the `unshare` processes whose command ends with this configuration: one, or none."""
    import psutil  # here, because a build needs none of it

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command[:1] == ["unshare"] and command[-1] == str(configuration):
                found.append(process)
    return found


def end(configuration: Path, gently: bool = False) -> int:
    """End the process and everything in its namespace, wait until they're gone, and return how many there were."""
    import psutil

    ended = 0
    for process in of(configuration):
        with contextlib.suppress(psutil.Error):
            family = process.children(recursive=True)
            if gently:
                for child in process.children():
                    child.send_signal(signal.SIGTERM)
                _await_end([process], 15)
            process.kill()
            _await_end([process, *family], 10)
            ended += 1
    return ended


def _await_end(processes: list[psutil.Process], seconds: float) -> None:
    """Wait until all have ended. Zombies count as ended: a parent may be slow to collect them, as in containers."""
    import psutil

    deadline = time.monotonic() + seconds
    while any(map(_runs, processes)) and time.monotonic() < deadline:
        time.sleep(0.01)
    psutil.wait_procs(processes, timeout=0)  # collects our own


def _runs(process: psutil.Process) -> bool:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
