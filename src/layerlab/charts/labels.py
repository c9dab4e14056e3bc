"""The words on charts and reports: names of phases, and instructions made short. Needs no plotting library."""

from __future__ import annotations

import itertools

from .theme import shortened

#: Names of the phases, which are rows of the lane below the steps, in the order in which builds go through them.
PHASES = {
    "definition": "build definition",
    "metadata": "base image metadata",
    "context": "context transfer",
    "pull": "image pull",
    "cache import": "cache import",
    "export": "export",
    "cache export": "cache export",
}

#: A time shorter than this isn't worth a number, seconds.
INSTANT = 0.05


def brief(text: str, width: int) -> str:
    """Shorten an instruction to `width` characters. Its options (except --from) and a base image's path and digest go first."""
    instruction, *rest = text.split() or [""]
    options = list(itertools.takewhile(lambda word: word.startswith("--"), rest))
    rest = [o for o in options if o.startswith("--from=")] + rest[len(options) :]
    if instruction.upper() == "FROM" and rest:
        rest[0] = rest[0].rsplit("/", 1)[-1].split("@", 1)[0]
    return shortened(" ".join([instruction, *rest]), width)
