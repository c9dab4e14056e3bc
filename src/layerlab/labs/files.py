"""Read and write a lab's files: the learner's own, the starting point, the solution. What the learner wrote is never lost."""

from __future__ import annotations

import itertools
from pathlib import Path

from ..errors import LabError
from ..project.course_files import labs_folder, own_labs
from ..system.home import claim, home
from .lab import Lab


def chosen(lab: Lab, files: str | Path | None = None) -> dict[str, str]:
    """Return the texts of the files to check, by their names in the lab's folder. Raises LabError if one is missing.

    `files` is None for the learner's own (any that are missing are made from the starting point), a folder, or one file that
    takes the place of the lab's first.
    """
    if files is None:
        give_out(lab)
        place = own_folder(lab)
    else:
        place = Path(files)
        if not place.is_dir():
            first, *rest = lab.files
            return {first: _read(place, lab), **{name: _read(place.parent / name, lab) for name in rest}}
    return {name: _read(place / name, lab) for name in lab.files}


def own_folder(lab: Lab) -> Path:
    """Return the folder of the learner's own files of a lab."""
    return own_labs() / lab.name


def give_out(lab: Lab, folder: Path | None = None) -> list[Path]:
    """Make any of the learner's files that are missing, from the starting point; touch no others; return those made.

    `folder` is where labs are; None for the learner's own.
    """
    place = (folder or own_labs()) / lab.name
    missing = [name for name in lab.files if not (place / name).exists()]
    texts = starting_point(lab) if missing else {}
    return [_write(place / name, texts[name]) for name in missing]


def starting_point(lab: Lab) -> dict[str, str]:
    """Return the files that the lab starts with. Raises LabError if they're gone."""
    return chosen(lab, labs_folder() / lab.name / "start")


def solution(lab: Lab) -> dict[str, str]:
    """Return the files of the lab's solution. Raises LabError if they're gone."""
    return chosen(lab, labs_folder() / lab.name / "solution")


def reset(lab: Lab) -> list[Path]:
    """Put the starting point in place; return where the learner's own files are kept, if they differ."""
    return put(lab, starting_point(lab))


def put(lab: Lab, texts: dict[str, str]) -> list[Path]:
    """Write the lab's files. Keep any existing ones that differ beside them, as Dockerfile.mine-1; return the kept ones."""
    kept = []
    for name, text in texts.items():
        place = own_folder(lab) / name
        if place.is_file() and place.read_bytes() != text.encode():
            kept.append(_free(place))
            place.rename(kept[-1])
        _write(place, text)
    return kept


def _write(place: Path, text: str) -> Path:
    if place.is_relative_to(home()):
        claim()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabError(
            f"{place} can't be written: {error.strerror}",
            "make a working copy of your own: layerlab course start FOLDER",
        ) from None
    return place


def _free(place: Path) -> Path:
    names = (place.with_name(f"{place.name}.mine-{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def _read(path: Path, lab: Lab) -> str:
    if not path.is_file():
        raise LabError(
            f"there is no file {path}", f"put one there, or get the lab's own back: layerlab lab reset {lab.name}"
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise LabError(f"{path} is not UTF-8 text", "save it as UTF-8") from None
