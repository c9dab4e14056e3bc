"""Remove everything that LayerLab ever created on this computer, and nothing else, even if only pieces of it are left.

We look for machines by every trace that one leaves (its folder, its sockets, its lock), because a killed process or a
deleted file may have taken the others. Each piece is removed on its own, and those that can't be removed are reported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from .. import engines
from ..engines import mirror, network
from ..engines.seed import SEED_NAME
from ..errors import LayerLabError, MachineBusy
from ..record import marks
from ..system.home import LABEL, MARKER, home, home_id, is_ours, locked, run_dir
from ..system.shell import succeeds
from ..system.trees import delete_tree
from . import registry_host
from .holding import Holds, listed
from .machine import DEFAULT_NAME, NAME

#: The entries that LayerLab makes in its home. Other things that were put there stay, as does `course`, the learner's own work.
OURS = (
    MARKER, marks.FILE, "apps", "bin", "builders", "cache", "jupyter", "locks", "logs", "machines", "mirror", "registries",
    "reports", "container-images",
    "container-seed", "course.json", "progress.jsonl", "score.json",
)  # fmt: skip
#: Seconds to wait for another LayerLab that is starting or stopping a machine.
WAIT_SECONDS = 15.0


@dataclasses.dataclass(frozen=True)
class Cleaned:
    """The result of `clean`.

    Attributes:
        removed: what was there and is gone now, in words, one line each.
        problems: what couldn't be removed, and why, one line each.
        kept: paths in the home that LayerLab didn't make, so they stay.
        freed_bytes: free space gained on the home's disk; approximate, because other programs use that disk too.
    """

    removed: tuple[str, ...]
    problems: tuple[str, ...]
    kept: tuple[str, ...]
    freed_bytes: int


def machine_names() -> list[str]:
    """Return every machine of this home that left a trace; the seed and the default machine are always included."""
    folders = [p.name for p in home().glob("machines/*")] + [p.name for p in run_dir().glob("*")]
    locks = [p.stem.removeprefix("layerlab-machine-") for p in home().glob("locks/layerlab-machine-*.lock")]
    return sorted({n for n in [*folders, *locks, *running(), SEED_NAME, DEFAULT_NAME] if NAME.fullmatch(n)})


def running() -> list[str]:
    """Return the machines whose engine runs as a private process. Its command line tells, even if every file is gone."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command[:1] == ["unshare"] and Path(command[-1]).parent.parent == run_dir():
                found.append(Path(command[-1]).parent.name)
    return found


def inventory() -> list[str]:
    """Return what `clean` would remove, in words; [] if there is nothing."""
    if _refusal():
        return []
    found = [_in_words("machine", p.name) for p in sorted(home().glob("machines/*"))]
    found += [_in_words("registry", p.name) for p in sorted(home().glob("registries/*"))]
    if any(home().glob("container-*")):
        found.append(
            f"everything labelled {LABEL}={home_id()} in your Docker, and the images that LayerLab added there"
        )
    return found + [str(p) for p in (*_our_entries(), run_dir()) if p.exists()]


def clean() -> Cleaned:
    """Remove all machines of all engines, seeds, engine images, scratch copies, caches and folders. Never raises.

    It doesn't wait for processes that use a machine; they're told what happened to it.
    """
    if refusal := _refusal():
        return Cleaned((), (refusal,), (), 0)
    removed: list[str] = []
    problems: list[str] = []
    before = _free_bytes()
    # Looking for pieces creates folders and locks: those go too, but aren't worth reporting.
    at_first = {path for path in (*_our_entries(), run_dir()) if path.exists()}

    def attempt(what: str, action: Callable[[], object]) -> None:
        try:
            if action() is not False:
                removed.append(what)
        except (LayerLabError, OSError, psutil.Error, ValueError, subprocess.SubprocessError) as error:
            problems.append(f"{what}: {error}")

    def remove(path: Path) -> bool:
        return _remove_tree(path) and path in at_first

    attempt("package mirror", lambda: mirror.end() > 0)
    for name in machine_names():
        attempt(_in_words("machine", name), functools.partial(_remove_machine, name))
    for name in registry_host.names():  # those in containers carry our label and go with the container engine
        attempt(_in_words("registry", name), functools.partial(_remove_registry, name))
    kinds = ["process"]
    # The user's Docker takes part only if we left a trace of it or it answers, so that cleaning works without one.
    if any(home().glob("container-*")) or engines.container.person_has_docker():
        kinds.append("container")
    needed: tuple[str, ...] = ()
    for kind in kinds:
        done = len(problems)
        attempt(f"{kind} engine", functools.partial(_clean_engine, kind))
        if len(problems) > done and kind == "container":
            needed = ("container-images", "container-seed")  # they say what to remove once that Docker answers
    for path in (*_our_entries(needed), run_dir()):
        attempt(str(path), functools.partial(remove, path))
    with contextlib.suppress(OSError):
        home().rmdir()  # if nothing else is in it
    kept = sorted(str(p) for p in home().glob("*") if p.name not in OURS)
    _remove_shared_lock()
    return Cleaned(tuple(removed), tuple(problems), tuple(kept), max(0, _free_bytes() - before))


