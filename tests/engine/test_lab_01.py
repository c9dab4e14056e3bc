"""Lab 01: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layerlab.course import check_lab
from layerlab.errors import LabError

LAB = "01-order-your-layers"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
BASE = "FROM python:3.11-slim\nWORKDIR /app\n"
PACKAGES = "COPY requirements.txt ./\nRUN pip install --no-cache-dir --requirement requirements.txt\n"
WEIGHTS = "COPY models ./models\n"
CODE = "COPY main.py ./\nCOPY radiassist ./radiassist\n"
START = 'CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]\n'
#: Copies the code to a cache mount once, and from then on from there: the second build has the code of the first.
STALE = (
    "RUN --mount=type=bind,target=/now --mount=type=cache,id=lab-01-stale,target=/then "
    "sh -c '[ -e /then/code ] || cp -r /now /then/code; cp -r /then/code/main.py /then/code/radiassist .'\n"
)
#: Something large is made in a stage of its own, after the code was copied there, as with a virtual environment.
VENV = (
    f"{BASE}COPY . .\nRUN mkdir /venv && dd if=/dev/urandom of=/venv/packages bs=1M count=2\n"
    f"{BASE}{PACKAGES}COPY --from=0 /venv /venv\n{WEIGHTS}{CODE}"
)

#: A wrong answer; how many goals it meets in a row; words of the hint that it must get.
WRONG = {
    "weights below the code": (PACKAGES + CODE + WEIGHTS, 5, ["copied the weights again", "line 6 (COPY)"]),
    "packages below the code": (
        WEIGHTS + CODE + PACKAGES,
        4,
        ["install the packages again", "line 5 (COPY) above it ran"],
    ),
    "code and weights in one copy": (
        PACKAGES + "COPY . .\n",
        5,
        ["the weights together with the code", "line 5 (COPY)"],
    ),
    "no weights": (PACKAGES + CODE, 2, ["weights in the image"]),
    "no packages": (WEIGHTS + CODE, 1, ["doesn't start"]),
    "no code": (PACKAGES + WEIGHTS, 1, ["doesn't start"]),
    "code of before the edit": (PACKAGES + WEIGHTS + STALE, 3, ["the code from before the edit"]),
    "a file that is not there": (PACKAGES + "COPY weights ./models\n" + CODE, 0, ["does not build"]),
    "an instruction that is none": ("COPPY . .\n", 0, ["does not build"]),
}
#: Other right answers than the solution's.
RIGHT = {
    "weights first": WEIGHTS + PACKAGES + CODE,
    "weights below, linked": PACKAGES + CODE + WEIGHTS.replace("COPY", "COPY --link"),
    # The weights that are there already add nothing to the layer: BuildKit keeps only what differs.
    "weights, then all again": PACKAGES + WEIGHTS + "COPY . .\n",
    # As uv's guide for Docker has it. The official image's Python isn't "externally managed".
    "packages by uv, for the system's Python": (
        "RUN pip install --no-cache-dir uv\nENV UV_LINK_MODE=copy\n"
        "RUN --mount=type=cache,target=/root/.cache/uv --mount=type=bind,source=requirements.txt,target=requirements.txt "
        f"uv pip install --system --requirement requirements.txt\n{WEIGHTS}{CODE}"
    ),
}


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution" / "Dockerfile")
    assert verdict.passed, verdict
    assert str(verdict).endswith("Passed.")


@pytest.mark.parametrize("name", RIGHT)
def test_another_right_answer_passes(check, name):
    verdict = check(BASE + RIGHT[name] + START)
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    text, goals, words = WRONG[name]
    verdict = check(BASE + text + START)
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict


def test_packages_that_come_from_a_stage_are_seen_too(check, met):
    verdict = check(VENV + START)
    assert met(verdict) == 4, verdict
    assert "line 4 (RUN) install the packages again" in verdict.hint and "line 3 (COPY)" in verdict.hint


def test_a_verdict_says_the_same_each_time(check):
    text = BASE + CODE + WEIGHTS + START
    first, second = (re.sub(r"tini \(\d+\)", "tini (n)", str(check(text))) for _ in range(2))  # a process id
    assert first == second


def test_a_missing_dockerfile_says_how_to_get_it_back(machine, tmp_path):
    with pytest.raises(LabError, match="layerlab lab reset"):
        check_lab(machine, LAB, tmp_path / "Dockerfile")
