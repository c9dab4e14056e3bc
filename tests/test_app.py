"""App: a scratch copy that can be edited, and goes away; no engine needed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from layerlab import App
from layerlab.errors import AppError, CommandFailed
from layerlab.project.app import CONTEXT_EDIT_BYTES, EDITS, sweep
from layerlab.system.home import apps_dir

MANIFEST = """
[app]
name = "Shop API"

[prepare]
command = ["{python}", "make.py"]
outputs = ["models/weights.bin"]

[variants.good]
dockerfile = "good.Dockerfile"
args = {PYTHON_VERSION = "3.11"}

[variants.whole]
compose = "compose.yaml"
service = "api"

[edits]
code = "src/service.py"
dependencies = ["humanize==4.12.0", "toolz==1.0.0"]
weights = "models/weights.bin"
"""
#: Writes weights that depend on --seed.
MAKE = """
import pathlib, sys
pathlib.Path("models").mkdir(exist_ok=True)
pathlib.Path("models/weights.bin").write_text("weights " + " ".join(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "shop.v1"
    (folder / "src").mkdir(parents=True)
    (folder / "src/service.py").write_text("answer = 42")  # no newline at its end: an edit must not stick to it
    (folder / "requirements.txt").write_text("toolz==1.0.0\n")
    (folder / "good.Dockerfile").write_text("FROM python:3.11-slim\n")
    (folder / "make.py").write_text(MAKE)
    (folder / "layerlab.toml").write_text(MANIFEST)
    return folder


@pytest.fixture
def shop(project):
    with App.from_path(project) as app:
        yield app


# -- coming and going --------------------------------------------------------------------------------------------------


def test_it_is_a_copy_that_goes_with_the_with(project):
    with App.from_path(project) as app:
        copy = app.path
        assert copy != project
        assert (copy / "src/service.py").read_text() == "answer = 42"
    assert not copy.exists()
    assert list(apps_dir().iterdir()) == []


def test_a_sample_app_is_found_by_name_and_others_are_named():
    with App("radiology_api") as app:
        assert app.variants == ["before", "guide", "after", "uv"]
    for name in ("nothing", "", "../tests", "radiology_api/models"):
        with pytest.raises(AppError, match=r"there are: .*radiology_api.*App\.from_path"):
            App(name)


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(AppError, match="is not a folder"):
        App.from_path(tmp_path / "missing")


def test_the_copy_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not(project):
    code = (
        "import sys, time; from layerlab import App; app = App.from_path(sys.argv[1]); print(app.path); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, project], stdout=subprocess.PIPE, text=True)
    copy = Path(process.stdout.readline().strip())
    sweep()
    assert copy.exists()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    sweep()
    assert not copy.parent.exists()


def test_sockets_and_pipes_are_left_out(project):
    os.mkfifo(project / "pipe")
    with App.from_path(project) as app:
        assert not (app.path / "pipe").exists()


def test_a_project_that_cannot_be_copied_says_which_file(project, monkeypatch):
    def no_room(*_, **__):
        raise OSError(28, "No space left on device", "weights.bin")

    monkeypatch.setattr("layerlab.project.app.shutil.copytree", no_room)
    with pytest.raises(AppError, match=r"can't be copied: .*weights\.bin: the disk is full"):
        App.from_path(project)
    assert list(apps_dir().iterdir()) == []


def test_a_manifest_that_is_no_toml_is_named(project):
    (project / "layerlab.toml").write_text("[app\n")
    with pytest.raises(AppError, match=r"layerlab\.toml is not valid TOML"):
        App.from_path(project)


# -- variants ----------------------------------------------------------------------------------------------------------


def test_variants_come_from_the_manifest_or_from_a_dockerfile(shop):
    assert shop.variant("good").args == {"PYTHON_VERSION": "3.11"}
    assert (shop.variant("whole").compose, shop.variant("whole").service) == ("compose.yaml", "api")
    assert shop.variant("good.Dockerfile").name == "good"
    with pytest.raises(AppError, match=r"it has: good, whole, good\.Dockerfile"):
        shop.variant("bad")


def test_an_image_name_is_one_that_docker_takes(shop):
    assert shop.image == "layerlab-shop-api"


# -- edits -------------------------------------------------------------------------------------------------------------


def test_an_edit_of_code_adds_a_line_that_is_found_again(shop):
    assert shop.edit("code") == "a line added to src/service.py"
    first = shop.last_mark
    assert shop.read("src/service.py") == f"answer = 42\n# {first}\n"
    shop.edit("code")
    assert shop.last_mark != first
    assert shop.last_edit == "code"


def test_an_edit_of_dependencies_adds_one_that_is_not_there_until_none_is_left(shop):
    assert shop.edit("dependency") == "humanize==4.12.0 added to requirements.txt"
    assert shop.read("requirements.txt").startswith("toolz==1.0.0\nhumanize==4.12.0  # edit ")
    assert shop.edit("dependency") == "a comment added to requirements.txt"
    assert shop.read("requirements.txt").count("toolz") == 1


def test_an_edit_of_the_context_is_a_new_file_each_time(shop):
    shop.edit("context")
    shop.edit("context")
    files = list((shop.path / "notes").iterdir())
    assert [f.stat().st_size for f in files] == [CONTEXT_EDIT_BYTES] * 2


def test_an_edit_of_the_context_goes_where_the_manifest_says(project):
    (project / "layerlab.toml").write_text(MANIFEST + '\ncontext = "src/notes"\n')
    with App.from_path(project) as app:
        assert app.edit("context").startswith("src/notes/scan-")
        assert len(list((app.path / "src/notes").iterdir())) == 1


def test_an_edit_of_weights_makes_them_anew(shop):
    before = shop.read("models/weights.bin")
    shop.edit("weights")
    assert shop.read("models/weights.bin") != before


def test_none_changes_nothing_and_does_not_hide_an_edit_made_before(shop):
    shop.edit("code")
    text = shop.read("src/service.py")
    assert shop.edit("none") == "nothing changed"
    assert (shop.read("src/service.py"), shop.last_edit) == (text, "code")


def test_an_edit_that_cannot_be_is_refused(shop, tmp_path):
    with pytest.raises(AppError, match=f"there are: {', '.join(EDITS)}"):
        shop.edit("everything")
    (tmp_path / "bare").mkdir()
    with App.from_path(tmp_path / "bare") as bare:
        for edit, says in (("code", "no Python file"), ("dependency", "no file"), ("weights", "no weights")):
            with pytest.raises(AppError, match=says):
                bare.edit(edit)


def test_without_a_manifest_the_code_is_guessed(tmp_path):
    (tmp_path / "plain/app").mkdir(parents=True)
    (tmp_path / "plain/app/main.py").write_text("")
    (tmp_path / "plain/aaa.py").write_text("")
    with App.from_path(tmp_path / "plain") as app:
        assert app.edit("code") == "a line added to app/main.py"


# -- generated files ---------------------------------------------------------------------------------------------------


def test_generated_files_are_made_once_and_copied_from_then_on(project, home):
    with App.from_path(project) as app:
        assert app.read("models/weights.bin") == "weights "
    (kept,) = (home / "cache/prepared").iterdir()
    (kept / "models/weights.bin").write_text("kept")
    with App.from_path(project) as app:
        assert app.read("models/weights.bin") == "kept"
    assert not (project / "models").exists()
    (project / "make.py").write_text(MAKE + "\n# another recipe\n")
    with App.from_path(project) as app:
        assert app.read("models/weights.bin") == "weights "


def test_a_generated_folder_comes_whole_and_a_size_of_clutter_is_another_one(project, home, monkeypatch):
    (project / "make.py").write_text(
        "import os, pathlib\nfolder = pathlib.Path('.git/objects')\nfolder.mkdir(parents=True)\n"
        "(folder / 'pack').write_text(os.environ['LAYERLAB_CLUTTER_MB'])\n"
    )
    (project / "layerlab.toml").write_text(MANIFEST.replace("models/weights.bin", ".git", 1))
    for size in ("4", "5", "4"):
        monkeypatch.setenv("LAYERLAB_CLUTTER_MB", size)
        with App.from_path(project) as app:
            assert app.read(".git/objects/pack") == size
    assert len(list((home / "cache/prepared").iterdir())) == 2


def test_generated_files_are_not_written_through_a_link_out_of_the_copy(project, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (project / "models").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AppError, match="outside the app"):
        App.from_path(project)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_recipe_that_fails_shows_its_output_and_leaves_no_copy(project):
    (project / "make.py").write_text("raise SystemExit('no numpy here')")
    with pytest.raises(CommandFailed, match=r"generating its files failed(.|\n)*no numpy here"):
        App.from_path(project)
    assert list(apps_dir().iterdir()) == []


def test_every_sample_app_names_what_it_has():
    from layerlab.project.course_files import sample_apps

    for manifest in sample_apps().glob("*/layerlab.toml"):
        told, folder = tomllib.loads(manifest.read_text()), manifest.parent
        named = [v.get("dockerfile") or v["compose"] for v in told["variants"].values()]
        named += [told["edits"]["code"], told["edits"]["requirements"], "README.md"]
        for files in (profile["files"] for profile in told.get("profiles", {}).values()):
            named += [*files, *files.values()]
        assert [name for name in named if not (folder / name).is_file()] == [], folder.name


def test_a_profile_exchanges_files(tmp_path, monkeypatch):
    for name, text in {"requirements.txt": "light\n", "requirements.heavy.txt": "heavy\n"}.items():
        (tmp_path / "some_app").mkdir(exist_ok=True)
        (tmp_path / "some_app" / name).write_text(text)
    (tmp_path / "some_app/layerlab.toml").write_text(
        '[profiles.heavy]\nfiles = { "requirements.txt" = "requirements.heavy.txt" }\n'
    )
    monkeypatch.setenv("LAYERLAB_SAMPLE_APPS", str(tmp_path))
    with App("some_app") as light, App("some_app", profile="heavy") as heavy:
        assert (light.read("requirements.txt"), heavy.read("requirements.txt")) == ("light\n", "heavy\n")
    monkeypatch.setenv("LAYERLAB_PROFILE", "heavy")
    with App("some_app") as app:
        assert app.read("requirements.txt") == "heavy\n"
    with pytest.raises(AppError, match=r"no profile 'huge'\s+there are: heavy"):
        App("some_app", profile="huge")


# -- what can't be a project -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/proc/self", "/sys/kernel"])
def test_a_folder_of_the_systems_is_refused(path):
    with pytest.raises(AppError, match="can't be a project"):
        App.from_path(path)


def test_a_project_around_layerlabs_home_is_copied_without_it(tmp_path, monkeypatch):
    """`layerlab build ~` copied the copy into the copy."""
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "data" / "layerlab"))
    (tmp_path / "main.py").write_text("print('hello')\n")
    with App.from_path(tmp_path) as app:
        assert (app.path / "main.py").is_file()
        assert not (app.path / "data" / "layerlab").exists()


@pytest.mark.parametrize("name", ["Müller", "___", "a" * 200, "日本"])
def test_every_folder_has_an_image_name_that_docker_takes(tmp_path, name):
    (tmp_path / name).mkdir()
    with App.from_path(tmp_path / name) as app:
        assert re.fullmatch(r"[a-z0-9]+(-+[a-z0-9]+)*", app.image) and len(app.image) < 128
