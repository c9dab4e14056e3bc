"""Keep the builds of a case as a file, so that the fast tests hold the explainer to the case's answer without an engine.

`LAYERLAB_RECORD=yes make test-all TEST_ARGS="tests/engine/test_cases.py -k 'reports and …'"` writes them.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import re
from pathlib import Path
from typing import Any

from layerlab import Build
from layerlab.explaining.against import explain_against
from layerlab.explaining.causes import Explanation
from layerlab.record import history
from layerlab.record.states import CACHED

from . import failures, projects, reports
from .scene import Case, Scene

#: The cases that are kept.
RECORDED = (*reports.CASES, *projects.CASES, *failures.CASES)
FOLDER = Path(__file__).parents[2] / "traces" / "cases"
#: What `explain` reads of a provenance.
_READ = ("buildConfig", "materials", "invocation", "metadata")
_METADATA = "https://mobyproject.org/buildkit@v1#metadata"


def keep(scene: Scene, build: Build) -> None:
    """Write the builds of a case of RECORDED if LAYERLAB_RECORD is set."""
    if "LAYERLAB_RECORD" not in os.environ or scene.case not in RECORDED:
        return
    builds = [build, *history.before(build)]
    told = json.dumps({"forgotten": not history.kept(build), "builds": [_slim(b.to_json()) for b in builds]})
    words = {scene.servers.http: "http://site", scene.servers.git: "git://site", scene.token: "case"}
    words |= {str(scene.source.parent): "/work", os.environ["LAYERLAB_HOME"]: "/home/me/layerlab"}
    for word in sorted(words, key=len, reverse=True):
        told = told.replace(word, words[word])
    FOLDER.mkdir(exist_ok=True)
    with gzip.GzipFile(file_of(scene.case), "wb", mtime=0) as file:
        file.write(told.encode())


def replayed(case: Case) -> tuple[Build, Explanation]:
    """Return the last build of a recorded case, and its explanation."""
    told = json.loads(gzip.decompress(file_of(case).read_bytes()))
    build, *earlier = [Build.from_json(one) for one in told["builds"]]
    return build, explain_against(build, earlier, forgotten=told["forgotten"])


def drafted(build: Build) -> Build:
    """Return a build as a draft has it (`explaining.drafts`): what it was made from, and nothing that it did."""
    steps = tuple(dataclasses.replace(step, state=CACHED, started=None) for step in build.steps)
    return dataclasses.replace(build, provenance={}, steps=steps)


def file_of(case: Case) -> Path:
    """Return where the case's recording is kept."""
    return FOLDER / (re.sub(r"\W+", "-", case.name.lower()).strip("-") + ".json.gz")


def _slim(build: dict[str, Any]) -> dict[str, Any]:
    """Leave out what `explain` doesn't read: the trace, logs, and most of the provenance."""
    provenance = {k: v for k, v in build["provenance"].items() if k in _READ}
    metadata = provenance.get("metadata", {}).get(_METADATA, {})
    if provenance:
        provenance["metadata"] = {_METADATA: {"layers": metadata.get("layers", {})}}
        provenance["invocation"] = {"parameters": provenance.get("invocation", {}).get("parameters", {})}
    return {**build, "trace": "", "provenance": provenance, "phases": [], "warnings": []}
