"""What `layerlab build` adds to the bare command on projects of six kinds, with whycache beside it.

Bare is `docker buildx build` on the same engine. All three are started as a user starts them, take turns, and build the same
project in place. whycache (on PyPI) is the one other tool that says why a build's cache broke; it's measured where it's
installed: on PATH, or at $WHYCACHE.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from layerlab import Machine
from layerlab.contexts.taking import CLOCK_STEP
from layerlab.engines import endpoint
from layerlab.system.shell import environment

from .result import Result, spread
from .turns import in_rounds, ratio

ROUNDS = 9
MACHINE = "bench-in-place"
BASE = "python:3.11-slim"
#: Bytes of the large files, in files of 100 MB.
LARGE, PART = 1_500_000_000, 100_000_000
DOCKERFILE = f"FROM {BASE}\nWORKDIR /app\nCOPY requirements.txt .\nRUN echo installed\nCOPY . .\n"
MEMORY_MB = 150


@dataclasses.dataclass(frozen=True)
class Project:
    """One kind of project.

    Attributes:
        what: what it is, in words.
        limit: how many times as long as the bare command a build may take.
        fill: writes what's special about it.
        ignore: its ignore file.
        change: what happens before each build; nothing for an unchanged project.
    """

    what: str
    limit: float
    fill: Callable[[Path], None] = lambda folder: None
    ignore: str = ""
    change: Callable[[Path], None] | None = None


def _small_files(folder: Path, count: int) -> None:
    for number in range(count):
        place = folder / f"package_{number // 1000:03}" / f"module_{number // 100 % 10}"
        if number % 100 == 0:
            place.mkdir(parents=True)
        (place / f"file_{number % 100:02}.py").write_text(f"# file {number}\n" * 20)


def _large_files(folder: Path) -> None:
    folder.mkdir()
    block = os.urandom(1 << 20)
    for number in range(LARGE // PART):
        with (folder / f"part_{number:02}.bin").open("wb") as file:
            for _ in range(PART // len(block)):
                file.write(block[:-16] + os.urandom(16))


def _rewrite(project: Path) -> None:
    """Change each large file, so that the engine needs all of them again."""
    for file in (project / "data").iterdir():
        with file.open("r+b") as opened:
            opened.write(os.urandom(16))
    os.sync()  # otherwise the next build would wait for this one's disk
    time.sleep(CLOCK_STEP / 1e9)


PROJECTS = (
    Project("a small project, fully cached", 1.25),
    Project("30,000 ignored files", 1.25, lambda folder: _small_files(folder / ".venv", 30_000), ".venv\n"),
    Project("1.5 GB ignored", 1.1, lambda folder: _large_files(folder / "data"), "data\n"),
    Project("1.5 GB in the context, all new", 1.1, lambda folder: _large_files(folder / "data"), change=_rewrite),
    Project("1.5 GB in the context, unchanged", 1.1, lambda folder: _large_files(folder / "data")),
    Project("100,000 small files in the context, unchanged", 1.3, lambda folder: _small_files(folder / "src", 100_000)),
)


def run() -> Iterator[Result]:
    most = 0.0
    with Machine.start(MACHINE) as machine:
        for project in PROJECTS:
            with tempfile.TemporaryDirectory(prefix="layerlab-bench-") as name:
                folder = _written(project, Path(name))
                contestants = _contestants(machine, folder, Path(name))
                seconds, memory = _measured(machine, project, folder, contestants)
                most = max(most, memory)
                yield from _compared(project, seconds)
                if project is PROJECTS[0]:
                    yield from _afterwards(folder)
    yield Result(
        "memory that `layerlab build` and its client take", most / 1e6, MEMORY_MB, "MB", detail="the most of all"
    )


def _written(project: Project, place: Path) -> Path:
    folder = place / "project"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "requirements.txt").write_text("humanize\n")
    (folder / "main.py").write_text("print('hello')\n")
    if project.ignore:
        (folder / ".dockerignore").write_text(project.ignore)
    project.fill(folder)
    time.sleep(CLOCK_STEP / 1e9)  # a file that has just changed would be read again
    return folder


#: A command and its environment.
_Contestant = tuple[list[str], Mapping[str, str]]


def _contestants(machine: Machine, folder: Path, home: Path) -> dict[str, _Contestant]:
    variables = environment(machine.environment)
    given = [f"--build-context={name}={source}" for name, source in machine.named_contexts().items()]
    bare = [endpoint.docker_program(), "buildx", "build", "--progress=plain", "--tag=bench-bare", *given, str(folder)]
    ours = [sys.executable, "-m", "layerlab", "build", str(folder), "--machine", MACHINE]
    found: dict[str, _Contestant] = {"bare": (bare, variables), "layerlab": (ours, dict(os.environ))}
    if whycache := os.environ.get("WHYCACHE") or shutil.which("whycache"):
        # What it keeps of a project is in the user's home: not in this user's.
        found["whycache"] = (
            [whycache, str(folder), "--", "--tag=bench-whycache", *given], {**variables, "HOME": str(home)}
        )  # fmt: skip
    return found


def _measured(
    machine: Machine, project: Project, folder: Path, contestants: Mapping[str, _Contestant]
) -> tuple[dict[str, list[float]], float]:
    """Return the seconds of each contestant's builds, and the most memory that a build of ours took, bytes."""
    memory = 0.0

    def build(name: str) -> float:
        nonlocal memory
        if project.change:
            # Each of these builds leaves gigabytes. It's the benchmark's own machine.
            machine.docker("image", "prune", "--force")
            machine.docker("buildx", "prune", "--all", "--force")
            project.change(folder)
        command, variables = contestants[name]
        seconds, most = _timed(command, variables)
        memory = max(memory, most if name == "layerlab" else 0.0)
        return seconds

    return in_rounds({name: lambda name=name: build(name) for name in contestants}, ROUNDS), memory


def _timed(command: list[str], variables: Mapping[str, str]) -> tuple[float, float]:
    """Run a command; return its seconds, and the most memory that it or a process it waited for took, bytes."""
    silent = subprocess.DEVNULL
    began = time.perf_counter()
    process = subprocess.Popen(command, env=variables, stdin=silent, stdout=silent, stderr=silent)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return seconds, usage.ru_maxrss * 1024


def _compared(project: Project, seconds: Mapping[str, list[float]]) -> Iterator[Result]:
    ours, bare, whycache = seconds["layerlab"], seconds["bare"], seconds.get("whycache")
    detail = f"{spread(ours, 's')}, bare {statistics.median(bare):.2f} s"
    if whycache:
        detail += f", whycache {statistics.median(whycache):.2f} s ({ratio(whycache, bare):.2f} ×)"
    yield Result(f"`layerlab build` / bare: {project.what}", ratio(ours, bare), project.limit, "×", detail=detail)
    if whycache:
        yield Result(f"`layerlab build` / whycache: {project.what}", ratio(ours, whycache), 1.0, "×")


def _afterwards(folder: Path) -> Iterator[Result]:
    """Measure the commands that show an earlier build."""
    for words in (("explain",), ("report", "--format", "markdown")):
        command = [sys.executable, "-m", "layerlab", words[0], str(folder), *words[1:], "--machine", MACHINE]
        seconds = [_timed(command, os.environ)[0] for _ in range(ROUNDS)]
        yield Result(f"`layerlab {words[0]}`", statistics.median(seconds), 0.5, "s", detail=spread(seconds, "s"))
