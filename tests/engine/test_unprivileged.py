"""What a user who is neither root nor in the group docker gets: what's missing, the rest as it is, and never a traceback.

Each command runs as the user with the number 65534, who can read this environment, and has a home of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import layerlab
from layerlab.engines import packages

NOBODY = 65534
#: Starts this Python as NOBODY. Its folders may be closed to others, so whoever it becomes keeps the right to read files.
BECOME = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
    "--bounding-set=-all,+dac_read_search", "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
)  # fmt: skip
#: Commands that need an engine.
NEEDS_ENGINE = ("up", "up other", "build shop", "lab check 01")
#: Commands that need a machine, or a build on one.
NEEDS_MACHINE = ("reset", "down", "explain shop", "report shop")
#: Commands that work.
WORKS = ("machines", "lab list", "course start --no-open course", "clean --yes", "--version")


@pytest.fixture
def nobody():
    """Run a command as NOBODY in a folder of theirs with a project; `docker` is a folder that has the program, or "" for none."""
    folder = Path(tempfile.mkdtemp(prefix="layerlab-nobody-"))  # pytest's own folders are closed to others
    folder.chmod(0o755)
    (folder / "shop").mkdir()
    (folder / "shop/Dockerfile").write_text("FROM python:3.11-slim\n")
    for path in (folder, folder / "shop"):
        os.chown(path, NOBODY, NOBODY)

    def run(*words: str, docker: Path | None = None, **variables: str) -> subprocess.CompletedProcess:
        environment = {
            "PATH": f"{docker or ''}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(Path(layerlab.__file__).parents[1]), **variables,
        }  # fmt: skip
        return subprocess.run(
            [*BECOME, sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )

    run.folder = folder
    yield run
    shutil.rmtree(folder)


def told(result: subprocess.CompletedProcess) -> str:
    assert "Traceback" not in result.stdout + result.stderr and "Warning" not in result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize("command", [*NEEDS_ENGINE, *NEEDS_MACHINE, *WORKS])
def test_a_command_says_what_is_missing_or_works(nobody, command):
    result = nobody("-m", "layerlab", *command.split())
    output = told(result)
    assert result.returncode == (0 if command in WORKS else 1), output
    if command in NEEDS_ENGINE:
        assert "there is no `docker` command here" in output and "you are not root" in output
        assert "join the group `docker`" in output and "work without an engine" in output


@pytest.mark.parametrize("command", [*NEEDS_ENGINE, *NEEDS_MACHINE, *WORKS])
def test_a_home_that_cannot_be_made_gives_no_traceback(nobody, command):
    told(nobody("-m", "layerlab", *command.split(), HOME="/nonexistent", LAYERLAB_HOME="/nonexistent/home"))


def test_doctor_lists_what_is_missing(nobody):
    result = nobody("-m", "layerlab", "doctor")
    assert (result.returncode, re.search(r"^\d+ to fix\.$", told(result), re.MULTILINE) is not None) == (1, True)
    assert re.search(r"WRONG +engine", result.stdout), result.stdout


def test_the_course_opens_for_reading(nobody):
    result = nobody("-m", "layerlab", "course", "start", "course", "--", "--version")
    assert (result.returncode, result.stdout.splitlines()[-1][0].isdigit()) == (0, True), told(result)
    assert "you are not root" in told(result) and "you can read the notebooks" in result.stderr


def test_a_notebook_is_told_too(nobody):
    code = (
        "from layerlab import Machine; from layerlab.errors import SetupError\n"
        "try: Machine.start()\nexcept SetupError as error: print(error)"
    )
    assert "you are not root" in told(nobody("-c", code))


def test_without_the_group_it_names_the_group(nobody, machine):
    """The engine runs, but its socket refuses."""
    shutil.copy(packages.engine_dir() / "usr/bin/docker", nobody.folder / "docker")
    host = machine.environment["DOCKER_HOST"]
    assert host.startswith("unix://")
    result = nobody("-m", "layerlab", "up", docker=nobody.folder, DOCKER_HOST=host)
    assert "aren't allowed to use the Docker engine's socket" in told(result) and "usermod -aG docker" in result.stderr


def test_records_are_explained_and_reported(nobody, machine):
    from layerlab import App

    with App("front_desk") as app:
        saved = nobody.folder / "record.json"
        machine.build(app, "after", view="none").save(saved)
    os.chown(saved, NOBODY, NOBODY)
    result = nobody("-m", "layerlab", "explain", "record.json")
    assert (result.returncode, "RUN" in told(result)) == (0, True)
    result = nobody("-m", "layerlab", "report", "record.json", "--output", "page.html")
    assert (result.returncode, told(result) != "") == (0, True)
