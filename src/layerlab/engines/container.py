"""A machine as a privileged container inside the user's Docker, reached over mutually authenticated TLS.

The port is published on loopback only, and refuses clients without the certificate we made. Everything carries the
label `layerlab.home`, so that we can find it again and remove it without touching anything else in that Docker.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import CommandFailed, MachineError
from ..record.traffic import Sample
from ..system import faults, progress
from ..system.home import LABEL, cache_dir, home, home_id, machine_dir
from ..system.shell import run, succeeds
from . import confining, endpoint, images, traffic
from .endpoint import docker_program, person_environment
from .packages import Say
from .seed import SEED_NAME, WRITTEN_ONCE

#: A start takes about 3 s; this allows for a very busy computer.
START_SECONDS = 60.0
START_SCRIPT = Path(__file__).with_name("start-in-container.sh")
#: Makes ports of a machine's own loopback lead elsewhere: packets leave with the machine's address, not with loopback's.
#: $1 is lines of "port address:port". They replace all earlier rules.
FORWARD = """
echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
for chain in OUTPUT POSTROUTING; do
    iptables --wait -t nat -N LAYERLAB-$chain 2>/dev/null || iptables --wait -t nat -F LAYERLAB-$chain
    iptables --wait -t nat -C $chain -j LAYERLAB-$chain 2>/dev/null || iptables --wait -t nat -A $chain -j LAYERLAB-$chain
done
iptables --wait -t nat -A LAYERLAB-POSTROUTING -s 127.0.0.0/8 ! -o lo -j MASQUERADE
echo "$1" | while read -r port address; do
    [ -z "$port" ] || iptables --wait -t nat -A LAYERLAB-OUTPUT -d 127.0.0.1 -p tcp --dport "$port" -j DNAT --to "$address"
done
"""
#: The port where dockerd listens for TLS clients (registered with IANA as docker-s).
PORT = 2376
#: dockerd's own name for the bridge of containers and builds.
BRIDGE = "docker0"


def person_has_docker() -> bool:
    """Tell whether a Docker engine answers the user's own `docker`."""
    person = person_environment()
    return shutil.which("docker", path=person["PATH"]) is not None and succeeds(["docker", "info"], env=person)


def refusal() -> tuple[str, str]:
    """Say why no Docker engine answers the user's own `docker`, and what to do about it."""
    person = person_environment()
    if not shutil.which("docker", path=person["PATH"]):
        return (
            "there is no `docker` command here",
            "install Docker Engine with buildx and Compose, and join the group `docker`",
        )
    try:
        run("docker", "info", env=person)
    except CommandFailed as error:
        if fault := faults.recognise(error.output):
            return fault.what, fault.remedy
    return (
        "no Docker engine answers here",
        "start Docker (Docker Desktop, or `sudo systemctl start docker`) and try again",
    )


