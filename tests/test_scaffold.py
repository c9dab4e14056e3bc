"""What surrounds the code: forms for issues, hooks before a commit, the notes of a release, the documentation's site."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from test_docs import committed

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TEMPLATES = ROOT / ".github/ISSUE_TEMPLATE"
FORMS = sorted(path.name for path in TEMPLATES.glob("*.yml") if path.name != "config.yml")
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
LOCAL = [hook for repo in HOOKS if repo["repo"] == "local" for hook in repo["hooks"]]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def script(name: str) -> ModuleType:
    """Load a script of scripts/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- issues and pull requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_one_that_github_takes(name):
    """As GitHub's "Syntax for issue forms" has it."""
    form = yaml.safe_load((TEMPLATES / name).read_text(encoding="utf-8"))
    assert set(form) <= {"name", "description", "title", "labels", "assignees", "projects", "type", "body"}
    assert form["name"] and form["description"] and len(form["description"]) <= 200
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert asked and {part["type"] for part in form["body"]} <= {
        "markdown",
        "textarea",
        "input",
        "dropdown",
        "checkboxes",
    }
    assert all(part["attributes"]["label"] for part in asked)
    ids = [part["id"] for part in asked]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[\w-]+", one) for one in ids)
    assert all(part["attributes"]["value"] for part in form["body"] if part["type"] == "markdown")


def test_a_wrong_explanation_comes_with_what_it_takes_to_find_the_fault():
    asked = {part.get("id"): part for part in yaml.safe_load((TEMPLATES / "wrong-explanation.yml").read_text())["body"]}
    assert all(asked[name]["validations"]["required"] for name in ("records", "dockerfile", "change", "said", "right"))


def test_the_chooser_and_the_template_for_pull_requests_are_there():
    assert yaml.safe_load((TEMPLATES / "config.yml").read_text()) == {"blank_issues_enabled": True}
    assert "make test" in (ROOT / ".github/pull_request_template.md").read_text(encoding="utf-8")


# -- hooks before a commit ---------------------------------------------------------------------------------------------


def test_local_hooks_run_what_lint_runs_with_the_tools_of_the_lock():
    lint = re.search(r"^LINT = (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in LOCAL}
    assert tools == {"ruff", "lint-imports", "mypy"}
    assert set(re.findall(r"\$\(BIN\)/([\w-]+)", lint)) <= tools
    lock = (ROOT / "requirements-test.lock").read_text(encoding="utf-8")
    assert all(re.search(rf"^{name}==", lock, re.MULTILINE) for name in ("ruff", "import-linter", "mypy"))


@pytest.mark.parametrize("hook", LOCAL, ids=lambda hook: hook["id"])
def test_a_local_hook_has_an_entry_that_exists_and_files_to_look_at(hook):
    assert hook["language"] == "system" and hook["name"]
    program, *words = hook["entry"].split()
    assert program.startswith(".venv/bin/")
    here = Path(sys.executable).with_name(Path(program).name)
    done = subprocess.run([here, *words[:1], "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and all(word in done.stdout for word in words[1:]), done.stdout + done.stderr
    names = [path.relative_to(ROOT).as_posix() for path in committed()]
    assert any(re.search(hook.get("files", ""), name) for name in names)


def test_other_hooks_are_pinned_by_a_tag():
    others = [repo for repo in HOOKS if repo["repo"] != "local"]
    assert others and all(re.fullmatch(r"v\d+\.\d+\.\d+", repo["rev"]) and repo["hooks"] for repo in others)


def test_no_file_is_larger_than_the_hook_allows():
    (limit,) = [hook["args"][0] for repo in HOOKS for hook in repo["hooks"] if hook["id"] == "check-added-large-files"]
    kilobytes = int(limit.removeprefix("--maxkb="))
    assert [path.name for path in committed() if path.stat().st_size > kilobytes * 1024] == []


# -- the notes of a release --------------------------------------------------------------------------------------------

CHANGELOG = """# Changelog

## Unreleased (0.3.0)

- not yet

## 0.2.0 (2026-12-01)

### Fixed
- a thing

## 0.1.0 (2026-11-01)

- the first
"""


@pytest.mark.parametrize(
    ("version", "notes"),
    [("0.2.0", "### Fixed\n- a thing"), ("0.1.0", "- the first"), ("0.3.0", ""), ("0.2", ""), ("0.4.0", "")],
)
def test_the_notes_are_the_section_of_the_version(version, notes):
    assert script("release_notes").section(CHANGELOG, version) == notes


def test_a_tag_that_is_not_the_version_releases_nothing(capsys):
    assert script("release_notes").main(["v99.0.0"]) == 1
    assert (
        f"the tag is v99.0.0, and pyproject.toml has version {PROJECT['project']['version']}" in capsys.readouterr().err
    )


# -- the site ----------------------------------------------------------------------------------------------------------


def in_the_navigation(part: object) -> list[str]:
    """Return every page in a part of the navigation."""
    if isinstance(part, str):
        return [part]
    parts = part.values() if isinstance(part, dict) else part
    return [page for one in parts for page in in_the_navigation(one)]


def test_the_navigation_has_every_page_once():
    pages = in_the_navigation(SITE["nav"])
    there = [
        path.relative_to(ROOT).as_posix()
        for path in committed("docs/*.md", "notebooks/*.md", "notebooks/*.ipynb", "labs/*/lab.ipynb")
    ]
    there += [path.relative_to(ROOT).as_posix() for path in committed("sample_apps/*/README.md")]
    there += ["CHANGELOG.md", "CONTRIBUTING.md"]
    assert sorted(pages) == sorted(name.removeprefix("docs/") for name in there)


def test_the_site_asks_no_other_computer_for_anything():
    assert SITE["theme"]["font"] is False
    assert not re.search(r"https?://", (ROOT / "mkdocs.yml").read_text() + (ROOT / "docs/assets/site.css").read_text())


def test_the_site_fails_for_a_link_that_leads_nowhere():
    assert set(SITE["validation"].values()) == {"warn"} and "anchors" in SITE["validation"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "mkdocs build --strict" in makefile and "check_site.py site" in makefile


def test_the_checker_of_the_site_finds_faults(tmp_path):
    pytest.importorskip("bs4")  # nbconvert, which JupyterLab needs, brings it along
    (tmp_path / "page").mkdir()
    (tmp_path / "index.html").write_text(
        "<a href='page/#here'>fine</a><a href='page/#there'>no part</a><a href='nowhere/'>nowhere</a>"
        "<a href='https://example.org'>not followed</a><script src='https://example.org/x.js'></script>"
        "<img src='missing.png'><img src='data:,'>"
    )
    (tmp_path / "page/index.html").write_text("<h1 id='here'>Here</h1><a href='..'>back</a><a href='#here'>up</a>")
    assert sorted(script("check_site").check(tmp_path)) == [
        "index.html: https://example.org/x.js is loaded from another site",
        "index.html: missing.png leads nowhere",
        "index.html: nowhere/ leads nowhere",
        "index.html: page/#there names a part that the page doesn't have",
    ]
