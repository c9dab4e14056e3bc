"""What a docker command builds, as far as its words say it. They are only read: the command runs as it was given.

Which options take a value is in the references of docker, buildx and Compose. A word after an option that isn't in these tables
may be its value or not: then what follows from it is left open.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from . import docker_words

#: docker's options before the command that take a value, and those with a letter.
_DOCKER = ("--config", "--context", "--host", "--log-level", "--tlscacert", "--tlscert", "--tlskey")
_DOCKER_SHORT = {"c": "--context", "H": "--host", "l": "--log-level"}
_BUILDX = ("--builder",)
_COMPOSE = (
    "--ansi", "--env-file", "--file", "--parallel", "--profile", "--progress", "--project-directory", "--project-name",
)  # fmt: skip
_COMPOSE_SHORT = {"f": "--file", "p": "--project-name"}
_BUILD = (
    "--add-host", "--allow", "--annotation", "--attest", "--build-arg", "--build-context", "--builder", "--cache-from",
    "--cache-to", "--call", "--cgroup-parent", "--cpu-period", "--cpu-quota", "--cpu-shares", "--cpuset-cpus", "--cpuset-mems",
    "--file", "--iidfile", "--isolation", "--label", "--memory", "--memory-swap", "--metadata-file", "--network",
    "--no-cache-filter", "--output", "--platform", "--policy", "--progress", "--provenance", "--sbom", "--secret",
    "--security-opt", "--shm-size", "--ssh", "--tag", "--target", "--ulimit",
)  # fmt: skip
_BUILD_SHORT = {"c": "--cpu-shares", "f": "--file", "m": "--memory", "o": "--output", "t": "--tag"}
#: Options of `docker build` that take none.
_BUILD_FLAGS = (
    "--check", "--compress", "--debug", "--force-rm", "--load", "--no-cache", "--pull", "--push", "--quiet", "--rm", "--squash",
)  # fmt: skip
_BAKE = (
    "--allow", "--builder", "--call", "--file", "--list", "--metadata-file", "--progress", "--provenance", "--sbom", "--set",
    "--var",
)  # fmt: skip
_BAKE_SHORT = {"f": "--file"}
#: The commands that build an image from a Dockerfile.
_PLAIN = (("build",), ("image", "build"), ("builder", "build"), ("buildx", "build"), ("buildx", "b"))
_BAKES = (("buildx", "bake"), ("buildx", "f"))
#: Compose's commands that build: the last three only with --build, or where an image is missing.
_COMPOSES = ("build", "up", "create", "run")


@dataclasses.dataclass(frozen=True)
class DockerBuild:
    """A docker command that builds.

    Attributes:
        tool: "build", "bake" or "compose".
        buildx: the words that run buildx for the same engine, and with the same configuration.
        prefix: the words before Compose's command, `docker compose -f dev.yaml`; of a plain build, those before its options.
        verb: Compose's command; "" for another tool.
        options: each as `--name=value` or `--flag`, also those that were given as a letter or with the value apart.
        context: the build context of "build"; "" if the words leave open which it is.
        words: the whole command.
    """

    tool: str
    buildx: tuple[str, ...]
    prefix: tuple[str, ...]
    verb: str
    options: tuple[str, ...]
    context: str
    words: tuple[str, ...]

    @property
    def docker(self) -> tuple[str, ...]:
        """The words that run docker for the same engine."""
        return self.buildx[:-1] or ("docker",)

    def configuration(self, environment: Mapping[str, str]) -> Path:
        """Return the folder where buildx keeps its own files (buildx, util/confutil)."""
        given = docker_words.values(self.buildx, "--config")
        config = given[-1] if given else environment.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
        return Path(environment.get("BUILDX_CONFIG") or Path(config, "buildx"))

    def says(self, name: str) -> list[str]:
        """Return the values of an option."""
        return docker_words.values(self.options, name)


def read(words: Sequence[str]) -> DockerBuild | None:
    """Return what a command builds; None for a command that builds nothing, or isn't docker."""
    if not words:
        return None
    program, rest = os.path.basename(words[0]), list(words[1:])
    if program == "docker":
        general, rest = _before_command(rest, _DOCKER, _DOCKER_SHORT)
        buildx: tuple[str, ...] = (words[0], *general, "buildx")
    elif program in ("docker-buildx", "docker-compose"):  # the plugins, run on their own
        rest = [program.removeprefix("docker-"), *rest]
        buildx = (words[0],) if program == "docker-buildx" else ("docker", "buildx")
    else:
        return None
    return _of_tool(rest, buildx, tuple(words))


def _of_tool(rest: Sequence[str], buildx: tuple[str, ...], words: tuple[str, ...]) -> DockerBuild | None:
    if rest[:1] == ["compose"]:
        return _compose(rest[1:], buildx, words)
    more: list[str] = []
    if rest[:1] == ["buildx"]:
        more, rest = _before_command(rest[1:], _BUILDX, {})
        rest = ["buildx", *rest]
    name = tuple(rest[:2])
    if name in _BAKES:
        options, _, _ = _parsed(rest[2:], _BAKE, _BAKE_SHORT, ())
        return DockerBuild("bake", buildx, (), "", (*more, *options), "", words)
    for command in _PLAIN:
        if name[: len(command)] == command:
            options, names, open_ = _parsed(rest[len(command) :], _BUILD, _BUILD_SHORT, _BUILD_FLAGS)
            prefix = words[: len(words) - len(rest) + len(command)]
            return DockerBuild("build", buildx, prefix, "", (*more, *options), _the_one(names, open_), words)
    return None


def _compose(rest: Sequence[str], buildx: tuple[str, ...], words: tuple[str, ...]) -> DockerBuild | None:
    general, after = _before_command(rest, _COMPOSE, _COMPOSE_SHORT)
    if not after or after[0] not in _COMPOSES:
        return None
    return DockerBuild("compose", buildx, words[: len(words) - len(after)], after[0], tuple(general), "", words)


def _the_one(names: Sequence[str], open_: Sequence[str]) -> str:
    """Return the only word that can be the context: a build has exactly one, so a word after an unknown option may be it."""
    found = names or open_
    return found[0] if len(found) == 1 else ""


def _before_command(
    words: Sequence[str], valued: Collection[str], short: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return the options before the first word that is no option, and the words from there."""
    options: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        word = rest.pop(0)
        options += _option(word, rest, valued, short)
    return options, rest


def _parsed(
    words: Sequence[str], valued: Collection[str], short: Mapping[str, str], flags: Collection[str]
) -> tuple[list[str], list[str], list[str]]:
    """Return the options, the words that are no options, and those that may be either."""
    options: list[str] = []
    names: list[str] = []
    open_: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return options, [*names, *rest], open_
        if word == "-" or not word.startswith("-"):
            names.append(word)
            continue
        options += _option(word, rest, valued, short)
        unknown = word.startswith("--") and "=" not in word and word not in (*valued, *flags)
        if unknown and rest and not rest[0].startswith("-"):
            open_.append(rest.pop(0))
    return options, names, open_


def _option(word: str, rest: list[str], valued: Collection[str], short: Mapping[str, str]) -> Iterator[str]:
    """Yield an option in full, with its value, which may be the next of the words in `rest`; that's then removed."""
    if word.startswith("--"):
        yield f"{word}={rest.pop(0)}" if word in valued and rest else word
        return
    letters = word[1:]
    for position, letter in enumerate(letters):
        name = short.get(letter)
        if name is None:
            yield f"-{letter}"
            continue
        value = letters[position + 1 :].removeprefix("=")
        if value or rest:
            yield f"{name}={value or rest.pop(0)}"
        return
