"""Which engine a `docker` command reaches: the person's own, or a machine of ours.

Commands for a machine get a Docker configuration of our own, so the person's contexts, builders, credentials and
configuration are neither used nor changed. A notebook that is pointed at a machine remembers what the person had.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import docker

from ..errors import SetupError
from ..system.home import home, machine_dir
from . import packages

#: Every variable that changes which engine, builder or configuration the docker command uses (Docker CLI reference,
#: "Environment variables"; buildx reference; Compose reference).
POINTERS = (
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
    "DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM", "DOCKER_BUILDKIT", "COMPOSE_DOCKER_CLI_BUILD",
    "BUILDX_BUILDER", "BUILDX_CONFIG", "BUILDKIT_PROGRESS", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME",
)  # fmt: skip
#: Version of the Engine API that docker-py speaks with a machine: Docker 25's, the oldest that Docker 29 still accepts.
API_VERSION = "1.44"
#: Holds, as JSON, what the person had in those variables and in PATH, in a process that was pointed at a machine.
PERSON = "LAYERLAB_PERSON"
#: Where CLI plugins live (Docker CLI, cli-plugins/manager), besides the person's own ~/.docker/cli-plugins.
PLUGIN_DIRS = (
    "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins",
)  # fmt: skip


def person_environment() -> dict[str, str]:
    """POINTERS and PATH as the person has them; empty for those that are not set."""
    if PERSON in os.environ:
        return json.loads(os.environ[PERSON])
    return {name: os.environ.get(name, "") for name in (*POINTERS, "PATH")}


def machine_environment(name: str, endpoint: Mapping[str, str]) -> dict[str, str]:
    """The variables with which `docker` and its plugins reach machine `name` at `endpoint`, and nothing of the person's."""
    return environment_in(machine_dir(name) / "docker", endpoint)


def environment_in(folder: Path, endpoint: Mapping[str, str]) -> dict[str, str]:
    """The same with a Docker configuration in `folder`; with no endpoint, for commands that need no engine."""
    config, programs = _configuration(folder)
    path = person_environment()["PATH"] or os.defpath
    # BuildKit is what we teach; the person's DOCKER_BUILDKIT=0 is for their own builds (doctor tells them).
    return {**dict.fromkeys(POINTERS, ""), **endpoint, "DOCKER_CONFIG": str(config), "PATH": f"{programs}:{path}"}


def point_at(variables: Mapping[str, str]) -> None:
    """Let every `docker` that this process starts from now on, and its children's, reach a machine."""
    os.environ.setdefault(PERSON, json.dumps(person_environment()))
    for name, value in variables.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


def connect(endpoint: Mapping[str, str], timeout: float = 60) -> docker.DockerClient:
    """A docker-py client of the engine at `endpoint`. Nothing is sent yet. Raises OSError if its certificates are gone."""
    certificates = endpoint.get("DOCKER_CERT_PATH")
    tls = certificates and docker.tls.TLSConfig(
        client_cert=(f"{certificates}/cert.pem", f"{certificates}/key.pem"),
        ca_cert=f"{certificates}/ca.pem",
        verify=True,
    )
    # With a given version the constructor asks nothing, so that the next line is in time.
    client = docker.DockerClient(
        base_url=endpoint["DOCKER_HOST"], tls=tls or False, timeout=timeout, version=API_VERSION
    )
    # requests would let REQUESTS_CA_BUNDLE replace our authority, and proxies see what is for loopback only.
    client.api.trust_env = False
    return client


def answers(endpoint: Mapping[str, str], machine: str) -> bool:
    """Whether the engine at `endpoint` answers, and is that of the machine called `machine`."""
    try:
        with contextlib.closing(connect(endpoint, timeout=5)) as client:
            return f"layerlab.machine={machine}" in (client.info().get("Labels") or [])
    except (docker.errors.DockerException, OSError):
        return False


def reachable(endpoint: Mapping[str, str]) -> bool:
    """Whether any engine answers at `endpoint`; a tenth of what `answers` costs."""
    try:
        with contextlib.closing(connect(endpoint, timeout=5)) as client:
            return client.ping()
    except (docker.errors.DockerException, OSError):
        return False


def docker_program() -> str:
    """The docker client: of the packages that LayerLab unpacked, else the person's. Raises SetupError if there is none."""
    unpacked = packages.tool_path().get("PATH", "").split(":")
    found = shutil.which("docker", path=":".join(unpacked[:2])) or shutil.which(
        "docker", path=person_environment()["PATH"]
    )
    if not found:
        raise SetupError("there is no `docker` command here", "install the Docker CLI with buildx and Compose")
    return found


def _configuration(config: Path) -> tuple[Path, Path]:
    """A Docker configuration folder with the plugins linked in, and a folder that holds just `docker` for PATH.

    The configuration is the machine's own, because it holds the credentials of the registries it logs in to.
    """
    programs = home() / "bin"
    own = Path(person_environment()["DOCKER_CONFIG"] or Path.home() / ".docker") / "cli-plugins"
    for plugin in ("docker-buildx", "docker-compose"):
        places = [*packages.plugin_dirs(), own, *map(Path, PLUGIN_DIRS)]
        found = next((place / plugin for place in places if (place / plugin).exists()), None)
        if found:
            _link(config / "cli-plugins" / plugin, found)
    _link(programs / "docker", Path(docker_program()))
    return config, programs


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not link.is_symlink() or os.readlink(link) != str(target):
        fresh = link.with_name(f".{link.name}.{os.getpid()}")
        fresh.symlink_to(target)
        fresh.replace(link)  # in one step: another LayerLab may be using it
