"""Install a lock file's packages into the virtual environment that runs this script: with uv, or with pip if uv won't work.

uv takes seconds where pip takes minutes. Both check every file against the lock's hashes, including uv's own files, and both
follow this computer's pip configuration: indexes, certificates, proxy.

    python scripts/install.py requirements.lock --project    # and LayerLab itself, from this folder
    python scripts/install.py requirements-test.lock
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

UV = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
#: -qq: errors only. Otherwise pip warns about each configured index or folder that lacks a package.
PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-qq"]
#: pip's settings and the variables with which uv takes the same settings.
SAME = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}


def main(arguments: Sequence[str]) -> int:
    """Install the lock file named by the first argument and, with --project, the project. Return the exit code."""
    lock, project = Path(arguments[0]), "--project" in arguments
    if refusal := not_ours(Path(sysconfig.get_path("purelib"))):
        say(refusal)
        return 1
    uv, others = split(lock.read_text(encoding="utf-8"))
    settings = pip_settings(printed([sys.executable, "-m", "pip", "config", "list"]))
    with tempfile.TemporaryDirectory(prefix="layerlab-install-") as folder:
        uv_file, file = Path(folder, "uv.txt"), Path(folder, "lock.txt")
        uv_file.write_text(uv, encoding="utf-8")
        file.write_text(others, encoding="utf-8")
        say(f"Installing the packages of {lock.name} …")
        refusal = (
            "" if UV.exists() else failure([*PIP, "--only-binary", ":all:", "--require-hashes", "-r", str(uv_file)])
        )
        if not refusal:
            with_uv = [str(UV), "pip", "install", "--quiet", "--python", sys.executable, *no_index(settings)]
            environment = {**uv_environment(settings), **os.environ}  # the user's own uv settings win
            refusal = failure([*with_uv, "--require-hashes", "-r", str(file)], environment)
            if not refusal and project:
                refusal = failure([*with_uv, "--no-deps", "--no-build-isolation", "--editable", "."], environment)
        if not refusal:
            return 0
        say(f"uv doesn't work here: {refusal}\nUsing pip instead, which takes about two minutes …")
        code = subprocess.call([*PIP, "--require-hashes", "-r", str(file)])
        if project and code == 0:
            code = subprocess.call([*PIP, "--no-deps", "--no-build-isolation", "--editable", "."])
        return code


def not_ours(packages: Path) -> str:
    """Say that the environment's folder of packages can't be written to, as after `sudo make`; "" where it can."""
    if os.access(packages, os.W_OK):
        return ""
    return f"You can't write to {packages}. If the environment was made with sudo, delete it: sudo rm -rf {sys.prefix}"


def split(lock: str) -> tuple[str, str]:
    """Split a lock file into the part that pins uv ("" if it doesn't) and the rest."""
    parts = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    return "".join(p for p in parts if p.startswith("uv==")), "".join(p for p in parts if not p.startswith("uv=="))


def pip_settings(listing: str) -> dict[str, str]:
    """Read `pip config list`, keyed by option. As in pip, variables win over [install], and [install] over [global]."""
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        rank = {"global": 0, "install": 1, ":env:": 2}.get(section)
        if rank is not None and rank >= found.get(name, (0, ""))[0]:
            found[name] = (rank, ast.literal_eval(value))
    return {name: value for name, (_, value) in found.items()}


def uv_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make uv follow these pip settings."""
    variables = {SAME[name]: " ".join(value.split()) for name, value in settings.items() if name in SAME}
    if "UV_FIND_LINKS" in variables:
        variables["UV_FIND_LINKS"] = variables["UV_FIND_LINKS"].replace(" ", ",")
    if "UV_INDEX" in variables:
        # As in pip, an index with another version of a package doesn't hide the other indexes. The hashes make this safe.
        variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "SSL_CERT_FILE" not in variables:
        variables["UV_SYSTEM_CERTS"] = "true"  # pip trusts the system's certificates, uv its own list
    return variables


def no_index(settings: Mapping[str, str]) -> list[str]:
    """Return uv's option for pip's no-index: the one setting for which uv has no variable."""
    return ["--no-index"] if settings.get("no-index", "").lower() in ("1", "true", "yes", "on") else []


def failure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run `command`. If it fails, return the last lines of its output; otherwise return ""."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    except OSError as error:
        return str(error)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return "" if done.returncode == 0 else "\n".join(lines[-4:]) or f"{command[0]} exited with {done.returncode}"


def printed(command: Sequence[str]) -> str:
    """Return the standard output of `command`."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
