"""Read and write a lab's files: the learner's own, the starting point, the solution. What the learner wrote is never lost."""

from __future__ import annotations

import itertools
from pathlib import Path

from ..errors import LabError
from ..project.checkout import labs_folder
from .lab import Lab


def chosen(lab: Lab, files: str | Path | None = None) -> dict[str, str]:
    """Return the texts of the files to check, by their names in the lab's folder. Raises LabError where one is missing.

    `files` is None for the learner's own, a folder, or one file that stands for the lab's first.
    """
    place = labs_folder() / lab.name if files is None else Path(files)
    if files is not None and not place.is_dir():
        first, *rest = lab.files
        return {first: _read(place, lab), **{name: _read(place.parent / name, lab) for name in rest}}
    return {name: _read(place / name, lab) for name in lab.files}


def starting_point(lab: Lab) -> dict[str, str]:
    """Return the files as the lab was given out. Raises LabError where they are gone."""
    return chosen(lab, labs_folder() / lab.name / "start")


def solution(lab: Lab) -> dict[str, str]:
    """Return the files of the lab's solution. Raises LabError where they are gone."""
    return chosen(lab, labs_folder() / lab.name / "solution")


def reset(lab: Lab) -> list[Path]:
    """Put the starting point in place; return where the learner's own files, if they differ, are kept."""
    return put(lab, starting_point(lab))


def put(lab: Lab, texts: dict[str, str]) -> list[Path]:
    """Write files of the lab. Keep those that were there and differ beside them, as Dockerfile.mine-1; return these."""
    kept = []
    for name, text in texts.items():
        place = labs_folder() / lab.name / name
        if place.is_file() and place.read_bytes() != text.encode():
            kept.append(_free(place))
            place.rename(kept[-1])
        place.write_text(text, encoding="utf-8")
    return kept


def _free(place: Path) -> Path:
    names = (place.with_name(f"{place.name}.mine-{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def _read(path: Path, lab: Lab) -> str:
    if not path.is_file():
        raise LabError(f"there is no file {path}", f"get the starting point back: layerlab lab reset {lab.name}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise LabError(f"{path} is not UTF-8 text", "save it as UTF-8") from None
