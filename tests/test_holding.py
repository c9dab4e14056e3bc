"""Who holds a machine: real processes, real locks, no engine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import hypothesis
import pytest
from hypothesis import strategies as st

from layerlab.errors import MachineBusy, MachineError
from layerlab.machine import holding, spares
from layerlab.machine.holding import Holder, Holds, Kind

LAPTOP = Holds("machine", "laptop")
#: Another process: it prints what it gets, and goes on when it's told to.
SEATED = """
import sys
from layerlab.machine import holding
print(holding.take_one("machine", "laptop", lambda name: True, lambda line: print(line, file=sys.stderr)), flush=True)
sys.stdin.readline()
"""
HOLDING = """
import sys
from layerlab.errors import LayerLabError
from layerlab.machine.holding import Holds, Kind
try:
    with Holds("machine", "laptop").during(Kind(sys.argv[1]), wait=0):
        print("holding", flush=True)
        sys.stdin.readline()
        if sys.argv[2:]:
            raise OSError("the engine is gone")
except LayerLabError as error:
    print(type(error).__name__, error, flush=True)
else:
    print("done", flush=True)
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    yield
    holding.leave_all()


@pytest.fixture
def other():
    """Start another process; its first line is in `.first`."""
    started = []

    def start(code: str, *arguments: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        started.append(process)
        process.first = process.stdout.readline().strip()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen) -> str:
    """Let it go on to its end; return what it printed."""
    return process.communicate("\n")[0].strip()


# -- who excludes whom -------------------------------------------------------------------------------------------------

#: Each kind (down) that begins while another process (right) holds: does it wait?
WAITS = {
    (Kind.USE, Kind.USE): False,
    (Kind.USE, Kind.SEAT): False,
    (Kind.USE, Kind.ALONE): True,
    (Kind.USE, Kind.EMPTY): True,
    (Kind.ALONE, Kind.USE): True,
    (Kind.ALONE, Kind.SEAT): False,
    (Kind.ALONE, Kind.ALONE): True,
    (Kind.ALONE, Kind.EMPTY): True,
    (Kind.EMPTY, Kind.USE): True,
    (Kind.EMPTY, Kind.SEAT): True,
    (Kind.EMPTY, Kind.ALONE): True,
    (Kind.EMPTY, Kind.EMPTY): True,
}


@pytest.mark.parametrize("held", [Kind.USE, Kind.SEAT, Kind.ALONE, Kind.EMPTY])
def test_who_waits_for_whom(other, held):
    process = other(SEATED) if held == Kind.SEAT else other(HOLDING, held)
    assert process.first in ("laptop", "holding")
    (holder,) = LAPTOP.others()
    assert (holder.pid, holder.kind, str(holder)) == (process.pid, held, str(holder))
    for kind in (Kind.USE, Kind.ALONE, Kind.EMPTY):
        try:
            with LAPTOP.during(kind, wait=0):
                waits = False
        except MachineBusy as busy:
            waits = True
            assert f"machine 'laptop' is in use by process {process.pid} (python, since " in busy.message
            assert "Machine.start('laptop-2')" in busy.remedy
        assert waits == WAITS[kind, held], (kind, held)


def test_whoever_waits_is_told_for_whom_and_goes_on_when_that_ends(other, capsys):
    process = other(HOLDING, Kind.USE)
    threading.Timer(0.5, lambda: print(file=process.stdin, flush=True)).start()
    with LAPTOP.during(Kind.EMPTY, wait=60):
        assert process.wait(60) == 0
    assert f"Waiting up to 60 s for machine 'laptop': it's in use by process {process.pid} (" in capsys.readouterr().err


def test_nobody_is_told_anything_if_nobody_else_is_there(capsys):
    assert holding.take_one("machine", "laptop", lambda _: False, print) == "laptop"
    with LAPTOP.during(Kind.ALONE), LAPTOP.during(Kind.USE), LAPTOP.during(Kind.EMPTY):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_killed_holder_lets_go(other):
    processes = [other(SEATED), other(HOLDING, Kind.USE)]
    assert len(LAPTOP.others()) == 2
    for process in processes:
        process.kill()
        process.wait()
    with LAPTOP.during(Kind.EMPTY, wait=0):
        assert LAPTOP.others() == []
    assert list(LAPTOP.folder.iterdir()) == []


