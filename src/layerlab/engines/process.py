"""A machine as a private `dockerd` process, for where we are root and there is no Docker.

It runs in mount and PID namespaces of its own: when its first process dies, by whatever hand, every container, shim and
mount goes with it. What it shares with the computer is the network: one bridge, three firewall rules and an address
range per machine, all named after it and removed with it. dockerd itself gets `--iptables=false`, because its own rules
are in chains that every dockerd on a computer shares. (Never `--bridge=none`: it deletes the host's docker0, FACTS.md.)
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil

from .. import client, packages
from ..errors import CommandFailed, MachineError
from ..home import cache_dir, home_id, locked, machine_dir, run_dir
from ..packages import Say
from ..shell import environment, run, succeeds

#: Machines take /20 networks out of this range (a part of 10/8 that routers and VPNs seldom use), 16 at a time.
RANGE = ipaddress.ip_network("10.213.0.0/16")
#: How the names of machines' bridges begin.
BRIDGES = "ll-"
#: An engine is ready in 0.2 s on a quiet computer (FACTS.md); this is for a very busy one.
START_SECONDS = 30.0
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


#: Of an engine's data, what is written once and then only read or deleted: images as they came (content, named by its
#: hash) and unpacked (committed snapshots, the lower layers of overlayfs). Nearly all of a seed.
WRITTEN_ONCE = (
    "containerd/daemon/io.containerd.content.v1.content/blobs",
    "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots",
)


class ProcessEngine:
    kind = "process"

    def start(self, name: str, say: Say) -> None:
        """Bring the engine of machine `name` up. Raises MachineError with the end of its log if it does not come."""
        if self.alive(name):
            return
        packages.ensure_engine(say)
        self._kill(name)  # what a crash may have left
        data = machine_dir(name) / "data"
        if not data.exists():
            machine_dir(name).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._copy_seed(data)
        self._remove_network(name)
        self._launch(name, *self._make_network(name))

    def alive(self, name: str) -> bool:
        return self._socket(name).exists() and client.answers(self.environment(name), name)

    def environment(self, name: str) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self._socket(name)}", "DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": ""}

    def remove(self, name: str) -> None:
        self._kill(name)
        self._remove_network(name)
        shutil.rmtree(run_dir() / name, ignore_errors=True)
        shutil.rmtree(machine_dir(name), ignore_errors=True)

    def keep_as_seed(self, name: str) -> None:
        self._kill(name, gently=True)
        self._remove_network(name)
        shutil.rmtree(self._seed, ignore_errors=True)
        (machine_dir(name) / "data").rename(self._seed)
        self.remove(name)

    def seeded(self) -> bool:
        return self._seed.exists()

    def clean(self) -> None:
        shutil.rmtree(self._seed, ignore_errors=True)
        shutil.rmtree(run_dir(), ignore_errors=True)

    # -- the process -------------------------------------------------------------------------------------------------

    @property
    def _seed(self) -> Path:
        return cache_dir() / "seed"

    def _socket(self, name: str) -> Path:
        return run_dir() / name / "docker.sock"

    def _copy_seed(self, data: Path) -> None:
        if self.seeded():
            part = data.with_name("data.part")
            shutil.rmtree(part, ignore_errors=True)
            _copy_tree(self._seed.resolve(), part)
            (part / "engine-id").unlink(missing_ok=True)  # or every machine would say it is the seed
            part.rename(data)

    def _launch(self, name: str, bridge: str, network: ipaddress.IPv4Network) -> None:
        folder, log = run_dir() / name, machine_dir(name) / "dockerd.log"
        # A killed dockerd leaves its process id here, and in a new PID namespace that id is some process of the new engine.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        config = {
            "features": {"buildkit": True, "containerd-snapshotter": True},
            "labels": [f"layerlab.machine={name}", f"layerlab.home={home_id()}"],
            "data-root": str(machine_dir(name) / "data"),
            "exec-root": str(folder / "exec"),
            "pidfile": str(folder / "dockerd.pid"),
            "hosts": [f"unix://{self._socket(name)}"],
            "bridge": bridge,
            "iptables": False,
            "ip6tables": False,
            "cgroup-parent": f"/{bridge}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "default-address-pools": [{"base": str(list(network.subnets(1))[1]), "size": 26}],
        }
        (folder / "daemon.json").write_text(json.dumps(config, indent=1))
        (folder / "exec").mkdir(exist_ok=True)
        # dockerd would use a containerd that it finds in /run/containerd, somebody else's: cover that folder.
        script = (
            "mount -t proc proc /proc && mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd && "
            'exec tini-static -- dockerd --config-file "$1"'
        )
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
                 "sh", "-c", script, "layerlab-machine", str(folder / "daemon.json")],
                # Temporary folders of a killed engine stay in the machine's own.
                env=environment(
                    {**packages.tool_path(), "DOCKER_HOST": "", "NOTIFY_SOCKET": "", "TMPDIR": str(machine_dir(name))}
                ),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                start_new_session=True,  # it outlives the kernel, and Ctrl-C is not for it
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self.alive(name):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
                self._kill(name)
                self._remove_network(name)
                raise MachineError(f"the engine of machine {name!r} did not start\n{tail}", f"its log: {log}")
            time.sleep(0.02)

    def _kill(self, name: str, gently: bool = False) -> None:
        """End the process and, by its PID namespace, all that it started; wait until they are gone."""
        config = str(run_dir() / name / "daemon.json")
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                if command[:1] != ["unshare"] or command[-1] != config:
                    continue
                family = process.children(recursive=True)
                if gently:
                    for child in process.children():
                        child.send_signal(signal.SIGTERM)
                    psutil.wait_procs([process], timeout=15)
                process.kill()
                psutil.wait_procs([process, *family], timeout=10)

    # -- the network -------------------------------------------------------------------------------------------------

    @property
    def _forwarding_was(self) -> Path:
        """What the first machine on this computer, of whichever home, found in FORWARDING; the last to go puts it back."""
        return run_dir().parent / "layerlab-ip_forward.was"

    def _sharing(self) -> contextlib.AbstractContextManager[None]:
        """Homes share the computer's addresses and its forwarding."""
        return locked("network", folder=run_dir().parent)

    def _bridge(self, name: str) -> str:
        """Interface names have at most 15 characters."""
        return BRIDGES + hashlib.sha256(f"{home_id()}/{name}".encode()).hexdigest()[:8]

    def _make_network(self, name: str) -> tuple[str, ipaddress.IPv4Network]:
        bridge, tools = self._bridge(name), packages.tool_path()
        with self._sharing():
            network = _free_network()
            (machine_dir(name) / "network").write_text(str(network))
            home_network = next(network.subnets(4))
            run("ip", "link", "add", bridge, "type", "bridge", env=tools)
            run("ip", "address", "add", f"{home_network[1]}/{home_network.prefixlen}", "dev", bridge, env=tools)
            run("ip", "link", "set", bridge, "up", env=tools)
            if not self._forwarding_was.exists():
                self._forwarding_was.write_text(FORWARDING.read_text())
            FORWARDING.write_text("1")
        for rule in self._rules(bridge, network):
            run("iptables", "--wait", "-t", rule[0], "-I", *rule[1:], env=tools)
        return bridge, network

    def _rules(self, bridge: str, network: ipaddress.IPv4Network) -> list[tuple[str, ...]]:
        """Let the machine's containers out, and the answers in: table, chain, match. Each says whose it is."""
        mark = ("-m", "comment", "--comment", f"layerlab {bridge}")
        return [
            ("nat", "POSTROUTING", "-s", f"{network}", "!", "-d", f"{network}", *mark, "-j", "MASQUERADE"),
            ("filter", "FORWARD", "-s", f"{network}", *mark, "-j", "ACCEPT"),
            ("filter", "FORWARD", "-d", f"{network}", *mark, "-j", "ACCEPT"),
        ]

    def _remove_network(self, name: str) -> None:
        file, tools = machine_dir(name) / "network", packages.tool_path()
        if not file.exists():
            return
        network = ipaddress.ip_network(file.read_text())
        for rule in self._rules(self._bridge(name), network):
            succeeds(["iptables", "--wait", "-t", rule[0], "-D", *rule[1:]], env=tools)
        # The machine's bridge, and those that dockerd made for Compose networks in the machine's range.
        for interface, addresses in psutil.net_if_addrs().items():
            if any(a.family.name == "AF_INET" and ipaddress.ip_address(a.address) in network for a in addresses):
                with contextlib.suppress(CommandFailed):
                    run("ip", "link", "delete", interface, env=tools)
        for folder in Path("/sys/fs/cgroup").glob(f"**/{self._bridge(name)}"):
            for group in [*sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True), folder]:
                with contextlib.suppress(OSError):
                    os.rmdir(group)
        file.unlink()
        with self._sharing():
            if self._forwarding_was.exists() and not any(Path("/sys/class/net").glob(f"{BRIDGES}*")):
                FORWARDING.write_text(self._forwarding_was.read_text())
                self._forwarding_was.unlink()


