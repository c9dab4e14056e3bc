"""Which images a build takes something from, and which frontend it asks for: read before anything is built."""

from __future__ import annotations

import pytest

from layerlab import App
from layerlab.machine import bases
from layerlab.machine.resolving import resolve
from layerlab.traces import instructions


@pytest.fixture
def wants(tmp_path, monkeypatch):
    """A function that returns the images and the frontend of a Dockerfile."""
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    (tmp_path / "shop").mkdir()

    def of(dockerfile, **more):
        (tmp_path / "shop" / "Dockerfile").write_text(dockerfile)
        with App.at(tmp_path / "shop") as app:
            made = resolve(app, "Dockerfile", **more)
        return bases._images(made), bases._frontend(made)

    return of


@pytest.mark.parametrize(
    ("dockerfile", "images"),
    [
        ("FROM python:3.13-slim\n", ["python:3.13-slim"]),
        ("FROM docker.io/library/python:3.13\nFROM python\n", ["python:latest"]),
        ("FROM --platform=$BUILDPLATFORM a:1 AS Build\nFROM b/c:2\nCOPY --from=build /x /\n", ["a:1", "b/c:2"]),
        ("FROM a:1 AS x\nFROM scratch\nCOPY --link --from=x /a /\nCOPY --from=0 /b /\n", ["a:1"]),
        ("FROM a:1\nCOPY --chown=1 --from=c:3 /c /\n", ["a:1", "c:3"]),
        ("FROM a:1 AS unused\nFROM b:1\nRUN pip --from=nobody --mount=from=nobody\n", ["b:1"]),
        ("FROM b:1\nRUN --mount=type=bind,from=c:1,target=/c --mount=type=cache,target=/d true\n", ["b:1", "c:1"]),
        ("ARG V=1\nARG W\nFROM a:$V\nCOPY --from=$W /a /\n", ["a:1"]),
        ("FROM registry.example.com/a:1\nCOPY --from=localhost:5000/b /b /\nCOPY --from=c@sha256:00 /c /\n", []),
        ("FROM scratch\nCOPY <<EOF /a\nFROM no:1\nEOF\n", []),
    ],
)  # fmt: skip
def test_the_images_that_a_build_takes_from(wants, dockerfile, images):
    assert wants(dockerfile)[0] == images


def test_a_context_an_argument_and_a_target_count(wants):
    dockerfile = "ARG V=1\nFROM a:$V AS one\nFROM b:1 AS two\nCOPY --from=lib /a /\n"
    assert wants(dockerfile)[0] == ["b:1", "lib:latest"]
    assert wants(dockerfile, options=["--build-context=lib=.", "--build-context=b:1=docker-image://c"])[0] == []
    assert wants(dockerfile, args={"V": "2"}, target="one")[0] == ["a:2"]


def test_a_stage_has_a_name_and_a_number():
    found = instructions.read("ARG V\nFROM a AS Build\nRUN one\nFROM b\n")
    assert instructions.stages(found) == {"build": 0, "0": 0, "stage-1": 1, "1": 1}


@pytest.mark.parametrize(
    ("dockerfile", "frontend"),
    [
        ("# syntax=docker/dockerfile:1\nFROM scratch\n", "docker/dockerfile:1"),
        ("#SYNTAX = docker/dockerfile\nFROM scratch\n", "docker/dockerfile:latest"),
        ("# escape=`\n# syntax=docker/dockerfile:1.7-labs\nFROM scratch\n", "docker/dockerfile:1.7-labs"),
        ("# a remark\n# syntax=docker/dockerfile:1\nFROM scratch\n", ""),
        ("FROM scratch\n# syntax=docker/dockerfile:1\n", ""),
        ("# syntax=registry.example.com/dockerfile:1\nFROM scratch\n", ""),
    ],
)
def test_the_frontend_that_a_dockerfile_asks_for(wants, dockerfile, frontend):
    assert wants(dockerfile)[1] == frontend


def test_the_users_own_frontend_counts(wants):
    dockerfile = "# syntax=docker/dockerfile:1\nFROM scratch\n"
    assert wants(dockerfile, args={"BUILDKIT_SYNTAX": "a:1"})[1] == ""
    assert wants(dockerfile, options=["--build-arg", "BUILDKIT_SYNTAX=a:1"])[1] == ""
