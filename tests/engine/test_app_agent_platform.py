"""The agent platform: every variant is built, started and asked; its flags, its clutter, its build command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from layerlab import App
from layerlab.engines.images import STANDIN
from layerlab.machine import package_index

VARIANTS = ("before", "guide", "after", "root")


@pytest.fixture(scope="module")
def platform(machine):
    """A scratch copy, the office's package index on the machine, and a first build of each variant."""
    with (
        App("agent_platform") as app,
        package_index.served(machine, app) as office,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in office.items():
            patch.setenv(name, value)
        builds = {v: machine.build(app, v, args=office if v == "root" else {}) for v in VARIANTS}
        yield app, builds


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_answers(machine, platform, variant):
    app, builds = platform
    answer = machine.ask(app, builds[variant])
    assert answer.healthy and answer.correct, answer
    assert "head of finance" in answer.text and "12 facts" in answer.health


def test_the_index_was_asked_and_pips_cache_is_in_the_guides_image(machine, platform):
    _, builds = platform
    assert package_index.requests(machine) > 20
    small, large = (int(machine.docker("run", "--rm", builds[v].image, "sh", "-c",
        "du -sk /root/.cache/pip /tmp/pip-cache 2>/dev/null | cut -f1 | paste -sd+ | sed 's/^$/0/'").split("+")[0])
        for v in ("before", "guide"))  # fmt: skip
    assert small < 100 < 10_000 < large


def test_a_code_edit_downloads_all_or_nothing_and_a_new_package_only_itself(machine, platform):
    app, builds = platform
    app.edit("code")
    again = {v: machine.build(app, v) for v in ("before", "after")}
    assert again["before"].downloaded_bytes == builds["before"].downloaded_bytes > 10_000_000
    assert again["after"].downloaded_bytes == 0 and again["after"].state("pip install") == "CACHED"
    app.edit("dependency")
    assert 0 < machine.build(app, "after").downloaded_bytes < 1_000_000


def test_the_clutter_reaches_the_image_that_has_no_ignore_file(machine, platform):
    _, builds = platform
    seen = {v: set(builds[v].contexts["context"].entries) for v in ("before", "guide", "after")}
    assert {".env", ".git/HEAD", ".venv/pyvenv.cfg", "data/raw/events.jsonl", "logs/agents.log"} <= seen["before"]
    assert not {".env", ".git/HEAD", ".venv/pyvenv.cfg"} & seen["guide"]
    assert "amas/__pycache__/planner.cpython-311.pyc" in seen["guide"]  # *.pyc is the root's
    assert {path.split("/")[0] for path in seen["after"]} == {"requirements.txt", "main.py", "amas", "data"}
    assert "made-up" in machine.docker("run", "--rm", builds["before"].image, "cat", ".env")


def test_junk_runs_nothing_where_it_is_ignored(machine, platform):
    app, _ = platform
    machine.build(app, "after")
    app.edit("context")
    assert not [s for s in machine.build(app, "after").steps if s.state == "RAN"]
    assert machine.build(app, "guide").state("COPY . .") == "RAN"


def test_clean_cache_takes_the_projects_own_and_nothing_else(machine, platform):
    app, _ = platform
    theirs = "FROM python:3.11-slim\nRUN --mount=type=cache,id={0},target=/c echo {0} > /c/file\n"
    for name in ("theirs", "not-amas-either"):
        app.write(f"{name}.Dockerfile", theirs.format(name))
        machine.build(app, f"{name}.Dockerfile")
    machine.build(app, "after")
    base = machine.docker("images", "--quiet", "python:3.11-slim").strip()
    if not base:  # Compose, unlike LayerLab's builds, knows nothing of stand-ins
        machine.docker("tag", f"{STANDIN}python:3.11-slim", "python:3.11-slim")
    try:
        said = build_py(
            machine, app, "--compose-file", "docker-compose.after.yml", "--skip-base-images", "--clean-cache"
        )
    finally:
        if not base:
            machine.docker("image", "rm", "python:3.11-slim")
    assert said.returncode == 0, said.stdout + said.stderr
    mounts = machine.docker("buildx", "du", "--verbose", "--filter", "type=exec.cachemount")
    assert "theirs" in mounts and "not-amas-either" in mounts
    assert said.stdout.count("buildx prune") == 1 and "image rm amas-backend:after" in said.stdout
    assert machine.docker("images", "--quiet", "amas-backend:before").strip()


def test_the_build_command_says_what_it_would_run(machine, platform):
    app, _ = platform
    said = build_py(machine, app, "--no-cache", "--dry-run").stdout
    assert said == "$ docker compose --file docker-compose.essential.yml build --pull --no-cache\n"
    assert build_py(machine, app, "--clean").returncode == 2


def build_py(machine, app, *options: str) -> subprocess.CompletedProcess:
    from layerlab.engines.endpoint import docker_program
    from layerlab.system.shell import environment

    variables = environment(machine.environment)
    variables["PATH"] = f"{os.path.dirname(docker_program())}{os.pathsep}{variables['PATH']}"
    return subprocess.run(
        [sys.executable, "build.py", *options], cwd=app.path, env=variables, capture_output=True, text=True
    )