class ContainerEngine:
    """Machines as containers in the user's Docker; `engines` describes the methods."""

    kind = "container"
    mirrors = False

    def start(self, name: str, say: Say) -> None:
        """Bring up the engine of machine `name`. Raises MachineError with the end of its log if it doesn't start."""
        if self.alive(name):
            return
        if self._exists("container", name):
            try:
                _person("start", self._called(name))  # it stopped or crashed; its data is in the volume
            except CommandFailed as error:
                raise MachineError(
                    f"machine {name!r} could not be restarted\n{error}", f"remove it: `layerlab down {name}`"
                ) from None
        else:
            self._create(name, self._image(say))
        self._await(name)

    def renew(self, name: str, say: Say) -> None:
        # The copied file is only a flag for the start script, which removes it.
        _person("cp", str(START_SCRIPT), f"{self._called(name)}:/layerlab/renew")
        _person("restart", "--time", "0", self._called(name))
        self._await(name)

    def alive(self, name: str) -> bool:
        return (machine_dir(name) / "port").exists() and endpoint.answers(self.environment(name), name)

    def environment(self, name: str) -> dict[str, str]:
        port = (machine_dir(name) / "port").read_text()
        return {
            "DOCKER_HOST": f"tcp://127.0.0.1:{port}",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(machine_dir(name) / "certificates"),
        }

    def traffic(self, name: str, ended: threading.Event) -> Iterator[Sample]:
        shell = [docker_program(), "exec", "--interactive", self._called(name)]
        return traffic.of_container(shell, BRIDGE, person_environment(), ended)

    def unlimited(self, name: str) -> list[str]:
        try:
            return _person("exec", self._called(name), "cat", "/layerlab/unlimited").split()
        except CommandFailed:  # it isn't running, or an earlier LayerLab made it
            return []

    def remove(self, name: str) -> None:
        # Without certificates it most likely never was a container, so a Docker that's missing or doesn't answer is no problem.
        if (machine_dir(name) / "certificates").exists() or person_has_docker():
            with progress.shown(f"Deleting machine {name}"):
                if self._exists("container", name):
                    _person("rm", "--force", self._called(name))
                if self._exists("volume", name):
                    _person("volume", "rm", "--force", self._called(name))
        shutil.rmtree(machine_dir(name), ignore_errors=True)

    def mirrored(self, name: str) -> bool:
        return False

    def keep_as_seed(self, name: str, *, mirrored: bool) -> None:
        """Turn the machine's volume into the seed, and remove its container."""
        _person("stop", "--time", "15", self._called(name))
        _person("rm", self._called(name))
        self._seed_file.write_text(self._called(name))
        shutil.rmtree(machine_dir(name), ignore_errors=True)

    def seeded(self) -> bool:
        named = self._seed_file.exists() and self._seed_file.read_text() == self._called(SEED_NAME)
        return named and self._exists("volume", SEED_NAME)

    def clean(self) -> None:
        """Remove everything with this home's label, and the images that LayerLab added to the user's Docker."""
        mine = f"label={LABEL}={home_id()}"
        for container in _person("ps", "--all", "--quiet", "--filter", mine).split():
            _person("rm", "--force", container)
        for volume in _person("volume", "ls", "--quiet", "--filter", mine).split():
            _person("volume", "rm", "--force", volume)
        if self._images_file.exists():
            for image in self._images_file.read_text().split():
                with contextlib.suppress(CommandFailed):  # a container that isn't ours uses it
                    _person("image", "rm", image)
            self._images_file.unlink()
        self._seed_file.unlink(missing_ok=True)

    def forward(self, name: str) -> None:
        """Make ports of the machine's loopback lead to this home's registries, as each one's `forwards_file` says.

        Call this when a machine or a registry comes up, because it may have a new address.
        """
        lines = [
            f"{port} {address}"
            for file in sorted(home().glob("registries/*/forwards.json"))
            for port, address in json.loads(file.read_text()).items()
        ]
        _person("exec", self._called(name), "sh", "-ec", FORWARD, "forward", "\n".join(lines))

    # ----------------------------------------------------------------------------------------------------------------

    @property
    def _seed_file(self) -> Path:
        return home() / "container-seed"

    @property
    def _images_file(self) -> Path:
        """The file with the names of the images that LayerLab added to the user's Docker."""
        return home() / "container-images"

    def _called(self, name: str) -> str:
        return f"layerlab-{home_id()}-{name}"

    def _await(self, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.alive(name):
            running = _person("inspect", "--format", "{{.State.Running}}", self._called(name)) == "true"
            if not running or time.monotonic() > deadline:
                log = _person("logs", "--tail", "8", self._called(name))
                raise MachineError(
                    f"the engine of machine {name!r} did not start\n{log}", "run `layerlab doctor` to find the cause"
                )
            time.sleep(0.05)
        if any(home().glob("registries/*/forwards.json")):
            self.forward(name)

    def remember_image(self, name: str) -> None:
        """Note that LayerLab added this image to the user's Docker, so that `clean` removes it."""
        with self._images_file.open("a") as file:
            file.write(f"{name}\n")

    def _exists(self, kind: str, name: str) -> bool:
        return succeeds([docker_program(), kind, "inspect", self._called(name)], env=person_environment())

    def _image(self, say: Say) -> str:
        """Return the name of the engine image in the user's Docker; add the image first if it's missing."""
        if name := images.present(images.ENGINE_IMAGE, _person):
            return name
        name = images.ensure_engine_image(_person, say)
        self.remember_image(name)
        return name

    def _create(self, name: str, image: str) -> None:
        called, folder = self._called(name), machine_dir(name)
        certificates = _make_certificates(folder / "certificates")
        label, port = f"{LABEL}={home_id()}", _free_port()
        (folder / "port").write_text(str(port))
        _person("volume", "create", "--label", label, called)
        seed = ["--volume", f"{self._seed_file.read_text()}:/seed:ro"] if self.seeded() else []
        _person(
            "create", "--name", called, "--label", label, "--privileged", "--init", "--hostname", name,
            "--publish", f"127.0.0.1:{port}:{PORT}", "--volume", f"{called}:/var/lib/docker", *seed,
            "--entrypoint", "sh", image, "/layerlab/start.sh", name, home_id(), " ".join(WRITTEN_ONCE),
            *confining.SHARES, *confining.OPTIONS,
        )  # fmt: skip
        shutil.copy(START_SCRIPT, certificates / "start.sh")
        shutil.copy(confining.LIMIT_SCRIPT, certificates / "limit.sh")
        _person("cp", f"{certificates}/.", f"{called}:/layerlab")
        shutil.rmtree(certificates)
        _person("start", called)


def forwards_file(registry: str) -> Path:
    """Return the file that says, as JSON, where a machine's loopback ports lead: {"40123": "172.17.0.3:5000"}."""
    return home() / "registries" / registry / "forwards.json"


def _free_port() -> int:
    """Return a free port of this computer's loopback. We choose it, not Docker, so that it stays the same over restarts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _person(*arguments: str) -> str:
    """Run the user's docker command on the user's engine."""
    environment = person_environment()
    if arguments[0] == "buildx":  # it notes in its folder which builder it used last: not in the user's
        environment["BUILDX_CONFIG"] = str(cache_dir() / "buildx")
    return run(docker_program(), *arguments, env=environment).strip()


def _make_certificates(client_folder: Path) -> Path:
    """Make certificates for a server and a client; return the server's folder. Their authority lives for this call only.

    The client's folder has the file names that DOCKER_CERT_PATH needs: ca.pem, cert.pem, key.pem.
    """
    import trustme  # here, because it takes 0.1 s, and only a new machine needs it

    authority = trustme.CA(organization_name="LayerLab")
    server_folder = client_folder.with_name("server")
    for folder, identity in ((client_folder, "layerlab-client"), (server_folder, "127.0.0.1")):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        certificate = authority.issue_cert(identity)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        (folder / "key.pem").chmod(0o600)
    return server_folder
