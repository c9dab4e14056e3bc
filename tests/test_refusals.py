"""What people see when the computer refuses something, when LayerLab has a bug, and when their terminal can't show it."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from layerlab import App, Machine
from layerlab.commands import main as command
from layerlab.contexts.taking import take
from layerlab.errors import AppError, FileError, LayerLabError
from layerlab.project.manifest import MANIFEST
from layerlab.system.refusals import refusals_told, told


def run(*words: str, **more):
    return CliRunner().invoke(command.main, list(words), **more)


@pytest.fixture
def file_as_home(tmp_path, monkeypatch):
    """LAYERLAB_HOME names a file."""
    home = tmp_path / "home"
    home.write_text("a letter")
    monkeypatch.setenv("LAYERLAB_HOME", str(home))
    monkeypatch.setenv("LAYERLAB_ENGINE", "process")
    return home


@pytest.mark.parametrize(
    "words", [["up"], ["build", "."], ["machines"], ["reset"], ["lab", "list"], ["down", "laptop"]]
)
def test_a_home_that_is_a_file_is_said_in_two_lines(words, file_as_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    done = run(*words)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    if done.exit_code:
        assert len(done.stderr.splitlines()) <= 2
        assert "bug" not in done.stderr
    assert file_as_home.read_text() == "a letter"


def test_a_notebook_gets_the_same(file_as_home, tmp_path):
    for refused in (lambda: App.from_path(tmp_path), lambda: Machine.start("laptop")):
        with pytest.raises(
            LayerLabError, match=f"can't use {file_as_home}: there's a file where a folder must be"
        ) as caught:
            refused()
        assert "LAYERLAB_HOME" in caught.value.remedy
        assert len(caught.value._render_traceback_()) == 1


def test_a_home_whose_name_no_engine_can_be_told(tmp_path, monkeypatch):
    """With a name in Latin-1, dockerd would write to a folder beside it."""
    monkeypatch.setenv("LAYERLAB_HOME", f"{tmp_path}/caf\udce9")
    monkeypatch.setenv("LAYERLAB_ENGINE", "process")
    done = run("up")
    assert done.exit_code == 1 and "isn't plain UTF-8 text" in done.stderr and "LAYERLAB_HOME" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_project_whose_name_is_in_latin_1_has_a_history(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    project = tmp_path / "caf\udce9"
    project.mkdir()
    done = run("explain", str(project))
    assert done.exit_code == 1 and "hasn't been built" in done.stderr


@pytest.mark.parametrize(
    ("number", "what"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only disk"),
        (errno.EACCES, "aren't allowed"),
        (errno.ELOOP, "circle"),
        (errno.ENAMETOOLONG, "too long"),
        (errno.EMFILE, "too many files are open"),
        (errno.EIO, "the disk reports an error"),
        (errno.EXDEV, "cross-device"),
    ],
)
def test_a_refusal_names_the_file_what_happened_and_what_to_do(number, what, tmp_path):
    error = told(OSError(number, os.strerror(number), str(tmp_path / "file")))
    assert str(tmp_path / "file") in error.message and what in error.message.lower()
    assert error.remedy


def test_a_home_elsewhere_is_advised_only_for_the_homes_own_files(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    said = {place: told(OSError(errno.ENOSPC, "", str(tmp_path / place / "x"))).remedy for place in ("home", "project")}
    assert "LAYERLAB_HOME" in said["home"]
    assert "LAYERLAB_HOME" not in said["project"]


def test_a_copy_of_many_files_that_fails_names_one(tmp_path):
    rows = [
        (f"/from/{n}", f"/to/{n}", f"[Errno {errno.ENOSPC}] No space left on device: '/to/{n}'") for n in range(999)
    ]
    error = told(shutil.Error(rows))
    assert error.message == "can't use /to/0: the disk is full"


def test_an_engine_that_hangs_up_is_recognised():
    broken = "('Connection aborted.', ConnectionRefusedError(111, 'Connection refused'))"
    assert told(OSError(broken)).message == "no Docker engine answers"


def test_an_error_of_another_kind_passes():
    with pytest.raises(ValueError), refusals_told():
        raise ValueError("mine")
    with pytest.raises(BrokenPipeError), refusals_told():
        raise BrokenPipeError


# -- bugs and --debug --------------------------------------------------------------------------------------------------


@pytest.fixture
def bug(monkeypatch):
    """`layerlab machines` divides by zero."""
    monkeypatch.setattr("layerlab.machine.machine.Machine.all", lambda: 1 // 0)


def test_a_bug_is_one_line_and_how_to_report_it(bug):
    done = run("machines")
    assert done.exit_code == 1
    first, second = done.stderr.splitlines()
    assert "this is a bug in LayerLab (ZeroDivisionError: integer division or modulo by zero)" in first
    assert "layerlab --debug" in second


@pytest.mark.parametrize("how", [{"args": ["--debug"]}, {"env": {"LAYERLAB_DEBUG": "1"}}])
def test_debug_shows_where_it_comes_from(bug, how):
    done = run(*how.get("args", []), "machines", env=how.get("env"))
    assert isinstance(done.exception, ZeroDivisionError)


def test_debug_shows_where_a_refusal_comes_from(file_as_home):
    assert isinstance(run("--debug", "up").exception, FileError)


def layerlab(*words: str, **options) -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-m", "layerlab", *words], **{"stdout": pipe, "stderr": pipe, **options})


def test_a_reader_that_leaves_is_no_error(tmp_path):
    """As in `layerlab lab list | head -1`."""
    process = layerlab("lab", "list", env={**os.environ, "LAYERLAB_HOME": str(tmp_path)})
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait()


def test_a_full_disk_behind_standard_output_is_said(tmp_path):
    with open("/dev/full", "w") as full:
        process = layerlab("lab", "list", stdout=full, env={**os.environ, "LAYERLAB_HOME": str(tmp_path)})
        _, errors = process.communicate()
    assert process.returncode == 1
    assert b"the disk is full" in errors and b"Traceback" not in errors


def test_a_terminal_without_the_characters_gets_their_numbers(tmp_path):
    (tmp_path / "Müller…").mkdir()
    environment = {**os.environ, "LAYERLAB_HOME": str(tmp_path / "home"), "PYTHONIOENCODING": "latin-1"}
    output, errors = layerlab("explain", "Müller…", cwd=tmp_path, env=environment).communicate()
    assert b"M\xfcller\\u2026 hasn't been built" in errors and b"Traceback" not in output + errors


# -- manifests ---------------------------------------------------------------------------------------------------------

MANIFESTS = {
    "not UTF-8": (b"\xff\xfe", "isn't UTF-8 text"),
    "not TOML": (b"[app\n", "is not valid TOML"),
    "a table that is a number": (b"variants = 3\n", "variants is 3, not an object"),
    "a table that is a list": (b"app = [1]\n", "app is a list, not an object"),
    "a name that is a number": (b"[app]\nname = 3\n", "app.name is 3, not text"),
    "a variant that is a text": (b'variants.x = "Dockerfile"\n', "variants['x'] is 'Dockerfile', not an object"),
    "a port that is a text": (b'[run]\nport = "80"\nhealth = "/"\nrequest = {method = "GET", path = "/"}\n', "run.port is '80'"),
    "a run without a port": (b'[run]\nhealth = "/"\nrequest = {method = "GET", path = "/"}\n', "run has no 'port'"),
}  # fmt: skip


@pytest.mark.parametrize("fault", MANIFESTS)
def test_a_broken_manifest_is_named_with_the_key(fault, tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    content, named = MANIFESTS[fault]
    project = tmp_path / "shop"
    project.mkdir()
    (project / MANIFEST).write_bytes(content)
    with pytest.raises(AppError, match=r"layerlab\.toml") as caught:
        App.from_path(project)
    assert named in caught.value.message and caught.value.remedy


def test_a_variant_with_a_word_nobody_knows_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    project = tmp_path / "shop"
    project.mkdir()
    (project / MANIFEST).write_text('[variants.x]\ndockerfil = "Dockerfile"\n')
    with App.from_path(project) as app, pytest.raises(AppError, match=r"variants\.x has an unknown field 'dockerfil'"):
        app.variant("x")


# -- what stands where a file is wanted --------------------------------------------------------------------------------


#: How to make it, in the project's folder, and what the error says.
NO_FILES = {
    "folder": (os.mkdir, "which is a folder"),
    "pipe": (os.mkfifo, "which is a pipe"),
    "socket": (lambda path: socket.socket(socket.AF_UNIX).bind(path), "which is a socket"),
    "link to nothing": (lambda path: os.symlink("nowhere", path), "which is a link to nothing"),
    "link to outside": (lambda path: os.symlink("/etc/hostname", path), "is outside the app, at /etc/hostname"),
    "link to itself": (lambda path: os.symlink("Dockerfile", path), "Dockerfile"),
}


@pytest.mark.parametrize("kind", NO_FILES)
def test_a_dockerfile_that_is_no_file_is_named(kind, tmp_path, monkeypatch):
    make, named = NO_FILES[kind]
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")  # a socket's path is short
    make("Dockerfile")
    done = run("build", str(tmp_path / "shop"))
    assert done.exit_code == 1
    assert named in done.stderr and "bug" not in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_a_path_too_long_is_said_in_two_lines(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for _ in range(45):
        os.mkdir("x" * 100)
        os.chdir("x" * 100)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AppError, match="path is too long") as caught:
        App.from_path(tmp_path)
    assert len(str(caught.value).splitlines()) == 2 and len(str(caught.value)) < 700


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_an_ignore_file_that_is_no_file_is_not_read(make, tmp_path):
    """A pipe would keep us waiting, and /dev/zero never ends."""
    (tmp_path / "main.py").touch()
    make(tmp_path / ".dockerignore")
    snapshot = take(tmp_path)
    assert snapshot.ignore_file == "" and "main.py" in snapshot.entries
