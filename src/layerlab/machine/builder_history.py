"""What a builder's own history says of a build: its progress, its provenance, and how it ended. It's only read.

BuildKit keeps a record of every build, whoever asked for it, and buildx reads it (`docker buildx history`).
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from ..engines import endpoint
from ..record.provenance import told
from .references import Reference

#: How long one answer may take, seconds. The engine is there: it has just built.
ANSWER_SECONDS = 60.0
#: What docker and BuildKit say of what they don't have: buildx reads histories since 0.21, BuildKit keeps them since 0.11.
_NO_HISTORY = re.compile("unknown command|is not a docker command|unknown flag|Unimplemented|unknown service")
#: Where the exporter says an image's name (BuildKit, exporter/containerimage).
_NAMING = re.compile(r"naming to (\S+?)(?:@\S+)?(?: done)?\"")
#: Durations in a history are in nanoseconds.
_NANO = 1e-9


class NotKept(Exception):
    """The builder has nothing about a build; the text says why."""


class NoHistory(NotKept):
    """The builder keeps no history at all, or this buildx can't read it."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """What a builder's history has of one build.

    Attributes:
        trace: the events, as `--progress=rawjson` prints them.
        provenance: {} for a build that failed.
        error: BuildKit's error; "" if there's none.
    """

    trace: str
    provenance: Mapping[str, Any]
    error: str


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a build ended, and what it was given.

    Attributes:
        status: "completed", "failed", "canceled" or "running".
        seconds: how long it took.
        args: build arguments.
        labels: labels of the image.
        target: stage to stop at.
        images: names of the image; none if they can't be read.
        error: BuildKit's error; "" if there's none.
    """

    status: str
    seconds: float
    args: Mapping[str, str]
    labels: Mapping[str, str]
    target: str
    images: frozenset[str]
    error: str


def quickest(buildx: Sequence[str]) -> tuple[str, ...]:
    """Return the words that run buildx as the program that it is: `docker` starts a plugin twice, for 0.1 s of work each.

    With options of docker's before it, they stay as they are.
    """
    found = endpoint.plugin("docker-buildx") if tuple(buildx) == ("docker", "buildx") else None
    return (str(found),) if found else tuple(buildx)


def read(buildx: Sequence[str], reference: Reference, *, failed: bool) -> Kept:
    """Return what the builder has of a build. Raises NotKept.

    Args:
        buildx: the words that run buildx for the builder's engine.
        reference: the build.
        failed: whether it may have failed: then how it ended is asked at once, not only if it has no provenance.
    """
    logs, attached = _logs(buildx, reference), _provenance(buildx, reference)
    inspected = _inspect(buildx, reference) if failed else None
    _, trace = _said(logs)
    provenance, _ = _said(attached)
    if attached.returncode and not inspected:
        inspected = _inspect(buildx, reference)
    ending = _ending(_said(inspected)[0], "") if inspected else None
    if logs.returncode:
        raise _refused(trace)
    return Kept(trace, {} if attached.returncode else told(json.loads(provenance)), ending.error if ending else "")


def ended(buildx: Sequence[str], reference: Reference) -> Ended | None:
    """Ask a builder how a build ended; None if it doesn't know."""
    inspected, logs = _inspect(buildx, reference), _logs(buildx, reference)
    said, (_, trace) = _said(inspected)[0], _said(logs)
    return _ending(said, trace)


# -- asking ------------------------------------------------------------------------------------------------------------


def _logs(buildx: Sequence[str], reference: Reference) -> subprocess.Popen[str]:
    return _started(buildx, reference, "logs", "--progress=rawjson")


def _provenance(buildx: Sequence[str], reference: Reference) -> subprocess.Popen[str]:
    return _started(buildx, reference, "inspect", "attachment", "--type=provenance")


def _inspect(buildx: Sequence[str], reference: Reference) -> subprocess.Popen[str]:
    return _started(buildx, reference, "inspect", "--format=json")


def _started(buildx: Sequence[str], reference: Reference, *words: str) -> subprocess.Popen[str]:
    command = [*buildx, "--builder", reference.builder, "history", *words, reference.id]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, encoding="utf-8", errors="replace"
    )


def _said(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what it prints, and the errors. One that takes too long is ended."""
    try:
        return process.communicate(timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()


# -- reading the answers -----------------------------------------------------------------------------------------------


def _refused(said: str) -> NotKept:
    if _NO_HISTORY.search(said):
        return NoHistory(
            "this builder keeps no history of its builds, or this buildx can't read it (0.21 and later can)"
        )
    return NotKept(next((line for line in reversed(said.splitlines()) if line.strip()), "the builder doesn't say why"))


def _ending(text: str, trace: str) -> Ended | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return Ended(
        status=said.get("Status", ""),
        seconds=said.get("Duration", 0) * _NANO,
        args=_pairs(said.get("BuildArgs")),
        labels=_pairs(said.get("Labels")),
        target=said.get("Target", ""),
        images=frozenset(_NAMING.findall(trace)),
        error=(said.get("Error") or {}).get("Message", ""),
    )


def _pairs(said: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    return {pair.get("Name", ""): pair.get("Value", "") for pair in said or ()}
