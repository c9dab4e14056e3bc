"""The `layerlab` command on a real engine: a person's session from `up` to `down`, interrupted and broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support import PATIENCE

from layerlab.engines.network import bridge_name
from layerlab.system.home import claim

pytestmark = pytest.mark.engine

LAYERLAB = str(Path(sys.executable).with_name("layerlab"))
#: A number of seconds that no other process sleeps for, so that ours is recognised.
NAP = "661.7"


def command(*arguments, **more):
    return subprocess.run([LAYERLAB, *map(str, arguments)], capture_output=True, text=True, timeout=300, **more)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM python:3.11-slim\nWORKDIR /app\nCOPY main.py .\nRUN python main.py\n")
    (folder / "main.py").write_text("print('built')\n")
    (folder / "Slow.Dockerfile").write_text(f"FROM python:3.11-slim\nRUN sleep {NAP}\n")
    return folder


@pytest.fixture
def named(lab_home):
    """A machine of this test's own, gone afterwards."""
    yield "cli"
    command("down", "cli")


def test_a_session(named, project):
    up = command("up", named, "--json")
    assert up.returncode == 0, up.stderr
    assert json.loads(up.stdout)["running"]

    first = command("build", project, "--machine", named, "--json")
    assert first.returncode == 0, first.stderr
    assert [s["state"] for s in json.loads(first.stdout)["steps"]] == ["BASE", "RAN", "RAN", "RAN"]
    again = command("build", project, "--machine", named)
    assert again.stdout.count("CACHED") == 3

    exports = command("up", named, "--env").stdout
    images = subprocess.run(["sh", "-c", f"{exports}\ndocker image ls"], capture_output=True, text=True).stdout
    assert "layerlab-shop" in images

    assert command("reset", named).returncode == 0
    cold = command("build", project, "--machine", named)
    assert cold.stdout.count("CACHED") == 0
    assert sorted(p.name for p in project.iterdir()) == ["Dockerfile", "Slow.Dockerfile", "main.py"]

    assert command("down", named).returncode == 0
    assert named not in command("machines").stdout


def test_a_project_is_built_where_nothing_can_be_written(named, project):
    command("up", named)
    before = seen(project)
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && ! touch "$1/main.py" 2>/dev/null && shift && exec "$@"'
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    words = [*alone, "sh", "-c", script, "sh", str(project), LAYERLAB, "build", str(project), "--machine", named]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("RAN") == 3
    assert seen(project) == before


def seen(folder):
    """All that a write would change of a folder and the files in it."""
    found = {path: path.stat() for path in [folder, *folder.iterdir()]}
    return {path: (s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for path, s in found.items()}


def test_a_cached_build_imports_no_large_library(named, project):
    """docker-py alone would take longer than all else that LayerLab does."""
    command("up", named)
    assert command("build", project, "--machine", named).returncode == 0
    words = [sys.executable, "-X", "importtime", "-m", "layerlab", "build", str(project), "--machine", named]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.stdout.count("CACHED") == 3
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "layerlab" in imported
    assert not imported & {"pandas", "numpy", "docker", "requests", "http", "ssl", "trustme", "psutil", "asyncio"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing_behind(named, project, lab_home, number):
    command("up", named)
    before = set((lab_home / "apps").glob("*"))
    build = subprocess.Popen(
        [LAYERLAB, "build", str(project), "-f", "Slow.Dockerfile", "--machine", named],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip
    wait_until(sleeping, "the step to run")
    build.send_signal(number)
    build.communicate(timeout=PATIENCE)
    assert build.returncode == 128 + number
    wait_until(lambda: not sleeping(), "the engine to cancel the step")
    assert set((lab_home / "apps").glob("*")) == before
    assert command("build", project, "--machine", named).returncode == 0


def test_doctor_is_content_with_a_computer_that_builds(named):
    command("up", named)
    report = json.loads(command("doctor", "--json").stdout)
    found = {f["name"]: f for f in report["findings"]}
    assert found["engine"]["ok"], found["engine"]
    assert found["buildx"]["ok"], found["buildx"]
    assert found["compose"]["ok"], found["compose"]
    assert f"{named} (" in found["machines"]["what"]


def test_a_machine_whose_records_are_lost_is_removed(lab_home, tmp_path, monkeypatch):
    """`clean` in a home of its own that borrows the engine and the seed, so that nothing is made twice."""
    import layerlab.machine.cleanup
    import layerlab.machine.machine

    lender = lab_home / "cache"
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAYERLAB_ENGINE", "process")
    claim()
    (tmp_path / "home" / "cache").mkdir()
    for name in ("engine", "images", "tools"):
        (tmp_path / "home" / "cache" / name).symlink_to(lender / name)
    layerlab.machine.machine.Machine.start("lost", say=lambda _: None)
    bridge = bridge_name("lost")
    assert bridge in psutil.net_if_addrs()

    (tmp_path / "home" / "machines" / "lost" / "machine.json").unlink()
    done = layerlab.machine.cleanup.clean()

    assert not done.problems
    assert "machine lost" in done.removed
    assert bridge not in psutil.net_if_addrs()
    assert layerlab.machine.cleanup.running() == []
    assert not (tmp_path / "home").exists()
    assert (lender / "engine").exists()


def sleeping() -> bool:
    return any(p.info["cmdline"] == ["sleep", NAP] for p in psutil.process_iter(["cmdline"]))


def wait_until(condition, what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)
