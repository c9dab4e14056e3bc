"""Where a registry runs: like a machine, in processes of this computer or in a container in the user's Docker.

Either way it serves the same files on two ports of loopback, and one of them refuses pushes. Machines in a private
process share the computer's loopback. A machine in a container has its own loopback, and there the same ports lead to the
registry's container (`ContainerEngine.forward`). So a registry has one address everywhere, and since engines allow plain
HTTP for 127.0.0.0/8, no engine needs any configuration for it.
"""

from __future__ import annotations

import contextlib
import functools
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

from ..engines import CONTAINER, images, of_machine, packages
from ..engines.container import forwards_file
from ..engines.endpoint import docker_program, person_environment
from ..engines.packages import Say
from ..errors import CommandFailed, MachineError
from ..system.home import LABEL, home, home_id
from ..system.shell import run, succeeds

#: It answers within a fraction of a second; this allows for a very busy computer.
START_SECONDS = 30.0
#: A header in every answer that says whose registry it is: another program may have its port by now.
MARK = "X-Layerlab-Registry"
#: In the registry's container: the folders for its configuration and its data, and its two ports.
CONFIGURATIONS, STORE = "/layerlab", "/var/lib/registry"
WRITABLE, READ_ONLY = 5000, 5001


class Host(Protocol):
    """One way to run registries; `kind` is the word for it in a registry's file.

    `start` waits until the registry answers, `let_machines_in` makes its ports reachable from machines, `remove` ends it
    and deletes its data, `log` returns its output, and `stored_bytes` the size of its blobs.
    """

    kind: str

    def start(self, name: str, port: int, read_only_port: int, say: Say) -> None: ...
    def let_machines_in(self, name: str) -> None: ...
    def remove(self, name: str) -> None: ...
    def log(self, name: str) -> str: ...
    def stored_bytes(self, name: str) -> int: ...


def folder_of(name: str) -> Path:
    """Return the folder of registry `name`. We don't create it here: if it exists, the registry does."""
    return home() / "registries" / name


def free_ports(count: int) -> list[int]:
    """Return `count` free ports of this computer's loopback."""
    with contextlib.ExitStack() as together:
        listeners = [together.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def names() -> list[str]:
    """Return every registry of this home that left a trace: a folder, or a process with its configuration in one."""
    folders = [path.name for path in home().glob("registries/*")]
    return sorted({*folders, *(configuration.parent.name for _, configuration in _processes())})


def _processes() -> list[tuple[psutil.Process, Path]]:
    """Return the processes that serve a registry of this home, each with its configuration file."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command[1:2] == ["serve"] and Path(command[-1]).parent.parent == home() / "registries":
                found.append((process, Path(command[-1])))
    return found


def _configuration(name: str, store: str, address: str, read_only: bool) -> str:
    """Return a configuration file (Distribution's documentation, "Configuring a registry"), as JSON, which is also YAML."""
    return json.dumps(
        {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": store},
                "delete": {"enabled": True},
                # Purging unfinished uploads would write too, even in the process that is read-only.
                "maintenance": {"uploadpurging": {"enabled": False}, "readonly": {"enabled": read_only}},
            },
            "http": {"addr": address, "headers": {MARK: [f"{home_id()}/{name}"]}, "secret": home_id()},
        },
        indent=1,
    )


class ProcessHost:
    """Two processes of this computer on loopback, from the distribution's package."""

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
                    cwd="/", start_new_session=True,  # it outlives the notebook's kernel and ignores its Ctrl-C
                )  # fmt: skip
            _await(name, number, functools.partial(_runs, process), functools.partial(self.log, name))

    def let_machines_in(self, name: str) -> None:
        """Do nothing: machines in private processes share the computer's loopback."""

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
        """End its processes, found by their command line, and wait until they're gone."""
        ended = [process for process, configuration in _processes() if configuration.parent == folder_of(name)]
        for process in ended:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(ended, timeout=10)


class ContainerHost:
    """A container in the user's Docker with both processes, published on loopback, with its files in a volume."""

    kind = "container"

    def start(self, name: str, port: int, read_only_port: int, say: Say) -> None:
        called, label = _called(name), f"{LABEL}={home_id()}"
        if not _exists("container", name):
            there = _person("images", "--format", "{{.Repository}}:{{.Tag}}").split()
            image, added = images.ensure_registry_image(_person, say)
            if image not in there:
                CONTAINER.remember_image(image)
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
            if of_machine(machine) is CONTAINER and CONTAINER.alive(machine):
                CONTAINER.forward(machine)

    def remove(self, name: str) -> None:
        forwards_file(name).unlink(missing_ok=True)
        for kind, words in (("container", ["rm", "--force"]), ("volume", ["volume", "rm", "--force"])):
            if _exists(kind, name):
                _person(*words, _called(name))

    def log(self, name: str) -> str:
        """Return the standard output and standard error of both processes, as the engine kept them."""
        with contextlib.suppress(CommandFailed):
            return _person("logs", _called(name))
        return ""

    def stored_bytes(self, name: str) -> int:
        sizes = _person("exec", _called(name), "find", STORE, "-path", "*/blobs/*", "-name", "data", "-exec",
                       "stat", "-c", "%s", "{}", ";")  # fmt: skip
        return sum(map(int, sizes.split()))


def _called(name: str) -> str:
    """Return the name of the registry's container and volume. Its dot tells it from a machine's."""
    return f"layerlab-{home_id()}.{name}"


def _person(*arguments: str, timeout: float = 600) -> str:
    """Run the user's docker command on the user's engine."""
    return run(docker_program(), *arguments, env=person_environment(), timeout=timeout).strip()


def _exists(kind: str, name: str) -> bool:
    return succeeds([docker_program(), kind, "inspect", _called(name)], env=person_environment())


def _runs(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def _await(name: str, port: int, runs: Callable[[], bool], log: Callable[[], str]) -> None:
    """Wait until the registry answers on `port`. Raises MachineError with the end of its log if it doesn't."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(name, port):
        if not runs() or time.monotonic() > deadline:
            tail = "\n".join(log().splitlines()[-8:])
            raise MachineError(f"registry {name!r} did not start\n{tail}", "start it again: Registry.start()")
        time.sleep(0.02)


def answers(name: str, port: int) -> bool:
    """Tell whether registry `name` of this home, and not another program, answers on `port` of loopback."""
    try:
        # No proxy may come between us and loopback.
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/v2/", timeout=5) as answer:
            mark: str | None = answer.headers.get(MARK)
            return mark == f"{home_id()}/{name}"
    except OSError:
        return False


HOSTS: dict[str, Host] = {"process": ProcessHost(), "container": ContainerHost()}
