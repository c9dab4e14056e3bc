"""Long work says how far it is, short work says nothing, and folders are deleted without following links."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.system import progress
from layerlab.system.trees import copy_tree, count_files, delete_tree, tree_bytes


@pytest.mark.parametrize(
    ("amount", "whole", "seconds", "unit", "text"),
    [
        (None, 0, 12.4, "files", "12 s so far"),
        (0, 0, 5, "files", "0 files"),
        (0, 200_000, 5, "files", "0 of 200,000 files"),
        (50_000, 200_000, 10, "files", "50,000 of 200,000 files, about 30 s left"),
        (50_000, 200_000, 100, "files", "50,000 of 200,000 files, about 5 min left"),
        (12_300_000, 90_000_000, 20, "bytes", "12.3 of 90.0 MB, about 2 min left"),
        (12_300_000, 0, 20, "bytes", "12.3 MB"),
        (210_000, 200_000, 20, "files", "210,000 files"),
    ],
)
def test_how_far_it_is_in_words(amount, whole, seconds, unit, text):
    assert progress.described(amount, whole, seconds, unit) == text


@given(
    st.none() | st.floats(0, 1e15),
    st.floats(0, 1e15),
    st.floats(0, 1e9),
    st.sampled_from(["bytes", "files"]),
)
def test_it_never_claims_time_left_that_it_does_not_know(amount, whole, seconds, unit):
    text = progress.described(amount, whole, seconds, unit)
    assert ("left" in text) == (amount is not None and 0 < amount < whole)
    assert "-" not in text


#: Work that takes until somebody has seen its progress, or a short moment. Lines come at once and not every few seconds.
WORK = """
import sys, threading, time
from layerlab.system import progress
progress.QUIET_SECONDS = progress.LINE_SECONDS = 0 if sys.argv[1] == "long" else 60
progress.LOOK_SECONDS = 0.01
looked = threading.Event()
def done():
    looked.set()
    return 25
with progress.shown("Copying a project", done, lambda: 100), progress.shown("Pulling an image"):
    looked.wait(20 if sys.argv[1] == "long" else 0.2)
    time.sleep(0.2)
    progress.say("said meanwhile")
print("threads:", threading.active_count())
"""


def test_elsewhere_long_work_gets_lines_on_standard_error():
    done = subprocess.run([sys.executable, "-c", WORK, "long"], capture_output=True, text=True, check=True)
    assert "Copying a project: 25 of 100 files, about 0 s left\n" in done.stderr
    assert "Pulling an image: 0 s so far\n" in done.stderr
    assert "said meanwhile\n" in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stdout == "threads: 1\n"


def on_a_terminal(kind: str, **environment: str) -> str:
    """What the work writes to a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", WORK, kind], stdin=follower, stdout=follower, stderr=follower,
        env={**os.environ, "COLUMNS": "120", "TERM": "xterm", **environment},
    ) as process:  # fmt: skip
        os.close(follower)
        written = b""
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:  # Linux says so when the last writer closes its end
                break
            if not chunk:
                break
            written += chunk
    os.close(leader)
    assert process.returncode == 0, written
    return written.decode()


def test_on_a_terminal_long_work_gets_a_bar():
    written = on_a_terminal("long")
    assert "Copying a project" in written
    assert "25 of 100 files" in written
    assert "━" in written
    assert "said meanwhile" in written


def test_a_dumb_terminal_gets_lines():
    written = on_a_terminal("long", TERM="dumb")
    assert "Copying a project: 25 of 100 files" in written
    assert "\x1b" not in written


def test_short_work_shows_nothing():
    done = subprocess.run([sys.executable, "-c", WORK, "short"], capture_output=True, text=True, check=True)
    assert done.stderr == "said meanwhile\n"
    written = on_a_terminal("short")
    assert "Copying" not in written and "Pulling" not in written


def test_work_that_fails_leaves_no_thread(monkeypatch):
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0.01)
    with pytest.raises(KeyboardInterrupt), progress.shown("Copying", lambda: 0):
        time.sleep(0.1)
        raise KeyboardInterrupt
    assert not [thread for thread in threading.enumerate() if thread.name == "layerlab-progress"]


# -- folders -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path) -> Path:
    folder = tmp_path / "tree"
    (folder / "a/b/empty").mkdir(parents=True)
    for name in ("one", "a/two", "a/b/three"):
        (folder / name).write_text(name)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    (folder / "to a folder").symlink_to(outside)
    (folder / "a/to a file").symlink_to(outside / "precious")
    (folder / "a/to nothing").symlink_to("nowhere")
    os.mkfifo(folder / "a/b/pipe")
    return folder


def test_a_folder_is_deleted_and_what_its_links_name_stays(tree):
    delete_tree(tree)
    assert not tree.exists()
    assert (tree.parent / "outside/precious").read_text() == "precious"


def test_a_folder_that_is_not_there_is_deleted_already(tmp_path):
    delete_tree(tmp_path / "nothing")


def test_what_cannot_be_deleted_is_an_error_or_stays(tree, monkeypatch):
    def refusing(name, *, dir_fd):
        if name == "two":
            raise PermissionError(13, "Permission denied", name)
        real(name, dir_fd=dir_fd)

    real = os.unlink
    monkeypatch.setattr(os, "unlink", refusing)
    with pytest.raises(PermissionError):
        delete_tree(tree)
    delete_tree(tree, ignore_errors=True)
    assert [path.name for path in tree.rglob("*")] == ["a", "two"]


def test_a_copy_has_links_as_links_and_leaves_out_what_is_ignored(tree, tmp_path):
    def no_pipes(_, names):
        return [name for name in names if name == "pipe"]

    copy_tree(tree, tmp_path / "copy", ignore=no_pipes, passed_over=no_pipes)
    assert (tmp_path / "copy/a/b/three").read_text() == "a/b/three"
    assert os.readlink(tmp_path / "copy/a/to nothing") == "nowhere"
    assert (tmp_path / "copy/to a folder").is_symlink()
    assert not os.path.lexists(tmp_path / "copy/a/b/pipe")
    assert count_files(tmp_path / "copy") == count_files(tree, no_pipes) == count_files(tree) - 1


def test_the_size_of_a_folder(tree):
    assert tree_bytes(tree / "a/b") == len("a/b/three")
    assert tree_bytes(tree / "nothing") == 0
