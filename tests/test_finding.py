"""What a code edit and a dependency edit mean for a project: which file each changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.errors import AppError
from layerlab.measuring.situations import subject
from layerlab.project.app import App
from layerlab.project.comments import comment

PROJECTS = Path(__file__).parent / "projects"


def found(folder, variant=""):
    with App.at(folder) as app:
        return {kind: edit.path for kind, edit in subject(app, variant).edits.items()}


@pytest.mark.parametrize(
    ("project", "code", "dependency"),
    [
        ("pip", "shortlinks/app.py", "requirements.txt"),
        ("pip_tools", "src/invoices/__main__.py", "requirements.txt"),
        ("uv", "src/notices/calendars.py", "requirements.lock"),
        ("poetry", "feeds/news.py", "poetry.lock"),
        ("mixed", "server/board/app.py", "server/requirements.txt"),
        ("monorepo", "services/api/api/app.py", "services/api/requirements.txt"),
    ],
)
def test_projects(project, code, dependency):
    variant = {"monorepo": "services/api/Dockerfile"}.get(project, "")
    assert {"code": code, "dependency": dependency}.items() <= found(PROJECTS / project, variant).items()


def written(tmp_path, dockerfile, *names, **more):
    files = {**dict.fromkeys(names, "x\n"), "Dockerfile": dockerfile, ".dockerignore": "Dockerfile\n", **more}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "files", "path"),
    [
        ("uv sync --locked", ("uv.lock", "pyproject.toml"), "uv.lock"),
        ("uv sync", ("pyproject.toml",), "pyproject.toml"),
        ("pip install uv && uv sync", ("uv.lock", "pyproject.toml"), "uv.lock"),
        ("uv pip sync requirements.lock", ("requirements.lock", "pyproject.toml"), "requirements.lock"),
        ("poetry install --no-root", ("poetry.lock", "pyproject.toml"), "poetry.lock"),
        ("pdm sync", ("pdm.lock", "pyproject.toml"), "pdm.lock"),
        ("pipenv sync --system", ("Pipfile", "Pipfile.lock"), "Pipfile.lock"),
        (
            "pip install -r requirements/prod.txt",
            ("requirements/prod.txt", "requirements/dev.txt"),
            "requirements/prod.txt",
        ),
        ("pip install --requirement=req.txt", ("req.txt", "requirements.txt"), "req.txt"),
        (
            "pip install -r tools.txt && pip install -r requirements.txt",
            ("tools.txt", "requirements.txt"),
            "requirements.txt",
        ),
        ("pip install .", ("pyproject.toml",), "pyproject.toml"),
        ("npm ci", ("package.json", "package-lock.json"), "package-lock.json"),
        ("./install.sh", ("requirements.txt",), "requirements.txt"),
        ("echo", ("main.py",), ""),
        ("pip install -r gone.txt", ("main.py",), ""),
    ],
)
def test_a_dependency_edit_changes_what_the_install_reads(command, files, path, tmp_path):
    written(tmp_path, f"FROM python\nCOPY . /app/\nRUN {command}\n", *files)
    assert found(tmp_path)["dependency"] == path


@pytest.mark.parametrize(
    ("files", "path"),
    [
        (("main.py", "a.py"), "main.py"),
        (("shop/__init__.py", "shop/orders.py", "setup.py"), "shop/orders.py"),
        (("tests/test_a.py", "conftest.py", "shop/app.py"), "shop/app.py"),
        (("tests/test_a.py",), "tests/test_a.py"),
        (("web/index.js", "server/x.py"), "server/x.py"),
        (("web/index.js",), "web/index.js"),
        (("data.csv",), ""),
    ],
)
def test_a_code_edit_changes_a_source_file_that_the_build_reads(files, path, tmp_path):
    written(tmp_path, "FROM python\nCOPY . /app/\n", *files)
    assert found(tmp_path)["code"] == path


def test_what_no_step_reads_is_not_edited(tmp_path):
    written(tmp_path, "FROM python\nCOPY shop /app/\n", "main.py", "shop/orders.py", "requirements.txt")
    assert found(tmp_path) == {"code": "shop/orders.py", "dependency": "", "context": "notes"}


def test_what_the_manifest_names_comes_first(tmp_path):
    manifest = '[edits]\ncode = "shop/views.py"\nrequirements = "deps.txt"\ncontext = "data"\n'
    written(tmp_path, "FROM python\nCOPY . /app/\n", "main.py", "requirements.txt", **{"layerlab.toml": manifest})
    assert found(tmp_path) == {"code": "shop/views.py", "dependency": "deps.txt", "context": "data"}


def test_an_edit_that_a_project_has_nothing_for_says_what_to_name(tmp_path):
    with (
        App.at(written(tmp_path, "FROM python\nCOPY . /app/\n", "data.csv")) as app,
        pytest.raises(AppError, match="code = …"),
    ):
        subject(app).edit_of("code")


def test_an_edit_changes_the_file_that_is_named_and_each_time_anew(tmp_path):
    written(tmp_path, "FROM python\nCOPY . /app/\n", "uv.lock", "web/index.js", **{"package-lock.json": "{}\n"})
    with App.from_path(tmp_path) as app:
        for kind, path in (("dependency", "uv.lock"), ("code", "web/index.js"), ("dependency", "package-lock.json")):
            texts = {app.read(path)}
            for _ in range(2):
                app.edit(kind, path)
                texts.add(app.read(path))
            assert len(texts) == 3
        with pytest.raises(AppError, match="no file 'gone'"):
            app.edit("code", "gone")


@pytest.mark.parametrize(
    ("path", "begins"), [("a.py", "# "), ("uv.lock", "# "), ("a.ts", "// "), ("main.go", "// "), ("r.txt", "# ")]
)
def test_a_comment_is_one_in_the_language(path, begins):
    assert comment(path, "edit 1") == f"{begins}edit 1\n"


def test_json_gets_white_space_which_differs():
    assert comment("a.json", "edit 1").strip() == comment("Pipfile.lock", "edit 2").strip() == ""
    assert comment("a.json", "edit 1") != comment("a.json", "edit 2")


def test_a_named_file_that_no_build_sees_is_told(tmp_path):
    manifest = '[edits]\ncode = "notes.py"\n'
    written(tmp_path, "FROM python\nCOPY . /app/\n", "notes.py", "main.py", **{"layerlab.toml": manifest})
    (tmp_path / ".dockerignore").write_text("notes.py\n")
    with App.at(tmp_path) as app:
        edit = subject(app).edits["code"]
    assert str(edit) == "code edit: notes.py, as layerlab.toml says, which isn't in a build context"
