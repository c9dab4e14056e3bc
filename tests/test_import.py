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


#: What takes 5 ms or more to import, of libraries and of our own, and isn't needed to start a build.
HEAVY = {
    "pandas", "numpy", "plotly", "ipywidgets", "IPython", "docker", "requests", "urllib3", "http", "email", "ssl", "trustme",
    "cryptography", "psutil", "rich", "dockerfile_parse", "logging", "asyncio", "concurrent", "tempfile", "tomllib",
    "platformdirs",
    "layerlab.explaining", "layerlab.traces", "layerlab.reporting", "layerlab.live", "layerlab.record.build",
    "layerlab.contexts.taking", "layerlab.contexts.patterns", "layerlab.project.copying",
}  # fmt: skip


def test_a_build_starts_its_client_without_what_only_the_result_needs(tmp_path):
    """All of it is imported while the engine works. A fully cached build takes 0.7 s, so a tenth of a second counts."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    code = f"""
import os, sys
os.environ["LAYERLAB_HOME"] = {str(tmp_path / "home")!r}
import layerlab.commands.main
from layerlab.machine.building import BuildFailed, command_for
from layerlab.machine.machine import Machine
from layerlab.machine.resolving import resolve
from layerlab.project.app import App
assert Machine.all() == []
with App.at({str(tmp_path / "shop")!r}) as app:
    command_for(resolve(app, "Dockerfile"), {{}})
    print(*sorted(name for name in sys.modules if any(f"{{name}}.".startswith(f"{{heavy}}.") for heavy in {HEAVY})))
"""
    assert python(code) == ""


def test_a_wrapped_command_starts_without_what_only_its_result_needs(tmp_path):
    code = f"""
import os, sys
os.environ["LAYERLAB_HOME"] = {str(tmp_path / "home")!r}
import layerlab.commands.main
from layerlab.commands.run_command import _watch
from layerlab.machine import raw_progress, untouched
from layerlab.system import docker_command
command = docker_command.read(["docker", "build", "."])
assert _watch(command) and not raw_progress.needed(command)
print(*sorted(name for name in sys.modules if any(f"{{name}}.".startswith(f"{{heavy}}.") for heavy in {HEAVY})))
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
