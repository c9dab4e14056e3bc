"""Cause: why a step ran, in terms of what the user changed. The records that `explain` makes; needs no engine."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..record.states import CACHED, FAILED, RAN
from ..record.step import shortened
from ..system.extras import needs_course
from ..texts.plain import shown

if TYPE_CHECKING:
    import pandas as pd

#: Every kind of cause, and what it says about a step that ran, in the order in which `explain` looks for them.
KINDS = {
    "first build": "this image, or this stage, wasn't built on this machine before",
    "another machine": "the previous build ran on another machine or computer, and its result isn't in the cache here",
    "cache not imported": "the previous build ran elsewhere, and no cache could be imported (--cache-from)",
    "not in imported cache": "the previous build ran elsewhere, and the imported cache doesn't have the step's result",
    "no cache": "--no-cache or --no-cache-filter was given",
    "instruction added": "the instruction is new",
    "instruction moved": "the instruction is in another place",
    "instruction removed": "an instruction above it is gone",
    "text changed": "the text of the instruction changed",
    "environment changed": "a variable (ENV) that RUN sees has a new value",
    "argument changed": "a build argument (ARG) that RUN sees has a new value",
    "working directory changed": "WORKDIR above it changed",
    "user changed": "USER above it changed",
    "shell changed": "SHELL above it changed",
    "network changed": "--network changed",
    "mount changed": "a --mount was added or removed, or has a different kind, source, target, id or sharing",
    "option changed": "another option changed: --chmod, --chown, --link, --exclude, --parents, --security, platform, …",
    "file added": "a file that it copies or mounts is new",
    "file removed": "a file that it copies or mounts is gone",
    "file changed": "a file that it copies or mounts has different content",
    "file renamed": "a file that it copies or mounts has a new name",
    "mode changed": "a file that it copies or mounts has different permissions",
    "ignore rules changed": ".dockerignore lets in, or keeps out, files that it copies or mounts",
    "base moved": "the base image's name means a different image now",
    "base changed": "FROM names another image",
    "source changed": "something that ADD fetches, or an image that COPY --from or a mount names, changed",
    "stage output changed": "the files it takes from another stage changed",
    "step above ran": "a step above that it builds on ran again",
    "record gone": "nothing that counts has changed, so its cache record was pruned or collected",
    "unknown": "the evidence isn't enough to decide",
}

#: Kinds of cause that are consequences of another step of the same build.
CONSEQUENCES = ("step above ran", "stage output changed")


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What was compared: `what` in words, and its value in the earlier build and in this one ("" if there is none)."""

    what: str
    before: str
    now: str

    def __post_init__(self) -> None:
        # They come from records as they are compared, with marks in place of secrets.
        for field in ("what", "before", "now"):
            object.__setattr__(self, field, shown(getattr(self, field)))


@dataclasses.dataclass(frozen=True)
class Cause:
    """One reason why a step ran.

    Attributes:
        kind: a key of KINDS.
        text: a sentence for the user, without a full stop: "app/main.py changed".
        evidence: what was compared.
    """

    kind: str
    text: str
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shown(self.text))


@dataclasses.dataclass(frozen=True)
class Remedy:
    """What to do about a cause.

    Attributes:
        line: line of the step that it helps; 0 if it's about the whole build.
        text: what to do, in the imperative, without a full stop: "add `.git` to .dockerignore".
        notebook: name of the notebook that shows it, without its ending; "" if none does.
    """

    line: int
    text: str
    notebook: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shown(self.text))

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.text}" + (f" (notebook {self.notebook})" if self.notebook else "")


@dataclasses.dataclass(frozen=True)
class RootCause:
    """One thing that changed, and the steps that ran because of it.

    Attributes:
        kind: a key of KINDS.
        text: as in `Cause`; it begins with the step if no line is known.
        lines: known lines of the steps that it made run directly, not by way of a step above.
    """

    kind: str
    text: str
    lines: tuple[int, ...]

    def __str__(self) -> str:
        if not self.lines:
            return self.text
        numbers = ", ".join(map(str, self.lines))
        return f"line{'s' * (len(self.lines) > 1)} {numbers}: {self.text}"


