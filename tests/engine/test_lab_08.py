"""Lab 08: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.course import check_lab

LAB = "08-split-what-is-heavy"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
FROM = "FROM python:3.11-slim AS {}\nWORKDIR /lists\n"
LIGHT_LIST, HEAVY_LISTS = "COPY backend/requirements.txt ./\n", "COPY backend/numpy.txt backend/model.txt ./\n"
LIGHT = "RUN pip install --no-deps --prefix /install --requirement requirements.txt\n"
HEAVY = "RUN pip install --no-deps --prefix /install --requirement numpy.txt --requirement model.txt\n"
LAST = "FROM python:3.11-slim\nWORKDIR /app\n"
JOINED = "COPY --from=heavy /install /usr/local\nCOPY --from=light /install /usr/local\n"
CODE = "COPY backend/main.py ./\nCOPY backend/corpus ./corpus\nCOPY backend/search ./search\n"
START = 'CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]\n'
TWO = FROM.format("light") + LIGHT_LIST + LIGHT + FROM.format("heavy") + HEAVY_LISTS + HEAVY

#: A wrong answer; how many goals it meets in a row; words of the hint that it must get.
WRONG = {
    "heavy above light, in the image": (
        LAST + HEAVY_LISTS + HEAVY.replace(" --prefix /install", "") + LIGHT_LIST
        + LIGHT.replace(" --prefix /install", "") + CODE,
        7,
        ["the other way round", "line 6 (RUN) install the light packages again", "line 4 (RUN)"],
    ),
    "every list copied at once": (
        FROM.format("light") + LIGHT_LIST + LIGHT + FROM.format("heavy") + "COPY backend/*.txt ./\n" + HEAVY
        + LAST + JOINED + CODE,
        6,
        ["line 8 (RUN) install heavy packages again", "line 7 (COPY)"],
    ),
    "light on top of heavy, and one COPY of both": (
        FROM.format("heavy") + HEAVY_LISTS + HEAVY + "FROM heavy AS light\nWORKDIR /lists\n" + LIGHT_LIST + LIGHT
        + LAST + "COPY --from=light /install /usr/local\n" + CODE,
        6,
        ["line 11 (COPY) copy the heavy packages", "nothing installed them again"],
    ),
    "no light packages": (TWO + LAST + "COPY --from=heavy /install /usr/local\n" + CODE, 1, ["doesn't start"]),
    "a stage that is not there": (LAST + JOINED + CODE, 0, ["does not build"]),
}  # fmt: skip


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, verdict


def test_another_right_answer_passes(check):
    heavy = FROM.format("heavy") + HEAVY_LISTS + HEAVY
    verdict = check(heavy + LAST + LIGHT_LIST + LIGHT.replace(" --prefix /install", "")
                    + "COPY --link --from=heavy /install /usr/local\n" + CODE + START)  # fmt: skip
    assert verdict.passed, verdict


def test_what_nothing_tested_is_neither_passed_nor_failed(check):
    """One stage that doesn't read numpy's list: a change to it runs no step, so nobody sees what waits for what."""
    heavy = " ".join(line for name in ("numpy", "model") for line in requirements(name))
    verdict = check(
        LAST
        + f"RUN pip install --no-deps {heavy}\n"
        + LIGHT_LIST
        + LIGHT.replace(" --prefix /install", "")
        + CODE
        + START
    )
    assert [done for _, done in verdict.goals] == [True] * 7 + [None] and not verdict.passed, verdict
    assert "backend/numpy.txt installed nothing" in verdict.hint and "[-] the light packages" in str(verdict)


def requirements(name: str) -> list[str]:
    text = (FOLDER.parents[1] / "sample_apps/semantic_search/backend" / f"{name}.txt").read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    text, goals, words = WRONG[name]
    verdict = check(text + START)
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict
