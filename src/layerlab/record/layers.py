"""The layers of an image, and the step that made each. Pure functions of a Build and its provenance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .build import Build
from .provenance import Descriptor, details
from .states import BASE
from .step import Step


@dataclasses.dataclass(frozen=True)
class ImageLayer:
    """What one step put into an image; for FROM, all layers of the base image together.

    Attributes:
        line: the step's line in the Dockerfile; 0 if unknown.
        instruction: "FROM", "RUN", "COPY", …; also "FROM" for layers that no step of the build made.
        text: the whole instruction; "" if unknown.
        size_bytes: compressed size as a registry stores it, bytes.
    """

    line: int
    instruction: str
    text: str
    size_bytes: int


def image_bytes(provenance: Mapping[str, Any]) -> int | None:
    """Return the image's compressed size in bytes; None if the provenance names no layers.

    It's the sum of the last step's chain of layers or, if that isn't there, of the longest chain.
    """
    layers: Mapping[str, Sequence[Sequence[Descriptor]]] = details(provenance).get("layers") or {}
    config = (provenance.get("buildConfig") or {}).get("llbDefinition") or []
    if not layers or not config:
        return None
    # The definition's last entry has the result as its only input.
    result = (config[-1].get("inputs") or [""])[0]
    chains = layers.get(result) or max(layers.values(), key=lambda c: len(c[0]))
    return sum(layer["size"] for layer in chains[0])


def layer_of(build: Build, step: Step) -> str:
    """Return the digest of the layer that a step made, the last of its chain; "" if the provenance doesn't name it.

    It names those of the image's own stages, if an image was exported. A step that makes no layer has its predecessor's.
    """
    mapping = (build.provenance.get("buildConfig") or {}).get("digestMapping") or {}
    chains = details(build.provenance).get("layers") or {}
    chain = (chains.get(f"{mapping.get(step.digest, '')}:0") or [[]])[0]
    return chain[-1]["digest"] if chain else ""


def image_layers(build: Build) -> tuple[ImageLayer, ...]:
    """Return the layers of the image, lowest first: all that a registry gets, and nothing from stages left behind.

    They add up to `build.image_bytes`. Empty if the provenance names none, as for a build that failed.
    """
    config = build.provenance.get("buildConfig") or {}
    told = details(build.provenance).get("layers") or {}
    chains: dict[str, Sequence[Descriptor]] = {step: found[0] for step, found in told.items() if found and found[0]}
    operations = config.get("llbDefinition") or [{}]
    # The definition's last entry has the result as its only input.
    image = chains.get((operations[-1].get("inputs") or [""])[0], ())
    made: dict[str, Step] = {}
    # Layers of a FROM come from no other step; if two FROMs name one image, the later is that of the stage that ships.
    for step in sorted(build.steps, key=lambda s: (s.state != BASE, -s.line)):
        chain = chains.get(f"{(config.get('digestMapping') or {}).get(step.digest, '')}:0", ())
        for layer in chain if step.state == BASE else chain[-1:] if step.size_bytes is not None else ():
            made.setdefault(layer["digest"], step)
    found: list[ImageLayer] = []
    for layer in image:
        by = made.get(layer["digest"])
        one = ImageLayer(by.line, by.instruction, by.text, 0) if by else ImageLayer(0, "FROM", "", 0)
        last = found.pop() if found and dataclasses.replace(found[-1], size_bytes=0) == one else one
        found.append(dataclasses.replace(one, size_bytes=last.size_bytes + layer["size"]))
    return tuple(found)
