"""Lab 04: the starting point fails, the solution passes, and each wrong answer gets the hint that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.course import check_lab

LAB = "04-build-in-one-stage-ship-another"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB
SOLUTION = (FOLDER / "solution" / "Dockerfile").read_text()
#: The solution in two parts; all answers below share the first, so that packages are installed once.
BUILDER, _, PRODUCTION = SOLUTION.partition("FROM python:3.11-slim\n")
GIT = PRODUCTION[PRODUCTION.index("RUN apt-get") : PRODUCTION.index("COPY --link --from")]
ENVIRONMENT = 'COPY --from=builder /opt/venv /opt/venv\nENV PATH="/opt/venv/bin:$PATH"\n'
CODE = "WORKDIR /app\nCOPY chronicle/ /app/chronicle/\n"
START = 'CMD ["gunicorn", "--bind", "0.0.0.0:8000", "chronicle.web:app"]\n'
LAST = "FROM python:3.11-slim\n"

#: A wrong answer; how many goals it meets in a row; words of the hint that it must get.
WRONG = {
    "a file that is not there": (LAST + "COPY chronicel /app\n", 0, ["does not build"]),
    "no git in the last stage": (BUILDER + LAST + ENVIRONMENT + CODE + "USER 10001\n" + START, 1, ["it calls git"]),
    "an environment at another path": (
        BUILDER + LAST + GIT + ENVIRONMENT.replace("/opt/venv /opt", "/opt/venv /srv").replace("/opt/venv/bin", "/srv/venv/bin")
        + CODE + START, 1, ["doesn't start", "at the path where they were installed"],
    ),
    "the last stage stands on the builder": (
        BUILDER + "FROM builder\n" + CODE + "USER 10001\n" + START, 4, ["ships gcc", "what does the last FROM start from"],
    ),
    "root": (BUILDER + LAST + GIT + ENVIRONMENT + CODE + START, 5, ["runs as root"]),
    "one copy for both": (
        f"{BUILDER}WORKDIR /opt\nCOPY chronicle/ chronicle/\n{LAST}{GIT}WORKDIR /opt\nCOPY --from=builder /opt /opt\n"
        f'ENV PATH="/opt/venv/bin:$PATH"\nUSER 10001\n{START}',
        7, ["together with the code"],
    ),
    "chown below the code": (
        BUILDER + LAST + GIT + ENVIRONMENT + CODE + "RUN chown -R 10001 /opt/venv /app\nUSER 10001\n" + START,
        7, ["changing a file's owner", "(RUN) writes large files"],
    ),
    "chown above the code": (
        BUILDER + LAST + GIT + ENVIRONMENT + "RUN chown -R 10001 /opt/venv\nUSER 10001\n" + CODE + START,
        8, ["writes large files again", "(RUN)"],
    ),
}  # fmt: skip
#: apt with cache mounts, as Docker's documentation of RUN --mount=type=cache has it.
KEEP = (
    "RUN rm -f /etc/apt/apt.conf.d/docker-clean; "
    """echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' > /etc/apt/apt.conf.d/keep-cache\n"""
)
APT = (
    "RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked "
    "apt-get update && apt-get install --yes --no-install-recommends "
)
PIP = "COPY requirements.txt .\nRUN --mount=type=cache,target=/root/.cache/pip pip install "
#: Other right answers than the solution's. The last two are as one writes them for the official image: it has Python's own
#: headers, useradd and, in /usr/local, packages that `pip install --prefix` lays out so that they can be copied there.
RIGHT = {
    "no environment, a named user": (
        f"{BUILDER}{LAST}{GIT}RUN useradd app\n"
        "COPY --from=builder /opt/venv/lib/python3.11/site-packages /usr/local/lib/python3.11/site-packages\n"
        f'USER app\n{CODE}{START.replace("""["gunicorn""", """["python", "-m", "gunicorn""")}'
    ),
    "apt's cache in mounts, packages by a prefix": (
        f"{LAST[:-1]} AS builder\n{KEEP}{APT}gcc libc6-dev git\n{PIP}--prefix=/install -r requirements.txt\n"
        f"{LAST}{KEEP}{APT}git\nRUN useradd --create-home app\nCOPY --from=builder /install /usr/local\n{CODE}USER app\n{START}"
    ),
    "packages by uv, for the system's Python": (
        f"{LAST[:-1]} AS builder\n{KEEP}{APT}build-essential git\nRUN pip install uv\n"
        f"COPY requirements.txt .\nRUN uv pip install --system -r requirements.txt\n"
        f"{LAST}{KEEP}{APT}git\nRUN groupadd -r app && useradd -r -g app app\n"
        "COPY --from=builder /usr/local/lib/python3.11/site-packages /usr/local/lib/python3.11/site-packages\n"
        f"COPY --from=builder /usr/local/bin/gunicorn /usr/local/bin/\n{CODE}USER app\n{START}"
    ),
}


def test_the_solution_passes(machine):
    verdict = check_lab(machine, LAB, FOLDER / "solution")
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", RIGHT)
def test_another_right_answer_passes(check, name):
    verdict = check(RIGHT[name])
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(check, met, name):
    text, goals, words = WRONG[name]
    verdict = check(text)
    assert not verdict.passed and met(verdict) == goals, verdict
    assert all(word in verdict.hint for word in words), verdict
