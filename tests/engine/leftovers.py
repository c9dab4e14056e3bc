"""Count what LayerLab has on this computer, so that a test can show that it left nothing behind.

Other test processes, and the person's own lab, have engines, networks and rules at the same time. So only what carries the path
of this process's home or the name of one of its machines counts.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
from support import firewall, wait_for

from layerlab import Machine
from layerlab.engines.network import CONTROL_GROUPS, INTERFACES, bridge_name
from layerlab.machine.cleanup import OURS, machine_names
from layerlab.system.home import home, run_dir

#: What the engine still does after a build's client has gone (ending containers, unmounting) takes this long at most, seconds.
SETTLED_SECONDS = 30.0
#: What differs from run to run: ids and process numbers in paths and command lines, the network of a machine that restarts.
_IDS = re.compile(r"[0-9a-f]{12,}|[a-z0-9]{25}|\d{5,}|\d+(?:\.\d+){3}(?:/\d+)?")
#: In a machine's folder, what only stays if something went wrong.
_UNFINISHED = re.compile(r"data\.old-.*|.*\.part|\..*")


@contextlib.contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """Run the body with `folder` for temporary files, and assert that it left nothing behind, there or elsewhere."""
    before = inventory()
    variable, chosen = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = chosen
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable
    wait_for(lambda: not _left(folder, before), SETTLED_SECONDS)
    left = _left(folder, before)
    assert not left, "left behind:\n" + "\n".join(left)


def _left(folder: Path, before: collections.Counter[str]) -> list[str]:
    return [*(f"temporary {path.name}" for path in folder.iterdir()), *(inventory() - before).elements()]


def inventory() -> collections.Counter[str]:
    """Return what there is, in words that are the same from run to run, and how many of each."""
    bridges = {bridge_name(name) for name in machine_names()}
    found = [*_processes(), *_mounts(), *_interfaces(bridges), *_control_groups(bridges), *_loop_devices(), *_files()]
    found += [f"firewall rule {rule}" for rule in firewall() if any(bridge in rule for bridge in bridges)]
    found += _containers()
    return collections.Counter(_IDS.sub("…", word) for word in found)


def _ours(text: str) -> bool:
    return str(home()) in text or str(run_dir()) in text


def _processes() -> Iterator[str]:
    """Engines with all that runs in them, clients, and other processes of this home."""
    me = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    ours: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid not in me and process.status() != psutil.STATUS_ZOMBIE and _is_ours(process):
                ours |= {one.pid: one for one in (process, *process.children(recursive=True))}
    for process in ours.values():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                yield f"process {' '.join(process.cmdline())[:200]}"


def _is_ours(process: psutil.Process) -> bool:
    return _ours(" ".join(process.cmdline())) or process.environ().get("LAYERLAB_HOME") == str(home())


def _mounts() -> Iterator[str]:
    """Mounts in our folders, on the computer and in the engines' own namespaces."""
    engines = [p.pid for p in psutil.process_iter(["name"]) if p.info["name"] == "dockerd"]
    for place in ("self", *engines):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{place}/mountinfo").read_text().splitlines():
                if _ours(line.split()[4]):
                    yield f"mount {line.split()[4]}"


def _interfaces(bridges: set[str]) -> Iterator[str]:
    for bridge in bridges:
        with contextlib.suppress(OSError):
            yield from (f"interface in {bridge}" for _ in (INTERFACES / bridge / "brif").iterdir())
            yield f"interface {bridge}"


def _control_groups(bridges: set[str]) -> Iterator[str]:
    """Groups of containers and steps, and those of machines that are gone: the rest stays with its machine."""
    kept = {bridge_name(machine.name) for machine in Machine.all()}
    for parent, names, _ in os.walk(CONTROL_GROUPS):
        for bridge in bridges.intersection(names):
            for group, _, _ in os.walk(os.path.join(parent, bridge)):
                if bridge not in kept or os.path.basename(group) not in (bridge, "buildkit"):
                    yield f"control group {group}"


def _loop_devices() -> Iterator[str]:
    for file in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if _ours(file.read_text()):
                yield f"loop device of {file.read_text().strip()}"


def _files() -> Iterator[str]:
    found = [path for pattern in ("apps/*", "machines/*", "registries/*") for path in home().glob(pattern)]
    found += [path for path in home().glob("machines/*/*") if _UNFINISHED.fullmatch(path.name)]
    found += [path for path in home().glob("*") if path.name not in OURS]
    yield from (f"file {path}" for path in (*found, *run_dir().glob("*")))


def _containers() -> Iterator[str]:
    for machine in Machine.all():
        if machine.running:
            yield from (f"container in {machine.name}" for _ in machine.docker("ps", "--all", "--quiet").split())
