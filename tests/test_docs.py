"""The docs can't lie about what exists: names, commands, targets, variables, modules, links; and no address slips in."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

import layerlab
import layerlab.course
from layerlab.commands.main import main
from layerlab.machine.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src/layerlab"
REFERENCE = (ROOT / "docs/reference.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
#: Hosts that no committed file may name, in parts, so that this file doesn't name them either.
HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted", "org"), ("deb", "debian", "org"),
                                       ("registry", "npmjs", "org"), ("security", "debian", "org"))]  # fmt: skip


def committed(*which: str) -> list[Path]:
    """Return the files that git has, or would have after `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *which],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    return sorted({ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()})


MARKDOWN = committed("*.md")


def table_of(module: str) -> str:
    """Return the reference's table of what's imported from a module."""
    return REFERENCE.partition(f"## Python: `from {module} import …`\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", layerlab.__all__)
def test_every_public_name_is_in_the_reference_and_has_a_docstring(name):
    assert re.search(rf"`{name}\b", table_of("layerlab"))
    assert getattr(layerlab, name).__doc__


@pytest.mark.parametrize("name", layerlab.course.__all__)
def test_every_name_of_the_course_is_in_the_reference(name):
    assert re.search(rf"`{name}\b", table_of("layerlab.course"))


@pytest.mark.parametrize("module", [layerlab, layerlab.course], ids=lambda module: module.__name__)
def test_the_reference_lists_no_name_that_a_module_does_not_have(module):
    rows = re.findall(r"^\| (`.*?) \| ", table_of(module.__name__), re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([A-Za-z_]\w*)", row)}
    assert len(rows) > 10 and listed - {"machine", "app", "build"} <= {*module.__all__}


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


def rows_of_rooms() -> list[tuple[str, int]]:
    """Return the rooms and modules in the architecture's table, each with its layer, in the table's order."""
    rows = re.findall(r"^\| `([a-z_]+(?:\.py|/))` \| (\d+) \|", ARCHITECTURE, re.MULTILINE)
    return [(name, int(layer)) for name, layer in rows]


def test_contributing_lists_every_module():
    """It leaves that to the architecture's table, which has every room and every module outside of them."""
    assert "](docs/architecture.md)" in (ROOT / "CONTRIBUTING.md").read_text()
    there = {p.name for p in PACKAGE.glob("*.py") if p.name != "__init__.py"}
    there |= {f"{p.parent.name}/" for p in PACKAGE.glob("*/__init__.py")}
    listed = [name for name, _ in rows_of_rooms()]
    assert set(listed) == there and len(listed) == len(there)


def test_the_architecture_has_the_layers_that_lint_checks():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    checked = {(name, number) for number, layer in enumerate(layers, 1) for name in layer.split(" | ")}
    assert {(name.removesuffix("/").removesuffix(".py"), layer) for name, layer in rows_of_rooms()} == checked
    assert rows_of_rooms() == sorted(rows_of_rooms(), key=lambda row: row[1])


def test_the_architecture_names_files_that_exist():
    named = set(re.findall(r"`([a-z_]+/[\w./]*)`", ARCHITECTURE))
    places = (ROOT, PACKAGE)
    assert len(named) > 30 and [n for n in sorted(named) if not any((place / n).exists() for place in places)] == []
    alone = set(re.findall(r"`(\w+\.py)`", ARCHITECTURE))
    assert [name for name in sorted(alone) if not [*PACKAGE.rglob(name)]] == []


# -- names in code -----------------------------------------------------------------------------------------------------

#: Not Python: an app's manifest, and a label on what LayerLab makes in the user's Docker.
NOT_PYTHON = {"layerlab.toml", "layerlab.home"}
#: What variables with these names stand for in the docs.
VARIABLES = {
    "machine": layerlab.Machine, "Machine": layerlab.Machine, "app": layerlab.App, "App": layerlab.App,
    "build": layerlab.Build, "Build": layerlab.Build,
    "Builder": layerlab.Builder, "registry": Registry, "Registry": Registry,
}  # fmt: skip

#: Ends of file names, which look like methods: build.sh, app.py.
ENDINGS = {"sh", "py", "json", "html", "md", "toml", "txt", "dockerfile", "yaml", "yml", "js", "css", "log", "ipynb"}


def pages() -> list[Path]:
    tables = [*ROOT.glob("docs/*.toml"), *ROOT.glob("notebooks/*.toml")]
    return [*MARKDOWN, *tables, *ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("labs/*/*.ipynb")]


def written(page: Path) -> str:
    """Return a page's prose and code: no outputs, and no former names, which are the first column of the changelog's table."""
    text = page.read_text()
    if page.suffix == ".ipynb":
        return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return re.sub(r"^\|[^|]*\|", "", text, flags=re.MULTILINE) if page.name == "CHANGELOG.md" else text


def found(dotted: str) -> Any:
    """Find what a dotted name means: a module, or something in one. Raises ImportError or AttributeError if it means nothing."""
    parts = dotted.split(".")
    value = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], 2):
        try:
            value = getattr(value, part)
        except AttributeError:
            value = importlib.import_module(".".join(parts[:number]))
    return value


