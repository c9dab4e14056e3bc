"""measure: how long a project's builds take in the situations that people wait in, and which line is to blame."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..engines import images
from ..errors import AppError
from ..machine.machine import Machine
from ..machine.machine_like import Measurable
from ..project.app import App
from ..record.frames import rows_of
from ..system import progress
from ..system.extras import needs_course
from .situations import SITUATIONS, Observed, Subject, observe, subject

if TYPE_CHECKING:
    import pandas as pd

#: The situations that are measured if nobody names any; a quick look leaves out those that reset the machine, or that are rare.
USUAL = ("cold", "unchanged", "code", "dependency", "base", "registry")
QUICK = ("unchanged", "code", "dependency")


def measure(
    machine: Measurable,
    app: App,
    variant: str = "",
    *,
    service: str = "",
    situations: Sequence[str] = (),
    repeats: int = 3,
) -> pd.DataFrame:
    """Build a project in each situation, `repeats` times, and return the measurements.

    Args:
        machine: where to build. It's reset for the situations "cold" and "registry", which a builder of yours doesn't allow.
        app: a scratch copy of the project, which gets the edits.
        variant: as for `machine.build`; by default what the project's layerlab.toml says in [measure], or else what Docker takes.
        service: as for `machine.build`.
        situations: of "cold", "unchanged", "code", "dependency", "context", "base" and "registry"; by default all but
            "context", as far as the project has something to edit.
        repeats: builds in each situation.

    Returns a DataFrame with one row per build and step: the columns that `compare` returns, with the situation as `edit`, and
    `why`, the reason why the step ran. `before_after` draws it.

    Raises AppError for an unknown situation, one that the project has nothing for, or `repeats` below 1, and the same errors as
    `machine.build`.
    """
    what = subject(app, variant, service)
    return frame_of(observations(machine, what, situations or measurable(machine, what), repeats))


def frame_of(observed: Sequence[Observed]) -> pd.DataFrame:
    """Return builds in their situations as the frame that `measure` returns."""
    with needs_course():
        import pandas as pd  # here, because `layerlab measure` needs no frame

    rows = []
    for number, one in enumerate(observed):
        frame = rows_of(one.build, one.situation, one.repeat, number)
        rows.append(frame.assign(why=[step.why for step in one.explanation.steps]))
    return pd.concat(rows, ignore_index=True)


def observations(
    machine: Measurable, what: Subject, situations: Sequence[str], repeats: int | Mapping[str, int]
) -> list[Observed]:
    """Build in each situation, and show meanwhile how far that is. Raises the same errors as `measure`."""
    unknown = [situation for situation in situations if situation not in SITUATIONS]
    if unknown or (isinstance(repeats, int) and repeats < 1):
        wrong = f"no situation {unknown[0]!r}" if unknown else f"no way to build {repeats} times"
        raise AppError(f"there is {wrong}", f"situations: {', '.join(SITUATIONS)}; repeats: 1 or more")
    each = dict.fromkeys(situations, repeats) if isinstance(repeats, int) else repeats
    total = sum(each.get(situation, 1) for situation in set(situations))
    done: list[Observed] = []
    with progress.shown(f"Building {what.app.name}", lambda: len(done), lambda: total, "builds"):
        for one in observe(machine, what, situations, each):
            done.append(one)  # one by one: their number is shown
    return done


def possible(what: Subject, wanted: Sequence[str]) -> list[str]:
    """Return those of the situations for which a project has something to edit."""
    found = []
    for situation in wanted:
        with contextlib.suppress(AppError):
            what.edit_of(situation)
            found.append(situation)
    return found


def measurable(machine: Measurable, what: Subject) -> list[str]:
    """Return the situations of USUAL that are possible: on a builder, those of QUICK; "base" if the machine has its image."""
    if not isinstance(machine, Machine):
        return possible(what, QUICK)
    movable = bool(what.base and images.present(what.base, machine.docker))
    return [situation for situation in possible(what, USUAL) if situation != "base" or movable]
