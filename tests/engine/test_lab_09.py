"""Lab 09: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab import labs
from layerlab.course import check_lab
from layerlab.labs import clinic
from layerlab.labs.files import give_out

LAB = "09-look-after-your-cache"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
CURED = (FOLDER / "solution/Dockerfile").read_text()
DIAGNOSED = (FOLDER / "solution/diagnoses.toml").read_text()
DIAGNOSES = 8
HASH = "ARG GIT_SHA=unknown\nENV GIT_SHA=${GIT_SHA}\n"

#: A wrong diagnoses.toml, goals met in a row, words of the hint.
WRONG_DIAGNOSES = {
    "none yet": ("", 0, ["patient 1", "has no diagnosis yet"]),
    "not TOML": ("patient-1 = buildkit\n", 0, ["not valid TOML"]),
    "no such cause": ('patient-1 = "gremlins"\n', 0, ["one of the causes", "buildkit-off"]),
    "a message not read": ('patient-1 = "buildx-missing"\n', 0, ["it isn't 'buildx-missing'", "What does it say"]),
}
#: A wrong cure of the ninth patient: goals met of its five, words of the hint.
WRONG_CURES = {
    "the hash above the packages": (
        CURED.replace(HASH, "").replace("WORKDIR /app\n", f"{HASH}WORKDIR /app\n"),
        3,
        ["install the packages again", "GIT_SHA"],
    ),
    "wheels beside the mount": (
        CURED.replace("--dest /wheels", "--dest wheels").replace("--find-links /wheels", "--find-links wheels"),
        4,
        ["download all the others again"],
    ),
    "no hash at all": (CURED.replace(HASH, ""), 2, ["no longer shows this build's commit"]),
    "no packages": ("FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD python main.py\n", 1, ["doesn't book"]),
    "an instruction that is none": ("FROMM python\n", 0, ["does not build"]),
}


def files(dockerfile: str = CURED, diagnoses: str = DIAGNOSED) -> dict[str, str]:
    return {"Dockerfile": dockerfile, "diagnoses.toml": diagnoses}


@pytest.fixture
def nobody(monkeypatch):
    """A clinic without patients, so that a cure is tried at once."""
    monkeypatch.setattr(clinic, "numbers", list)


def test_the_starting_point_has_no_diagnoses_and_builds_nothing(machine, met, tmp_path):
    verdict = check_lab(machine, LAB, FOLDER / "start")
    assert not verdict.passed and met(verdict) == 0 and verdict.again is None
    assert len(verdict.goals) == DIAGNOSES + 5
    for file in give_out(labs.find(LAB), tmp_path):
        assert file.read_text() == (FOLDER / "start" / file.name).read_text()


def test_the_starting_dockerfile_fails_for_its_faults(check, nobody):
    verdict = check(files((FOLDER / "start/Dockerfile").read_text()))
    assert [done for _, done in verdict.goals] == [True, True, True, False, False]
    assert "line 12 (COPY): release.txt changed" in verdict.hint


def test_the_solution_passes_with_all_eight(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", WRONG_DIAGNOSES)
def test_a_wrong_diagnosis_gets_the_hint_that_fits(check, met, name):
    text, goals, words = WRONG_DIAGNOSES[name]
    verdict = check(files(diagnoses=text))
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict


def test_a_suspect_that_is_innocent_is_tried_and_the_hint_points_to_the_line(check, met, monkeypatch):
    """The file is there, and changes, and still is not the cause."""
    monkeypatch.setattr(clinic, "numbers", lambda: [3])
    verdict = check(files(diagnoses='patient-3 = "file-changes"\n'))
    assert met(verdict) == 0 and "it isn't 'file-changes': in the second build, line 8 (COPY)" in verdict.hint
    assert "and still: the packages were installed again" in verdict.detail


@pytest.mark.parametrize("name", WRONG_CURES)
def test_a_wrong_cure_gets_the_hint_that_fits(check, met, nobody, name):
    text, goals, words = WRONG_CURES[name]
    verdict = check(files(text))
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict


def test_another_cure_passes(check, nobody):
    """With the packages in a stage, the note mounted where it is read, and another place for the wheels."""
    packages, rest = CURED.split("COPY main.py")
    staged = packages.replace("FROM ${PYTHON}\n", "FROM ${PYTHON} AS packages\n").replace("/wheels", "/var/wheels")
    verdict = check(files(f"{staged}\nFROM packages\nCOPY main.py{rest}"))
    assert verdict.passed, verdict
