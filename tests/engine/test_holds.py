"""Several LayerLabs at once: nobody's state is wiped under them, and whoever loses a machine is told what happened."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import PATIENCE, SMALL, borrowed_home, kill, left_of, running, wait_for, write_project

from layerlab import Machine
from layerlab.engines.seed import SEED_NAME
from layerlab.machine.holding import Holds, Kind
from layerlab.machine.registry import Registry
from layerlab.system.home import machine_dir

pytestmark = pytest.mark.usefixtures("private")

NAP = "FROM python:3.11-slim\nRUN echo started && sleep 673.{number}\n"
#: A notebook's kernel: what it does is told to it, a line of Python at a time, and it prints "ready" after each.
KERNEL = """
import sys, traceback
from layerlab import App, Machine
from layerlab.course import Registry
while line := sys.stdin.readline():
    try:
        exec(line)
    except BaseException as error:
        print(type(error).__name__, *str(error).splitlines(), sep=" | ")
    print("ready", flush=True)
"""


class Kernel:
    """Another process that stands for a notebook's kernel."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", KERNEL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begin(self, code: str) -> None:
        print(code, file=self.process.stdin, flush=True)

    def end(self) -> list[str]:
        return list(iter(lambda: self.process.stdout.readline().rstrip("\n"), "ready"))

    def do(self, code: str) -> list[str]:
        self.begin(code)
        return self.end()


@pytest.fixture
def kernel():
    """Start kernels, and shut them down in the end."""
    started: list[Kernel] = []

    def start() -> Kernel:
        started.append(Kernel())
        return started[-1]

    yield start
    for one in started:
        one.process.stdin.close()
        assert one.process.wait(PATIENCE) == 0 or one.process.returncode == -signal.SIGKILL


@pytest.fixture
def shared(lab_home):
    """The name of a machine that nobody has a seat of; it's gone in the end."""
    yield "shared"
    for machine in Machine.all():
        if machine.name.startswith("shared"):
            machine.remove(force=True)


