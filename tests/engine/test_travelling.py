"""Records that travel, by the commands that a CI job runs; and a build that's read from what the engine itself exports."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import write_project

from layerlab import App, BuildFailed, Machine
from layerlab.commands.main import main
from layerlab.traces import dockerbuild

DOCKERFILE = "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nRUN cat main.py; echo done >&2\nRUN true\n"


@pytest.fixture(scope="module")
def runner(lab_home):
    with Machine.start("travelling") as found:
        yield found


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Run a command as a job of a branch does; gives its exit code, its output and its errors."""
    for name in [n for n in os.environ if n.startswith(("GITHUB_", "CI_", "BRANCH_", "LAYERLAB_BRANCH"))]:
        monkeypatch.delenv(name)
    write_project(tmp_path / "shop", DOCKERFILE)

    def run(*words: object, branch: str = "main") -> tuple[int, str, str]:
        monkeypatch.setenv("LAYERLAB_BRANCH", branch)
        done = CliRunner().invoke(main, list(map(str, words)))
        return done.exit_code, done.stdout, done.stderr

    return run


def test_a_job_keeps_its_record_and_the_next_one_is_compared_with_it(runner, job, tmp_path):
    shop, folder = tmp_path / "shop", tmp_path / "records"
    build = ("build", shop, "--machine", runner.name, "--save", folder)
    code, told, _ = job(*build)
    assert code == 0 and "compared with no earlier build" in told
    runner.reset()  # the next job's computer is a fresh one
    (shop / "main.py").write_text("print('more')\n")
    code, told, _ = job(*build, branch="feature")
    assert code == 0 and "compared with the previous build of shop Dockerfile of branch main on another engine" in told
    assert "line 3: main.py changed" in told and "line 2: the previous build ran on another engine" in told
    for command in ("explain", "report"):
        more = ["--format", "markdown"] if command == "report" else []
        code, told, _ = job(command, shop, "--machine", runner.name, "--saved", folder, *more, branch="feature")
        assert code == 0 and "main.py changed" in told
    # A later job of another computer, which has no such machine, explains the newest record of the branch.
    code, told, _ = job("explain", shop, "--machine", "nothing", "--saved", folder, "--json", branch="feature")
    assert code == 0 and "of branch main" in json.loads(told)["against"]


def test_a_failed_build_is_kept_too_and_its_exit_code_stays(runner, job, tmp_path):
    shop, folder = tmp_path / "shop", tmp_path / "records"
    write_project(shop, DOCKERFILE.replace("RUN true", "RUN false"))
    code, told, errors = job("build", shop, "--machine", runner.name, "--save", folder)
    assert code == 1 and "FAILED" in told and "exit code: 1" in errors
    write_project(shop, DOCKERFILE)
    code, told, _ = job("build", shop, "--machine", runner.name, "--save", folder)
    assert code == 0 and "which failed" in told


def test_records_in_the_context_are_noticed(runner, job, tmp_path):
    build = ("build", tmp_path / "shop", "--machine", runner.name, "--save", tmp_path / "shop" / ".layerlab")
    assert ".dockerignore" not in job(*build)[2]
    code, told, errors = job(*build)
    assert code == 0 and "add `.layerlab` to .dockerignore" in errors and ".layerlab" in told
    (tmp_path / "shop" / ".dockerignore").write_text(".layerlab\n")
    assert ".dockerignore" not in job(*build)[2]


def test_a_record_that_cannot_be_written_costs_no_build(runner, job, tmp_path):
    (tmp_path / "records").write_text("in the way")
    code, told, errors = job("build", tmp_path / "shop", "--machine", runner.name, "--save", tmp_path / "records" / "x")
    assert (
        code == 0
        and "shop Dockerfile:" in told
        and f"The record wasn't saved: can't use {tmp_path / 'records'}" in errors
    )


@pytest.mark.parametrize("change", ["", "RUN false"])
def test_what_the_engine_exports_of_a_build_is_read_as_it_was_recorded(change, runner, tmp_path):
    project = write_project(tmp_path / "shop", DOCKERFILE.replace("RUN true", change or "RUN true"))
    with App.at(project) as app:
        try:
            build = runner.build(app, "Dockerfile", args={"VERSION": "1"}, view="none")
        except BuildFailed as error:
            build = error.build
    ref = runner.docker("buildx", "history", "ls", "--format", "{{.Ref}}").split()[0].rpartition("/")[2]
    file = Path(tmp_path / "shop.dockerbuild")
    runner.docker("buildx", "history", "export", "--output", str(file), ref)
    ((name, imported),) = dockerbuild.load(file).items()
    assert name == ref and (imported.app, imported.variant, imported.args) == ("shop", "Dockerfile", {"VERSION": "1"})
    assert imported.dockerfile == build.dockerfile and bool(imported.error) == bool(build.error)
    assert imported.image_bytes == build.image_bytes and imported.context_bytes == build.context_bytes

    def told(steps):
        return [(s.line, s.stage, s.text, s.state, s.size_bytes, s.log) for s in steps]

    assert told(imported.steps) == told(build.steps)
