"""A recipe: what a build of one Dockerfile costs, step by step, and which edit makes which step run, taken from real builds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ..record.build import Build
from ..record.states import BASE, RAN
from ..record.step import Step

#: What can change between two builds, in the order that all arrays in this package use.
INPUTS = ("base", "dependency", "code")


@dataclasses.dataclass(frozen=True)
class Part:
    """One step of a recipe.

    Attributes:
        line: its first line in the Dockerfile.
        name: its text, as BuildKit shows it.
        after: positions of the parts whose result it stands on or copies from.
        below: position of the part whose layer is directly under its own; None if that's the base image.
        reads: for each of INPUTS, whether an edit of it makes this part run.
        in_image: whether its layer is in the image; layers of other stages aren't.
        seconds: how long it takes on a cold machine.
        down_bytes: bytes it downloads there (packages).
        warm_seconds: how long it takes with full cache mounts; the same as `seconds` if it has none.
        warm_bytes: bytes it downloads then.
        layer_bytes: compressed size of its layer. No build tells the size of a layer outside the image: there, this is what
            the step downloaded, or what the image copies from it, if that's more.
    """

    line: int
    name: str
    after: tuple[int, ...]
    below: int | None
    reads: tuple[bool, ...]
    in_image: bool
    seconds: float
    down_bytes: int
    warm_seconds: float
    warm_bytes: int
    layer_bytes: int


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What builds of one Dockerfile cost.

    Attributes:
        parts: its steps, without the FROM lines, in file order.
        floor_seconds: how long a build takes in which nothing runs.
        base_bytes: compressed size of its base image.
        export_rate: seconds to pack a byte of a new layer into the image.
        pull_rate: seconds to fetch and unpack a byte of a cached layer, on the network it was measured on.
        push_rate: seconds to pack a byte and send it to a cache in a registry, on the same network.
    """

    parts: tuple[Part, ...]
    floor_seconds: float
    base_bytes: int
    export_rate: float
    pull_rate: float = 0.0
    push_rate: float = 0.0

    @classmethod
    def measured(
        cls,
        cold: Build,
        none: Build,
        edits: Mapping[str, Build],
        warm: Build | None = None,
        exported: Build | None = None,
        imported: Build | None = None,
    ) -> Recipe:
        """Make a recipe from real builds of one Dockerfile.

        Args:
            cold: a build in which everything ran.
            none: the same build again, with nothing changed: its wall-clock time is the floor.
            edits: a build after an edit of each of INPUTS, each on a machine that had built the state before the edit.
            warm: for a Dockerfile with cache mounts, a build after an edit of a dependency, with the mounts filled by
                earlier builds: the steps that ran in it show what a full mount leaves to do.
            exported: a build in which nothing ran and which sent all layers to an empty registry (mode=max).
            imported: a build on a fresh machine in which every layer came from a registry.

        Raises ValueError if the builds aren't all of one Dockerfile, or an edit is missing.
        """
        missing = [name for name in INPUTS if name not in edits]
        if missing:
            raise ValueError(f"no build after an edit of: {', '.join(missing)}")
        steps = [_instructions(build) for build in (cold, *(edits[name] for name in INPUTS))]
        if len({tuple(s.line for s in of) for of in steps}) > 1:
            raise ValueError("these builds aren't all of one Dockerfile")
        again = _instructions(warm) if warm else []
        if again and len(again) != len(steps[0]):
            raise ValueError("the build with full cache mounts has different steps")
        position = {step.digest: i for i, step in enumerate(steps[0])}
        parts = tuple(
            _part(step, position, tuple(of[i].state == RAN for of in steps[1:]), again[i] if again else None)
            for i, step in enumerate(steps[0])
        )
        parts = tuple(_with_size(i, parts) for i in range(len(parts)))
        base = max((step.size_bytes or 0 for step in cold.steps if step.state == BASE), default=0)
        image, everything = (sum(p.layer_bytes for p in parts if p.in_image or also) for also in (False, True))

        def rate(build: Build | None, seconds: float, size: int) -> float:
            return max(seconds, 0.0) / max(size, 1) if build else 0.0

        return cls(
            parts,
            none.seconds,
            base,
            export_rate=rate(cold, cold.export_seconds - none.export_seconds, image),
            pull_rate=rate(imported, imported.seconds - none.seconds if imported else 0, image),
            push_rate=rate(exported, exported.seconds - none.seconds if exported else 0, everything + base),
        )

    @property
    def image_bytes(self) -> int:
        """Compressed size of the layers that this Dockerfile adds to its base."""
        return sum(p.layer_bytes for p in self.parts if p.in_image)

    def times(self, factor: float) -> Recipe:
        """Return the recipe of a larger project of the same shape: `factor` times the work and the bytes in each step."""
        larger = [
            dataclasses.replace(
                p,
                seconds=p.seconds * factor,
                warm_seconds=p.warm_seconds * factor,
                down_bytes=round(p.down_bytes * factor),
                warm_bytes=round(p.warm_bytes * factor),
                layer_bytes=round(p.layer_bytes * factor),
            )
            for p in self.parts
        ]
        return dataclasses.replace(self, parts=tuple(larger))


def _instructions(build: Build) -> list[Step]:
    return [step for step in build.steps if step.state != BASE]


def _part(step: Step, position: Mapping[str, int], reads: Sequence[bool], warm: Step | None) -> Part:
    # Only a step that ran shows what a full mount leaves to do.
    again = warm if warm and warm.state == RAN else step
    return Part(
        line=step.line,
        name=" ".join(step.text.split()),
        after=tuple(position[digest] for digest in step.inputs if digest in position),
        # For a COPY, BuildKit first names the step it stands on, then those it copies from.
        below=position.get(step.inputs[0]) if step.inputs else None,
        reads=tuple(reads),
        in_image=step.size_bytes is not None,
        seconds=step.seconds,
        down_bytes=step.downloaded_bytes,
        warm_seconds=again.seconds,
        warm_bytes=again.downloaded_bytes,
        layer_bytes=step.downloaded_bytes if step.size_bytes is None else step.size_bytes,
    )


def _with_size(position: int, parts: Sequence[Part]) -> Part:
    """Make a part outside the image at least as large as what's copied from it."""
    part = parts[position]
    if part.in_image:
        return part
    copied = [p.layer_bytes for p in parts if position in p.after and p.below != position and p.in_image]
    return dataclasses.replace(part, layer_bytes=max([part.layer_bytes, *copied]))
