"""Check labs: build a learner's files, edit, build again, ask the image, and judge how it all *behaved*.

A lab's `script` runs the builds; its `judge` is a pure function of what they showed. A Dockerfile's text decides nothing.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import LabError
from ..machine.machine import Machine
from ..project.app import App
from . import capstone, lab_01, lab_02, lab_03, lab_04, lab_05, lab_06, lab_07, lab_08, lab_09, logbook
from .files import chosen, put, reset, solution
from .lab import Lab
from .lab_run import LabRun
from .logbook import Attempt, attempts
from .verdict import Goal, Observed, Verdict, judged

#: Every lab, in the order of the course.
ALL: tuple[Lab, ...] = (
    lab_01.LAB,
    lab_02.LAB,
    lab_03.LAB,
    lab_04.LAB,
    lab_05.LAB,
    lab_06.LAB,
    lab_07.LAB,
    lab_08.LAB,
    lab_09.LAB,
    capstone.LAB,
)
LABS: dict[str, Lab] = {lab.name: lab for lab in ALL}


def check_lab(machine: Machine, name: str, files: str | Path | None = None) -> Verdict:
    """Check the learner's files of lab `name` by building with them on `machine`.

    Args:
        machine: the Machine to build on.
        name: a lab, as "01-order-your-layers" or shorter, "01".
        files: None for the learner's own, whose check counts as an attempt (see `attempts`); a folder with the files, such as
            "solution"; or one file, which takes the place of the lab's first.

    The check has the machine to itself: nobody else builds there, resets it or removes it between its builds.

    Returns a Verdict, even for files that don't build. Raises LabError if there's no such lab or file, MachineBusy if another
    process still uses the machine after ten minutes, MachineError if one removed or reset it meanwhile.
    """
    lab = find(name)
    texts = chosen(lab, files)
    with machine.alone(), App(lab.app) as app:
        for file, text in texts.items():
            app.write(lab.files[file], text)
        dockerfile, *_ = lab.files.values()
        verdict = lab.judge(LabRun(machine, app, dockerfile).observe(lab.script))
    if files is None:
        logbook.keep(lab, verdict, texts)
    return verdict


def your_files(name: str) -> dict[str, str]:
    """Return the texts of the learner's files of lab `name`, by name, made from the starting point where there are none yet.

    Raises LabError where there's no such lab, or where they can't be read.
    """
    return chosen(find(name))


def find(name: str) -> Lab:
    """Find the lab called `name`, or the only one whose name starts with it. Raises LabError, which lists the labs."""
    found = [lab for known, lab in LABS.items() if known == name] or [
        lab for known, lab in LABS.items() if name and known.startswith(name)
    ]
    if len(found) != 1:
        what = f"{name!r} fits more than one lab" if found else f"there is no lab {name!r}"
        raise LabError(what, f"choose one of: {', '.join(lab.name for lab in found) or ', '.join(LABS)}")
    return found[0]


__all__ = [
    "ALL",
    "LABS",
    "Attempt",
    "Goal",
    "Lab",
    "LabRun",
    "Observed",
    "Verdict",
    "attempts",
    "check_lab",
    "find",
    "judged",
    "put",
    "reset",
    "solution",
    "your_files",
]