@dataclasses.dataclass(frozen=True)
class StepCause:
    """Why one step is in the state it is in.

    Attributes:
        line: first line of the instruction in the Dockerfile.
        stage: name of the stage.
        instruction: "RUN", "COPY", ...
        text: the whole instruction.
        state: as in `record.step.Step`.
        causes: for a step that ran, at least one, the most telling first; empty for a hit.
        root: whether it ran for a reason of its own, not merely because a step above ran.
        above: lines of the steps above whose new results made it run.
        still_hit: why it's a hit although something it might depend on changed; else "".
        ruled_out: what was compared and found equal, in words.
    """

    line: int
    stage: str
    instruction: str
    text: str
    state: str
    causes: tuple[Cause, ...] = ()
    root: bool = False
    above: tuple[int, ...] = ()
    still_hit: str = ""
    ruled_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "still_hit", shown(self.still_hit))

    @property
    def place(self) -> str:
        """Its line in words; "" if its line is unknown."""
        return f"line {self.line}" if self.line else ""

    @property
    def why(self) -> str:
        """The reasons in one line; "" for a step without any."""
        return "; ".join(c.text for c in self.causes) or self.still_hit


@dataclasses.dataclass(frozen=True, repr=False)
class Explanation:
    """Why each step of a build ran or didn't.

    Attributes:
        app: name of the app.
        variant: name of the variant.
        against: what the build was compared with, in words; "" if there was nothing.
        steps: in file order, one for each step of the build.
        remedies: what to do, where there's something.
        failure: for a build that failed although none of its steps did, how; else "".
    """

    app: str
    variant: str
    against: str
    steps: tuple[StepCause, ...]
    remedies: tuple[Remedy, ...] = ()
    failure: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "failure", shown(self.failure))

    @property
    def roots(self) -> tuple[StepCause, ...]:
        """The steps that ran for a reason of their own."""
        return tuple(s for s in self.steps if s.root)

    @property
    def root_causes(self) -> tuple[RootCause, ...]:
        """What made steps run, each thing once: a changed file that three COPYs read is one root cause."""
        return root_causes(self.steps)

    def of(self, fragment: str) -> StepCause:
        """Return the one step whose text contains `fragment`. Raises KeyError if none or several do."""
        found = [s for s in self.steps if fragment in s.text]
        if len(found) != 1:
            raise KeyError(f"{len(found)} steps contain {fragment!r}")
        return found[0]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per step; columns: line, stage, state, root, kind (of the first cause, "" for a hit), why, text."""
        with needs_course():
            import pandas as pd  # here, because explaining a build needs no frame

        rows = [
            (s.line, s.stage, s.state, s.root, s.causes[0].kind if s.causes else "", s.why, s.text) for s in self.steps
        ]
        return pd.DataFrame(rows, columns=["line", "stage", "state", "root", "kind", "why", "text"])

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as `layerlab explain --json` prints it."""
        data: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return data

    def __str__(self) -> str:
        """Show each step that ran, with `▸` before root causes, and hits with a reason. It's the same on every machine."""
        lines = []
        ran = [s for s in self.steps if s.causes]
        if ran and not self.against and all(s.causes[0].kind == "first build" for s in ran):
            first = f"The first build of {self.app} {self.variant} on this machine: there's nothing to compare it with."
            return "\n".join([first, *self.failed()])
        for step in self.steps:
            if step.state in (RAN, FAILED) or (step.state == CACHED and step.still_hit):
                lines += [_row(step), f"{'':20}{step.why}"]
        if not any(s.causes for s in self.steps):
            lines.append("Every step was cached." if any(s.state == CACHED for s in self.steps) else "No step ran.")
        return "\n".join([*lines, *self._failure(), *self.advice()])

    def failed(self) -> list[str]:
        """Return how the build failed: a line for each failed step, or the reason if no step failed; nothing if it didn't."""
        return [*(_row(step) for step in self.steps if step.state == FAILED), *self._failure()]

    def _failure(self) -> list[str]:
        return [f"The build failed: {self.failure}."] if self.failure else []

    def advice(self) -> list[str]:
        """Return the remedies, a line each."""
        return [f"→ {remedy}" for remedy in self.remedies]

    __repr__ = __str__

    def evidence(self) -> str:
        """Return what was compared for each step that ran, before → now, and what was ruled out."""
        lines = [f"compared with: {self.against or 'nothing'}"]
        for step in self.steps:
            if not (step.causes or step.still_hit):
                continue
            lines.append("  ".join(filter(None, (step.place, step.state, shortened(step.text)))))
            for cause in step.causes:
                lines.append(f"  {cause.kind}: {cause.text}")
                lines += [f"    {e.what}: {e.before or '(none)'} → {e.now or '(none)'}" for e in cause.evidence]
            if step.still_hit:
                lines.append(f"  cached: {step.still_hit}")
            if step.ruled_out:
                lines.append(f"  equal: {', '.join(step.ruled_out)}")
        return "\n".join([*lines, *self.advice()])

    def _repr_html_(self) -> str:
        rows = []
        for step in self.steps:
            mark = "▸ " if step.root else ""
            weight = " style='font-weight:600'" if step.root else ""
            cells = (str(step.line or ""), step.state, shortened(step.text, 60), mark + step.why)
            rows.append(f"<tr{weight}>" + "".join(f"<td style='text-align:left'>{html.escape(c)}</td>" for c in cells))
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in ("line", "state", "step", "why"))
        note = f"<p>Compared with {html.escape(self.against)}. ▸ marks root causes.</p>" if self.against else ""
        advice = "".join(f"<p>{html.escape(line)}</p>" for line in self.advice())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{note}{advice}"


