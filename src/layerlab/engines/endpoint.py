"""Which engine a `docker` command reaches: the user's own, or one of our machines.

Commands for a machine get a Docker configuration of their own, so they neither use nor change the user's contexts,
builders, credentials and configuration. A notebook that points at a machine remembers the user's settings.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SetupError
from ..system.home import home, machine_dir
from . import packages

if TYPE_CHECKING:
    import docker

#: Every variable that changes which engine, builder or configuration the docker command uses (Docker CLI reference,
#: "Environment variables"; buildx reference; Compose reference).
POINTERS = (
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
    "DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM", "DOCKER_BUILDKIT", "COMPOSE_DOCKER_CLI_BUILD",
    "BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDKIT_PROGRESS", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME",
)  # fmt: skip
#: Version of the Engine API that docker-py speaks with a machine: Docker 25's, the oldest that Docker 29 still accepts.
API_VERSION = "1.44"
#: How long to wait for an engine's answer, seconds.
ANSWER_SECONDS = 5.0
_OK = 200
#: Holds, as JSON, the user's values of those variables and of PATH, in a process that points at a machine.
PERSON = "LAYERLAB_PERSON"
#: Where CLI plugins live (Docker CLI, cli-plugins/manager), besides the user's own ~/.docker/cli-plugins.
PLUGIN_DIRS = (
    "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
)  # fmt: skip


def person_environment() -> dict[str, str]:
    """Return the user's own values of POINTERS and PATH; "" for those that aren't set."""
    if PERSON in os.environ:
        kept: dict[str, str] = json.loads(os.environ[PERSON])
        return kept
    return {name: os.environ.get(name, "") for name in (*POINTERS, "PATH")}


def machine_environment(name: str, endpoint: Mapping[str, str]) -> dict[str, str]:
    """Return variables that make `docker` and its plugins reach machine `name` at `endpoint`, with none of the user's."""
    return environment_in(machine_dir(name) / "docker", endpoint)


def environment_in(folder: Path, endpoint: Mapping[str, str]) -> dict[str, str]:
    """Return the same with the Docker configuration in `folder`; `endpoint` is {} for commands that need no engine."""
    config, programs = _configuration(folder)
    path = person_environment()["PATH"] or os.defpath
    # We teach BuildKit; the user's DOCKER_BUILDKIT=0 is for their own builds (doctor reports it).
    return {**dict.fromkeys(POINTERS, ""), **endpoint, "DOCKER_CONFIG": str(config), "PATH": f"{programs}:{path}"}


def point_at(variables: Mapping[str, str]) -> None:
    """Make every `docker` that this process or its children start from now on reach a machine."""
    os.environ.setdefault(PERSON, json.dumps(person_environment()))
    for name, value in variables.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


def connect(endpoint: Mapping[str, str], timeout: int = 60) -> docker.DockerClient:
    """Return a docker-py client of the engine at `endpoint`, with `timeout` in seconds. It sends nothing yet.

    Raises docker.errors.TLSParameterError if the engine's certificates are gone.
    """
    import docker  # here, because it takes 0.2 s, and a build needs none of it

    certificates = endpoint.get("DOCKER_CERT_PATH")
    tls = certificates and docker.tls.TLSConfig(
        client_cert=(f"{certificates}/cert.pem", f"{certificates}/key.pem"),
        ca_cert=f"{certificates}/ca.pem",
        verify=True,
    )
    # Given a version, the constructor sends no request, so the line below comes early enough.
    client = docker.DockerClient(
        base_url=endpoint["DOCKER_HOST"], tls=tls or False, timeout=timeout, version=API_VERSION
    )
    # Otherwise requests would let REQUESTS_CA_BUNDLE replace our authority, and send loopback traffic to proxies.
    client.api.trust_env = False
    return client


def answers(endpoint: Mapping[str, str], machine: str) -> bool:
    """Tell whether the engine at `endpoint` answers and belongs to the machine called `machine`."""
    with contextlib.suppress(OSError, ValueError):
        status, body = _get(endpoint, "/info")
        return status == _OK and f"layerlab.machine={machine}" in (json.loads(body).get("Labels") or [])
    return False