def _refusal() -> str:
    """Say why nothing may be deleted: the variable names a folder that LayerLab didn't make. "" where it may."""
    if is_ours(home()) or not os.environ.get("LAYERLAB_HOME") or not home().exists():
        return ""
    empty = home().is_dir() and not any(home().iterdir())
    return "" if empty else f"LAYERLAB_HOME is {home()}, which LayerLab didn't make: nothing was deleted"


def _clean_engine(kind: str) -> bool:
    """Delete what belongs to no single machine; return False, because the list of what was removed has no line for it."""
    engines.ENGINES[kind].clean()
    return False


def _remove_machine(name: str) -> bool:
    """Remove machine `name`, whichever engine made it; return False if nothing was there."""
    Holds("machine", name).overrule("removed")
    there = (home() / "machines" / name).exists() or (run_dir() / name).exists() or name in running()
    try:
        with locked(f"machine-{name}", wait=WAIT_SECONDS) if home().exists() else contextlib.nullcontext():
            return _remove_with_engines(name) or there
    except MachineBusy:
        # We waited long enough for the process that uses it. Whatever that still starts loses its folder and fails.
        return _remove_with_engines(name) or there


def _remove_registry(name: str) -> None:
    Holds("registry", name).overrule("removed")
    registry_host.HOSTS["process"].remove(name)


def _in_words(noun: str, name: str) -> str:
    users = Holds(noun, name).others()
    return f"{noun} {name}, in use by {listed(users)}" if users else f"{noun} {name}"


def _remove_with_engines(name: str) -> bool:
    problems: list[Exception] = []
    pieces = 0

    def attempt(action: Callable[[], int | None]) -> None:
        nonlocal pieces
        try:
            pieces += action() or 0
        except (LayerLabError, OSError, psutil.Error, ValueError) as error:
            problems.append(error)

    attempt(lambda: network.remove(name))  # here only to count; engine.remove does it again once the engine is dead
    for engine in engines.ENGINES.values():
        attempt(functools.partial(engine.remove, name))
    _remove_tree(home() / "machines" / name)
    _remove_tree(run_dir() / name)
    if problems:
        raise problems[0]
    return pieces > 0


def _our_entries(but: tuple[str, ...] = ()) -> list[Path]:
    return [home() / name for name in OURS if name not in but and os.path.lexists(home() / name)]


def _remove_tree(path: Path) -> bool:
    """Delete a file or folder of ours. Unmount everything in it first, so that we delete nothing through a mount."""
    if not os.path.lexists(path):
        return False
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return True
    inside = [Path(p.mountpoint) for p in psutil.disk_partitions(all=True) if Path(p.mountpoint).is_relative_to(path)]
    for mountpoint in sorted(inside, key=lambda p: len(p.parts), reverse=True):
        if not succeeds(["umount", str(mountpoint)]) and not succeeds(["umount", "--lazy", str(mountpoint)]):
            raise OSError(f"something is mounted on {mountpoint}")
    delete_tree(path)
    return True


def _remove_shared_lock() -> None:
    """Remove the lock for the computer's addresses, which all homes share, when the last home goes."""
    with contextlib.suppress(OSError):
        if not any(p.is_dir() for p in run_dir().parent.glob("layerlab-*")):
            (run_dir().parent / "layerlab-network.lock").unlink(missing_ok=True)


def _free_bytes() -> int:
    place = home()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
