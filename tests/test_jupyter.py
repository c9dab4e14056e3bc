"""`make lab`'s last step: JupyterLab as the lab wants it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from layerlab.commands import jupyter


def test_jupyterlab_starts_without_the_grammar_and_takes_our_options():
    command = jupyter.command(Path("course"), ["--no-browser", "--version"])
    assert command[-1] == jupyter.FIRST_NOTEBOOK and {"--ServerApp.ip=127.0.0.1", "--ServerApp.root_dir=course"} <= set(
        command
    )
    done = subprocess.run(command[:-1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()[0].isdigit()


def test_jsonschema_does_without_the_grammar():
    code = "import sys; sys.modules['rfc3987_syntax'] = None; import jsonschema; jsonschema.validate('a', {'format': 'iri'})"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