def _row(step: StepCause) -> str:
    return f"{'▸' if step.root else ' '} {step.place:>8}  {step.state:<6}  {shortened(step.text, 48)}"


def root_causes(steps: Iterable[StepCause]) -> tuple[RootCause, ...]:
    """Gather what made steps run: equal causes are one, and so are those of files if one names all that the other does."""
    told = [(c, s) for s in steps if s.root for c in s.causes if c.kind not in CONSEQUENCES]
    found: list[tuple[Cause, list[StepCause]]] = []
    for cause, _ in sorted(told, key=lambda t: (-len(_things(t[0])), len(t[0].text))):
        if not any(_told_by(cause, other) for other, _ in found):
            found.append((cause, [step for same, step in told if _told_by(same, cause)]))
    ordered = sorted(found, key=lambda one: min(s.line for s in one[1]))
    return tuple(_root_cause(cause, its) for cause, its in ordered)


def _root_cause(cause: Cause, steps: Sequence[StepCause]) -> RootCause:
    lines = tuple(sorted({s.line for s in steps if s.line}))
    text = cause.text if lines else f"{shortened(steps[0].text, 40)}: {cause.text}"
    return RootCause(cause.kind, text, lines)


def _told_by(cause: Cause, other: Cause) -> bool:
    """Tell whether what `cause` says is in the text of `other`, which may only count what it doesn't name."""
    return within(cause, other) and (cause.text == other.text or all(e.what in other.text for e in cause.evidence))


def within(cause: Cause, other: Cause) -> bool:
    """Tell whether `cause` is told by `other`."""
    if cause.kind != other.kind or cause.text == other.text:
        return cause.kind == other.kind
    return bool(_things(cause)) and _things(cause) <= _things(other)


def _things(cause: Cause) -> frozenset[Evidence]:
    """Return what changed, if it can be the same thing for two steps: files with their content, variables with their value."""
    shared = cause.kind.startswith(("file ", "mode ", "argument ", "environment "))
    return frozenset(cause.evidence) if shared else frozenset()
