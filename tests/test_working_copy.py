"""Working copies of the course: what's put there, what an update touches, and where learners' files are looked for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from layerlab import App, labs
from layerlab.commands.main import main
from layerlab.errors import LayerLabError
from layerlab.labs import files
from layerlab.project import course_files
from layerlab.project.working_copy import edition, update

ROOT = Path(__file__).resolve().parents[1]
FIRST = "notebooks/00-start-here.ipynb"
DESK = "sample_apps/front_desk/main.py"


@pytest.fixture
def published(tmp_path, monkeypatch) -> Path:
    """Make a small edition of the course, as an installed package has it, and a home of the test's own."""
    root = tmp_path / "site-packages/layerlab/course_files"
    for name in (FIRST, DESK, "sample_apps/front_desk/layerlab.toml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())
    for lab in labs.ALL:
        for file in lab.files:
            start = root / "labs" / lab.name / "start" / file
            start.parent.mkdir(parents=True, exist_ok=True)
            start.write_bytes((ROOT / "labs" / lab.name / "start" / file).read_bytes())
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("importlib.resources.files", lambda _: root.parent)
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def copy(published, tmp_path) -> Path:
    return update(tmp_path / "mine").folder


def test_an_edition_is_what_git_has():
    tracked = subprocess.run(
        ["git", "ls-files", *course_files.FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(edition()) == set(tracked.stdout.splitlines())


def test_what_running_a_notebook_leaves_is_not_part_of_it(published):
    before = set(edition())
    for name in (
        "notebooks/first-report.html",
        "notebooks/.ipynb_checkpoints/00.ipynb",
        "labs/01-order-your-layers/Dockerfile",
    ):
        (published / name).parent.mkdir(parents=True, exist_ok=True)
        (published / name).touch()
    assert set(edition()) == before


def test_a_working_copy_has_all_of_it(copy, published):
    assert {name: (copy / name).read_bytes() for name in edition()} == {n: p.read_bytes() for n, p in edition().items()}
    assert update(copy).written == ()


def test_an_update_brings_what_is_new_and_keeps_what_the_learner_changed(copy, published):
    (copy / FIRST).write_text("mine")
    (copy / "notebooks/own.ipynb").write_text("mine too")
    (published / FIRST).write_text("second edition")
    (published / DESK).write_text("second edition")
    (published / "notebooks/12.ipynb").write_text("new")
    changes = update(copy)
    assert set(changes.written) == {DESK, "notebooks/12.ipynb"}
    assert changes.kept == (FIRST,)
    assert (copy / FIRST).read_text() == "mine"
    assert (copy / "notebooks/own.ipynb").read_text() == "mine too"
    assert (copy / DESK).read_text() == "second edition"
    (copy / FIRST).rename(copy / "notebooks/mine.ipynb")
    assert update(copy).written == (FIRST,)
    assert update(copy).kept == ()


def test_what_the_edition_drops_goes_unless_it_was_changed(copy, published):
    for name in (FIRST, DESK):
        (published / name).unlink()
    (copy / DESK).write_text("mine")
    assert update(copy).removed == (FIRST,)
    assert not (copy / FIRST).exists()
    assert (copy / DESK).read_text() == "mine"


def test_an_interrupted_copy_can_be_continued(published, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("shutil.copy2", interrupted)
        update(tmp_path / "mine")
    assert len(update(tmp_path / "mine").written) == len(edition())


def test_a_folder_with_something_else_is_left_alone(published, tmp_path):
    thesis = tmp_path / "thesis" / "labs" / "results.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("ten years")
    with pytest.raises(LayerLabError, match=r"neither an empty folder.*\n.*new or an empty folder"):
        update(tmp_path / "thesis")
    assert [p for p in (tmp_path / "thesis").rglob("*") if p.is_file()] == [thesis]
    with pytest.raises(LayerLabError, match="neither an empty folder"):
        update(thesis)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": {"notebooks/00-start-here.ipynb": null}}'])
def test_a_broken_marker_loses_nothing(copy, published, text):
    (copy / course_files.MARKER).write_text(text)
    (copy / FIRST).write_text("mine")
    (published / FIRST).write_text("second edition")
    assert update(copy).kept == (FIRST,)
    assert (copy / FIRST).read_text() == "mine"


def test_a_checkout_is_its_own_working_copy():
    assert update(ROOT).written == ()
    assert not (ROOT / course_files.MARKER).exists()


def test_labs_are_looked_for_where_the_learner_works(copy, published, tmp_path, monkeypatch):
    lab = labs.find("01")
    assert files.own_folder(lab) == copy / "labs" / lab.name  # the last one started, from any folder
    other = update(tmp_path / "other").folder
    monkeypatch.chdir(copy / "notebooks")
    assert files.own_folder(lab) == copy / "labs" / lab.name  # the one we're in comes first
    monkeypatch.chdir(tmp_path)
    assert files.own_folder(lab) == other / "labs" / lab.name
    (other / course_files.MARKER).unlink()
    assert files.own_folder(lab) == tmp_path / "home/course/labs" / lab.name
    assert files.chosen(lab) == files.starting_point(lab)


@pytest.mark.parametrize("latest", ["", "[]", '{"folder": 3}', '{"folder": "/nowhere"}'])
def test_a_broken_record_of_the_last_one_is_no_obstacle(copy, tmp_path, latest):
    (tmp_path / "home" / course_files.LATEST).write_text(latest)
    assert course_files.working_copy() == tmp_path / "home/course"


def test_a_sample_app_edited_in_a_working_copy_is_the_one_that_is_built(copy, published, monkeypatch):
    (copy / DESK).write_text("mine")
    with App("front_desk") as app:
        assert app.read("main.py") != "mine"
    monkeypatch.chdir(copy)
    with App("front_desk") as app:
        assert app.read("main.py") == "mine"


def test_the_command(published, tmp_path):
    def start(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, ["course", "start", *words])
        assert done.exit_code == code, done.output
        return done.output

    assert f"{len(edition())} files written" in start("--no-open")
    copy = tmp_path / "layerlab-course"
    assert json.loads((copy / course_files.MARKER).read_text())["files"]
    for lab in labs.ALL:
        assert all((copy / "labs" / lab.name / file).is_file() for file in lab.files)
    assert "up to date" in start("--no-open")
    (copy / FIRST).write_text("mine")
    (published / FIRST).write_text("second edition")
    assert FIRST in start(str(copy), "--no-open")
    assert "neither an empty folder" in start("site-packages", "--no-open", code=1)


def test_without_jupyterlab_it_says_what_to_install(published, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    done = CliRunner().invoke(main, ["course", "start"])
    assert done.exit_code == 1
    assert "pip install 'layerlab[course]'" in done.output
    assert not (tmp_path / "layerlab-course").exists()


def test_options_after_two_dashes_are_jupyterlabs(published, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "layerlab.commands.jupyter.become_jupyterlab", lambda folder, words: opened.append((folder, words))
    )
    for words in (["start", "--", "--port", "1"], ["start", "x", "--", "--port", "1"]):
        assert CliRunner().invoke(main, ["course", *words]).exit_code == 0
    assert opened == [(tmp_path / name, ("--port", "1")) for name in ("layerlab-course", "x")]
