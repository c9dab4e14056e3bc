"""A machine as a private `dockerd` process, for a computer without Docker where we're root.

It runs in its own mount and PID namespaces: when its first process dies, however that happens, every container, shim
and mount goes with it. It shares only the network with the computer (network.py).
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MachineError
from ..record.traffic import Sample
from ..system import faults
from ..system.home import cache_dir, home_id, machine_dir, run_dir
from ..system.shell import environment, run
from ..system.trees import delete_tree
from . import confining, endpoint, families, mirror, network, packages, seed, traffic
from .packages import Say

if TYPE_CHECKING:
    import ipaddress

#: An engine is ready in 0.2 s on a quiet computer; this allows for a very busy one.
START_SECONDS = 30.0

#: An engine's start writes about this much into its log, bytes.
LOG_BYTES = 64_000


class ProcessEngine:
    """Machines as private `dockerd` processes; `engines` describes the methods."""

    kind = "process"
    mirrors = True

    def start(self, name: str, say: Say) -> None:
        """Bring up the engine of machine `name`. Raises MachineError with the end of its log if it doesn't start."""
        if self.alive(name):
            return
        packages.ensure_engine(say)
        self._kill(name)  # what a crash may have left
        self._delete_old(name)
        data = machine_dir(name) / "data"
        if not data.exists():
            machine_dir(name).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._link_seed(data)
        network.remove(name)
        self._launch(name, *network.make(name, mirror.ports()[0] if self.mirrored(name) else 0))

    def renew(self, name: str, say: Say) -> None:
        self._kill(name)
        self._set_aside(name)
        self.start(name, say)

    def alive(self, name: str) -> bool:
        return self._socket(name).exists() and endpoint.answers(self.environment(name), name)

    def environment(self, name: str) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self._socket(name)}", "DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": ""}

    def traffic(self, name: str, ended: threading.Event) -> Iterator[Sample]:
        return traffic.of_bridge(network.bridge_name(name), ended)

    def unlimited(self, name: str) -> list[str]:
        file = run_dir() / name / "unlimited"
        return file.read_text().split() if file.exists() else []

    def remove(self, name: str) -> None:
        self._kill(name)
        self._set_aside(name)  # if we're killed in between, the next start mustn't take half of the data for all of it
        try:
            network.remove(name)
        finally:
            shutil.rmtree(run_dir() / name, ignore_errors=True)
            delete_tree(machine_dir(name), f"Deleting machine {name}", ignore_errors=True)
            mirror.end_if_unused()

    def mirrored(self, name: str) -> bool:
        return (machine_dir(name) / "data" / mirror.MIRRORED).exists()

    def keep_as_seed(self, name: str, *, mirrored: bool) -> None:
        self._kill(name, gently=True)
        if mirrored:  # each machine that starts from the seed gets this file with the rest
            (machine_dir(name) / "data" / mirror.MIRRORED).touch()
        network.remove(name)
        shutil.rmtree(self._seed, ignore_errors=True)
        (machine_dir(name) / "data").rename(self._seed)
        self.remove(name)

    def seeded(self) -> bool:
        return self._seed.exists()

    def clean(self) -> None:
        delete_tree(self._seed, "Deleting the seed", ignore_errors=True)
        shutil.rmtree(run_dir(), ignore_errors=True)

    # -- the process -------------------------------------------------------------------------------------------------

    @property
    def _seed(self) -> Path:
        return cache_dir() / seed.SEED_NAME

    def _socket(self, name: str) -> Path:
        return run_dir() / name / "docker.sock"

    def _link_seed(self, data: Path) -> None:
        if self.seeded():
            part = data.with_name("data.part")
            shutil.rmtree(part, ignore_errors=True)
            seed.link(self._seed.resolve(), part)
            part.rename(data)

    def _set_aside(self, name: str) -> None:
        data = machine_dir(name) / "data"
        if data.exists():
            data.rename(data.with_name(f"data.old-{time.time_ns()}"))

    def _delete_old(self, name: str) -> None:
        """Delete the data that was set aside, including leftovers of a process that was killed before it could."""
        old = list(machine_dir(name).glob("data.old-*"))
        if not old:
            return
        if shutil.disk_usage(machine_dir(name)).free < seed.ROOM:
            for folder in old:
                delete_tree(folder, f"Deleting old data of machine {name}")
        else:  # it outlives this process and stays out of a build's way
            run("sh", "-c", 'setsid nice -n 19 rm -rf -- "$@" </dev/null >/dev/null 2>&1 &', "sh", *map(str, old))

    def _launch(self, name: str, bridge: str, compose: ipaddress.IPv4Network) -> None:
        folder, log = run_dir() / name, machine_dir(name) / "dockerd.log"
        # A killed dockerd leaves its process id here, and in a new PID namespace another process may have that id.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        config = {
            "features": {"containerd-snapshotter": True},
            "labels": [f"layerlab.machine={name}", f"layerlab.home={home_id()}"],
            "data-root": str(machine_dir(name) / "data"),
            "exec-root": str(folder / "exec"),
            "pidfile": str(folder / "dockerd.pid"),
            "hosts": [f"unix://{self._socket(name)}"],
            "bridge": bridge,
            "iptables": False,
            "ip6tables": False,
            "ip-forward": False,  # network.py does that, for IPv4 only
            "cgroup-parent": f"/{bridge}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "default-address-pools": [{"base": str(compose), "size": network.COMPOSE_PREFIX}],
        }
        (folder / "daemon.json").write_text(json.dumps(config, indent=1))
        (folder / "exec").mkdir(exist_ok=True)
        (folder / "unlimited").write_text(run("sh", str(confining.LIMIT_SCRIPT), bridge, *confining.SHARES))
        # dockerd would use somebody else's containerd if it found one in /run/containerd: hide that folder.
        script = (
            "mount -t proc proc /proc && mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd && "
            f'exec tini-static -- dockerd {shlex.join(confining.OPTIONS)} --config-file "$1"'
        )
        with log.open("ab") as output:
            process = subprocess.Popen(
                # slave: what's unmounted on the computer is unmounted here too, so that no engine keeps somebody's disk busy.
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "slave",
                 "sh", "-c", script, "layerlab-machine", str(folder / "daemon.json")],
                # Temporary folders of a killed engine stay in the machine's own folder.
                env=environment(
                    {**packages.tool_path(), "DOCKER_HOST": "", "NOTIFY_SOCKET": "", "TMPDIR": str(machine_dir(name))}
                ),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                start_new_session=True,  # it outlives the notebook's kernel and ignores its Ctrl-C
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self.alive(name):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
                # A full disk has no room for the line that says so.
                full = shutil.disk_usage(machine_dir(name)).free < LOG_BYTES
                fault = faults.known("no-space") if full else faults.recognise(tail)
                self._kill(name)
                network.remove(name)
                raise MachineError(
                    f"the engine of machine {name!r} did not start{f': {fault.what}' if fault else ''}\n{tail}",
                    f"{fault.remedy}; its log: {log}" if fault else f"its log: {log}",
                )
            time.sleep(0.02)

    def _kill(self, name: str, gently: bool = False) -> None:
        families.end(run_dir() / name / "daemon.json", gently)
