"""Which of several possible builds was a command's: only evidence counts, and if it doesn't decide, that is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..project.definition import Definition
from .builder_history import Ended
from .references import Found, Reference

#: File systems tell times in steps of up to 10 ms, and a client takes a while to end; seconds.
_SLACK = 0.1
#: Build arguments that the docker client may add by itself (docker CLI, "Configure the Docker CLI to use a proxy server").
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")

#: Asks the builder how a build ended; None if it doesn't say.
Ask = Callable[[Reference], Ended | None]


class Undecided(Exception):
    """There are several possible builds, or none; the text says so."""


def choose(wanted: Mapping[str, Definition], possible: Sequence[Found], ask: Ask, *, failed: bool, until: float) -> Found:
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
    """Tell whether a build can't be that of `definition`. The builder lists arguments of its own elsewhere."""
    if definition.target.lower() != ended.target.lower():
        return True
    given = {name: value for name, value in definition.given_args.items() if not _built_in(name)}
    there = {name: value for name, value in ended.args.items() if not _built_in(name)}
    return given != there


def _built_in(name: str) -> bool:
    return name.lower() in _PROXIES or name.startswith("BUILDKIT_") or name in ("SOURCE_DATE_EPOCH", "SANDBOX_HOSTNAME")