everywhere = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


@everywhere
def test_names_in_the_package_exist(page):
    text = written(page)
    for dotted in set(re.findall(r"\blayerlab(?:\.[A-Za-z_]\w*)+", text)) - NOT_PYTHON:
        found(dotted)
    for line in re.findall(r"^from layerlab[\w.]* import [\w, ]+$", text, re.MULTILINE):
        statement = ast.parse(line).body[0]
        for name in statement.names:
            found(f"{statement.module}.{name.name}")


@everywhere
def test_methods_on_a_page_exist(page):
    for variable, name in set(re.findall(r"(?<![\w./*])([A-Za-z]+)\.([a-z_]+)\b(?!\.\w)", written(page))):
        if of := VARIABLES.get(variable):
            known = {
                *dir(of),
                *getattr(of, "__annotations__", {}),
                *re.findall(r"^ {8}(\w+):", of.__doc__, re.MULTILINE),
            }
            assert name in known | ENDINGS, f"{variable}.{name}"


# -- links, hosts, dependencies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_point_at_files_that_exist(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links {target}"


def test_no_committed_file_names_a_registry_host_or_a_path_of_a_machine():
    # Where this checkout is, and the homes LayerLab was developed with: nobody else's business.
    paths = [str(ROOT) + "/", "/tmp/" + "layerlab-dev", "/" + "work/main"]
    for file in committed():
        if file.suffix in (".png", ".gz", ".svg"):
            continue
        text = file.read_text(errors="replace")
        found = [word for word in (*HOSTS, *paths) if len(word) > 6 and word in text]
        assert not found, f"{file.relative_to(ROOT)} names {found}"


PINNED = r"^([a-z0-9][a-z0-9._-]*)==(\S+)"


#: Lock: the extras that it pins, besides what installs the rest.
EXTRAS = {
    "requirements.lock": ["course"],
    "requirements-test.lock": ["course", "test"],
    "requirements-lowest.lock": ["course", "test"],
    "requirements-docs.lock": ["docs"],
    "requirements-tool.lock": [],
}


@pytest.mark.parametrize("name", EXTRAS)
def test_the_locks_pin_and_hash_every_dependency_and_name_no_index(name):
    lock = (ROOT / name).read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    groups = [extras["setup"], *(extras[extra] for extra in EXTRAS[name])]
    wanted = [*project["dependencies"], *(d for group in groups for d in group)]
    pinned = dict(re.findall(PINNED, lock, re.MULTILINE))
    assert {re.match(r"[A-Za-z0-9._-]+", d)[0].lower() for d in wanted} - {"layerlab"} <= set(pinned)
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
        "-e .[course]",
    ]
    assert "course" in project["optional-dependencies"]


def test_the_readme_says_the_two_commands_on_its_first_screen():
    first_screen = (ROOT / "README.md").read_text().splitlines()[:60]
    for command in ("make lab", "make test", "make test-all"):
        assert any(command in line for line in first_screen)
    assert any(re.match(r"!\[.+\]\(docs/.+\)", line) for line in first_screen)
