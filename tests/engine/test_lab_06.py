"""Lab 06: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.course import check_lab

LAB = "06-registry-cache"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
OWN, MAIN = "type=registry,ref=${CACHE}:${BRANCH}", "type=registry,ref=${CACHE}:main"

PAST = """FROM python:3.11-slim AS builder
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir -r requirements.txt
FROM python:3.11-slim
WORKDIR /app
COPY --from=builder /venv /venv
COPY main.py .
CMD ["/venv/bin/python", "main.py"]
"""


def compose(read: list[str], write: list[str]) -> str:
    """The learner's Compose file with other caches to read and to write."""
    text = (FOLDER / "solution/compose.yaml").read_text()
    head = text[: text.index("      cache_from:")]
    lists = {"cache_from": read, "cache_to": write}
    return head + "".join(
        f"      {name}:\n" + "".join(f"        - {entry}\n" for entry in entries)
        for name, entries in lists.items()
        if entries
    )


#: A wrong answer; how many goals it meets in a row; words of the hint that it must get.
WRONG = {
    "only the layers of the image": (
        compose([OWN, MAIN], [OWN]),
        3,
        ["line 6 (RUN)", "found the keys", "if you don't give it a mode"],
    ),
    "only its own cache": (compose([OWN], [f"{OWN},mode=max"]), 3, ["looked for longer-hours", "has written main"]),
    "reads nothing": (compose([], [f"{OWN},mode=max"]), 3, ["read no cache", "tell a build what to read"]),
    "over main's cache": (compose([MAIN], [f"{MAIN},mode=max"]), 4, ["overwrote main", "whose name"]),
    "nothing written": (compose([OWN, MAIN], []), 1, ["nothing arrived"]),
    "not a Compose file": ("services: [", 0, ["does not build"]),
}
#: Other right answers than the solution's: Compose file, and Dockerfile ("" for the one given).
RIGHT = {
    "main first, and an export that may fail": (compose([MAIN, OWN], [f"{OWN},mode=max,ignore-error=true"]), ""),
    # No edit of the code reaches the builder, so that its layers are not needed: its keys will do.
    "the image's layers, and the code past the builder": (compose([OWN, MAIN], [OWN]), PAST),
}


def files(text: str, dockerfile: str = "") -> dict[str, str]:
    return {"compose.yaml": text, "ci.Dockerfile": dockerfile or (FOLDER / "start/ci.Dockerfile").read_text()}


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", RIGHT)
def test_another_right_answer_passes(check, name):
    verdict = check(files(*RIGHT[name]))
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    text, goals, words = WRONG[name]
    verdict = check(files(text))
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict
