"""The user's own builders: which one a docker command uses, how to reach it, and what it is. Everything here only reads.

A builder is a docker context's engine or an instance of buildx. Commands get the user's own docker client, configuration and
variables, also in a notebook that points at a machine.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..engines import endpoint
from ..errors import BuilderError, CommandFailed
from ..record.hosts import builder_label
from ..system import faults
from ..system.shell import run

#: The variable that names a builder for buildx, and so for Compose (buildx, commands/root.go).
CHOSEN = "BUILDX_BUILDER"
#: buildx itself waits 20 s for a builder's nodes (commands/inspect.go).
ANSWER_SECONDS = 40.0
#: The docker context that stands for $DOCKER_HOST, or else for the local engine (docker CLI, cli/command/context.go).
DEFAULT = "default"
#: One line that `docker buildx inspect` prints. Those of lists, such as labels, are indented.
_LINE = re.compile(r"(\S[^:]*):[ \t]*(.*)")


@dataclasses.dataclass(frozen=True)
class Known:
    """A builder's name, and what it means here. To know that much, no engine is asked.

    Attributes:
        name: as `docker buildx ls` shows it.
        address: the address of the docker context with that name; "" for an instance of buildx.
    """

    name: str
    address: str

    @property
    def label(self) -> str:
        """What records and the history call it. The digits tell apart two engines behind one name, such as "default"."""
        told = hashlib.sha256(repr((self.name, self.address)).encode(errors="surrogateescape")).hexdigest()
        return builder_label(self.name, told[:8])

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make the user's `docker` reach it; an empty value means that the variable must be unset.

        buildx refuses a context that isn't the current one (builder/builder.go, Validate), so a command names it as such.
        """
        own = {**endpoint.person_environment(), CHOSEN: self.name}
        if not self.address:
            return own
        host = own["DOCKER_HOST"] if self.name == DEFAULT else ""
        return {**own, "DOCKER_CONTEXT": self.name, "DOCKER_HOST": host}


@dataclasses.dataclass(frozen=True)
class Details:
    """What `docker buildx inspect` says of a builder.

    Attributes:
        driver: "docker", "docker-container", "remote", "kubernetes" or "cloud"; "" if not even that can be told.
        endpoints: of each node, the docker context or address.
        statuses: of each node, "running", "inactive", "stopped" or "error".
        buildkit: BuildKit's versions, each once.
        error: why the builder can't be used; "" if it can. buildx does without a node that it can't use, if there's another
            (build/build.go, filterAvailableNodes).
    """

    driver: str
    endpoints: tuple[str, ...]
    statuses: tuple[str, ...]
    buildkit: tuple[str, ...]
    error: str

    @property
    def down(self) -> bool:
        """Whether nothing answers, and a build can't start it, as it starts a container or a pod."""
        return self.driver == "remote" and "running" not in self.statuses

    @property
    def loads_images(self) -> bool:
        """Whether a build's image is in the engine afterwards without being asked for: only that of the driver "docker"."""
        return self.driver == "docker"


# -- which one ---------------------------------------------------------------------------------------------------------


def known(name: str) -> Known:
    """Return what a builder's name means here."""
    return Known(name, _address(name))


def of_docker_build() -> str:
    """Return the name of the builder that `docker build` uses here: $BUILDX_BUILDER, else the current docker context.

    `docker buildx use` has no say in it, unless `docker buildx install` made `docker build` mean buildx (docker CLI,
    cmd/docker/builder.go). Raises BuilderError if there is no such context.
    """
    own = endpoint.person_environment()
    if own[CHOSEN]:
        return own[CHOSEN]
    return of_buildx() if _builds_with_alias(own) else current_context()


def of_buildx() -> str:
    """Return the name of the builder that `docker buildx build`, bake and Compose use: what `docker buildx use` chose.

    Raises BuilderError if it isn't there.
    """
    return _fields(_said("buildx", "inspect", what="the current builder can't be looked at"))[0].get("Name", "")


def current_context() -> str:
    """Return the name of the current docker context, as $DOCKER_HOST, $DOCKER_CONTEXT and `docker context use` leave it."""
    return _said("context", "show", what="the current docker context can't be read").strip()


def names() -> list[str]:
    """Return the names of all builders, as far as docker tells; it asks each of them how it is."""
    try:
        listed = docker("buildx", "ls", "--format", "json", timeout=ANSWER_SECONDS).splitlines()
        return [json.loads(builder)["Name"] for builder in listed]
    except (CommandFailed, ValueError, KeyError):
        return []


