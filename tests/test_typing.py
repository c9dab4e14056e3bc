"""What type checkers see of LayerLab: the public interface has the right types, and a mistake in a user's code is reported."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from mypy import api

import layerlab
from layerlab import course

ROOT = Path(__file__).resolve().parents[1]
INTERFACE = ROOT / "tests" / "typing_checks" / "public_interface.py"
#: Each line ends with the code of the error that mypy must report for it.
MISTAKES = """
from layerlab import Machin  # attr-defined
from layerlab import App, Build, Machine, compare, explain

build = Machine.start().build(App("radiology_api"))  # call-arg
build = Machine.start().build(App("radiology_api"), "before", view="quiet")  # arg-type
Machine.start(7)  # arg-type
explain("before")  # arg-type
build.steps.append(build.steps[0])  # attr-defined
build.seconds = 1.0  # misc
image_megabytes = build.image_bytes / 1e6  # operator
compare(Machine.start(), App("radiology_api"), "before", repeats=1.5)  # arg-type
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict[str, list[tuple[int, str]]]:
    """Run mypy as a strict user does, without our settings; return (line, code) of each error by file."""
    mistakes = tmp_path_factory.mktemp("user") / "mistakes.py"
    mistakes.write_text(MISTAKES, encoding="utf-8")
    # A cache of its own, because it isn't good for `make lint`: there, the package is checked too.
    options = ["--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache' / 'users'}", "--no-error-summary"]
    output, problems, _ = api.run([*options, str(INTERFACE), str(mistakes)])
    assert not problems
    told: dict[str, list[tuple[int, str]]] = {}
    for name, line, code in re.findall(r"^(.+?):(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE):
        told.setdefault(Path(name).name, []).append((int(line), code))
    return told


def test_the_public_interface_has_the_types_that_a_user_relies_on(said):
    assert said.get(INTERFACE.name, []) == []


def test_the_check_covers_every_public_name():
    nodes = ast.walk(ast.parse(INTERFACE.read_text(encoding="utf-8")))
    named = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {*layerlab.__all__, *course.__all__} <= named


def test_mistakes_are_reported(said):
    lines = enumerate(MISTAKES.splitlines(), 1)
    assert said["mistakes.py"] == [(n, line.partition("  # ")[2]) for n, line in lines if "  # " in line]


def test_the_package_says_that_it_has_types():
    assert (Path(layerlab.__file__).parent / "py.typed").is_file()
