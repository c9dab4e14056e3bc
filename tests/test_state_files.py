"""Files that say what exists, damaged: truncated by a crash, edited by hand, of another version. Each is named with a way out."""

from __future__ import annotations

import json
import os
import threading

import pytest
from click.testing import CliRunner

from layerlab import Machine
from layerlab.commands.main import main
from layerlab.diagnosing.checks import judge_machines, look_at_machines
from layerlab.engines.seed import SEED_NAME
from layerlab.errors import LayerLabError, MachineError
from layerlab.machine import cleanup
from layerlab.machine.registry import Registry
from layerlab.predicting import score
from layerlab.record import history
from layerlab.system.files import replace_text
from layerlab.system.home import claim, machine_dir

DAMAGED = [
    "",
    "{",
    "[]",
    "3",
    "null",
    '"laptop"',
    "{}",
    '{"engine": 3}',
    '{"engine": "podman"}',
    '{"engine": ["process"]}',
]
damaged = pytest.mark.parametrize("text", DAMAGED)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    claim()


def broken(text: str) -> None:
    machine_dir("laptop").mkdir(parents=True)
    (machine_dir("laptop") / "machine.json").write_text(text)


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.output


@damaged
def test_a_machine_whose_file_is_damaged_is_shown_and_can_be_removed(text):
    broken(text)
    assert "laptop" in run("machines") and "unknown" in run("machines")
    assert json.loads(run("machines", "--json"))[0]["engine"] == "unknown"
    told = run("up", code=1)
    assert "machine.json can't be read" in told and "layerlab down laptop" in told
    assert "is gone" in run("down", "laptop")
    assert run("machines").startswith("There are no machines")


@damaged
def test_doctor_counts_it(text):
    broken(text)
    finding = look_at_machines()
    assert finding.ok is False
    assert "layerlab down laptop" in finding.remedy


def test_a_machine_that_stopped_is_no_problem():
    assert judge_machines({"laptop": ("process", False)}, {}, {}, {}).ok is None


@pytest.mark.parametrize("name", ["seed", "seed-0a1b2c3d", SEED_NAME])
def test_a_half_made_seed_is_no_machine_whatever_its_recipe_but_clean_removes_it(name):
    machine_dir(name).mkdir(parents=True)
    (machine_dir(name) / "machine.json").write_text(json.dumps({"name": name, "engine": "process"}))
    assert Machine.all() == []
    assert name in cleanup.machine_names()


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": 3}', '{"a": null}'])
def test_damaged_contexts_are_asked_for_again(text, monkeypatch):
    broken('{"name": "laptop", "engine": "process"}')
    (machine_dir("laptop") / "contexts.json").write_text(text)
    (machine,) = Machine.all()
    monkeypatch.setattr(Machine, "_tags", lambda _: ["layerlab-standin/python:3.11-slim"])
    expected = {"python:3.11-slim": "docker-image://layerlab-standin/python:3.11-slim"}
    assert machine.named_contexts() == expected
    assert json.loads((machine_dir("laptop") / "contexts.json").read_text()) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"format": 99}', '{"format": 3}', '{"format": 3, "steps": 7}'])
def test_a_damaged_build_is_left_out_of_the_history(text, tmp_path):
    broken('{"name": "laptop", "engine": "process"}')
    folder = history._folder("laptop", str(tmp_path))
    folder.mkdir(parents=True)
    (folder / "2026.json").write_text(text)
    assert history.builds(tmp_path, "laptop") == []
    assert "hasn't been built" in run("explain", str(tmp_path), code=1)


DAMAGED_REGISTRY = [
    "", "{", "[]", '{"host": "process"}', '{"host": "x", "ports": [1, 2]}', '{"host": "process", "ports": [1]}',
    '{"host": "process", "ports": "ab"}',
]  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED_REGISTRY)
def test_a_damaged_registry_is_not_there(text, tmp_path):
    folder = tmp_path / "home" / "registries" / "registry"
    folder.mkdir(parents=True)
    (folder / "registry.json").write_text(text)
    assert Registry.all() == []


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"a": 3}', '{"a": {"when": "now"}}'])
def test_a_damaged_score_is_a_message(text, tmp_path):
    (tmp_path / "home" / score.FILE).write_text(text)
    with pytest.raises(LayerLabError, match=r"can't be read.*\n.*start the score again"):
        score.score()


def test_nobody_ever_reads_half_a_file(tmp_path):
    file, ends = tmp_path / "file", threading.Event()
    replace_text(file, "a" * 100_000)

    def write() -> None:
        while not ends.is_set():
            for letter in "ab":
                replace_text(file, letter * 100_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            text = file.read_text()
            assert len(text) == 100_000 and len(set(text)) == 1
    finally:
        ends.set()
        writer.join()
    assert sorted(os.listdir(tmp_path)) == ["file", "home"]


def test_a_write_that_fails_leaves_the_old_text_and_nothing_else(tmp_path):
    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    replace_text(file, "old")
    with pytest.raises(UnicodeEncodeError):
        replace_text(file, "\udc80")
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_an_engine_nobody_knows_can_do_nothing_else():
    broken("")
    (machine,) = Machine.all()
    with pytest.raises(MachineError, match=r"machine\.json can't be read"):
        machine.docker("info")
