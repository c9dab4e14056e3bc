"""The labs: a learner's files are built, edited, built again and asked, and judged by how that *behaved*.

`script` of a lab runs the builds; `judge` is a pure function of what was observed. No text of a Dockerfile is looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LabError
from . import capstone, lab_01, lab_02, lab_03, lab_04, lab_05, lab_06, lab_07, lab_08, lab_09
from .files import labs_folder, put, reset, solution
from .lab import Goal, Lab, Verdict, judged
from .progress import Attempt, attempts
from .trial import Observed, Trial, check

if TYPE_CHECKING:
    from ..machine.machine import Machine

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


def check_lab(name: str, machine: Machine, files: str | Path | None = None) -> Verdict:
    """Check the learner's files of lab `name` by building with them on `machine`.

    Args:
        name: a lab, as "01-order-your-layers" or shorter, "01".
        machine: the Machine to build on.
        files: None for labs/NAME/, what a check there counts as an attempt (see `attempts`); a folder with the files, such as
            "solution"; or one file, which stands for the lab's first.

    Returns a Verdict; files that do not build give one too. Raises LabError where there is no such lab or file.
    """
    return check(find(name), machine, files)


def find(name: str) -> Lab:
    """The lab called `name`, or the only one whose name begins so. Raises LabError, naming those there are."""
    found = [lab for known, lab in LABS.items() if known == name] or [
        lab for known, lab in LABS.items() if name and known.startswith(name)
    ]
    if len(found) != 1:
        raise LabError(f"there is no lab {name!r}", f"there are: {', '.join(LABS)}")
    return found[0]


__all__ = [
    "ALL",
    "LABS",
    "Attempt",
    "Goal",
    "Lab",
    "Observed",
    "Trial",
    "Verdict",
    "attempts",
    "check_lab",
    "find",
    "judged",
    "labs_folder",
    "put",
    "reset",
    "solution",
]
