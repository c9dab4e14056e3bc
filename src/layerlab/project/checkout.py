"""Where the checkout keeps its folders of sample apps and labs."""

from __future__ import annotations

import os
from pathlib import Path

#: The checkout's root: it holds src/layerlab, at whatever depth of the package this module is.
_ROOT = next(folder for folder in Path(__file__).resolve().parents if folder.name == "layerlab").parents[1]


def sample_apps() -> Path:
    """Return the folder of sample apps: `$LAYERLAB_SAMPLE_APPS`, or the one in this checkout."""
    return Path(os.environ.get("LAYERLAB_SAMPLE_APPS") or _ROOT / "sample_apps")


def labs_folder() -> Path:
    """Return the folder of labs: `$LAYERLAB_LABS`, or the one in this checkout."""
    return Path(os.environ.get("LAYERLAB_LABS") or _ROOT / "labs")
