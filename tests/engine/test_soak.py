"""Many builds by several processes on several machines, while something is killed at random: no wrong record, no leak.

Only `make soak` runs it (SOAK sets the minutes), as `make nightly` does. Nothing leaves the computer: the builds have no network.
"""

from __future__ import annotations

import collections
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from leftovers import nothing_left
from support import engine_family, kill, running, small_app, start_python, write_project

from layerlab import Build, LayerLabError, Machine
from layerlab.record import history
from layerlab.system.home import home

MINUTES = float(os.environ.get("LAYERLAB_SOAK", "0"))
#: It goes on until so many builds a minute were made, even if the minutes are over: 200 in ten.
BUILDS_A_MINUTE = 20
#: Seconds between two faults, at most.
FAULT_SECONDS = 8.0
MACHINES = ("soak-1", "soak-2", "soak-3")
WORKERS = 4
#: What a build's steps are, and what RUN prints: a checksum of what it was given, which the record has to agree with.
DOCKERFILE = """FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN sha256sum requirements.txt
COPY main.py .
RUN sha256sum main.py && sleep 0.{nap}
"""
#: One process that builds and checks its records until there's a file called "stop". Each line that it writes is a build ("ok",
#: "failed"), or what was wrong with one.
WORKER = '''
import hashlib, json, pathlib, random, secrets, sys
from layerlab import App, Build, LayerLabError, Machine, explain

folder, output, stop, seed, *names = sys.argv[1:]
chance = random.Random(int(seed))
LINES = [(1, "FROM"), (2, "WORKDIR"), (3, "COPY"), (4, "RUN"), (5, "COPY"), (6, "RUN")]

def wrong(build, app, fresh):
    """Yield what's wrong with a record, whatever happened meanwhile."""
    if [(s.line, s.instruction) for s in build.steps] != LINES:
        yield f"its steps are {[(s.line, s.instruction) for s in build.steps]}"
    for step, file in ((build.steps[3], "requirements.txt"), (build.steps[5], "main.py")):
        digest = hashlib.sha256(app.file(file).read_bytes()).hexdigest()
        if step.state == "RAN" and digest not in step.log:
            yield f"line {step.line} ran on another {file}"
        if step.state == "CACHED" and file == fresh:
            yield f"line {step.line} is cached, with a {file} that never was"
    if not all(step.state in ("RAN", "CACHED", "BASE") for step in build.steps):
        yield f"it succeeded, with {[s.state for s in build.steps]}"
    if Build.from_json(json.loads(json.dumps(build.to_json()))) != build:
        yield "it isn't loaded back equal"
    for step in explain(build).steps:
        if step.state == "RAN" and not step.causes:
            yield f"nothing explains line {step.line}"

def say(**what):
    with open(output, "a") as file:
        file.write(json.dumps(what) + "\\n")

with App.from_path(folder) as app:
    while not pathlib.Path(stop).exists():
        fresh = chance.choice(["main.py", "main.py", "requirements.txt", ""])
        if fresh:
            app.write(fresh, f"# {secrets.token_hex(16)}\\n")
        name = chance.choice(names)
        try:
            machine = Machine.start(name, say=lambda _: None)
            build = machine.build(app, "Dockerfile", view="none", options=["--network=none"])
        except LayerLabError as error:
            say(outcome="failed", error=str(error)[:2000], remedy=bool(error.remedy))
        else:
            for problem in wrong(build, app, fresh):
                say(outcome="wrong", error=f"{name}: {problem}\\n{build.trace}")
            say(outcome="ok")
'''


