"""diff: two variants side by side, and what each of their steps did in real builds. Apart from reading files, it's pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ..charts.summary import summary
from ..errors import LayerLabError
from ..explaining.causes import StepCause
from ..explaining.why import explain
from ..machine.resolving import resolve
from ..project.app import App
from ..project.definition import Definition
from ..record import history
from ..record.build import Build
from ..record.frames import rows_of
from ..record.states import RAN
from ..traces import instructions
from . import pairing
from .effects import Differences, Measured
from .side_by_side import page


class Diff(Differences):
    """Two variants side by side; a notebook shows them as a page with times."""

    def _repr_html_(self) -> str:
        return page(self)


def diff(app: App, left: str, right: str, measured: pd.DataFrame | Sequence[Build] | None = None) -> Diff:
    """Compare two variants of an app side by side, with the times of real builds.

    Args:
        app: the app.
        left: name of a variant, or a Dockerfile in the app; usually the one before.
        right: the other one; usually the one after.
        measured: builds of the two, in any order, or the result of `compare`. Builds after the same edit are compared. If
            there are several, the diff shows the one with the median time.

    Raises AppError if there is no such variant, LayerLabError for builds of something else or if the two were never built
    after the same edit, and ValueError for builds on several machines.
    """
    mine, theirs = resolve(app, left), resolve(app, right)
    rows, changes = pairing.dockerfiles(mine.dockerfile, theirs.dockerfile)
    ignore = (mine.ignore_file, mine.ignore) != (theirs.ignore_file, theirs.ignore)
    ignore_rows = pairing.texts(mine.ignore, theirs.ignore) if ignore else ()
    found = () if measured is None else _measured(mine, theirs, measured)
    return Diff(mine, theirs, rows, changes, ignore_rows, found)


def known_builds(app: App, left: str, right: str, host: str) -> list[Build]:
    """Return the builds of both variants, as they are now, that succeeded on a machine or builder: `host` is its label."""
    sides = [resolve(app, left), resolve(app, right)]
    kept = history.builds(app.source, host)
    return [build for build in kept if not build.error and any(_is_of(build, side) for side in sides)]


def _measured(
    left: Definition, right: Definition, measured: pd.DataFrame | Sequence[Build]
) -> tuple[tuple[str, Measured, Measured], ...]:
    why: dict[int, dict[int, str]] = {}
    if isinstance(measured, pd.DataFrame):
        if left.variant == right.variant:
            raise LayerLabError(
                f"both variants are called {left.variant}, so the results don't say which is which", "pass the builds"
            )
        frame = measured.assign(side=measured["variant"].map({left.variant: "left", right.variant: "right"}))
        frame = frame[frame["side"].notna() & (frame["app"] == left.app)]
    else:
        frames = [
            rows_of(build, build.edit, repeat=0, number=number).assign(side=_side(build, left, right))
            for number, build in enumerate(measured)
        ]
        why = {number: _why(build) for number, build in enumerate(measured)}
        frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["side", "edit"])
    if len(frame):
        summary(frame)  # refuses several machines
    sides = {}
    for side, of in (("left", left), ("right", right)):
        own = frame[frame["side"] == side]
        _check_lines(own, of)
        sides[side] = {str(edit): _median(builds, why) for edit, builds in own.groupby("edit", sort=False)}
    both = [edit for edit in sides["left"] if edit in sides["right"]]
    if not both:
        told = [f"{of.variant}: {', '.join(sides[s]) or 'none'}" for s, of in (("left", left), ("right", right))]
        raise LayerLabError(
            f"the two were never built after the same edit ({'; '.join(told)})", "build both after the same app.edit(…)"
        )
    return tuple((edit, sides["left"][edit], sides["right"][edit]) for edit in both)


def _side(build: Build, left: Definition, right: Definition) -> str:
    for side, of in (("left", left), ("right", right)):
        if _is_of(build, of):
            return side
    raise LayerLabError(
        f"a build of {build.app} {build.variant} matches neither {left.variant} nor {right.variant} as they are now",
        "build both again",
    )


def _is_of(build: Build, of: Definition) -> bool:
    return (build.app, build.variant, build.dockerfile) == (of.app, of.variant, of.dockerfile)


def _check_lines(frame: pd.DataFrame, of: Definition) -> None:
    """Check that each step's instruction is on its line; results carry no Dockerfile that we could compare."""
    at = {i.line: i.keyword for i in instructions.read(of.dockerfile, of.args)}
    for line, keyword in {*zip(frame.get("line", ()), frame.get("instruction", ()), strict=True)}:
        if line and at.get(line) != keyword:
            raise LayerLabError(
                f"{of.variant} has no {keyword} on line {line}: it was changed after these builds", "build both again"
            )


def _why(build: Build) -> dict[int, str]:
    """Return causes by line, down to the root; none if earlier builds are forgotten, so that this looks like the first."""
    explanation = explain(build)
    steps = {s.line: s for s in explanation.steps if s.causes} if explanation.against else {}

    def why(step: StepCause) -> str:
        root, seen = step, {step.line}
        while not root.root and (above := next((n for n in root.above if n in steps and n not in seen), 0)):
            root = steps[above]
            seen.add(above)
        return step.why if root is step else f"line {root.line} above ran: {root.why}"

    return {line: why(step) for line, step in steps.items()}


def _median(frame: pd.DataFrame, why: Mapping[int, Mapping[int, str]]) -> Measured:
    """Return the build with the median time: one real build, so that its steps add up; the faster of two in the middle."""
    walls = frame.groupby("build")["wall_seconds"].first().sort_values(kind="stable")
    number = walls.index[(len(walls) - 1) // 2]
    build = frame[frame["build"] == number]
    steps: dict[int, tuple[str, float]] = {}
    for row in build.itertuples():
        state, seconds = steps.get(row.line, (row.state, 0.0))
        steps[row.line] = (RAN if RAN in (state, row.state) else state, seconds + row.seconds)
    return Measured(
        repeats=len(walls),
        seconds=float(build["wall_seconds"].iloc[0]),
        export_seconds=float(build["export_seconds"].iloc[0]),
        context_bytes=int(build["context_bytes"].iloc[0]),
        steps={line: (state, float(seconds)) for line, (state, seconds) in steps.items() if line},
        steps_seconds=float(build["seconds"].sum()),
        why=why.get(number, {}),
    )
