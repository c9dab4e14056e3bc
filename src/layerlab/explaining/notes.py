"""Notes on hits: a configuration instruction changed, but the steps above it are still hits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..record.states import CACHED
from ..traces.instructions import Instruction, read
from .alignment import Written
from .causes import StepCause
from .comparison import Comparison

#: Instructions that only set the image's configuration or the environment of RUN.
_CONFIGURATION = (
    "ENV",
    "ARG",
    "LABEL",
    "CMD",
    "ENTRYPOINT",
    "EXPOSE",
    "HEALTHCHECK",
    "STOPSIGNAL",
    "VOLUME",
    "USER",
    "SHELL",
)


def with_notes(steps: list[StepCause], comparisons: Sequence[Comparison]) -> tuple[StepCause, ...]:
    """Note why the steps above a changed configuration instruction are hits; the note goes to the last one of its stage."""
    if not comparisons:
        return tuple(steps)
    notes: dict[int, str] = {}
    for instruction in _changed_configuration(comparisons[0]):
        above = [i for i, s in enumerate(steps) if s.line < instruction.line and _stage(s) == instruction.stage_name]
        if above and steps[above[-1]].state == CACHED and not steps[above[-1]].still_hit:
            names = list(instruction.assigned)
            what = f"{instruction.keyword} {names[0]}" if len(names) == 1 else instruction.keyword
            notes.setdefault(above[-1], f"{what} in line {instruction.line} changed, but that's below this step")
    return tuple(dataclasses.replace(s, still_hit=notes.get(i, s.still_hit)) for i, s in enumerate(steps))


def _changed_configuration(comparison: Comparison) -> list[Instruction]:
    before = {_squeezed(i) for i in read(comparison.before.dockerfile)}
    return [i for i in read(comparison.now.dockerfile) if i.keyword in _CONFIGURATION and _squeezed(i) not in before]


def _squeezed(instruction: Instruction) -> Written:
    return Written(instruction.stage_name, instruction.keyword, " ".join(instruction.value.split()))


def _stage(step: StepCause) -> str:
    return step.stage.rpartition(" ")[2]