def test_a_build_in_a_thread_keeps_a_reset_of_the_same_process_waiting():
    begun, over = threading.Event(), threading.Event()

    def build():
        with LAPTOP.during(Kind.USE):
            begun.set()
            over.wait(60)

    thread = threading.Thread(target=build)
    thread.start()
    assert begun.wait(60)
    with pytest.raises(MachineBusy), LAPTOP.during(Kind.EMPTY, wait=0):
        pass
    over.set()
    thread.join()
    with LAPTOP.during(Kind.EMPTY, wait=0):
        pass


def test_a_full_disk_does_not_keep_anybody_from_emptying_a_machine(monkeypatch):
    """The file's name has to do then; others still see that somebody is there."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Holder, "to_line", full)
    with LAPTOP.during(Kind.EMPTY, wait=0):
        ((_, holder),) = LAPTOP._files().items()
        assert (holder.kind, str(holder)) == (Kind.EMPTY, "another process")


@hypothesis.given(st.lists(st.sampled_from([Kind.USE, Kind.ALONE, Kind.EMPTY]), max_size=5))
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_what_is_done_on_the_way_never_waits_for_itself(kinds):
    """A check builds and moves bases, a comparison resets: each inside what already holds the machine."""
    held = []
    try:
        for kind in kinds:
            held.append(LAPTOP.during(kind, wait=0))
            held[-1].__enter__()
        assert len(LAPTOP._files()) == len(kinds)
    finally:
        while held:
            held.pop().__exit__(None, None, None)
    assert LAPTOP.free


# -- overruled ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("breaks", [(), ("breaks",)])
def test_who_is_overruled_says_what_happened_and_who_did_it(other, breaks):
    """Also if the files of all holds are deleted, as `clean` does, and whether or not it had noticed anything else."""
    process = other(HOLDING, Kind.USE, *breaks)
    with LAPTOP.during(Kind.EMPTY, over="removed"):
        for file in LAPTOP.folder.iterdir():
            file.unlink()
    said = end(process)
    assert said.startswith("MachineError machine 'laptop' was removed by process ")
    assert f"process {os.getpid()} (" in said
    assert "Machine.start('laptop')" in said


def test_a_machine_that_was_taken_away_says_so_until_it_is_started_again(monkeypatch):
    """As if another process had done it, because `overrule` spares this process."""
    holding.take_one("machine", "laptop", lambda _: False, print)
    with monkeypatch.context() as patch:
        patch.setattr(Holder, "ours", False)
        LAPTOP.overrule("reset")
    for _ in range(2):
        with pytest.raises(MachineError, match=r"'laptop' was reset by process .*\n.*Machine\.start\('laptop'\)"):
            LAPTOP.check()
    holding.take_one("machine", "laptop", lambda _: False, print)
    LAPTOP.check()


def test_a_notebooks_child_acts_for_it():
    """`!layerlab reset` in a cell neither waits for the notebook nor takes anything from it; but it waits for a build."""
    holding.take_one("machine", "laptop", lambda _: False, print)
    code = "from layerlab.machine.holding import *\nwith Holds('machine', 'laptop').during(Kind.EMPTY, wait=0): print('did')"
    child = [sys.executable, "-c", code]
    assert subprocess.run(child, capture_output=True, text=True).stdout == "did\n"
    LAPTOP.check()
    with LAPTOP.during(Kind.USE):
        assert "MachineBusy" in subprocess.run(child, capture_output=True, text=True).stderr


# -- seats -------------------------------------------------------------------------------------------------------------


def test_whoever_comes_second_gets_one_of_its_own(other):
    first, second = other(SEATED), other(SEATED)
    assert (first.first, second.first) == ("laptop", "laptop-2")
    said: list[str] = []
    assert holding.take_one("machine", "laptop", lambda _: True, said.append) == "laptop-3"
    assert len(said) == 1
    assert said[0].startswith(f"Machine 'laptop' is in use by process {first.pid} (python, since ")
    assert "'laptop-3'" in said[0]
    # Run again, as a cell may be: the same, and it's not said again.
    assert holding.take_one("machine", "laptop", lambda _: True, said.append) == "laptop-3"
    end(first)
    assert holding.take_one("machine", "laptop", lambda _: True, said.append) == "laptop-3"
    assert len(said) == 1
    assert other(SEATED).first == "laptop-3", "a child works on its notebook's machine"


def test_the_number_of_machines_has_a_limit(other):
    assert [other(SEATED).first for _ in range(holding.MOST)] == ["laptop", *(f"laptop-{n}" for n in range(2, 9))]
    with pytest.raises(MachineBusy, match=r"in use by process (.*\n)+shut down the kernel of a notebook"):
        holding.take_one("machine", "laptop", lambda _: True, print)


def test_a_machine_that_a_person_called_laptop_2_is_not_taken(other):
    other(SEATED)
    usable = lambda name: name != "laptop-2"  # noqa: E731
    assert holding.take_one("machine", "laptop", usable, print) == "laptop-3"


def test_two_names_never_mean_one_machine(other):
    """A script has "runner" and "runner-2"; another process has the first of them."""
    code = SEATED.replace('"laptop"', '"runner"')
    assert other(code).first == "runner"
    assert holding.take_one("machine", "runner", lambda _: True, print) == "runner-2"
    assert holding.take_one("machine", "runner-2", lambda _: True, print) == "runner-2-2"


@pytest.mark.parametrize("name", ["a", "laptop", "x" * 24, "x" * 21 + "-y"])
def test_the_name_of_a_spare_is_valid(name):
    from layerlab.machine.machine import NAME

    for number in range(1, holding.MOST + 1):
        assert NAME.fullmatch(holding._numbered(name, number))


# -- spares ------------------------------------------------------------------------------------------------------------


def test_a_spare_may_be_had_where_it_was_one_or_there_is_none(tmp_path, monkeypatch):
    file = tmp_path / "machines" / "laptop-2" / "machine.json"
    monkeypatch.setattr(spares, "MEMORY", 0)
    monkeypatch.setattr(spares, "DISK", 0)
    (tmp_path / "home").mkdir()
    assert spares.may_have(file, "laptop")
    file.parent.mkdir(parents=True)
    assert not spares.may_have(file, "laptop"), "pieces of somebody's machine"
    for text, may in (("{", False), ("[]", False), ("{}", False), ('{"instead_of": "laptop"}', True)):
        file.write_text(text)
        assert spares.may_have(file, "laptop") == may
        assert not spares.may_have(file, "other")


@pytest.mark.parametrize("scarce", ["MEMORY", "DISK"])
def test_no_spare_is_made_where_there_is_no_room(tmp_path, monkeypatch, scarce):
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(spares, scarce, 1e18)
    with pytest.raises(MachineBusy, match=r"has 'laptop', and this computer has no room(.*\n)+shut down the kernel"):
        spares.may_have(tmp_path / "nowhere" / "machine.json", "laptop")


# -- in words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["/usr/bin/layerlab", "lab", "check", "01", "--files", "x"], "layerlab lab check 01"),
        (["/usr/bin/layerlab", "build", "--build-arg", "TOKEN=s3cret", "."], "layerlab build"),
        (["/src/layerlab/__main__.py", "down"], "layerlab down"),
        (["-c"], "python"),
        ([""], "python"),
        (["/x/ipykernel_launcher.py", "-f", "kernel.json"], "01-order.ipynb"),
        (["a\x1b[31m", "b\n"], "a?[31m b?"),
    ],
)
def test_a_command_is_told_without_its_options(monkeypatch, words, shown):
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/01-order.ipynb")
    assert holding._command() == shown


def test_a_process_is_named_once():
    one, two = Holder(Kind.SEAT, 41, holding.platform.node(), "a"), Holder(Kind.USE, 42, "elsewhere", "b")
    text = holding.listed([one, two, Holder(Kind.ALONE, 41, one.host, "a")])
    assert text.count("process 41 (a, since") == 1
    assert "process 42 on elsewhere (b, since" in text
