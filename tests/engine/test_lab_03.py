"""Lab 03: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from layerlab.course import check_lab

LAB = "03-mount-a-cache"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
SOLUTION = (FOLDER / "solution" / "Dockerfile").read_text()
MOUNT = "--mount=type=cache,target=/root/.cache/uv "


def changed(*pairs: tuple[str, str]) -> str:
    text = SOLUTION
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


#: A wrong answer; how many goals it meets in a row; words of the hint that it must get.
WRONG = {
    "no mount": (changed((MOUNT, "")), 3, ["No cache mount", "line 15 (RUN)"]),
    "quiet": (
        changed((MOUNT, ""), ("uv pip install", "uv pip install --quiet")),
        3,
        ["No cache mount", "line 15 (RUN)"],
    ),
    "a quiet uv that keeps nothing, a file in the mount, and a list that pretends": (
        changed(
            (
                MOUNT,
                MOUNT + "head -c 2M /dev/urandom >/root/.cache/uv/x && cat requirements.txt && ",
            ),
            ("uv pip install", "uv pip install --quiet --no-cache"),
        ),
        3,
        ["line 15 (RUN) download the others again", "is full, but doesn't help"],
    ),
    "the list of long ago": (changed(("COPY requirements.txt", "COPY old.txt")), 0, ["does not build"]),
}


def test_with_uv_above_the_list_the_mount_is_the_next_thing(check, met):
    start = (FOLDER / "start" / "Dockerfile").read_text()
    install = "RUN pip install uv==0.13.8 && uv venv\n"
    above = start.replace(install, "").replace("# what it needs", install + "# what it needs")
    # A mount of its own: others of this engine may have filled the one that all share.
    verdict = check(above.replace("target=/root/.cache/uv", f"target=/root/.cache/uv,id=lab-{secrets.token_hex(4)}"))
    assert met(verdict) == 3 and "next to nothing into it" in verdict.hint, verdict


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, verdict


def test_another_right_answer_passes(check):
    # The environment variable may stay, when the mount goes where it says. A mount of its own begins empty.
    mount = f"--mount=type=cache,target=/var/cache/uv,id=lab-{secrets.token_hex(4)} "
    verdict = check(changed((MOUNT, mount), ("ENV ", "ENV UV_CACHE_DIR=/var/cache/uv \\\n    ")))
    assert verdict.passed, verdict


def test_a_quiet_right_answer_passes(check):
    """What it downloads is counted, so nobody needs its log."""
    mount = f"--mount=type=cache,target=/root/.cache/uv,id=lab-{secrets.token_hex(4)} "
    verdict = check(changed((MOUNT, mount), ("uv pip install", "uv pip install --quiet")))
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    text, goals, words = WRONG[name]
    verdict = check(text)
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict
