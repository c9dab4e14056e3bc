"""Lab 02: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.course import check_lab
from layerlab.labs.lab_02 import kept_in_image

LAB = "02-drop-no-cache-dir"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
SOLUTION = (FOLDER / "solution/Dockerfile").read_text()
MOUNTED = "RUN --mount=type=cache,target=/root/.cache/pip \\\n    pip install"

#: A wrong answer; how many goals it meets in a row; words of the hint that it must get.
WRONG = {
    "the flag back": (SOLUTION.replace(MOUNTED, "RUN pip install --no-cache-dir"), 4, ["starts without the files"]),
    "no flag, no mount": (SOLUTION.replace(MOUNTED, "RUN pip install"), 3, ["/root/.cache/pip", "packed"]),
    "a mount that pip is told not to use": (
        SOLUTION.replace("UNBUFFERED=1", "UNBUFFERED=1 PIP_NO_CACHE_DIR=0"),
        4,
        ["pip found nothing in it", "PIP_NO_CACHE_DIR"],
    ),
    "a quiet pip that keeps nothing": (
        SOLUTION.replace(
            "pip install -r requirements.txt", "pip install -q --no-cache-dir -r requirements.txt >/dev/null 2>&1"
        ),
        4,
        ["line 13 (RUN) download all the others again", "pip found nothing in it"],
    ),
    "the office's index is not asked": (SOLUTION.replace("ARG PIP_INDEX_URL\n", ""), 2, ["asked for any package"]),
    "no knowledge": (SOLUTION.replace("COPY backend/data/knowledge.jsonl ./data/\n", ""), 1, ["knowledge.jsonl"]),
    "an instruction that is none": ("COPPY . .\n", 0, ["does not build"]),
}


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, verdict
    assert "package-index" not in machine.docker("ps", "--all")


def test_another_right_answer_passes(check):
    """A cache in another place is as good, if the mount is there too."""
    elsewhere = "RUN --mount=type=cache,id=mine,target=/opt/pip pip install --cache-dir /opt/pip"
    verdict = check(SOLUTION.replace(MOUNTED, elsewhere))
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    text, goals, words = WRONG[name]
    verdict = check(text)
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict


def test_folders_are_gathered_by_what_pip_calls_its_cache():
    listing = "200 /root/.cache/pip/http/a/b\n300 /root/.cache/pip/http/c\n100 /srv\nnoise\n"
    assert kept_in_image(listing) == ["/root/.cache/pip", "/srv"]