def _free_network() -> ipaddress.IPv4Network:
    """A network of RANGE in which this computer has no address. Raises MachineError if there is none."""
    taken = [
        ipaddress.ip_network(f"{address.address}/20", strict=False)
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family.name == "AF_INET"
    ]
    free = (n for n in RANGE.subnets(new_prefix=20) if not any(n.overlaps(t) for t in taken))
    if network := next(free, None):
        return network
    raise MachineError(f"all 16 networks of {RANGE} are in use", "stop a machine: `layerlab down`")


def _copy_tree(seed: Path, copy: Path) -> None:
    """Copy an engine's data; files that nobody writes to are hard links, which takes a tenth of the time and no space."""
    # cp knows reflinks, sparse files, hard links and overlayfs' extended attributes; shutil does not.
    if not succeeds(["cp", "--archive", "--link", str(seed), str(copy)], timeout=120):  # another file system, perhaps
        shutil.rmtree(copy, ignore_errors=True)
        run("cp", "--archive", "--reflink=auto", str(seed), str(copy), what="could not copy the base images")
        return
    for folder, folders, files in os.walk(copy):
        place = Path(folder)
        folders[:] = [f for f in folders if str((place / f).relative_to(copy)) not in WRITTEN_ONCE]
        for file in files:
            shared = place / file
            if shared.is_file() and not shared.is_symlink():
                own = place / f"{file}.own"
                shutil.copy2(shared, own)
                own.replace(shared)