def _builds_with_alias(own: Mapping[str, str]) -> bool:
    file = Path(own["DOCKER_CONFIG"] or Path.home() / ".docker", "config.json")
    try:
        return bool((json.loads(file.read_text(encoding="utf-8")).get("aliases") or {}).get("builder"))
    except (OSError, ValueError, AttributeError):
        return False


def _address(name: str) -> str:
    try:
        return docker("context", "inspect", name, "--format", "{{.Endpoints.docker.Host}}").strip()
    except CommandFailed:
        return ""


# -- what it is --------------------------------------------------------------------------------------------------------


def details(builder: Known) -> Details:
    """Ask a builder what it is. One whose engine doesn't answer takes up to 20 s, and says so in `error`.

    Raises BuilderError if there is no such builder.
    """
    try:
        return read_details(docker("buildx", "inspect", builder.name, of=builder, timeout=ANSWER_SECONDS))
    except CommandFailed as error:
        if "no builder" not in error.output:
            raise refused(builder.name, error.output) from None
    there = ", ".join(names())
    raise BuilderError(
        f"there is no builder {builder.name!r}",
        f"choose one of: {there}" if there else "`docker buildx ls` lists the builders that exist",
    )


def read_details(text: str) -> Details:
    """Return what a text that `docker buildx inspect` printed says."""
    of_all, *nodes = _fields(text)
    errors = [node.get("Error", "") for node in nodes]
    error = of_all.get("Error") or ("; ".join(dict.fromkeys(errors)) if all(errors) else "")
    versions = dict.fromkeys(node.get("BuildKit version", "") for node in nodes)
    return Details(
        driver=of_all.get("Driver", ""),
        endpoints=tuple(node.get("Endpoint", "") for node in nodes),
        statuses=tuple(node.get("Status", "error") for node in nodes),
        buildkit=tuple(version for version in versions if version),
        error=error,
    )


def trouble(name: str, found: Details, during: str = "") -> BuilderError | None:
    """Return the error that says why a builder can't be used, `during` something, and what to do; None if it can."""
    if found.error:
        return refused(name, found.error, during)
    if not found.down:
        return None
    return BuilderError(
        f"builder {name!r} isn't running{f' any more, during {during}' if during else ''}: nothing answers at "
        f"{', '.join(found.endpoints)}",
        f"start its BuildKit, and check its address; `docker buildx inspect {name}` says how it is",
    )


def refused(name: str, said: str, during: str = "") -> BuilderError:
    """Return the error that says why a builder can't be used, `during` something, and what to do: from what docker said of it."""
    fault = faults.recognise(said)
    line = next((line for line in said.splitlines() if line.strip()), "it doesn't say why")
    why = f"{fault.what} ({line})" if fault else line
    look = f"`docker buildx inspect {name}` says how it is"
    when = f" any more, during {during}" if during else ""
    return BuilderError(f"builder {name!r} can't be used{when}: {why}", f"{fault.remedy}; {look}" if fault else look)


def _fields(text: str) -> list[dict[str, str]]:
    """Return the fields of the builder, then of each of its nodes. Each node begins with its name."""
    parts = list(_parts(text))
    found: list[dict[str, str]] = [{}]
    for name, value in parts:
        if name == "Name" and found[-1]:
            found.append({})
        found[-1].setdefault(name, value)
    return found


def _parts(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if told := _LINE.fullmatch(line.rstrip()):
            yield told[1], told[2]


# -- the user's docker -------------------------------------------------------------------------------------------------


def docker(*arguments: str, of: Known | None = None, timeout: float = 60) -> str:
    """Run the user's own docker command, for the builder `of` or as it would run without LayerLab; return its output.

    Raises CommandFailed, SetupError if there's no docker command.
    """
    variables = of.environment if of else endpoint.person_environment()
    return run(endpoint.program_in(variables), *arguments, env=variables, timeout=timeout)


def _said(*arguments: str, what: str) -> str:
    """Run the user's docker command. Raises BuilderError that begins with `what`."""
    try:
        return docker(*arguments, timeout=ANSWER_SECONDS)
    except CommandFailed as error:
        fault = faults.recognise(error.output)
        why = fault.what if fault else error.output.strip().rpartition("\n")[2]
        raise BuilderError(
            f"{what}: {why}", fault.remedy if fault else "`docker context ls` shows what's there"
        ) from None
