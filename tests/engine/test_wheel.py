"""The wheel that would be published, installed as a stranger installs it, and used from a folder that is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import write_project

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import install  # noqa: E402 - scripts/ is no package

#: What the command line mustn't need.
HEAVY = {"jupyterlab", "ipywidgets", "ipython", "plotly", "pandas", "numpy"}
#: Prints which of the libraries named first are in memory after a `layerlab` command.
IMPORTED = """
import sys
from layerlab.commands.main import main
main(sys.argv[2:], standalone_mode=False)
print("imported:", *sorted(set(sys.argv[1].split(",")) & set(sys.modules)), file=sys.stderr)
"""


class Installed:
    """An environment with the wheel in it, and a folder to run its commands in."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.wheel, self.environment, self.folder = wheel, folder / "environment", folder / "work"
        self.folder.mkdir()
        uv("venv", "--quiet", "--python", sys.executable, str(self.environment))
        self.install()

    def install(self, extras: str = "") -> None:
        # Without the lock's hashes: a constraint with some would ask for the wheel's too.
        versions = self.environment / "versions.txt"
        versions.write_text("\n".join(line.split(" \\")[0] for line in LOCK.splitlines() if line[:1].isalnum()))
        python = str(self.environment / "bin/python")
        uv("pip", "install", "--quiet", "--python", python, "--constraint", str(versions), f"{self.wheel}{extras}")

    def packages(self) -> set[str]:
        listed = uv("pip", "list", "--python", str(self.environment / "bin/python"), "--format", "json")
        return {package["name"].lower() for package in json.loads(listed)}

    def run(self, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.environment / "bin" / str(words[0]), *map(str, words[1:])],
            cwd=self.folder, env=clean_environment(), capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def layerlab(self, *words: object, code: int = 0) -> str:
        return self.run("layerlab", *words, code=code).stdout


LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def clean_environment() -> dict[str, str]:
    """Our own, without what would let the checkout in."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def uv(*words: str) -> str:
    settings = install.pip_settings(install.printed([sys.executable, "-m", "pip", "config", "list"]))
    done = subprocess.run(
        [install.UV, *words], cwd=ROOT, env={**install.uv_environment(settings), **clean_environment()},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel as it would be published; `$LAYERLAB_WHEEL` names one that's already built."""
    if given := os.environ.get("LAYERLAB_WHEEL"):
        return Path(given).resolve()
    folder = tmp_path_factory.mktemp("dist")
    # hatchling is in this environment already.
    uv("build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", str(folder))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory, machine) -> Installed:
    """The wheel alone, without extras."""
    return Installed(wheel, tmp_path_factory.mktemp("installed"))


def test_the_course_travels_with_it(wheel):
    """As git has it: nothing that learners make, nothing missing."""
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("layerlab/course_files/")}
    tracked = subprocess.run(
        ["git", "ls-files", "notebooks", "labs", "sample_apps"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {name.removeprefix("layerlab/course_files/") for name in inside} == set(tracked.stdout.splitlines())


def test_it_brings_nothing_heavy_along(installed):
    assert not installed.packages() & HEAVY


def test_the_command_line_works_without_extras(installed):
    project = write_project(installed.folder / "shop")
    installed.run("layerlab", "doctor", code=0)
    assert "4 steps ran" in installed.layerlab("build", project, "--machine", "test")
    (project / "main.py").write_text("print('changed')\n")
    assert "1 step ran, 3 cached" in installed.layerlab("build", project, "--machine", "test")
    assert "main.py" in installed.layerlab("explain", project, "--machine", "test")
    installed.layerlab("report", project, "--machine", "test", "--output", installed.folder / "report.html")
    assert "main.py" in (installed.folder / "report.html").read_text(encoding="utf-8")


def test_names_that_need_the_course_say_so(installed):
    done = installed.run("python", "-c", "from layerlab import timeline", code=1)
    assert "pip install 'layerlab[course]'" in done.stderr


def test_a_lab_from_any_folder(installed):
    assert "[ ] 01-order-your-layers" in installed.layerlab("lab", "list")
    start = installed.layerlab("lab", "check", "01", "--machine", "test", code=1)
    assert "line 10 (COPY)" in start
    where = installed.layerlab("lab", "solution", "01", "--apply")
    assert str(Path(os.environ["LAYERLAB_HOME"])) in where
    installed.layerlab("lab", "check", "01", "--machine", "test")
    assert "[x] 01-order-your-layers" in installed.layerlab("lab", "list")


def test_with_the_extra_the_course_runs(installed):
    installed.install("[course]")
    installed.layerlab("course", "start", "--no-open")
    copy = installed.folder / "layerlab-course"
    assert (copy / "labs/01-order-your-layers/Dockerfile").is_file()
    installed.run("jupyter", "execute", "--inplace", copy / "notebooks/00-start-here.ipynb")
    assert '"output_type": "error"' not in (copy / "notebooks/00-start-here.ipynb").read_text(encoding="utf-8")

    # What's there now isn't imported where it isn't needed.
    record, libraries = installed.folder / "record.json", "pandas,plotly,IPython"
    project = write_project(installed.folder / "shop")
    for words in (["build", project, "--machine", "test", "--output", record], ["explain", record], ["lab", "list"]):
        assert imported(installed.run("python", "-c", IMPORTED, libraries, *words)) == "", words
    assert imported(installed.run("python", "-c", IMPORTED, "docker", "explain", record)) == ""


def imported(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.splitlines()[-1].removeprefix("imported:").strip()
