"""Where LayerLab keeps its files, and the locks that let several LayerLab processes share a computer.

Everything is under one folder, `home()`, so one command can remove it all. Only sockets live elsewhere (`run_dir`),
because a Unix socket's path is limited to 107 bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from ..errors import MachineBusy, SetupError

#: In a home: LayerLab made it.
MARKER = ".layerlab-home"
#: Label on every container, volume and network that LayerLab makes in a user's engine; its value is `home_id()`.
LABEL = "layerlab.home"


def home() -> Path:
    """Return the folder of everything LayerLab keeps: `$LAYERLAB_HOME`, or one in the system's folder for user data."""
    chosen = os.environ.get("LAYERLAB_HOME")
    if chosen:
        return Path(chosen).expanduser().resolve()
    import platformdirs

    return platformdirs.user_data_path("layerlab")


def claim() -> None:
    """Make the home, and leave a mark that it's LayerLab's. Every function that makes something in it calls this first.

    `layerlab clean` deletes nothing in a folder without the mark, so a variable that names the wrong folder costs nothing.
    Raises SetupError if the folder is somebody else's (it has no mark, but something else), or has a name that engines can't
    be told.
    """
    folder = home()
    if not folder.as_posix().isprintable():  # a byte that isn't UTF-8: an engine would write to another folder
        raise SetupError(
            f"the path of LayerLab's folder isn't plain UTF-8 text: {folder}",
            "set LAYERLAB_HOME to a folder with another name",
        )
    if is_ours(folder):
        return
    there = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    # Another process may have made it since we looked.
    if there and MARKER not in there and os.environ.get("LAYERLAB_HOME"):
        raise SetupError(
            f"LAYERLAB_HOME is {folder}, which holds files that LayerLab didn't make", "set it to a new or empty folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # also where somebody made it before, empty
    (folder / MARKER).touch(mode=0o600)


def is_ours(folder: Path) -> bool:
    """Tell whether `folder` is a home that LayerLab made."""
    return (folder / MARKER).is_file()


def home_id() -> str:
    """Return eight hex digits that tell this home from another on the same computer."""
    return hashlib.sha256(os.fsencode(home())).hexdigest()[:8]


def cache_dir() -> Path:
    """Return the folder of files that can be made again: engine packages, base images, generated weights."""
    return _made(home() / "cache")


def machine_dir(name: str) -> Path:
    """Return the folder of one machine. It isn't created here: if it exists, so does the machine."""
    return home() / "machines" / name


def builder_dir(name: str) -> Path:
    """Return the folder of what LayerLab keeps of one of the user's builders. It isn't created here."""
    return home() / "builders" / name


def apps_dir() -> Path:
    """Return the folder of the apps' scratch copies, one folder each."""
    return _made(home() / "apps")


def reports_dir() -> Path:
    """Return the folder for reports that nobody named a file for."""
    return _made(home() / "reports")


def logs_dir() -> Path:
    """Return the folder for the output of failed steps that was too long for the error."""
    return _made(home() / "logs")


def run_dir() -> Path:
    """Return the folder of sockets and process ids. Like the processes, it's gone after a reboot."""
    return _runtime() / f"layerlab-{home_id()}"


def _runtime() -> Path:
    if os.access("/run", os.W_OK):
        return Path("/run")
    import platformdirs

    with warnings.catch_warnings():  # where XDG_RUNTIME_DIR isn't set, it takes a folder in /tmp and warns
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path()


def _made(path: Path) -> Path:
    claim()
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@contextlib.contextmanager
def locked(name: str, *, shared: bool = False, wait: float = 60.0, folder: Path | None = None) -> Iterator[None]:
    """Hold the lock called `name`, alone or shared, during a `with`.

    It works between the processes of this home, or between all that use `folder`. The kernel drops the lock when the
    process ends, however it ends. Raises MachineBusy if it can't get the lock within `wait` seconds.
    """
    path = (folder or _made(home() / "locks")) / f"layerlab-{name}.lock"
    deadline = time.monotonic() + wait
    with path.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise MachineBusy(
                        f"another LayerLab process has held {name!r} for more than {wait:.0f} s",
                        "wait for its build or measurement to end, or interrupt it; `layerlab doctor` shows which process it is",
                    ) from None
                time.sleep(0.05)
        yield
