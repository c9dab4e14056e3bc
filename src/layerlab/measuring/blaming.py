"""Which line to blame, and for what: the causes behind a broken clause, in a sentence. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from ..explaining.causes import CONSEQUENCES, StepCause
from ..record.build import Build
from ..record.step import shortened
from ..traces.instructions import read
from .context_size import largest_parts
from .situations import Observed

#: How many causes, or parts of a context, a sentence names.
NAMED = 3


@dataclasses.dataclass(frozen=True)
class Blame:
    """A cause in a sentence without a full stop, and the line of the Dockerfile that it points at; 0 if there is none."""

    text: str
    line: int


def blame(one: Observed, index: int) -> Blame:
    """Say why a step ran, by what made it run in the end: `COPY . .` in line 4, say, if it copies what changed."""
    steps = one.explanation.steps
    found = [_root(one.build, root, steps[index]) for root in _behind(steps, steps[index])]
    return _joined(found)


def roots(one: Observed) -> Blame:
    """Say why steps ran: everything that changed, and the step that took it."""
    return _joined(_root(one.build, step, None) for step in one.explanation.steps if step.root)


def slowest(build: Build) -> Blame:
    """Say which step took longest, or that the export did."""
    step = max(build.steps, key=lambda s: s.seconds, default=None)
    if step is None or build.export_seconds > step.seconds:
        return Blame(f"the export takes {build.export_seconds:.1f} s of it", 0)
    return Blame(f"`{shortened(step.text, 50)}` in line {step.line} takes {step.seconds:.1f} s of it", step.line)


def heaviest(build: Build) -> Blame:
    """Say which step made the largest layer of the image."""
    step = max(build.steps, key=lambda s: s.size_bytes or 0, default=None)
    if step is None or not step.size_bytes:
        return Blame("", 0)
    return Blame(
        f"`{shortened(step.text, 50)}` in line {step.line} makes {step.size_bytes / 1e6:.1f} MB of it", step.line
    )


def most_of_context(build: Build) -> str:
    """Say what most of the context is."""
    return "largest: " + ", ".join(f"{name} ({size / 1e6:.1f} MB)" for name, size in largest_parts(build)[:NAMED])


def _behind(steps: Sequence[StepCause], step: StepCause) -> list[StepCause]:
    """Return the steps with a cause of their own that made `step` run, the lowest line first; itself if there is none."""
    at = {s.line: s for s in steps if s.line}
    found: list[StepCause] = []
    todo, seen = [step], {id(step)}
    while todo:
        one = todo.pop()
        found += [one] if one.root else []
        above = [at[line] for line in one.above if line in at and id(at[line]) not in seen]
        seen |= {id(other) for other in above}
        todo += above
    return sorted(found, key=lambda s: s.line) or [step]


def _root(build: Build, root: StepCause, step: StepCause | None) -> Blame:
    """Say what made `step` run, or, without one, what made `root` run."""
    why = "; ".join(cause.text for cause in root.causes if cause.kind not in CONSEQUENCES) or root.why
    text, line = _declared(build, root) or (shortened(root.text, 40), root.line)
    if root is step and line == root.line:
        return Blame(why, line)
    return Blame(f"`{text}` in line {line}{' precedes it' if step else ''}: {why}", line)


def _declared(build: Build, step: StepCause) -> tuple[str, int] | None:
    """Return text and line of the ARG or ENV whose new value made a step run; None if nothing of the kind did."""
    names = [m[1] for c in step.causes if (m := re.match(r"(?:ARG|ENV) (\w+)", c.text))]
    above = [i for i in read(build.dockerfile) if i.line < step.line and i.stage_name == step.stage.rpartition(" ")[2]]
    found = [i for i in above if i.keyword in ("ARG", "ENV") and {*i.assigned} & {*names}]
    return (shortened(found[0].text, 40), found[0].line) if found else None


def _joined(found: Iterable[Blame]) -> Blame:
    told = list(dict.fromkeys(found))
    text = "; ".join(blame.text for blame in told[:NAMED]) + (
        f"; and {len(told) - NAMED} more" if len(told) > NAMED else ""
    )
    return Blame(text, told[0].line if told else 0)
