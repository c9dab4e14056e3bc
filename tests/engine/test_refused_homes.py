"""Homes and environments that can't be written to: two lines that say what and what to do, from the command and in a notebook."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import borrowed_home, python, write_project

from layerlab.engines.seed import SEED_NAME

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
#: Another user, who may read everything (Python itself may be in a folder of root's) and write nothing of root's.
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    "--clear-groups",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount something on `folder` during a `with`."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *options, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--recursive", folder], check=True)


def layerlab(home: Path, *words: object, prefix: tuple[str, ...] = (), **environment: str) -> tuple[int, list[str]]:
    """Run the command with a home; return its exit code and the lines on standard error that aren't progress."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "layerlab", *map(str, words)], capture_output=True, text=True,
        env={**os.environ, "LAYERLAB_HOME": str(home), "LAYERLAB_ENGINE": "process", **environment},
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout
    assert "bug in LayerLab" not in done.stderr
    lines = done.stderr.splitlines()
    return done.returncode, lines[next((n for n, line in enumerate(lines) if line.startswith("Error")), 0) :]


def refused(home: Path, *words: object, says: str, advises: str, **more) -> None:
    code, lines = layerlab(home, *words, **more)
    assert code == 1, lines
    assert says in lines[0], lines
    assert len(lines) == 2 and advises in lines[1], lines


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "shop")


COPY = """
import sys
from layerlab import App, LayerLabError
try:
    App.from_path(sys.argv[1])
except LayerLabError as error:
    print(*error._render_traceback_())
"""


def no_copy(home: Path, project: Path, says: str) -> None:
    """A notebook that copies the project gets two lines, and nothing of the copy stays."""
    what, remedy = python(COPY, project, LAYERLAB_HOME=str(home)).splitlines()
    assert says in what and "LAYERLAB_HOME" in remedy
    assert list((home / "apps").iterdir()) == []


def test_a_home_without_room_for_a_scratch_copy(tmp_path, project):
    (project / "data.bin").write_bytes(bytes(3_000_000))
    with mounted(tmp_path / "home", "-t", "tmpfs", "-o", "size=1m", "layerlab-test") as home:
        no_copy(home, project, says="the disk is full")


def test_a_home_without_room_to_fetch_an_engine(tmp_path):
    """apt itself would wait for ever."""
    with mounted(tmp_path / "home", "-t", "tmpfs", "-o", "size=50m", "layerlab-test") as home:
        refused(home, "up", says="the disk is full", advises="LAYERLAB_HOME")


def test_a_home_without_room_for_an_engine(tmp_path, lab_home):
    with mounted(tmp_path / "home", "-t", "tmpfs", "-o", "size=400k", "layerlab-test") as home:
        borrowed_home(home, lab_home)
        (home / "cache" / SEED_NAME).symlink_to(lab_home / "cache" / SEED_NAME)
        code, lines = layerlab(home, "up")
        assert code == 1 and any("disk is full" in line or "no space left" in line for line in lines), lines
        assert layerlab(home, "down", "laptop")[0] == 0


def test_a_home_without_inodes(tmp_path, project):
    for number in range(40):
        (project / f"{number}.txt").touch()
    with mounted(tmp_path / "home", "-t", "tmpfs", "-o", "nr_inodes=12", "layerlab-test") as home:
        no_copy(home, project, says="no inodes are left")


def test_a_record_that_has_no_room(tmp_path, machine, project):
    with mounted(tmp_path / "out", "-t", "tmpfs", "-o", "size=4k", "layerlab-test") as folder:
        (folder / "full").write_bytes(bytes(4096))
        home = Path(os.environ["LAYERLAB_HOME"])
        code, lines = layerlab(home, "build", project, "--machine", machine.name, "--output", folder / "record.json")
        assert code == 1 and "the disk is full" in lines[0] and str(folder) in lines[0], lines


@pytest.fixture
def read_only(tmp_path) -> Iterator[Path]:
    """A home on a disk that's read-only."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".layerlab-home").touch()
    with mounted(home, "--bind", str(home)):
        subprocess.run(["mount", "-o", "remount,bind,ro", home], check=True)
        yield home


@pytest.mark.parametrize("words", ["up", "build"])
def test_a_read_only_home(words, read_only, project):
    arguments = ("build", project) if words == "build" else ("up",)
    refused(read_only, *arguments, says="read-only disk", advises="LAYERLAB_HOME")


def test_a_read_only_home_can_be_looked_at(read_only):
    assert layerlab(read_only, "machines")[0] == 0
    assert layerlab(read_only, "doctor")[0] in (0, 1)


def test_a_home_of_somebody_else(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / ".layerlab-home").touch()
    refused(home, "up", prefix=AS_NOBODY, says=f"({home} belongs to root)", advises="its owner")


def test_a_notebook_in_a_home_of_somebody_else(tmp_path, project):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / ".layerlab-home").touch()
    as_nobody = COPY.replace("try:", f"import os\nos.seteuid({NOBODY})\ntry:")
    told = python(as_nobody, project, LAYERLAB_HOME=str(home))
    assert "FileError" in told and "you aren't allowed to" in told and len(told.splitlines()) == 2


def test_an_environment_of_somebody_else(tmp_path):
    """As after `sudo make lab`: Python can't write its bytecode beside the code, and nothing of LayerLab's needs it to."""
    assert layerlab(tmp_path / "home", "machines", prefix=AS_NOBODY)[0] == 0


def test_a_virtual_environment_of_somebody_else(tmp_path):
    """As when `make lab` runs after `sudo make lab`: pip would try for minutes."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    command = [*AS_NOBODY, tmp_path / "venv/bin/python", ROOT / "scripts/install.py", ROOT / "requirements.lock"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"sudo rm -rf {tmp_path / 'venv'}" in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 1