def layerlab(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "layerlab", *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
        env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@contextlib.contextmanager
def on_a_terminal(*words: object) -> Iterator[tuple[int, subprocess.Popen]]:
    """Run a command on a terminal of its own."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "layerlab", *map(str, words)], stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    yield master, process
    os.close(master)


def read_until(master: int, words: str) -> str:
    text = ""
    while words not in text:
        text += os.read(master, 4096).decode()
    return text


START = 'machine = Machine.start("shared", say=print)'


def building(project: Path) -> str:
    return f'machine.build(App.from_path("{project}"), "Dockerfile", view="none"); print("built")'


# -- taken away during a build -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "command", "what"), [(1, "down", "removed"), (2, "reset", "reset")])
def test_both_sides_say_what_happened_to_a_build(kernel, shared, tmp_path, number, command, what):
    """It said "it keeps its cache", and all was gone."""
    nap, builder = f"sleep 673.{number}", kernel()
    builder.do(START)
    builder.begin(building(write_project(tmp_path / "project", NAP.format(number=number))))
    assert wait_for(lambda: running(nap))
    done = layerlab(command, shared, "--yes")
    assert done.returncode == 0
    assert f"Machine 'shared' was in use by process {builder.process.pid} (python, since " in done.stderr
    (told,) = builder.end()
    assert told.startswith(f"MachineError | machine 'shared' was {what} by process ")
    assert f"(layerlab {command} shared, since " in told
    assert "its images and cache are gone | go on with an empty one: Machine.start('shared')" in told
    assert wait_for(lambda: not running(nap))
    # It's told until it starts the machine again; then all is as usual.
    small = write_project(tmp_path / "small")
    assert builder.do(building(small)) == [told]
    assert builder.do(START) == []
    assert builder.do(building(small)) == ["built"]


def test_down_without_a_terminal_waits_and_says_for_whom(kernel, shared, tmp_path):
    nap, builder = "sleep 673.3", kernel()
    builder.do(f"{START}; machine.close()")
    builder.begin(building(write_project(tmp_path / "project", NAP.format(number=3))))
    assert wait_for(lambda: running(nap))
    down = subprocess.Popen(
        [sys.executable, "-m", "layerlab", "down", shared], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    told = down.stderr.readline()
    assert told.startswith("Waiting up to 600 s for machine 'shared': it's in use by process ")
    assert f"process {builder.process.pid} (python, since " in told
    assert down.poll() is None and layerlab("machines").returncode == 0, "a command that only reads must not wait"
    assert f"in use by process {builder.process.pid} (python" in layerlab("machines").stdout
    kill([p for p in running(nap) if p.name() == "sleep"])
    assert builder.end()[-1].startswith("BuildFailed") and down.wait(PATIENCE) == 0
    assert left_of(shared) == []


def test_down_on_a_terminal_asks(kernel, shared):
    one = kernel()
    one.do(START)
    for answer, code in (("n", 1), ("y", 0)):
        with on_a_terminal("down", shared) as (master, process):
            asked = read_until(master, "Remove it anyway? [y/N]: ")
            assert f"Machine 'shared' is in use by process {one.process.pid} (python, since " in asked
            os.write(master, f"{answer}\n".encode())
            assert process.wait(PATIENCE) == code
        assert Machine.start(shared, share=True).running if code else left_of(shared) == []


def test_clean_during_a_build(kernel, lab_home, tmp_path, monkeypatch):
    home = borrowed_home(tmp_path / "home", lab_home)
    (home / "cache" / SEED_NAME).symlink_to(lab_home / "cache" / SEED_NAME)
    monkeypatch.setenv("LAYERLAB_HOME", str(home))
    nap, builder = "sleep 673.4", kernel()
    builder.do(START)
    builder.begin(building(write_project(tmp_path / "project", NAP.format(number=4))))
    assert wait_for(lambda: running(nap))
    done = layerlab("clean", "--yes")
    assert done.returncode == 0, done.stdout
    assert f"removed machine shared, in use by process {builder.process.pid} (python, since " in done.stdout
    (told,) = builder.end()
    assert told.startswith("MachineError | machine 'shared' was removed by process ")
    assert "(layerlab clean, since " in told
    assert wait_for(lambda: not running(nap))
    builder.process.stdin.close()
    assert builder.process.wait(PATIENCE) == 0
    layerlab("clean", "--yes")
    assert not home.exists()


# -- between builds ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def checking(name: str) -> Iterator[subprocess.Popen]:
    """Check the solution of lab 01 in another process; the body begins with its first build."""
    solution = Path(__file__).parents[2] / "labs" / "01-order-your-layers" / "solution"
    check = subprocess.Popen(
        [sys.executable, "-m", "layerlab", "lab", "check", "01", "--files", solution, "--machine", name],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert wait_for(lambda: any(h.kind == Kind.USE for h in Holds("machine", name).others()))
        yield check
    finally:
        check.kill()
        check.communicate()


def test_a_notebooks_reset_does_not_come_between_the_builds_of_a_check(kernel, shared):
    """The second build was cold, and the verdict false."""
    notebook = kernel()
    notebook.do(START)
    with checking(shared) as check:
        notebook.begin("machine.reset(); print('cold')")
        told = notebook.process.stderr.readline()
        assert told.startswith(
            f"Waiting up to 600 s for machine 'shared': it's in use by process {check.pid} (layerlab lab check"
        )
        output, errors = check.communicate(timeout=2 * PATIENCE)
        assert check.returncode == 0, output + errors
        assert "Passed." in output
    assert notebook.end() == ["cold"]
    assert notebook.do("print(machine.docker('buildx', 'du').count('exec'))") == ["0"]


def test_a_check_whose_machine_is_taken_away_gives_no_verdict(shared):
    with checking(shared) as check:
        assert layerlab("reset", shared, "--yes").returncode == 0
        output, errors = check.communicate(timeout=2 * PATIENCE)
    assert (check.returncode, output) == (1, "")
    assert "Error: machine 'shared' was reset by process " in errors


# -- one each ----------------------------------------------------------------------------------------------------------


def test_two_notebooks_at_once_have_a_machine_each(kernel, shared, tmp_path):
    """Each resets and builds; the second one's reset took the first one's images: "No such image"."""
    one, two = kernel(), kernel()
    project = write_project(tmp_path / "project")
    look = "print(build.image in machine.docker('images', '--format', '{{.Repository}}:{{.Tag}}'))"
    build = f'build = machine.build(App.from_path("{project}"), "Dockerfile", view="none"); {look}'
    assert one.do(f"{START}; machine.reset()") == []
    assert one.do(build) == ["True"]
    (told,) = two.do(f"{START}; machine.reset()")
    assert told.startswith(f"Machine 'shared' is in use by process {one.process.pid} (python, since ")
    assert "one of your own, 'shared-2', until this notebook or script ends" in told
    assert two.do(build) == ["True"]
    assert one.do(look) == ["True"]
    assert two.do(START) == [], "the cell that runs again finds its machine, without words"
    assert two.do("print(machine.name)") == ["shared-2"]
    assert two.do("registry = Registry.start('shared', say=print); registry.reset(); print(registry.name)") == [
        "shared"
    ]
    assert one.do("registry = Registry.start('shared', say=print); print(registry.name)")[-1] == "shared-2"
    for kernels in (one, two):
        kernels.process.stdin.close()
        assert kernels.process.wait(PATIENCE) == 0
    assert left_of("shared-2") == [], "a spare goes with its notebook"
    assert left_of("shared") != [], "a machine outlives the notebook"
    names = [registry.name for registry in Registry.all()]
    assert "shared" in names and "shared-2" not in names
    Registry.start("shared").remove()


def test_the_spare_of_a_killed_notebook_goes_at_the_next_start(kernel, shared, machine):
    one, two = kernel(), kernel()
    one.do(START)
    two.do(START)
    two.process.kill()
    two.process.wait()
    assert machine_dir("shared-2").exists()
    assert Holds("machine", "shared-2").free, "a killed process lets go"
    third = kernel()
    assert "'shared-2'" in third.do(START)[0], "it's used again, if somebody needs it"
    third.process.kill()
    third.process.wait()
    one.do(START)
    assert left_of("shared-2") == []


def test_a_machine_that_was_started_by_name_is_nobodys_spare(kernel, shared):
    layerlab("up", "shared-2")
    one, two = kernel(), kernel()
    one.do(START)
    assert "'shared-3'" in two.do(START)[0]
    two.process.stdin.close()
    two.process.wait(PATIENCE)
    assert left_of("shared-3") == [] and left_of("shared-2") != []


def test_a_build_from_a_shell_shares_a_notebooks_machine(kernel, shared, tmp_path):
    one = kernel()
    one.do(f"{START}; machine.reset()")
    done = layerlab("build", write_project(tmp_path / "project", SMALL), "--machine", shared)
    assert done.returncode == 0 and "in use" not in done.stderr
    assert one.do(building(tmp_path / "project")) == ["built"]
