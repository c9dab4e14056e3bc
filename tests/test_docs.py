"""The docs cannot lie about what there is: names, commands, targets, variables, modules, links; and no address slips in."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

import layerlab
from layerlab.commands.main import main

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = (ROOT / "docs/reference.md").read_text()
MARKDOWN = [p for p in ROOT.rglob("*.md") if not {".venv", "node_modules", ".pytest_cache"} & set(p.parts)]
#: Hosts that no committed file may name, in parts, so that this file does not name them either.
HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted", "org"), ("deb", "debian", "org"),
                                       ("registry", "npmjs", "org"), ("security", "debian", "org"))]  # fmt: skip


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", layerlab.__all__)
def test_every_public_name_is_in_the_reference_and_has_a_docstring(name):
    assert re.search(rf"`{name}\b", REFERENCE)
    assert getattr(layerlab, name).__doc__


@pytest.mark.parametrize(
    "method",
    [
        "all",
        "start",
        "remove",
        "reset",
        "build",
        "ask",
        "docker",
        "add_base",
        "move_base",
        "restore_bases",
        "point_docker_here",
    ],
)
def test_methods_of_a_machine_are_in_the_reference(method):
    assert re.search(rf"`(machine|Machine)\.{method}\b", REFERENCE)
    assert getattr(layerlab.Machine, method).__doc__


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_is_in_the_reference_and_has_help(command):
    assert f"`layerlab {command}" in REFERENCE
    assert isinstance(main.commands[command], click.Command)
    assert main.commands[command].help


def test_no_command_is_documented_that_does_not_exist():
    assert set(re.findall(r"`layerlab ([a-z]+)", REFERENCE)) <= set(main.commands)


def test_every_make_target_is_in_the_reference_and_the_other_way_round():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", REFERENCE)) == targets


def test_every_variable_is_in_the_reference():
    sources = [*ROOT.glob("src/**/*.py"), *ROOT.glob("sample_apps/**/*.py")]
    used = {name for p in sources for name in re.findall(r'"(LAYERLAB_[A-Z_]+)"', p.read_text())}
    assert used - {"LAYERLAB_WEIGHTS", "LAYERLAB_CLUTTER"} <= set(re.findall(r"`(LAYERLAB_[A-Z_]+)`", REFERENCE))


def test_contributing_lists_every_module():
    listed = set(re.findall(r"^\| `([a-z_]+(?:\.py|/))`", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    package = ROOT / "src/layerlab"
    there = {p.name for p in package.glob("*.py") if p.name != "__init__.py"}
    there |= {f"{p.parent.name}/" for p in package.glob("*/__init__.py")}
    assert listed == there


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_point_at_files_that_exist(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links {target}"


def test_no_committed_file_names_a_registry_host_or_a_path_of_a_machine():
    # Where this checkout is, and the homes LayerLab was developed with: none is anybody else's business.
    paths = [str(ROOT) + "/", "/tmp/" + "layerlab-dev", "/" + "work/main"]
    for file in committed():
        if file.suffix in (".png", ".gz", ".svg"):
            continue
        text = file.read_text(errors="replace")
        found = [word for word in (*HOSTS, *paths) if len(word) > 6 and word in text]
        assert not found, f"{file.relative_to(ROOT)} names {found}"


PINNED = r"^([a-z0-9][a-z0-9._-]*)==(\S+)"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_the_locks_pin_and_hash_every_dependency_and_name_no_index(name):
    lock = (ROOT / name).read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    groups = extras.values() if "test" in name else [extras["setup"]]
    wanted = [*project["dependencies"], *(d for group in groups for d in group)]
    pinned = dict(re.findall(PINNED, lock, re.MULTILINE))
    assert {re.match(r"[A-Za-z0-9._-]+", d)[0].lower() for d in wanted} <= set(pinned)
    blocks = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", lock)


def test_the_lab_installs_nothing_that_only_tests_need_and_the_tests_the_same_versions():
    lab, tests = (
        set(re.findall(PINNED, (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-test.lock")
    )
    assert lab < tests
    assert not {name for name, _ in lab} & {"pytest", "playwright", "kaleido", "hypothesis", "ruff", "nbval"}


def test_conda_gets_the_same_environment_from_the_same_list():
    environment = (ROOT / "environment.yml").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert re.findall(r"^ +- (?!pip:)(\S.*)$", environment, re.MULTILINE) == [
        "conda-forge",
        "python=3.11",
        "pip",
        "-e .[test]",
    ]
    assert "test" in project["optional-dependencies"]


def test_the_readme_says_the_two_commands_on_its_first_screen():
    first_screen = (ROOT / "README.md").read_text().splitlines()[:60]
    for command in ("make lab", "make test", "make test-all"):
        assert any(command in line for line in first_screen)
    assert any(re.match(r"!\[.+\]\(docs/.+\)", line) for line in first_screen)
