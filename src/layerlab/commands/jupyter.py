"""`make lab`: bring up the lab's machine and open JupyterLab on the first notebook, with `docker` pointed at the machine."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from ..errors import LayerLabError

ROOT = Path(__file__).resolve().parents[3]
FIRST_NOTEBOOK = "notebooks/00-start-here.ipynb"
#: JupyterLab asks in a pop-up whether to fetch news, and looks for updates over the network: neither in a lab.
SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
#: Starts JupyterLab, without a grammar whose parser is made at each start and takes longer than all the rest. It would check
#: formats that JupyterLab doesn't use (IRIs in schemas); jsonschema does without it where it's missing.
START = "import sys; sys.modules['rfc3987_syntax'] = None; from jupyterlab.labapp import main; sys.exit(main())"


def write_settings() -> None:
    """Our defaults for the JupyterLab of this virtual environment; the person's own settings still win."""
    file = Path(sys.prefix) / "share/jupyter/lab/settings/overrides.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(SETTINGS, indent=1))


def command(arguments: list[str]) -> list[str]:
    """JupyterLab's command: token on and loopback only, as its defaults are, whatever a configuration file says."""
    fixed = ["--ServerApp.ip=127.0.0.1"]
    if not any(a.startswith(("--ServerApp.root_dir", "--notebook-dir")) for a in arguments):
        fixed.append(f"--ServerApp.root_dir={ROOT}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        fixed.append("--allow-root")
    return [sys.executable, "-c", START, *fixed, *arguments, FIRST_NOTEBOOK]


def main(arguments: list[str]) -> int:
    """Start the machine, then become JupyterLab."""
    write_settings()
    if arguments == ["--settings-only"]:
        return 0
    from ..machine.machine import Machine  # brings docker-py along

    try:
        machine = Machine.start(say=lambda line: print(line, flush=True))
    except LayerLabError as error:
        print(
            f"{error}\nThe notebooks can be read, but not run, without an engine. `make doctor` says more.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    print(f"{machine}. JupyterLab follows; stop it with Ctrl-C. The machine stays until `make clean`.", flush=True)
    words = command(arguments)
    os.execv(words[0], words)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
