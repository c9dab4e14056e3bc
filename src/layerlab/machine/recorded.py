"""From what an engine told about a build to its record: of a build that LayerLab ran, or that somebody else did."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..project.definition import Definition
from ..record.build import Build
from ..record.history import cache_id
from ..record.layers import image_bytes
from ..record.marks import mark
from ..record.provenance import dockerfile_in
from ..record.snapshot import Snapshot
from ..traces.trace import Parsed, parse


def record(
    definition: Definition,
    *,
    machine: str,
    command: Sequence[str],
    started_at: str,
    trace: str,
    provenance: Mapping[str, Any],
    contexts: Mapping[str, Snapshot],
    seconds: float | None = None,
    image: str = "",
    edit: str = "none",
    error: str = "",
    parsed: Parsed | None = None,
) -> Build:
    """Return the record of a build, without its secrets. The arguments are the attributes of a Build, but for these.

    Args:
        definition: what was built; its Dockerfile may be "", if the provenance has it.
        machine: name of the machine or builder.
        provenance: as `record.provenance.told` returns it.
        seconds: if that isn't known, the trace says how long the engine worked.
        error: if "", the trace says how a step failed.
        parsed: what `parse` made of the trace, if it did.
    """
    source = definition.source or dockerfile_in(provenance)
    parsed = parsed or parse(trace, provenance, source)
    build = Build(
        app=definition.app,
        variant=definition.variant,
        edit=edit,
        machine=machine,
        command=tuple(command),
        dockerfile=definition.dockerfile or dataclasses.replace(definition.masker, mark=mark).source(source),
        started_at=started_at,
        seconds=parsed.seconds if seconds is None else seconds,
        steps=parsed.steps,
        phases=parsed.phases,
        context_bytes=parsed.context_bytes,
        undivided_bytes=parsed.undivided_bytes,
        image=image or definition.image,
        image_bytes=image_bytes(provenance),
        warnings=parsed.warnings,
        trace=trace,
        provenance=provenance,
        error=error or parsed.error,
        project=str(definition.project),
        args=definition.args,
        contexts=contexts,
        service=definition.service,
        file=definition.file,
        cache=cache_id(machine),
    )
    return build.fitted(definition.masker)
