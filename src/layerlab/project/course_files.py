"""Where the course's notebooks, labs and sample apps are.

The installed package has them as data; in a checkout they're beside `src/`. A learner works in a *working copy* of them, which
`layerlab course start` makes (working_copy.py). A checkout is its own working copy.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..system.home import home

#: Folders of the course, in the package's data, in a checkout and in a working copy.
FOLDERS = ("notebooks", "labs", "sample_apps")
#: At the root of a working copy: the edition that it was made from.
MARKER = ".layerlab-course.json"
#: In LayerLab's home: where the last working copy is. `cleanup.OURS` has it too.
LATEST = "course.json"


def originals() -> Path:
    """Return the folder that holds the course as it was published. Nothing is ever written there, except in a checkout."""
    import importlib.resources  # here, because a project of your own doesn't need it

    package = Path(str(importlib.resources.files("layerlab")))
    packed = package / "course_files"
    return packed if packed.is_dir() else package.parents[1]


def is_checkout(folder: Path) -> bool:
    """Tell whether `folder` is LayerLab's own source, from which this package runs."""
    return folder == originals() and (folder / "pyproject.toml").is_file()


def enclosing() -> Path | None:
    """Return the working copy that the current directory is in; None if it's in none."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / MARKER).is_file()), None)


def working_copy() -> Path:
    """Return the folder in which the learner works.

    That's the working copy that the current directory is in, or else this checkout, the working copy started last, or a folder
    in LayerLab's home if none was started.
    """
    if found := enclosing():
        return found
    if is_checkout(originals()):
        return originals()
    try:
        latest = Path(json.loads((home() / LATEST).read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return home() / "course"
    return latest if (latest / MARKER).is_file() else home() / "course"


def sample_apps() -> Path:
    """Return the folder of sample apps: `$LAYERLAB_SAMPLE_APPS`, that of the working copy around us, or the published one."""
    return Path(os.environ.get("LAYERLAB_SAMPLE_APPS") or (enclosing() or originals()) / "sample_apps")


def labs_folder() -> Path:
    """Return the folder of labs as published, with their solutions: `$LAYERLAB_LABS`, or the original."""
    return Path(os.environ.get("LAYERLAB_LABS") or originals() / "labs")


def own_labs() -> Path:
    """Return the folder with the learner's own lab files: `$LAYERLAB_LABS`, or that of the working copy."""
    return Path(os.environ.get("LAYERLAB_LABS") or working_copy() / "labs")
