"""Work beside other work: it ends when that does, and what it couldn't do is done, or reported, later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from layerlab.contexts import taking
from layerlab.contexts.beside import looking_at
from layerlab.contexts.readers import Cancelled
from layerlab.engines import images, packages
from layerlab.errors import CommandFailed, SetupError
from layerlab.system import shell


def test_commands_of_work_beside_run_to_their_end_while_the_body_does():
    printed, done = [], threading.Event()

    def work():
        printed.append(shell.run("sh", "-c", "cat; echo out", stdin=b"in "))
        done.set()

    with shell.beside(work):
        assert done.wait(30)
    assert printed == ["in out\n"]


def test_a_command_of_work_beside_ends_with_the_body():
    failures, started = [], threading.Event()

    def work():
        for command in (("sleep", "71.9"), ("true",)):
            started.set()
            try:
                shell.run(*command)
            except CommandFailed as error:
                failures.append(error.command)
                raise

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt), shell.beside(work):
        assert started.wait(30)
        raise KeyboardInterrupt
    assert failures == [("sleep", "71.9")]
    assert time.monotonic() - before < 60


def test_a_command_of_work_beside_fails_and_takes_too_long_as_elsewhere():
    errors, done = [], threading.Event()

    def work():
        for command, timeout in ((("sh", "-c", "echo no; exit 3"), 60), (("sleep", "71.8"), 0.2)):
            try:
                shell.run(*command, timeout=timeout)
            except CommandFailed as error:
                errors.append((error.exit_code, error.output))
        done.set()

    with shell.beside(work):
        assert done.wait(30)
    assert errors == [(3, "no\n"), (124, "")]


def test_an_error_of_work_beside_is_not_the_bodys():
    def work():
        raise SetupError("no network")

    with shell.beside(work):
        pass


# -- snapshots --------------------------------------------------------------------------------------------------------


@pytest.fixture
def endless(tmp_path):
    """Make a context that takes minutes to read: a file of 256 GB, nearly all of it a hole, among small ones."""
    folder = tmp_path / "context"
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}.txt").write_text("small")
    with open(folder / "large", "wb") as file:
        file.truncate(1 << 38)
    return folder


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name in ("layerlab-snapshot", "layerlab-reader")]


def all_ended() -> bool:
    """Tell whether the threads have ended; they may have their last few instructions before them."""
    for thread in threads():
        thread.join(0.1)
    return not threads()


def test_a_snapshot_is_given_up_with_the_body(endless):
    known = {}
    with pytest.raises(KeyboardInterrupt), looking_at({"context": endless}, "Dockerfile", known) as found:
        while len(threads()) < 2:
            time.sleep(0.01)
        before = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - before < 1
    assert all_ended()
    assert (found, known) == ({}, {})


def test_a_snapshot_that_nobody_wants_any_more_is_not_taken(endless):
    cancelled = threading.Event()
    threading.Timer(0.2, cancelled.set).start()
    with pytest.raises(Cancelled):
        taking.take(endless, cancelled=cancelled)
    (endless / "large").unlink()
    with pytest.raises(Cancelled):
        taking.take(endless, cancelled=cancelled)
    assert all_ended()


#: What waits when the signal comes: the body, or the end of the body, for the snapshot; or we take one ourselves.
WAITING = {
    "the body": "with looking_at({'context': folder}, '', {}): time.sleep(60)",
    "the snapshot": "with looking_at({'context': folder}, '', {}): pass",
    "nobody else": "taking.take(folder)",
}
SCRIPT = """
import signal, sys, threading, time
from layerlab.contexts import taking
from layerlab.contexts.beside import looking_at

honest = taking._hash
def hashing(place, *rest):
    if place.endswith("large"):
        print("reading", flush=True)
        if {hangs}:
            threading.Event().wait()
    return honest(place, *rest)

taking._hash = hashing
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # as the command line does
folder = sys.argv[1]
{waiting}
"""


@pytest.mark.parametrize("hangs", [False, True], ids=["a disk", "a dead disk"])
@pytest.mark.parametrize("waiting", WAITING)
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_process_that_takes_a_snapshot(endless, number, exit_code, waiting, hangs):
    script = SCRIPT.format(waiting=WAITING[waiting], hangs=hangs)
    command = [sys.executable, "-c", script, str(endless)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout.readline() == "reading\n"
            time.sleep(0.1)
            before = time.monotonic()
            process.send_signal(number)
            assert process.wait(30) == exit_code
            assert time.monotonic() - before < 3  # one second, on a computer that does nothing else
        finally:
            process.kill()
    assert len(os.listdir(endless)) == 101


# -- stand-in images --------------------------------------------------------------------------------------------------


@pytest.fixture
def made(monkeypatch):
    """Collect the images whose stand-ins are made ahead."""
    found = []
    monkeypatch.setattr(images, "standins", lambda: {"python:3.11-slim": "bookworm"})
    monkeypatch.setattr(images, "standin_archive", lambda image, say: found.append(image))
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.delenv("LAYERLAB_HUB", raising=False)
    return found


def ahead(*wanted: str) -> None:
    """Run `made_ahead` and wait until it's done."""
    with images.made_ahead(wanted, print):
        for thread in threading.enumerate():
            if thread.name == "layerlab-beside":
                thread.join(30)


def connection(*_, **__):
    raise OSError("a name could not be looked up")


def test_stand_ins_are_made_ahead_where_no_hub_is_in_reach(made, monkeypatch):
    monkeypatch.setattr("socket.create_connection", connection)
    ahead("python:3.11-slim", "python:2.7-slim")
    assert made == ["python:3.11-slim"]


def test_and_where_the_person_says_that_nothing_is_pulled(made, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HUB", "no")
    ahead("python:3.11-slim")
    assert made == ["python:3.11-slim"]


def test_no_stand_in_is_made_ahead_where_a_hub_is_in_reach_or_may_be(made, monkeypatch):
    class Connection:
        def close(self) -> None: ...

    monkeypatch.setattr("socket.create_connection", lambda *_, **__: Connection())
    ahead("python:3.11-slim")
    monkeypatch.setattr("socket.create_connection", connection)
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "proxy.example:3128"})
    ahead("python:3.11-slim")
    assert made == []


def test_the_bootstrapper_is_not_fetched_where_the_computer_has_it(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    (tmp_path / packages.BOOTSTRAPPER).write_text("#!/bin/sh\n")
    (tmp_path / packages.BOOTSTRAPPER).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert packages.ensure_bootstrapper() == {}
    assert not (tmp_path / "home").exists()


def test_where_no_bootstrapper_can_be_fetched_it_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SetupError, match="not root"):
        packages.ensure_bootstrapper()