class Crowd:
    """The processes that build, and what they told."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance, self.told = folder, chance, collections.Counter()
        self.problems: list[str] = []
        self.workers: list[tuple[subprocess.Popen, Path]] = []
        for _ in range(WORKERS):
            self.add()

    def add(self) -> None:
        """Start one more process, with a project of its own."""
        number = len(list(self.folder.glob("project-*")))
        project, output = self.folder / f"project-{number}", self.folder / f"told-{number}"
        write_project(project, DOCKERFILE.format(nap=number % 5))
        output.touch()
        seed = self.chance.randrange(10**6)
        self.workers.append((start_python(WORKER, project, output, self.folder / "stop", seed, *MACHINES), output))

    def replace_dead(self) -> None:
        """Put a new process in the place of each that was killed. One that ended on its own is a problem."""
        for process, output in list(self.workers):
            if process.poll() is not None:
                self.workers.remove((process, output))
                self.take(process, output, expected=(-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT))
                self.add()

    def take(self, process: subprocess.Popen, output: Path, expected: tuple[int, ...]) -> None:
        errors = process.stderr.read()
        if process.returncode not in expected:
            self.problems.append(f"a process ended with {process.returncode}: {errors[-3000:]}")
        for line in output.read_text().splitlines():
            told = json.loads(line)
            self.told[told["outcome"]] += 1
            if told["outcome"] == "wrong" or not told.get("remedy", True):
                self.problems.append(told["error"])

    def builds(self) -> int:
        going = sum(output.read_text().count("\n") for _, output in self.workers)
        return going + sum(self.told.values())

    def end(self) -> None:
        """Let each process finish its build."""
        (self.folder / "stop").touch()
        for process, output in self.workers:
            process.wait(300)
            self.take(process, output, expected=(0,))


def fault(crowd: Crowd, chance: random.Random) -> str:
    """Do one thing that could go wrong at any moment, and say what."""
    what = chance.choice(["engine", "client", "kernel", "kernel", "interrupt", "terminate", "reset"])
    process = chance.choice(crowd.workers)[0]
    if what == "engine":
        kill(engine_family(chance.choice(MACHINES)))
    elif what == "client":
        kill(running("buildx", "build", str(home()))[:1])
    elif what == "reset":
        try:
            Machine.start(chance.choice(MACHINES), say=lambda _: None).reset()
        except LayerLabError as error:  # such as MachineBusy
            return f"reset ({type(error).__name__})"
    else:
        number = {"kernel": signal.SIGKILL, "interrupt": signal.SIGINT, "terminate": signal.SIGTERM}[what]
        process.send_signal(number)
        process.wait(120)
    return what


@pytest.mark.timeout(0)
def test_builds_stay_right_while_things_are_killed(lab_home, tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LAYERLAB_ENGINE", "process")
    seed = random.SystemRandom().randrange(10**6)
    chance, done = random.Random(seed), collections.Counter()
    print(f"\nsoak: {MINUTES:g} minutes, seed {seed}")
    with nothing_left(tmp_path_factory.mktemp("temporary")):
        for name in MACHINES:
            Machine.start(name, say=lambda _: None)
        crowd = Crowd(tmp_path, chance)
        ends = time.monotonic() + 60 * MINUTES
        while time.monotonic() < ends or crowd.builds() < BUILDS_A_MINUTE * MINUTES:
            time.sleep(chance.uniform(0, FAULT_SECONDS))
            done[fault(crowd, chance)] += 1
            crowd.replace_dead()
        crowd.end()
        print(f"soak: {dict(crowd.told)}; faults: {dict(done)}")
        assert not crowd.problems, "\n".join(crowd.problems)
        assert crowd.told["ok"]
        for name in MACHINES:
            _works(Machine.start(name, say=lambda _: None), tmp_path / f"next-{name}")
            Machine.start(name).remove()


def _works(machine: Machine, folder: Path) -> None:
    """The next build works, and everything in the machine's history can be read."""
    with small_app(folder) as app:
        assert machine.build(app, "Dockerfile", view="none").error == ""
        assert history.builds(app.source, machine.name)
    for file in history._all(machine.name).rglob("*.json"):
        assert Build.load(file).machine == machine.name
