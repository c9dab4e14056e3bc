"""The capstone: the starting point is over every figure, the solution passes, each wrong answer gets its hint."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from layerlab.course import check_lab
from layerlab.labs import Attempt, Observed
from layerlab.labs.attempts_chart import attempts_chart
from layerlab.labs.capstone import BUDGET, judge

LAB = "capstone"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
APP = Path(__file__).resolve().parents[2] / "sample_apps" / "ten_hour_service"
IGNORED = (FOLDER / "solution" / "dockerignore").read_text()
BASE = "FROM python:3.11-slim\nENV PYTHONUNBUFFERED=1\nWORKDIR /app\n"
#: Without --no-cache-dir, what pip keeps would be in the image.
PACKAGES = "COPY requirements.txt ./\nRUN pip install --no-cache-dir --no-compile -r requirements.txt\n"
TABLE = "COPY data data\n"
#: The compiler of the translations comes, compiles and goes in one step: it is in no layer.
TEXTS = (
    "COPY requirements-build.txt ./\nCOPY locales locales\nRUN pip install --no-cache-dir --no-compile --target /tmp/babel -r "
    "requirements-build.txt && PYTHONPATH=/tmp/babel python3 -m babel.messages.frontend compile -d locales -D labels "
    "&& rm -rf /tmp/babel\n"
)
CODE = "COPY main.py ./\nCOPY parcel parcel\n"
#: BuildKit sends only what a COPY names; this names all of it, and the image still gets the code alone.
ALL = "FROM scratch AS all\nCOPY . /\n"
FROM_ALL = "COPY --from=all /main.py ./\nCOPY --from=all /parcel parcel\n"
END = 'CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]\n'

#: A wrong answer: lines between base and end, the ignore file, goals met before the first that is not, words of its hint.
WRONG = {
    "a line that is none": ("COPPY . .\n", IGNORED, 0, ["does not build"]),
    "translations not compiled": (PACKAGES + TABLE + CODE, IGNORED, 2, ["pybabel", "locales/"]),
    "code above the packages": (
        TEXTS + TABLE + CODE + PACKAGES,
        IGNORED,
        5,
        ["an edit of one line of code", "line 11 (RUN)", "because line 9 (COPY) above it did"],
    ),
    "all is sent": (ALL + BASE + TABLE + TEXTS + PACKAGES + FROM_ALL, "# nothing\n", 7, ["the whole folder is sent"]),
}


def files(lines: str, ignored: str) -> dict[str, str]:
    return {"Dockerfile": BASE + lines + END, "dockerignore": ignored}


def test_the_files_are_those_of_the_service():
    """A learner who compares the lab with the app sees one service."""
    for ours, theirs in (("start", "before"), ("solution", "after")):
        assert (FOLDER / ours / "Dockerfile").read_text() == (APP / f"{theirs}.Dockerfile").read_text()
        assert (FOLDER / ours / "dockerignore").read_text() == (APP / f"{theirs}.Dockerfile.dockerignore").read_text()


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, (verdict, verdict.figures)


def test_another_right_answer_passes(check):
    verdict = check(files(TABLE + TEXTS + PACKAGES + CODE, IGNORED))
    assert verdict.passed, (verdict, verdict.figures)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    lines, ignored, goals, words = WRONG[name]
    verdict = check(files(lines, ignored))
    assert met(verdict) == goals, (verdict, verdict.figures)
    assert all(word in verdict.hint for word in words), verdict


def test_nothing_observed_is_a_verdict_too(met):
    verdict = judge(Observed(error="no engine"))
    assert not verdict.passed and met(verdict) == 0 and verdict.detail == "no engine" and not verdict.figures


def test_the_history_of_attempts_is_a_chart_with_words():
    figures = {name: 2 * most for name, most in BUDGET.items()}
    first = Attempt("2026-01-01T10:00:00+00:00", "ada", "capstone", False, 5, 10, "abc", figures)
    broken = dataclasses.replace(first, met=0, figures={})
    good = dataclasses.replace(first, passed=True, met=10, figures=dict(BUDGET))
    chart = attempts_chart([first, broken, good], BUDGET)
    assert "3 attempts, 1 passed" in repr(chart) and "1 of the budget" in repr(chart)
    assert chart.data[0].y[1] is None  # a gap, not a zero
    assert len({trace.marker.symbol for trace in chart.data}) == len(BUDGET)  # not by colour alone
    assert "0 attempts" in repr(attempts_chart([], BUDGET))
