"""Where a registry runs: as a process of this computer, or as a container in the person's Docker, as machines do.

Both listen on two ports of loopback, one of which refuses pushes, over the same files. Machines in a private process share
the computer's loopback. A machine in a container has a loopback of its own: the same ports of it lead to the registry's
container (`ContainerEngine.forward`). So a registry has one address everywhere, and since engines allow plain HTTP for
127.0.0.0/8, no engine needs to be told of it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.request import ProxyHandler, build_opener

import psutil

from ..engines import ENGINES, images, packages
from ..engines.container import forwards_file
from ..engines.endpoint import docker_program, person_environment
from ..engines.packages import Say
from ..errors import CommandFailed, MachineError
from ..system.home import LABEL, home, home_id
from ..system.shell import run, succeeds

#: It answers within a fraction of a second; this is for a very busy computer.
START_SECONDS = 30.0
#: A header in every answer, which says whose registry it is: another program may have its port by now.
MARK = "X-Layerlab-Registry"
#: The program's own files in its container; which port is which there.
CONFIGURATIONS, STORE = "/layerlab", "/var/lib/registry"
WRITABLE, READ_ONLY = 5000, 5001


class Host(Protocol):
    """One way to run registries; `kind` is the word that a registry's file remembers it by."""

    kind: str

    def start(self, name: str, port: int, read_only_port: int, say: Say) -> None: ...
    def let_machines_in(self, name: str) -> None: ...
    def remove(self, name: str) -> None: ...
    def log(self, name: str) -> str: ...
    def stored_bytes(self, name: str) -> int: ...


def folder_of(name: str) -> Path:
    """What is kept of registry `name`. Not created here: its existence says that the registry exists."""
    return home() / "registries" / name


def free_ports(count: int) -> list[int]:
    """Ports of this computer's loopback that nobody listens on."""
    with contextlib.ExitStack() as together:
        listeners = [together.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def names() -> list[str]:
    """Every registry of this home that left a trace: a folder, or a process that names its configuration in one."""
    folders = [path.name for path in home().glob("registries/*")]
    return sorted({*folders, *(configuration.parent.name for _, configuration in _processes())})


def _processes() -> list[tuple[psutil.Process, Path]]:
    """The processes that serve a registry of this home, each with its configuration."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command[1:2] == ["serve"] and Path(command[-1]).parent.parent == home() / "registries":
                found.append((process, Path(command[-1])))
    return found


def _configuration(name: str, store: str, address: str, read_only: bool) -> str:
    """A configuration file (Distribution's documentation, "Configuring a registry"); JSON is YAML."""
    return json.dumps(
        {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": store},
                "delete": {"enabled": True},
                # The purge of unfinished uploads would write too; the second process leaves it to the first.
                "maintenance": {"uploadpurging": {"enabled": False}, "readonly": {"enabled": read_only}},
            },
            "http": {"addr": address, "headers": {MARK: [f"{home_id()}/{name}"]}, "secret": home_id()},
        },
        indent=1,
    )


class ProcessHost:
    """Two processes of this computer, by the distribution's package, on loopback."""

    kind = "process"

    def start(self, name: str, port: int, read_only_port: int, say: Say) -> None:
        program, folder = packages.ensure_registry(say), folder_of(name)
        self._end(name)
        (folder / "data").mkdir(parents=True, exist_ok=True, mode=0o700)
        for file, number, read_only in (("writable", port, False), ("read-only", read_only_port, True)):
            configuration = folder / f"{file}.json"
            configuration.write_text(_configuration(name, str(folder / "data"), f"127.0.0.1:{number}", read_only))
            with (folder / f"{file}.log").open("ab") as log:
                process = subprocess.Popen(
                    [program, "serve", configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd="/", start_new_session=True,  # it outlives the kernel, and Ctrl-C is not for it
                )  # fmt: skip
            _await(name, number, lambda process=process: process.poll() is None, lambda: self.log(name))

    def let_machines_in(self, name: str) -> None:
        """Nothing to do: machines in private processes share the computer's loopback."""

    def remove(self, name: str) -> None:
        self._end(name)
        for entry in folder_of(name).glob("*.log"):
            entry.unlink(missing_ok=True)
        shutil.rmtree(folder_of(name) / "data", ignore_errors=True)

    def log(self, name: str) -> str:
        return "".join(file.read_text(errors="replace") for file in sorted(folder_of(name).glob("*.log")))

    def stored_bytes(self, name: str) -> int:
        return sum(file.stat().st_size for file in (folder_of(name) / "data").glob("**/blobs/**/data"))

    def _end(self, name: str) -> None:
        """End its processes, known by their command line, and wait until they are gone."""
        ended = [process for process, configuration in _processes() if configuration.parent == folder_of(name)]
        for process in ended:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(ended, timeout=10)


class ContainerHost:
    """A container with both processes in the person's Docker, published on loopback, its files in a volume."""

    kind = "container"

    def start(self, name: str, port: int, read_only_port: int, say: Say) -> None:
        called, label = _called(name), f"{LABEL}={home_id()}"
        if not _exists("container", name):
            there = _person("images", "--format", "{{.Repository}}:{{.Tag}}").split()
            image, added = images.ensure_registry_image(_person, say)
            if image not in there:
                ENGINES["container"].remember_image(image)
            program = f"{CONFIGURATIONS}/{added.name}" if added else images.REGISTRY_PROGRAM
            _person("volume", "create", "--label", label, called)
            _person(
                "create", "--name", called, "--label", label, "--init", "--volume", f"{called}:{STORE}",
                "--publish", f"127.0.0.1:{port}:{WRITABLE}", "--publish", f"127.0.0.1:{read_only_port}:{READ_ONLY}",
                "--entrypoint", "sh", image, "-c",
                f"{program} serve {CONFIGURATIONS}/read-only.json & exec {program} serve {CONFIGURATIONS}/writable.json",
            )  # fmt: skip
            self._copy_files(name, called, added)
        _person("start", called)
        alive = lambda: _person("inspect", "--format", "{{.State.Running}}", called) == "true"  # noqa: E731
        for number in (port, read_only_port):
            _await(name, number, alive, lambda: self.log(name))
        address = _person("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", called)
        forwards_file(name).write_text(
            json.dumps({port: f"{address}:{WRITABLE}", read_only_port: f"{address}:{READ_ONLY}"})
        )

    def _copy_files(self, name: str, called: str, program: Path | None) -> None:
        files = folder_of(name) / "container"
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir(parents=True, mode=0o755)
        for file, number in (("writable", WRITABLE), ("read-only", READ_ONLY)):
            text = _configuration(name, STORE, f":{number}", read_only=number == READ_ONLY)
            (files / f"{file}.json").write_text(text)
        if program:
            shutil.copy(program, files)
        _person("cp", f"{files}/.", f"{called}:{CONFIGURATIONS}")
        shutil.rmtree(files)

    def let_machines_in(self, name: str) -> None:
        for file in sorted(home().glob("machines/*/machine.json")):
            machine = file.parent.name
            if json.loads(file.read_text())["engine"] == self.kind and ENGINES[self.kind].alive(machine):
                ENGINES[self.kind].forward(machine)

    def remove(self, name: str) -> None:
        forwards_file(name).unlink(missing_ok=True)
        for kind, words in (("container", ["rm", "--force"]), ("volume", ["volume", "rm", "--force"])):
            if _exists(kind, name):
                _person(*words, _called(name))

    def log(self, name: str) -> str:
        """What both processes printed, by the engine that keeps it: standard output and standard error."""
        with contextlib.suppress(CommandFailed):
            return _person("logs", _called(name))
        return ""

    def stored_bytes(self, name: str) -> int:
        sizes = _person("exec", _called(name), "find", STORE, "-path", "*/blobs/*", "-name", "data", "-exec",
                       "stat", "-c", "%s", "{}", ";")  # fmt: skip
        return sum(map(int, sizes.split()))


def _called(name: str) -> str:
    """Name of the registry's container and volume. No machine's has a dot."""
    return f"layerlab-{home_id()}.{name}"


def _person(*arguments: str, timeout: float = 600) -> str:
    """Run the person's docker command on the person's engine."""
    return run(docker_program(), *arguments, env=person_environment(), timeout=timeout).strip()


def _exists(kind: str, name: str) -> bool:
    return succeeds([docker_program(), kind, "inspect", _called(name)], env=person_environment())


def _await(name: str, port: int, runs: Callable[[], bool], log: Callable[[], str]) -> None:
    """Wait until the registry answers on `port`. Raises MachineError with the end of its log if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(name, port):
        if not runs() or time.monotonic() > deadline:
            tail = "\n".join(log().splitlines()[-8:])
            raise MachineError(f"registry {name!r} did not start\n{tail}", "start it again: Registry.start()")
        time.sleep(0.02)


def answers(name: str, port: int) -> bool:
    """Whether registry `name` of this home, and not another program, answers on `port` of this computer's loopback."""
    try:
        # No proxy may come between us and loopback.
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/v2/", timeout=5) as answer:
            return answer.headers.get(MARK) == f"{home_id()}/{name}"
    except OSError:
        return False


HOSTS: dict[str, Host] = {"process": ProcessHost(), "container": ContainerHost()}
