"""App: a project in place, which stays as it is, or a scratch copy that can be edited and goes away; no engine needed."""

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
from layerlab.contexts.beside import looking_at
from layerlab.contexts.listing import list_context
from layerlab.contexts.taking import take
from layerlab.errors import AppError, CommandFailed
from layerlab.machine.resolving import resolve
from layerlab.project.app import CONTEXT_EDIT_BYTES, EDITS
from layerlab.project.scratch import sweep
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

    monkeypatch.setattr("layerlab.project.copying.shutil.copytree", no_room)
    with pytest.raises(AppError, match=r"can't be copied: .*weights\.bin: the disk is full"):
        App.from_path(project)
    assert list(apps_dir().iterdir()) == []


def test_a_manifest_that_is_no_toml_is_named(project):
    (project / "layerlab.toml").write_text("[app\n")
    with pytest.raises(AppError, match=r"layerlab\.toml is not valid TOML"):
        App.from_path(project)


# -- in place ----------------------------------------------------------------------------------------------------------


def whole_state(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return all that can be seen of a tree, but for access times: names, kinds, modes, owners, sizes, times, content."""
    state: dict[str, tuple[object, ...]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        s = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        state[str(path)] = (s.st_mode, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, content)
    return state


@pytest.fixture
def plain(project) -> Path:
    """A project whose manifest generates nothing."""
    (project / "make.py").unlink()
    (project / "layerlab.toml").write_text(
        '[app]\nname = "Shop API"\n[variants.good]\ndockerfile = "good.Dockerfile"\n'
    )
    return project


def test_in_place_nothing_is_copied_written_or_deleted(plain):
    before = whole_state(plain)
    with App.at(plain) as app:
        assert (app.path, app.source, app.in_place) == (plain, plain, True)
        assert app.variants == ["good"] and app.read("src/service.py") == "answer = 42"
        assert app.scratch.is_dir() and not app.scratch.is_relative_to(plain)
        resolve(app, "good")
        list_context(app.path)
    assert not app.scratch.exists()
    assert whole_state(plain) == before


@pytest.mark.parametrize("kind", [kind for kind in EDITS if kind != "none"])
def test_in_place_edits_are_refused_and_the_message_says_what_to_use(plain, kind):
    before = whole_state(plain)
    with App.at(plain) as app:
        for change in (lambda: app.edit(kind), lambda: app.write("src/service.py", "")):
            with pytest.raises(AppError, match=r"never writes there\s+edit a scratch copy: App\.from_path\("):
                change()
        assert app.edit("none") == "nothing changed"
    assert whole_state(plain) == before


def test_a_project_with_generated_files_is_copied_because_they_must_be_written_somewhere(project):
    before = whole_state(project)
    with App.at(project) as app:
        assert app.path != project and not app.in_place
        assert app.read("models/weights.bin") == "weights "
    assert whole_state(project) == before


def test_a_context_that_holds_layerlabs_home_is_refused_until_the_home_is_kept_out(plain, monkeypatch):
    """The home has engines' data in it. `layerlab build ~` sent it to the engine."""
    monkeypatch.setenv("LAYERLAB_HOME", str(plain / "data" / "layerlab"))
    with App.at(plain) as app:
        for rules in ("", "data\n!data/layerlab/machines\n", "*\n!**/*.py\n"):
            (plain / ".dockerignore").write_text(rules)
            with pytest.raises(
                AppError, match=r"is in the build context .*\s+add the line `data/layerlab` to .*dockerignore"
            ):
                resolve(app, "good")
        (plain / ".dockerignore").write_text("data/layerlab\n")
        assert resolve(app, "good").folders == {"context": plain}
    with App.at(plain / "data" / "layerlab") as app, pytest.raises(AppError, match="no variant"):
        resolve(app, "good")


# -- what a scratch copy holds -----------------------------------------------------------------------------------------


@pytest.fixture
def cluttered(tmp_path) -> Path:
    """A project with what its images need and what they don't."""
    files = {
        "Dockerfile": "FROM scratch\nCOPY . .\n",
        ".dockerignore": ".venv\n*.md\nweb\ndocker\nDockerfile\nlogs/*\n!logs/keep\n",
        ".env": "SECRET=1", "main.py": "", "README.md": "", ".venv/bin/python": "", "logs/keep": "", "logs/old": "",
        "web/Dockerfile": "FROM scratch\nCOPY . .\n", "web/.dockerignore": "node_modules\n", "web/index.html": "",
        "web/node_modules/left/pad.js": "", "docker/lean.Dockerfile": "FROM scratch\nCOPY . .\n",
        "docker/lean.Dockerfile.dockerignore": "*\n!README.md\n", "docker/notes": "",
    }  # fmt: skip
    for path, text in files.items():
        (tmp_path / "shop" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / path).write_text(text)
    return tmp_path / "shop"


def held(app: App) -> set[str]:
    return {path.relative_to(app.path).as_posix() for path in app.path.rglob("*") if path.is_file()}


FIRST = {"Dockerfile", ".dockerignore", ".env", "main.py", "logs/keep"}


def test_a_scratch_copy_holds_what_the_context_holds_and_what_says_what_to_build(cluttered):
    (cluttered / ".dockerignore").write_text((cluttered / ".dockerignore").read_text() + ".env\n")
    with App.from_path(cluttered) as app:
        assert held(app) == FIRST - {".env"}
    (cluttered / "compose.yaml").write_text("services: {}\n")
    with App.from_path(cluttered) as app:
        assert held(app) == FIRST | {"compose.yaml"}, "Compose takes variables from .env"


def test_it_gets_what_another_dockerfile_with_its_own_rules_needs(cluttered):
    with App.from_path(cluttered) as app:
        resolve(app, "docker/lean.Dockerfile")
        assert held(app) == FIRST | {"docker/lean.Dockerfile", "docker/lean.Dockerfile.dockerignore", "README.md"}
        assert set(take(app.path, "docker/lean.Dockerfile").entries) == {"README.md"}


def test_it_gets_what_another_context_holds(cluttered):
    with App.from_path(cluttered) as app:
        resolve(app, "Dockerfile", options=["--build-context=site=web"])
        assert held(app) == FIRST | {"web/Dockerfile", "web/.dockerignore", "web/index.html"}
        assert take(app.path / "web").entries == take(cluttered / "web").entries


def test_its_snapshots_know_what_the_original_keeps_out(cluttered):
    """`explain` needs it to say that changed ignore rules, not a new file, are the reason."""
    with App.from_path(cluttered) as app:
        made = resolve(app, "Dockerfile", options=["--build-context=site=web"])
        with looking_at(made.folders, made.file_in_context, {}, made.absent) as found:
            pass
    assert found == {"context": take(cluttered), "site": take(cluttered / "web", "")}


def test_it_gets_what_edited_rules_let_in_and_keeps_what_was_edited_or_deleted(cluttered):
    with App.from_path(cluttered) as app:
        (app.path / "main.py").unlink()
        app.write("README.md", "edited")
        app.write(".dockerignore", ".venv\nweb\n")
        resolve(app, "Dockerfile")
        assert held(app) == FIRST - {"main.py"} | {"README.md", "logs/old", "docker/lean.Dockerfile"} | {
            "docker/lean.Dockerfile.dockerignore", "docker/notes",
        }  # fmt: skip
        assert app.read("README.md") == "edited"


def test_a_file_that_was_left_out_comes_when_it_is_named(cluttered, tmp_path):
    (cluttered / "docker/link").symlink_to(tmp_path)
    with App.from_path(cluttered) as app:
        assert app.variant("docker/lean.Dockerfile").dockerfile == "docker/lean.Dockerfile"
        assert app.read("web/index.html") == ""
        with pytest.raises(AppError, match="outside the app"):
            app.file("docker/link")


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
