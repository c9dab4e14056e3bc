"""Lab 07: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.course import check_lab

LAB = "07-ignore-what-you-do-not-ship"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
#: Another right answer: everything that is not needed is named, at every depth.
NAMED = (
    "**/.git\n**/.venv\n**/__pycache__\n**/.mypy_cache\n**/.pytest_cache\n**/.env\n**/*.log\n**/notes\n"
    "backend/data\n!backend/data/knowledge.jsonl\n"
)

#: A wrong answer; how many goals it meets in a row; words of the hint that it must get.
WRONG = {
    "everything": ("*\n", 0, ["does not build", "keeps it out"]),
    "the data, and no exception": (NAMED.replace("!backend/data/knowledge.jsonl", ""), 1, ["data/knowledge.jsonl"]),
    "the exception above": (
        "!backend/data/knowledge.jsonl\n" + NAMED.replace("!backend/data/knowledge.jsonl", ""),
        1,
        ["data/knowledge.jsonl"],
    ),
    "a comment behind the rule": (NAMED.replace("**/.env", "**/.env  # key"), 2, ["/app/.env", "end of the line"]),
    "bytecode at the root only": (NAMED.replace("**/__pycache__", "*.pyc"), 3, ["line 19 (COPY)", "planner.cpython"]),
    "notes at the root only": (NAMED.replace("**/notes", "notes"), 3, ["backend/notes/"]),
    "no history": (NAMED.replace("**/.git", ".git"), 4, ["backend/.git/objects/pack"]),
}


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, verdict


def test_another_right_answer_passes(check):
    verdict = check(NAMED)
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    text, goals, words = WRONG[name]
    verdict = check(text)
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict
