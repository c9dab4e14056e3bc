"""Lab 05: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.course import check_lab

LAB = "05-inline-cache"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
SOLUTION = (FOLDER / "solution" / "compose.yaml").read_text()
ARGUMENT = "      args:\n        BUILDKIT_INLINE_CACHE: 1\n"
LOOK = "      cache_from:\n        - ${PLANNER_IMAGE}\n"

#: A wrong answer; how many goals it meets in a row; words of the hint that it must get.
WRONG = {
    "a name of one's own": (("image: ${PLANNER_IMAGE}", "image: diet-planner:latest"), 0, ["a name in the registry"]),
    "nowhere to look": ((LOOK, ""), 2, ["didn't look for a cache anywhere"]),
    "no argument": ((ARGUMENT, ""), 4, ["line 10", "an argument of the build"]),
}
#: Other right answers than the solution's.
RIGHT = {
    "cache_to": (ARGUMENT, "      cache_to:\n        - type=inline\n"),
}


def changed(old: str, new: str) -> str:
    assert old in SOLUTION
    return SOLUTION.replace(old, new)


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, verdict
    assert "127.0.0.1" not in str(verdict)


@pytest.mark.parametrize("name", RIGHT)
def test_another_right_answer_passes(check, name):
    verdict = check(changed(*RIGHT[name]))
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    change, goals, words = WRONG[name]
    verdict = check(changed(*change))
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict
