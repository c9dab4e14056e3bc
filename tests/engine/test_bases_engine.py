"""Without a hub: stand-ins are made before a build, the engine's own frontend is used, and one error names the rest."""

from __future__ import annotations

import pytest
from support import write_project

from layerlab import App, BuildFailed
from layerlab.errors import SetupError
from layerlab.record.states import CACHED, RAN

QUIET = {"view": "none"}


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    monkeypatch.setenv("LAYERLAB_HUB", "no")


def built(machine, folder, variant="Dockerfile", **more):
    said = []
    with App.at(folder) as app:
        return machine.build(app, variant, say=said.append, **QUIET, **more), "\n".join(said)


def runs(build):
    return [(step.line, step.state) for step in build.steps if step.state in (RAN, CACHED)]


def test_a_stand_in_is_made_before_the_build(machine, tmp_path):
    machine.reset()
    first = "ARG V=3.13\nFROM python:${V}-slim AS a\nFROM docker.io/library/python:3.13\n"
    dockerfile = first + "RUN python --version\nCOPY --from=a /etc/hostname /\n"
    folder = write_project(tmp_path / "shop", dockerfile)
    build, said = built(machine, folder)
    assert any("Python 3.13" in step.log for step in build.steps) or runs(build)[0][1] == CACHED
    assert "python:3.13-slim cannot be pulled" in said
    assert {"python:3.13-slim", "python:3.13"} <= machine.named_contexts().keys()
    again, said = built(machine, folder)
    assert (said, {state for _, state in runs(again)}) == ("", {CACHED})


def test_one_error_names_all_that_cannot_be_had(machine, tmp_path):
    dockerfile = (
        "FROM node:22 AS web\nRUN true\nFROM unused:1 AS unused\nFROM python:3.11-slim\nCOPY --from=web /a /\n"
        "COPY --from=redis /b /\nRUN --mount=type=bind,from=postgres:16,target=/p true\nRUN echo --from=none\n"
    )
    with pytest.raises(SetupError, match=r"needs node:22, redis:latest, postgres:16, which can't be had here"):
        built(machine, write_project(tmp_path / "shop", dockerfile))


@pytest.mark.parametrize("by", ["file", "service", "inline"])
def test_a_frontend_that_cannot_be_had_is_the_engines_own(machine, tmp_path, by):
    dockerfile = "# syntax=docker/dockerfile:1\n# a remark\nFROM python:3.11-slim\nCOPY . /all\nRUN ls /all\n"
    folder = write_project(tmp_path / "shop", dockerfile)
    (folder / "Dockerfile.dockerignore").write_text("main.py\n")
    (folder / ".git").mkdir()
    inline = dockerfile.replace("\n", "\n        ")
    compose = {
        "service": "build: .",
        "inline": f"build:\n      context: .\n      dockerfile_inline: |\n        {inline}",
    }
    if by != "file":
        (folder / "compose.yaml").write_text(f"services:\n  web:\n    {compose[by]}\n")
    variant, more = ("Dockerfile", {}) if by == "file" else ("", {"service": "web"})
    build, said = built(machine, folder, variant, **more)
    assert "docker/dockerfile:1, which reads the Dockerfile, can't be had here" in said
    assert [line for line, _ in runs(build)] == [4, 5]
    assert build.dockerfile.splitlines() == dockerfile.splitlines()
    assert ("main.py" in build.steps[-1].log) == (by == "inline")  # the Dockerfile's own ignore file still counts
    assert (folder / "Dockerfile").read_text() == dockerfile


def test_a_flag_that_needs_the_newer_frontend_is_named(machine, tmp_path):
    dockerfile = "# syntax=docker/dockerfile:1.20-labs\nFROM python:3.11-slim\nCOPY --nosuchflag a /b\n"
    with pytest.raises(BuildFailed, match=r"nosuchflag[\s\S]*`# syntax=docker/dockerfile:1`"):
        built(machine, write_project(tmp_path / "shop", dockerfile))
