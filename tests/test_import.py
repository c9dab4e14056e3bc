"""What `import layerlab` loads, and what it leaves until it's needed."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import layerlab


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_help_and_version_come_without_what_they_do_not_need():
    """Each of these takes a tenth of a second or more to import."""
    code = """
import sys
from click.testing import CliRunner
from layerlab.commands.main import main
for word in ("--help", "--version"):
    assert CliRunner().invoke(main, [word]).exit_code == 0
print(*{"pandas", "numpy", "plotly", "docker", "ipywidgets", "IPython", "trustme"} & set(sys.modules))
"""
    assert python(code) == ""


@pytest.mark.parametrize("first", ["modules", "names"])
def test_a_public_name_is_what_it_says_whatever_was_imported_before(first):
    """Even if a module of the package has the same name."""
    modules = [f"import layerlab.{module}" for module in sorted(set(layerlab._PUBLIC.values()))]
    names = [f"from layerlab import {name}; assert {name}.__name__ == {name!r}" for name in layerlab.__all__]
    python("\n".join(modules + names if first == "modules" else names + modules + names))


def test_editors_are_told_of_the_same_names():
    with open(layerlab.__file__, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    told = next(node.body for node in body if isinstance(node, ast.If))
    assert {a.name: node.module for node in told for a in node.names} == layerlab._PUBLIC
    assert set(layerlab.__all__) <= set(dir(layerlab))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        layerlab.nothing  # noqa: B018


def test_starting_a_machine_does_without_pandas():
    assert python("import sys, layerlab.machine.machine; print('pandas' in sys.modules)") == "False"
