"""How long it takes until a new machine is ready, and until a used one is cold again."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from layerlab import App, Machine, engines
from layerlab.system.home import MARKER, cache_dir

from .result import Result, spread

REPEATS = 5
LIMIT = 3.0
#: Makes as many files as a large set of packages, and as many bytes as a small model.
BIG = """FROM python:3.11-slim
RUN python -c "for i in range(60_000): open(f'/opt/{i}', 'wb').write(b'0123456789' * 1000)"
"""
WORDS = {"process": "a private dockerd", "container": "a container in Docker"}


def run() -> Iterator[Result]:
    """Measure this computer's kind of engine; if that's a private dockerd, also measure machines in containers inside one."""
    kind = engines.choose().kind
    yield from _results(kind, measure())
    if kind == "process":
        with Machine.start("bench-docker") as outer:
            yield from _results("container", _measure_inside(outer))


def measure() -> dict[str, list[float]]:
    """Return the seconds of starts from the seed, of resets after a real build, and after one that leaves much to delete."""
    with Machine.start("bench"):  # makes the seed if there's none
        pass
    seconds: dict[str, list[float]] = {"start": [], "reset": [], "reset much": []}
    with App("radiology_api") as app, App.from_path(_big_project()) as big:
        for _ in range(REPEATS):
            began = time.perf_counter()
            machine = Machine.start("bench")
            seconds["start"].append(time.perf_counter() - began)
            with machine:
                machine.build(app, "after", view="none")
                began = time.perf_counter()
                machine.reset()
                seconds["reset"].append(time.perf_counter() - began)
                machine.build(big, "Dockerfile", view="none")
                began = time.perf_counter()
                machine.reset()
                seconds["reset much"].append(time.perf_counter() - began)
    return seconds


def _big_project() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="layerlab-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "Dockerfile").write_text(BIG)
    return folder


def _measure_inside(outer: Machine) -> dict[str, list[float]]:
    """Measure the same in another process, which takes `outer` for the user's Docker. Its home borrows our packages."""
    with tempfile.TemporaryDirectory(prefix="layerlab-bench-", ignore_cleanup_errors=True) as home:
        os.mkdir(f"{home}/cache")
        Path(home, MARKER).touch()
        for name in ("engine", "images", "prepared"):
            if (cache_dir() / name).exists():
                os.symlink(cache_dir() / name, f"{home}/cache/{name}")
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.machines"], capture_output=True, text=True,
            env={**os.environ, **outer.environment, "LAYERLAB_HOME": home, "LAYERLAB_ENGINE": "container"},
        )  # fmt: skip
        shutil.rmtree(home, ignore_errors=True)
    if done.returncode:
        raise RuntimeError(f"couldn't measure machines in containers:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _results(kind: str, seconds: dict[str, list[float]]) -> Iterator[Result]:
    for action, what in (
        ("start", "a new machine"),
        ("reset", "a reset after a real build"),
        ("reset much", "a reset after a build of 60,000 files"),
    ):
        times = seconds[action]
        yield Result(f"{what}: {WORDS[kind]}", statistics.median(times), LIMIT, "s", detail=spread(times, "s"))


if __name__ == "__main__":
    print(json.dumps(measure()))
