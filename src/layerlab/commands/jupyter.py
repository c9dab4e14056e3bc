"""Open the course in JupyterLab, with the lab's machine running and `docker` in its terminals pointed at it."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import LayerLabError, SetupError
from ..system.home import claim, home
from .printing import echo

FIRST_NOTEBOOK = "notebooks/00-start-here.ipynb"
#: JupyterLab asks in a pop-up whether to fetch news, and looks for updates over the network. A lab needs neither.
SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
#: Starts JupyterLab without a grammar whose parser is built at each start and takes longer than everything else. It checks
#: formats that JupyterLab doesn't use (IRIs in schemas), and jsonschema works without it.
START = "import sys; sys.modules['rfc3987_syntax'] = None; from jupyterlab.labapp import main; sys.exit(main())"


def check_installed() -> None:
    """Raise LayerLabError if JupyterLab isn't installed in LayerLab's environment."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise LayerLabError(
            "JupyterLab isn't installed here", "install the notebooks' packages: pip install 'layerlab[course]'"
        )


def command(folder: Path, arguments: Sequence[str]) -> list[str]:
    """Return JupyterLab's command line.

    It listens on loopback only, even if a configuration file says otherwise, and asks for a token by JupyterLab's default.
    """
    fixed = ["--ServerApp.ip=127.0.0.1"]
    if not any(a.startswith(("--ServerApp.root_dir", "--notebook-dir")) for a in arguments):
        fixed.append(f"--ServerApp.root_dir={folder}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        fixed.append("--allow-root")
    return [sys.executable, "-c", START, *fixed, *arguments, FIRST_NOTEBOOK]


def environment() -> Mapping[str, str]:
    """Return JupyterLab's environment, with our default settings from LayerLab's home; the user's own settings win."""
    claim()
    folder = home() / "jupyter"
    file = folder / "labconfig" / "default_setting_overrides.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(SETTINGS, indent=1), encoding="utf-8")
    paths = [os.environ.get("JUPYTER_CONFIG_PATH", ""), str(folder)]
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}


def become_jupyterlab(folder: Path, arguments: Sequence[str] = ()) -> None:
    """Start the lab's machine, then replace this process with JupyterLab on `folder`.

    Where no engine can run, it says what's missing, and JupyterLab opens all the same: the notebooks have their outputs.
    """
    from ..machine.machine import Machine  # imports docker-py

    check_installed()
    try:
        machine = Machine.start(share=True, say=lambda line: print(line, flush=True))
        print(
            f"{machine}. Starting JupyterLab; stop it with Ctrl-C. The machine stays until `layerlab clean`.",
            flush=True,
        )
    except SetupError as error:
        echo(
            f"{error}\n\nStarting JupyterLab without an engine: you can read the notebooks and what they printed,",
            err=True,
        )
        echo("but a cell that builds will fail. Stop it with Ctrl-C.", err=True)
    words = command(folder, arguments)
    os.execve(words[0], words, environment())
