"""Keep the logbook: each check of a learner's files is an attempt, a line of JSON in LayerLab's home.

A workshop leader collects logbooks in a folder that everyone can write to: learners put theirs in, the leader reads them all.
"""

from __future__ import annotations

import dataclasses
import datetime
import getpass
import hashlib
import itertools
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import LabError
from ..system.home import home, locked
from .lab import Lab
from .verdict import Verdict

#: Columns of `overview`.
OVERVIEW = ("learner", "lab", "attempts", "passed", "best", "last")
#: Name of the logbook in LayerLab's home; `cleanup.OURS` lists it, too.
FILE = "progress.jsonl"


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One check of a learner's files.

    Attributes:
        when: ISO 8601, UTC.
        learner: `$LAYERLAB_LEARNER`, or user@computer.
        lab: name of the lab.
        passed: whether all goals were met.
        met, of: the number of goals met, and of all goals.
        files: short hash of the checked files; attempts with the same files have the same one.
        figures: what was measured, if the lab has a budget: name with unit → figure.
    """

    when: str
    learner: str
    lab: str
    passed: bool
    met: int
    of: int
    files: str
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)


def keep(lab: Lab, verdict: Verdict, texts: Mapping[str, str]) -> Attempt:
    """Write down an attempt here, and in `$LAYERLAB_PROGRESS` if that names a folder. Raises LabError as `hand_in` does."""
    attempt = Attempt(
        when=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        learner=learner(),
        lab=lab.name,
        passed=verdict.passed,
        met=sum(met is True for _, met in verdict.goals),
        of=len(verdict.goals),
        files=hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()[:8],
        figures=dict(verdict.figures),
    )
    with locked("progress"), (home() / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(dataclasses.asdict(attempt)) + "\n")
    if folder := os.environ.get("LAYERLAB_PROGRESS"):
        hand_in(folder)
    return attempt


def learner() -> str:
    """Say who learns here: `$LAYERLAB_LEARNER`, or user@computer."""
    return os.environ.get("LAYERLAB_LEARNER") or f"{getpass.getuser()}@{platform.node()}"


def attempts(lab: str = "") -> list[Attempt]:
    """Return the attempts of this home, of all labs or of one, oldest first."""
    return [a for a in _read(home() / FILE) if lab in ("", a.lab)]


def hand_in(folder: str | Path) -> Path:
    """Copy this learner's attempts into a folder, as NAME.jsonl; return the file. Raises LabError if it can't be written."""
    name = re.sub(r"[^\w.@-]+", "-", learner())
    target = Path(folder).expanduser() / f"{name}.jsonl"
    lines = [json.dumps(dataclasses.asdict(attempt)) + "\n" for attempt in attempts()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}")
        part.write_text("".join(lines), encoding="utf-8")
        part.replace(target)  # in one step: the leader may be reading
    except OSError as error:
        raise LabError(
            f"progress cannot be written to {folder}: {error}", "name a folder that you may write to"
        ) from None
    return target


def collected(folder: str | Path) -> list[Attempt]:
    """Read the attempts of all learners who handed in to a folder. Raises LabError if there's no such folder."""
    if not Path(folder).is_dir():
        raise LabError(
            f"there is no folder {folder}",
            "name the folder that learners' progress is copied to: layerlab lab progress --from FOLDER",
        )
    return [a for file in sorted(Path(folder).glob("*.jsonl")) for a in _read(file)]


def overview(found: Iterable[Attempt]) -> list[tuple[str, str, int, str, str, str]]:
    """Tabulate attempts, a row for each learner and lab: learner, lab, attempts, passed, best ("4 of 6" goals), last (when)."""
    rows = []
    for (who, lab), group in itertools.groupby(sorted(found, key=_whose), key=_whose):
        tries = list(group)
        best = max(tries, key=lambda a: a.met)
        passed = "yes" if any(a.passed for a in tries) else "no"
        rows.append((who, lab, len(tries), passed, f"{best.met} of {best.of}", max(a.when for a in tries)))
    return rows


def _whose(attempt: Attempt) -> tuple[str, str]:
    return attempt.learner, attempt.lab


def _read(file: Path) -> list[Attempt]:
    """Read attempts. Leave out broken lines (a computer lost power while writing): the others still count."""
    known = {field.name for field in dataclasses.fields(Attempt)}
    found = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []:
        try:
            found.append(Attempt(**{k: v for k, v in json.loads(line).items() if k in known}))
        except (ValueError, TypeError, AttributeError):
            continue
    return found
