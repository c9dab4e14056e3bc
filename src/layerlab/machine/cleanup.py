"""Removing all that LayerLab ever created on this computer, and nothing else; also where only pieces of it are left.

Names of machines come from every trace that one leaves, because a killed process or a deleted file may have taken the
others: its folder, its sockets, its lock. Each piece is removed on its own, and what could not be is reported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from .. import engines
from ..engines import network
from ..errors import LayerLabError, MachineBusy
from ..system.home import LABEL, home, home_id, locked, run_dir
from ..system.shell import succeeds
from . import registry_host
from .machine import DEFAULT_NAME, NAME, SEED_NAME

#: What LayerLab keeps in its home. `$LAYERLAB_HOME` may name a folder that holds other things too: those stay.
OURS = (
    "apps", "bin", "cache", "jupyter", "locks", "machines", "registries", "scratch", "container-images", "container-seed",
    "ip_forward.was", "progress.jsonl", "score.json",
)  # fmt: skip
#: Seconds to wait for another LayerLab that is starting or stopping a machine.
WAIT_SECONDS = 15.0


@dataclasses.dataclass(frozen=True)
class Cleaned:
    """What `clean` did.

    Attributes:
        removed: what was there and is gone, in words, a line each.
        problems: what could not be removed, and why, a line each.
        kept: what is in the home that LayerLab did not make, so that it stays.
        freed_bytes: free space gained on the disk that holds the home; other programs use it too, so about.
    """

    removed: tuple[str, ...]
    problems: tuple[str, ...]
    kept: tuple[str, ...]
    freed_bytes: int


def machine_names() -> list[str]:
    """Every machine of this home that left a trace, the seed included."""
    folders = [p.name for p in home().glob("machines/*")] + [p.name for p in run_dir().glob("*")]
    locks = [p.stem.removeprefix("layerlab-machine-") for p in home().glob("locks/layerlab-machine-*.lock")]
    return sorted({n for n in [*folders, *locks, *running(), SEED_NAME, DEFAULT_NAME] if NAME.fullmatch(n)})


def running() -> list[str]:
    """Machines whose engine runs as a private process, by its command line: it says so when every file is gone."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command[:1] == ["unshare"] and Path(command[-1]).parent.parent == run_dir():
                found.append(Path(command[-1]).parent.name)
    return found


def inventory() -> list[str]:
    """What `clean` would remove, in words; [] where there is nothing."""
    found = [f"machine {p.name}" for p in sorted(home().glob("machines/*"))]
    found += [f"registry {p.name}" for p in sorted(home().glob("registries/*"))]
    if any(home().glob("container-*")):
        found.append(
            f"what is labelled {LABEL}={home_id()} in your Docker, and the engine image LayerLab brought there"
        )
    return found + [str(p) for p in (*_our_entries(), run_dir()) if p.exists()]


def clean() -> Cleaned:
    """Remove every machine of every engine, seeds, engine images, scratch copies, caches and folders. Never raises."""
    removed: list[str] = []
    problems: list[str] = []
    before = _free_bytes()
    # Looking for pieces makes folders and locks of its own: those go too, but are nothing to tell of.
    at_first = {path for path in (*_our_entries(), run_dir()) if path.exists()}

    def attempt(what: str, action: Callable[[], object]) -> None:
        try:
            if action() is not False:
                removed.append(what)
        except (LayerLabError, OSError, psutil.Error, ValueError, subprocess.SubprocessError) as error:
            problems.append(f"{what}: {error}")

    for name in machine_names():
        attempt(f"machine {name}", lambda name=name: _remove_machine(name))
    for name in registry_host.names():  # one in a container carries our label, and goes with that engine's
        attempt(f"registry {name}", lambda name=name: registry_host.HOSTS["process"].remove(name))
    kinds = ["process"]
    # The person's Docker is asked only where we may have been in it, so that cleaning works without any.
    if any(home().glob("container-*")) or engines.container.person_has_docker():
        kinds.append("container")
    needed: tuple[str, ...] = ()
    for kind in kinds:
        done = len(problems)
        attempt(f"{kind} engine", lambda kind=kind: engines.ENGINES[kind].clean() or False)
        if len(problems) > done and kind == "container":
            needed = ("container-images", "container-seed")  # they say what to remove once that Docker answers
    for path in (*_our_entries(needed), run_dir()):
        attempt(str(path), lambda path=path: _remove_tree(path) and path in at_first)
    with contextlib.suppress(OSError):
        home().rmdir()  # where nothing else is in it
    kept = sorted(str(p) for p in home().glob("*") if p.name not in OURS)
    _remove_shared_lock()
    return Cleaned(tuple(removed), tuple(problems), tuple(kept), max(0, _free_bytes() - before))


def _remove_machine(name: str) -> bool:
    """Remove machine `name`, whatever made it; False if nothing was there."""
    there = (home() / "machines" / name).exists() or (run_dir() / name).exists() or name in running()
    try:
        with locked(f"machine-{name}", wait=WAIT_SECONDS) if home().exists() else contextlib.nullcontext():
            return _remove_with_engines(name) or there
    except MachineBusy:
        # Its holder was asked to wait for us long enough; what it still starts now loses its folder and fails.
        return _remove_with_engines(name) or there


def _remove_with_engines(name: str) -> bool:
    problems: list[Exception] = []
    pieces = 0

    def attempt(action: Callable[[], int | None]) -> None:
        nonlocal pieces
        try:
            pieces += action() or 0
        except (LayerLabError, OSError, psutil.Error, ValueError) as error:
            problems.append(error)

    attempt(lambda: network.remove(name))  # here only to count; the engine does it once more when it is dead
    for kind, engine in engines.ENGINES.items():
        if kind == "container" and not (home() / "machines" / name / "certificates").exists():
            continue  # it never was one; ENGINES["container"].clean() finds what is labelled, too
        attempt(lambda engine=engine: engine.remove(name))
    _remove_tree(home() / "machines" / name)
    _remove_tree(run_dir() / name)
    if problems:
        raise problems[0]
    return pieces > 0


def _our_entries(but: tuple[str, ...] = ()) -> list[Path]:
    return [home() / name for name in OURS if name not in but and os.path.lexists(home() / name)]


def _remove_tree(path: Path) -> bool:
    """Delete a file or folder of ours; first unmount what is mounted in it, so that nothing is deleted through a mount."""
    if not os.path.lexists(path):
        return False
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return True
    inside = [Path(p.mountpoint) for p in psutil.disk_partitions(all=True) if Path(p.mountpoint).is_relative_to(path)]
    for mountpoint in sorted(inside, key=lambda p: len(p.parts), reverse=True):
        if not succeeds(["umount", str(mountpoint)]) and not succeeds(["umount", "--lazy", str(mountpoint)]):
            raise OSError(f"something is mounted on {mountpoint}")
    shutil.rmtree(path)
    return True


def _remove_shared_lock() -> None:
    """Homes share one lock for the computer's addresses: the last home to go takes it along."""
    with contextlib.suppress(OSError):
        if not any(p.is_dir() for p in run_dir().parent.glob("layerlab-*")):
            (run_dir().parent / "layerlab-network.lock").unlink(missing_ok=True)


def _free_bytes() -> int:
    place = home()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
