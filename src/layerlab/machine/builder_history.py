"""What a builder's own history says of a build: its progress, its provenance, and how it ended. It's only read.

BuildKit keeps a record of every build, whoever asked for it, and buildx reads it (`docker buildx history`).
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from ..record.provenance import told
from .references import Reference

#: How long one answer may take, seconds. The engine is there: it has just built.
ANSWER_SECONDS = 60.0
#: What docker says of a command that it doesn't have: buildx reads histories since 0.21.
_NO_HISTORY = ("unknown command", "is not a docker command", "unknown flag", "Unimplemented", "unknown service")
#: In BuildKit's history, times are in nanoseconds.
_NANO = 1e-9


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


class NotKept(Exception):
    """The builder has nothing about a build, or keeps no history at all: the text says which."""


def read(buildx: Sequence[str], reference: Reference, *, failed: bool) -> Kept:
    """Return what the builder has of a build. Raises NotKept.

    Args:
        buildx: the words that run buildx for the builder's engine.
        reference: the build.
        failed: whether it's likely to have failed: then its error is asked for at once.
    """
    history = [*buildx, "--builder", reference.builder, "history"]
    logs = _started(*history, "logs", "--progress=rawjson", reference.id)
    attached = _started(*history, "inspect", "attachment", "--type=provenance", reference.id)
    inspected = _started(*history, "inspect", "--format=json", reference.id) if failed else None
    _, trace = _said(logs)
    provenance, _ = _said(attached)
    if logs.returncode:
        raise NotKept(_why(trace))
    error = ""
    if attached.returncode:
        provenance = "{}"
        inspected = inspected or _started(*history, "inspect", "--format=json", reference.id)
    if inspected:
        error = _error(_said(inspected)[0])
    return Kept(trace, told(json.loads(provenance)), error)


def _started(*command: str) -> subprocess.Popen[str]:
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


def _why(said: str) -> str:
    if any(words in said for words in _NO_HISTORY):
        return "the builder keeps no history of builds, or this buildx can't read it (0.21 and later can)"
    return next((line for line in reversed(said.splitlines()) if line.strip()), "the builder doesn't say why")


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a build ended, and what it was given, as its builder says.

    Attributes:
        status: "completed", "failed", "canceled" or "running".
        seconds: how long it took.
        args: build arguments.
        labels: labels of the image.
        target: stage to stop at.
        error: BuildKit's error; "" if there's none.
    """

    status: str
    seconds: float
    args: Mapping[str, str]
    labels: Mapping[str, str]
    target: str
    error: str


def ended(buildx: Sequence[str], reference: Reference) -> Ended | None:
    """Ask a builder how a build ended; None if it doesn't know."""
    process = _started(*buildx, "--builder", reference.builder, "history", "inspect", "--format=json", reference.id)
    return _ended(_said(process)[0])


def _ended(text: str) -> Ended | None:
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
        error=(said.get("Error") or {}).get("Message", ""),
    )


def _error(text: str) -> str:
    found = _ended(text)
    return found.error if found else ""


def _pairs(said: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    return {pair.get("Name", ""): pair.get("Value", "") for pair in said or ()}
