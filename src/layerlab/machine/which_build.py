"""Which of several possible builds was a command's: only evidence counts, and if it doesn't decide, that is said."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from ..project.definition import Definition
from ..system import docker_words
from . import references
from .builder_history import Ended
from .references import Found, Reference

#: File systems tell times in steps of up to 10 ms, and a client takes a while to end; seconds.
_SLACK = 0.1
#: Build arguments that the docker client may add by itself (docker CLI, "Configure the Docker CLI to use a proxy server").
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")

#: Build arguments that BuildKit itself reads, besides BUILDKIT_…
_ITS_OWN = ("SOURCE_DATE_EPOCH", "SANDBOX_HOSTNAME")
#: What the engine calls an image without a name.
_NAMELESS = "moby-dangling"
#: Why an answer is unknown.
_SEVERAL = "several builds of this project, with the same options, ran at the same time: which one was this command's is unknown"
#: Asks the builder how a build ended; None if it doesn't say.
Ask = Callable[[Reference], Ended | None]


class Undecided(Exception):
    """There are several possible builds, or none; the text says so."""


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What's known of the command besides what it builds.

    Attributes:
        ask: says more about a build.
        failed: whether the command failed; None if that says nothing about the one build that's looked for.
        until: when the command ended, seconds since 1970.
    """

    ask: Ask
    failed: bool | None
    until: float


def choose(wanted: Mapping[str, Definition], there: Sequence[Reference], evidence: Evidence, *, whole: bool) -> Found:
    """Return the references of the command's builds. Raises Undecided.

    Args:
        wanted: what the command builds, by target.
        there: the references that came while it ran.
        evidence: what else is known.
        whole: whether the command has built all that's wanted.
    """
    alone, grouped = [one for one in there if not one.group], [one for one in there if one.group]
    if any(not definition.service for definition in wanted.values()):
        return the_one(wanted, references.fitting(wanted, alone, whole=whole), evidence)
    possible = references.fitting(wanted, grouped, whole=whole)
    # Compose without bake (COMPOSE_BAKE=false) builds its services one by one.
    singly = {target: references.fitting({target: of}, alone, whole=True) for target, of in wanted.items()}
    singly = {target: found for target, found in singly.items() if found}
    if possible and singly:
        raise Undecided(_SEVERAL)
    if not singly or (whole and singly.keys() != wanted.keys()):
        return the_one(wanted, possible, evidence)
    by_itself = dataclasses.replace(evidence, failed=None)
    return {target: the_one(wanted, found, by_itself)[target] for target, found in singly.items()}


def the_one(wanted: Mapping[str, Definition], possible: Sequence[Found], evidence: Evidence) -> Found:
    """Return the one of the `possible` builds that can be the command's. Raises Undecided.

    A command that succeeded has built, so an only possibility is its own. One that failed may have failed before.
    """
    if len(possible) > 1 or evidence.failed:
        left = [found for found in possible if _may_be(wanted, found, evidence)]
        possible = left if left or evidence.failed else possible
    if len(possible) == 1:
        return possible[0]
    raise Undecided(_SEVERAL if possible else "buildx noted no build of what this command builds")


def _may_be(wanted: Mapping[str, Definition], found: Found, evidence: Evidence) -> bool:
    told = {target: evidence.ask(reference) for target, reference in found.items()}
    known = {target: ended for target, ended in told.items() if ended}
    statuses = {ended.status for ended in known.values()}
    if "running" in statuses:
        return False  # the command has ended, and its builds with it
    if statuses and evidence.failed is not None and (statuses != {"completed"}) is not evidence.failed:
        return False
    if any(found[target].written + ended.seconds > evidence.until + _SLACK for target, ended in known.items()):
        return False
    return not any(_differs(wanted[target], ended) for target, ended in known.items())


def _differs(definition: Definition, ended: Ended) -> bool:
    """Tell whether a build can't be that of `definition`, by what it was given and the names that its image got."""
    options = definition.options
    labels = {name: value or "" for name, value in docker_words.pairs(options, "--label").items()}
    return (
        definition.target.lower() != ended.target.lower()
        or _given(definition.given_args) != _given(ended.args)
        or not labels.items() <= ended.labels.items()
        or _named_otherwise(options, ended)
    )


def _named_otherwise(options: Sequence[str], ended: Ended) -> bool:
    if not ended.images or docker_words.values(options, "--output"):  # an output may have names of its own
        return False
    tags = {_short(name) for name in docker_words.values(options, "--tag")}
    return tags != {_short(name) for name in ended.images} - {_NAMELESS}


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
