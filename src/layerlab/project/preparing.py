"""Files that an app generates, such as model weights: made once by the manifest's command, then copied from LayerLab's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import AppError, CommandFailed
from ..system.home import cache_dir, locked

#: Prefixes of the environment variables that set how large generated files are.
SIZES = ("LAYERLAB_WEIGHTS", "LAYERLAB_CLUTTER")
#: A command that takes longer than this is stopped, seconds.
PATIENCE = 300


def put_in_place(name: str, prepare: Mapping[str, Sequence[str]], folder: Path, file: Callable[[str], Path]) -> None:
    """Put the outputs of a manifest's [prepare] table in place.

    Args:
        name: the app's name.
        prepare: the table: command and outputs.
        folder: the app's copy.
        file: returns the full path of a file in it, and raises AppError if a link leads out of it.

    Raises AppError or CommandFailed if the command fails.
    """
    for output in prepare["outputs"]:
        file(output)  # refuses a link out of the copy before anything is written through it
    scripts = [file(word).read_bytes() for word in prepare["command"] if (folder / word).is_file()]
    settings = sorted(item for item in os.environ.items() if item[0].startswith(SIZES))
    key = hashlib.sha256(repr((name, prepare, scripts, settings)).encode()).hexdigest()[:12]
    kept = cache_dir() / "prepared" / f"{name}-{key}"
    with locked(f"prepared-{key}", wait=PATIENCE):
        if not kept.exists():
            generate(name, prepare["command"], folder, [])
            part = kept.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            for output in prepare["outputs"]:
                (part / output).parent.mkdir(parents=True, exist_ok=True)
                _copy(file(output), part / output)
            part.rename(kept)
    for output in prepare["outputs"]:
        file(output).parent.mkdir(parents=True, exist_ok=True)
        _copy(kept / output, file(output))


def generate(name: str, command: Sequence[str], folder: Path, options: Sequence[str]) -> None:
    """Run a manifest's command in the app's copy. Raises AppError if it takes too long, CommandFailed if it fails."""
    words = [sys.executable if word == "{python}" else word for word in command]
    try:
        done = subprocess.run([*words, *options], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise AppError(f"{name}: generating its files took more than {PATIENCE} s") from None
    if done.returncode:
        raise CommandFailed(f"{name}: generating its files failed", words, done.returncode, done.stdout + done.stderr)


def _copy(source: Path, target: Path) -> None:
    """Copy a generated file, or a folder of them, over an earlier one."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
