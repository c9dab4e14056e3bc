"""Propose a contract from what a project's builds do now, as tables for layerlab.toml. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence

from ..explaining.alignment import written
from ..explaining.reasoning import UNKNOWN
from ..measuring.blaming import blame
from ..measuring.context_size import context_bytes
from ..measuring.situations import Observed
from ..record.build import Build
from ..record.states import CACHED, RAN
from ..record.step import shortened
from .clauses import ANY, phrase

#: What a proposal leaves for growth.
_ROOM = 1.2
#: Commands that install something: worth keeping cached.
_INSTALLS = re.compile(
    r"\b(pip3? install|pip3? download|uv sync|uv pip install|uv pip sync|poetry install|pdm sync|pdm install|pipenv install"
    r"|pipenv sync|npm ci|npm install|apt-get install|apt install|apk add)\b"
)


def proposal(observed: Sequence[Observed]) -> str:
    """Return [contract] tables that hold for these builds, real ones or drafts; a comment names what they don't keep."""
    tables = [table for one in observed for table in _situation(one)]
    return "\n".join([*tables, *_any([one.build for one in observed])]) + "\n"


def _situation(one: Observed) -> Iterator[str]:
    steps = one.build.steps
    texts = [step.text for step in written(one.build)]
    installs = [
        (i, found[1]) for i, text in enumerate(texts) if text.startswith("RUN ") and (found := _INSTALLS.search(text))
    ]
    yield f"[contract.{one.situation}]  # {phrase(one.situation)}"
    patterns = [f"RUN *{command}*" for i, command in installs if steps[i].state == CACHED]
    broken = {f"RUN *{command}*" for i, command in installs if steps[i].state != CACHED}
    kept = [pattern for pattern in dict.fromkeys(patterns) if pattern not in broken]
    if kept:
        yield f"cached = [{', '.join(map(json.dumps, kept))}]"
    for i, _ in installs:
        if steps[i].state == RAN and one.situation in ("unchanged", "code", "context"):
            yield f"# `{shortened(steps[i].text, 60)}` in line {steps[i].line} runs: {' '.join(blame(one, i).text.split())}"
    if not any(step.state == UNKNOWN for step in steps):
        yield f"max_steps_run = {sum(step.state == RAN for step in steps)}"
    yield ""


def _any(builds: Sequence[Build]) -> Iterator[str]:
    contexts = [size for build in builds if (size := context_bytes(build)) is not None]
    images = [build.image_bytes for build in builds if build.image_bytes is not None]
    if contexts or images:
        yield f"[contract.any]  # {phrase(ANY)}"
    if contexts:
        yield f"max_context_mb = {_limit(max(contexts))}"
    if images:
        yield f"max_image_mb = {_limit(max(images))}"


def _limit(size: int) -> str:
    """Return a size in MB with room for growth: to a tenth below 10 MB, else whole."""
    megabytes = size * _ROOM / 1e6
    return f"{math.ceil(megabytes)}" if megabytes >= 10 else f"{math.ceil(megabytes * 10) / 10:g}"
