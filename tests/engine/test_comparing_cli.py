"""`layerlab compare` and `layerlab diff` in a shell, on a real engine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support import SMALL, write_project


def layerlab(*words):
    command = [sys.executable, "-m", "layerlab", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@pytest.fixture
def project(tmp_path):
    faster = SMALL.replace("WORKDIR /app\n", "WORKDIR /app\nENV A=1\n")
    folder = write_project(tmp_path / "shop", SMALL)
    (folder / "faster.Dockerfile").write_text(faster)
    return folder


def test_compare_measures_and_leaves_the_project_alone(machine, project, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in project.iterdir()}
    words = [
        "compare",
        project,
        "Dockerfile",
        "faster.Dockerfile",
        "--edit",
        "none",
        "--edit",
        "code",
        "--repeats",
        "1",
    ]
    done = layerlab(*words, "--machine", machine.name, "--output", tmp_path / "rows.csv", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(row["variant"], row["edit"]) for row in found] == [
        ("Dockerfile", "none"), ("Dockerfile", "code"), ("faster", "none"), ("faster", "code"),
    ]  # fmt: skip
    assert [row["steps_ran"] for row in found] == [0, 1, 0, 1]
    assert (tmp_path / "rows.csv").read_text().startswith("app,machine,variant")
    assert {path: path.stat().st_mtime_ns for path in project.iterdir()} == before


def test_compare_says_what_it_cannot_do_before_it_starts_a_machine(lab_home, project):
    for words, says in (
        (["Dockerfile", "slow.Dockerfile"], "no variant"),
        (["Dockerfile", "--edit", "weights"], "has no weights"),
        (["Dockerfile", "--edit", "sleep"], "there is no edit 'sleep'"),
    ):
        done = layerlab("compare", project, *words, "--machine", "never")
        assert (done.returncode, says in done.stderr) == (1, True), done.stderr
    assert not (lab_home / "machines" / "never").exists()


def test_diff_shows_what_the_steps_did(machine, project, tmp_path):
    records = [tmp_path / "one.json", tmp_path / "two.json"]
    for file, record in zip(("Dockerfile", "faster.Dockerfile"), records, strict=True):
        assert layerlab("build", project, "-f", file, "--machine", machine.name, "--output", record).returncode == 0
    words = ["diff", project, "Dockerfile", "faster.Dockerfile"]
    assert "ENV A=1: added" in layerlab(*words).stdout
    done = layerlab(*words, "--record", records[0], "--record", records[1])
    assert (done.returncode, "edit none" in done.stdout) == (0, True), done.stderr
    assert isinstance(json.loads(layerlab(*words, "--json").stdout), list)