def reachable(endpoint: Mapping[str, str]) -> bool:
    """Tell whether any engine answers at `endpoint`, at a tenth of the cost of `answers`."""
    with contextlib.suppress(OSError, ValueError):
        return _get(endpoint, "/_ping") == (_OK, b"OK")
    return False


def _get(endpoint: Mapping[str, str], path: str) -> tuple[int, bytes]:
    """Ask the Engine API one question; return the HTTP status and the body.

    Every build asks whether its engine runs. This takes a millisecond, where docker-py takes 0.2 s to import and http.client
    0.05 s. In HTTP/1.0, the answer ends with the connection and has no chunks. Raises OSError or ValueError if there's no answer.
    """
    with _connected(endpoint) as engine:
        engine.sendall(f"GET /v{API_VERSION}{path} HTTP/1.0\r\nHost: engine\r\n\r\n".encode())
        answer = b""
        while block := engine.recv(1 << 16):
            answer += block
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


def _connected(endpoint: Mapping[str, str]) -> socket.socket:
    kind, _, address = endpoint["DOCKER_HOST"].partition("://")
    if kind == "unix":
        engine = socket.socket(socket.AF_UNIX)
        engine.settimeout(ANSWER_SECONDS)
        try:
            engine.connect(address)
        except OSError:
            engine.close()
            raise
        return engine
    name, _, port = address.rpartition(":")
    engine = socket.create_connection((name, int(port)), ANSWER_SECONDS)
    if not (folder := endpoint.get("DOCKER_CERT_PATH")):
        return engine
    import ssl  # an engine on a socket needs none

    try:
        trusted = ssl.create_default_context(cafile=f"{folder}/ca.pem")
        trusted.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        return trusted.wrap_socket(engine, server_hostname=name)
    except OSError:
        engine.close()
        raise


def docker_program() -> str:
    """Return the docker client that LayerLab unpacked, else the user's. Raises SetupError if there is none."""
    unpacked = packages.tool_path().get("PATH", "").split(":")
    found = shutil.which("docker", path=":".join(unpacked[:2])) or shutil.which(
        "docker", path=person_environment()["PATH"]
    )
    if not found:
        raise SetupError("there is no `docker` command here", "install the Docker CLI with buildx and Compose")
    return found


def program_in(variables: Mapping[str, str]) -> str:
    """Return the docker client on the PATH of these variables, else LayerLab's. Raises SetupError if there is none."""
    path = variables.get("PATH")
    return (path and shutil.which("docker", path=path)) or docker_program()


def quickest(command: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """Return `docker …` as the command that starts soonest and does the same.

    `docker` starts a plugin twice, the first time to ask what it is (Docker CLI, cli-plugins/manager), which takes 0.1 s.
    buildx and Compose are programs of their own, too. We start one directly only where our own configuration names it.
    """
    _, plugin, *words = command
    program = Path(variables.get("DOCKER_CONFIG", ""), "cli-plugins", f"docker-{plugin}")
    if home() in program.parents and program.exists():
        return [str(program), *words]
    return [program_in(variables), plugin, *words]


def plugin(name: str, first: Sequence[Path] = ()) -> Path | None:
    """Return the docker client's plugin `name`: from the folders `first`, the user's configuration, or the system."""
    own = Path(person_environment()["DOCKER_CONFIG"] or Path.home() / ".docker") / "cli-plugins"
    return next((place / name for place in (*first, own, *map(Path, PLUGIN_DIRS)) if (place / name).exists()), None)


def _configuration(config: Path) -> tuple[Path, Path]:
    """Make a Docker configuration folder with links to the plugins, and a folder with just `docker` for PATH.

    The configuration is the machine's own, because it holds the machine's registry credentials.
    """
    config.mkdir(parents=True, exist_ok=True, mode=0o700)
    programs = home() / "bin"
    for name in ("docker-buildx", "docker-compose"):
        found = plugin(name, packages.plugin_dirs())
        if found:
            _link(config / "cli-plugins" / name, found)
    _link(programs / "docker", Path(docker_program()))
    return config, programs


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not link.is_symlink() or os.readlink(link) != str(target):
        fresh = link.with_name(f".{link.name}.{os.getpid()}")
        fresh.symlink_to(target)
        fresh.replace(link)  # in one step: another LayerLab may be using it
