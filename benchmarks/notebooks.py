"""How much of a notebook's time is spent in builds: the rest is time that a learner waits for LayerLab and Jupyter."""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat

from .result import Result

ROOT = Path(__file__).parents[1]
#: Goes before a notebook's own cells: collects the seconds that `docker buildx` takes, build by build.
TIMED = """
import layerlab.machine.building as _module, time as _time
_real, _in_builds = _module.run_build, []
def _timed(*words, **options):
    began = _time.perf_counter()
    try:
        build = _real(*words, **options)
    except BaseException:
        _in_builds.append(_time.perf_counter() - began)
        raise
    _in_builds.append(build.seconds)
    return build
_module.run_build = _timed
"""
TOLD = "from pathlib import Path as _Path\n_Path({file!r}).write_text(str(sum(_in_builds)))"


def run() -> Iterator[Result]:
    """Run every notebook and lab, one after another, each in a fresh kernel, on the machine that the previous one left."""
    script = _execute_script()
    total = built = 0.0
    shares = {}
    os.environ.pop("LAYERLAB_STATIC", None)  # pictures of charts are only for committing
    for path in sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("labs/*/lab.ipynb")]):
        with tempfile.NamedTemporaryFile("r") as file:
            notebook = nbformat.read(path, as_version=4)
            notebook.cells.insert(0, nbformat.v4.new_code_cell(TIMED))
            notebook.cells.append(nbformat.v4.new_code_cell(TOLD.format(file=file.name)))
            began = time.perf_counter()
            script.execute(notebook, path.parent)
            seconds, in_builds = time.perf_counter() - began, float(file.read())
        total, built = total + seconds, built + in_builds
        shares[str(path.relative_to(ROOT))] = f"{seconds:.0f} s, {1 - in_builds / seconds:.0%} not in builds"
    yield Result(
        f"time outside builds, of the {total / 60:.0f} minutes that all {len(shares)} notebooks and labs run",
        100 * (1 - built / total), 15, "%", detail=json.dumps(shares, indent=1),
    )  # fmt: skip


def _execute_script():
    """Load scripts/execute_notebooks.py as a module."""
    spec = importlib.util.spec_from_file_location("execute_notebooks", ROOT / "scripts/execute_notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
