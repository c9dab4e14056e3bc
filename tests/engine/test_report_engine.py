"""The report of real builds: causes, sizes and comparison from the engine, and a secret that a step prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import small_app

from layerlab import report

pytestmark = pytest.mark.engine

SECRET, TOKEN = "s3cr3t-of-the-test-0815", "t0ken-of-the-test-4711"
DOCKERFILE = """FROM python:3.11-slim
ARG API_TOKEN
WORKDIR /app-of-this-test
COPY main.py .
RUN --mount=type=secret,id=thing,env=THING echo "saw $THING and $API_TOKEN" && head -c 300000 /dev/urandom > blob
"""


def test_causes_sizes_and_no_secret(machine, tmp_path, monkeypatch):
    monkeypatch.setenv("REPORT_THING", SECRET)
    given = {"args": {"API_TOKEN": TOKEN}, "options": ["--secret=id=thing,env=REPORT_THING"], "view": "none"}
    with small_app(tmp_path / "shop", DOCKERFILE) as app:
        machine.build(app, "Dockerfile", **given)
        app.write("main.py", "print('changed')\n")
        build = machine.build(app, "Dockerfile", **given)
        assert SECRET in build.steps[-1].log and TOKEN in build.steps[-1].log  # there is something to hide
        texts = [
            report(build, tmp_path / f"r.{form}", format=form).read_text() for form in ("html", "markdown", "json")
        ]
        # The command finds the same build in the history of the machine.
        done = subprocess.run(
            [Path(sys.executable).with_name("layerlab"), "report", app.source, "--machine", machine.name, "--format=json"],
            capture_output=True, text=True, env=os.environ,
        )  # fmt: skip
    assert not [text for text in (*texts, done.stdout) if SECRET in text or TOKEN in text]
    told = json.loads(texts[-1])
    assert [(s["line"], s["causes"][0]["kind"]) for s in told["steps"] if s["root"]] == [(4, "file changed")]
    assert sum(s["size_bytes"] for s in told["steps"] if s["in_image"]) == told["totals"]["image_bytes"]
    states = [(p["before"]["state"], p["now"]["state"]) for p in told["comparison"]["steps"][1:]]
    assert states == [("RAN", "CACHED"), ("RAN", "RAN"), ("RAN", "RAN")]
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == told
