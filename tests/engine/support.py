"""What the engine tests share: small projects, other processes that use LayerLab, and looking at the host."""

from __future__ import annotations

import contextlib
import functools
import glob
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from layerlab import App, Machine
from layerlab.engines import images, packages
from layerlab.engines.network import bridge_name
from layerlab.system.home import machine_dir, run_dir

#: A small base and three steps: nothing to download, quick to build.
SMALL = """FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN dd if=/dev/urandom of=/packages bs=1M count=2 && sleep 0.2
COPY main.py .
"""
#: Addresses for documentation (RFC 5737): of this computer, and of another one that is routed through it.
HERE, THERE = "198.51.100.1", "198.51.100.2"
#: How long a condition may take to come true on a busy computer, seconds.
PATIENCE = 120.0


def write_project(folder: Path, dockerfile: str = SMALL, **files: str) -> Path:
    """A project of a Dockerfile, a main.py and requirements; `files` maps names, with _ for the dot, to texts."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"Dockerfile": dockerfile, "main.py": "print('hello')\n", "requirements.txt": "# none\n"}
    texts |= {name.replace("_", "."): text for name, text in files.items()}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def borrowed_home(folder: Path, lender: Path) -> Path:
    """Another LayerLab home, with no seed and no machine yet, that borrows a home's engine packages and base images."""
    (folder / "cache").mkdir(parents=True)
    (folder / ".layerlab-home").touch()
    for name in ("engine", "images", "registry", "tools"):
        if (lender / "cache" / name).exists():
            (folder / "cache" / name).symlink_to(lender / "cache" / name)
    return folder


@contextlib.contextmanager
def small_app(folder: Path, dockerfile: str = SMALL, **files: str) -> Iterator[App]:
    with App.from_path(write_project(folder, dockerfile, **files)) as app:
        yield app


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether `condition` comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def base_id(machine: Machine) -> str:
    """The id of the image that FROM python:3.11-slim means on a machine."""
    name = images.present(images.BASES[0], machine.docker)
    return machine.docker("image", "inspect", "--format", "{{.Id}}", name).strip()


# -- another LayerLab --------------------------------------------------------------------------------------------------


def start_python(code: str, *arguments: object, **environment: str) -> subprocess.Popen:
    """Run `code` as another LayerLab process, such as a second notebook's kernel."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def python(code: str, *arguments: object, **environment: str) -> str:
    """Run `code` as another LayerLab process to its end; returns what it printed."""
    return finish(start_python(code, *arguments, **environment))


def finish(process: subprocess.Popen, seconds: float = 180) -> str:
    output, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, errors
    return output.strip()


# -- looking at the host -----------------------------------------------------------------------------------------------


def running(*words: str) -> list[psutil.Process]:
    """Processes, those in containers included, whose command line contains all of `words`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if process.pid != os.getpid() and all(word in line for word in words):
                found.append(process)
    return found


def engine_family(name: str) -> list[psutil.Process]:
    """Processes of a machine in a private process: `unshare`, its init, dockerd and what that started."""
    first = [p for p in running(f"{run_dir()}/{name}/daemon.json") if p.name() == "unshare"]
    return first + [child for p in first for child in p.children(recursive=True)]


def kill(processes: list[psutil.Process]) -> None:
    """Kill, and wait without taking an exit code from whoever started them."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(map(_alive, processes)), 10)


def _alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def tool(*command: str) -> str:
    """Output of one of the programs that LayerLab unpacked (ip, iptables), or the computer's own."""
    return subprocess.run(command, env={**os.environ, **_tools()}, capture_output=True, text=True, check=True).stdout


@functools.cache
def _tools() -> dict[str, str]:
    """Where the programs really are: the home that a test borrows them for may be gone when it looks at the host."""
    tree = packages.ensure_engine()
    return {name: value.replace(str(tree), str(tree.resolve())) for name, value in packages.tool_path().items()}


def firewall() -> list[str]:
    return [rule for table in ("filter", "nat") for rule in tool("iptables", "--wait", "-t", table, "-S").splitlines()]


def interfaces() -> set[str]:
    """Names of the network interfaces, without the ends of containers' cables, which come and go."""
    return {row["ifname"] for row in json.loads(tool("ip", "-j", "link")) if not row["ifname"].startswith("veth")}


def mounts() -> set[str]:
    return {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def left_of(name: str) -> list[str]:
    """What is on the host of a machine in a private process; [] after `stop`."""
    bridge = bridge_name(name)
    places = (str(machine_dir(name)), str(run_dir() / name))
    return [
        *(f"process {p.pid}" for place in places for p in running(place)),
        *(i for i in interfaces() if i == bridge),
        *(rule for rule in firewall() if bridge in rule),
        *(mount for mount in mounts() if mount.startswith(places)),
        *glob.glob(f"/sys/fs/cgroup/**/{bridge}", recursive=True),  # Path.glob fails if another group goes meanwhile
        *(place for place in places if Path(place).exists()),
    ]
