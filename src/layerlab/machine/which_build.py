"""Which of several possible builds was a command's: only evidence counts, and if it doesn't decide, that is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..project.definition import Definition
from ..system import docker_words
from .builder_history import Ended
from .references import Found, Reference

#: File systems tell times in steps of up to 10 ms, and a client takes a while to end; seconds.
_SLACK = 0.1
#: Build arguments that the docker client may add by itself (docker CLI, "Configure the Docker CLI to use a proxy server").
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")

#: Build arguments that BuildKit itself reads, besides BUILDKIT_…
_ITS_OWN = ("SOURCE_DATE_EPOCH", "SANDBOX_HOSTNAME")
#: Asks the builder how a build ended; None if it doesn't say.
Ask = Callable[[Reference], Ended | None]


class Undecided(Exception):
    """There are several possible builds, or none; the text says so."""


def choose(
    wanted: Mapping[str, Definition], possible: Sequence[Found], ask: Ask, *, failed: bool, until: float
) -> Found:
    """Return the one of the `possible` builds that can be the command's. Raises Undecided.

    Args:
        wanted: what the command builds, by target.
        possible: the builds of the same context, Dockerfile and targets that began while it ran.
        ask: says more about one, if there are several.
        failed: whether the command failed.
        until: when the command ended, seconds since 1970.
    """
    if len(possible) > 1:
        left = [found for found in possible if _may_be(wanted, found, ask, failed=failed, until=until)]
        possible = left or possible
    if len(possible) == 1:
        return possible[0]
    if not possible:
        raise Undecided("buildx noted no build of what this command builds")
    raise Undecided(
        f"{len(possible)} builds of the same project, with the same options, ran at the same time: "
        "which of them was this command's is unknown"
    )


def _may_be(wanted: Mapping[str, Definition], found: Found, ask: Ask, *, failed: bool, until: float) -> bool:
    told = {target: ask(reference) for target, reference in found.items()}
    endings = [ended for ended in told.values() if ended]
    if any(ended.status == "running" for ended in endings):
        return False  # the command has ended, and its builds with it
    if endings and any(ended.status != "completed" for ended in endings) is not failed:
        return False
    if any(ended and found[target].written + ended.seconds > until + _SLACK for target, ended in told.items()):
        return False
    return not any(ended and _differs(wanted[target], ended) for target, ended in told.items())


def _differs(definition: Definition, ended: Ended) -> bool:
    """Tell whether a build can't be that of `definition`, by what it was given and the names that its image got."""
    options = definition.options
    labels = {name: value or "" for name, value in docker_words.pairs(options, "--label").items()}
    images = {_short(name) for name in docker_words.values(options, "--tag")}
    return (
        definition.target.lower() != ended.target.lower()
        or _given(definition.given_args) != _given(ended.args)
        or not labels.items() <= ended.labels.items()
        or bool(images and ended.images and images != {_short(name) for name in ended.images})
    )


def _given(args: Mapping[str, str]) -> dict[str, str]:
    """Return build arguments without those that BuildKit takes for itself, which the builder lists elsewhere, and proxies."""
    return {
        name: value
        for name, value in args.items()
        if name.lower() not in _PROXIES and not name.startswith("BUILDKIT_") and name not in _ITS_OWN
    }


def _short(image: str) -> str:
    """Return an image's name without what docker adds to it."""
    return image.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")
