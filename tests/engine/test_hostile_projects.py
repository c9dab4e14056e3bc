"""Projects that can't be built: whatever is wrong with their files, the error names the file and what to do."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from support import SMALL, small_app

from layerlab import App, BuildFailed
from layerlab.errors import TAIL_LINES
from layerlab.system.home import logs_dir

BASE = "FROM python:3.11-slim\n"


def _file(name: str, content: str | bytes) -> Callable[[Path], None]:
    return lambda folder: Path(folder, name).write_bytes(content if isinstance(content, bytes) else content.encode())


def _dockerfile(content: str | bytes) -> Callable[[Path], None]:
    return _file("Dockerfile", content)


def _both(first: Callable[[Path], object], *others: Callable[[Path], object]) -> Callable[[Path], None]:
    return lambda folder: [make(folder) for make in (first, *others)]


def _name_in_latin_1(folder: Path) -> None:
    (folder / "Dockerfile").write_text(f"{BASE}COPY . .\n")
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.txt"), "w") as file:
        file.write("au lait")


#: The fault: how to make it, what the error says, what the remedy says.
FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "an empty Dockerfile": (_dockerfile(""), "the Dockerfile has no instructions", "FROM"),
    "a Dockerfile of comments": (_dockerfile("# nothing\n"), "the Dockerfile has no instructions", "FROM"),
    "a Dockerfile without FROM": (_dockerfile("RUN true\n"), "before the first FROM", "FROM"),
    "a binary Dockerfile": (
        _dockerfile(random.Random(1).randbytes(4000)),
        "Dockerfile isn't UTF-8 text: line 1", "save it as UTF-8",
    ),
    "a Dockerfile in Latin-1": (
        _dockerfile(BASE.encode() + b"RUN echo caf\xe9\n"),
        "Dockerfile isn't UTF-8 text: line 2", "save it as UTF-8",
    ),
    "a zero byte in a Dockerfile": (
        _dockerfile(f"{BASE}RUN echo a\0b\n"),
        "line 2, RUN in stage stage-0, failed: the instruction has a zero byte", "cat -v",
    ),
    "a line of 100 kB": (_dockerfile(f"{BASE}RUN echo {'x' * 100_000}\n"), "longer than BuildKit reads", "COPY"),
    "a command of 200 kB": (_dockerfile(BASE + "RUN true" + " \\\n && true" * 20_000), "longer than Linux allows", "script"),
    "a file name in Latin-1": (_name_in_latin_1, r"1 file name in the build context is not UTF-8: 'caf\udce9.txt'", "rename"),
    "COPY of nothing": (
        _dockerfile(f"{BASE}COPY nowhere.txt /\n"),
        "line 2, COPY in stage stage-0, failed: there's no nowhere.txt in the build context", "check the path",
    ),
    "COPY from outside": (
        _dockerfile(f"{BASE}COPY ../../etc/shadow /\n"),
        "there's no etc/shadow in the build context, because COPY can't leave it", "--build-context",
    ),
    "COPY of an absolute path": (
        _dockerfile(f"{BASE}COPY /etc/shadow /\n"),
        "there's no etc/shadow in the build context", "starts at the context",
    ),
    "COPY through a link that leads out": (
        _both(_dockerfile(f"{BASE}COPY out/shadow /\n"), lambda folder: (folder / "out").symlink_to("/etc")),
        "there's no out/shadow in the build context", "starts at the context",
    ),
    "COPY of an ignored file": (
        _both(_dockerfile(f"{BASE}COPY a.txt /\n"), _file("a.txt", "x"), _file(".dockerignore", "*.txt\n")),
        "a.txt isn't in the build context: .dockerignore keeps it out", "!a.txt",
    ),
    "COPY from a stage that lacks it": (
        _dockerfile(f"{BASE.strip()} AS b\n{BASE}COPY --from=b /nothing /\n"),
        "there's no nothing in b", "that stage",
    ),
    "an ignore rule that is no pattern": (
        _both(_dockerfile(f"{BASE}COPY . .\n"), _file(".dockerignore", "[\n")),
        "the ignore file has a malformed pattern: '[' in .dockerignore", "correct it",
    ),
    "an ignore file of bytes": (
        _both(_dockerfile(f"{BASE}COPY . .\n"), _file(".dockerignore", b"\xff\xfe\0[\n")),
        "malformed pattern", "correct it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_project_that_cannot_be_built_is_told_why(fault, machine, tmp_path):
    make, what, remedy = FAULTS[fault]
    project = tmp_path / "shop"
    project.mkdir()
    make(project)
    with App.from_path(project) as app, pytest.raises(BuildFailed) as caught:
        machine.build(app, "Dockerfile", view="none")
    assert what in str(caught.value)
    assert remedy in caught.value.remedy
    assert len(str(caught.value)) < 6000


ODD = {
    "a Dockerfile of 10 MB": _dockerfile(BASE + "RUN true\n" + f"# {'y' * 100}\n" * 100_000),
    "bytes in a comment": _dockerfile(BASE.encode() + b"# caf\xe9\nRUN true\n"),
    "a pipe as ignore file": _both(_dockerfile(SMALL), lambda folder: os.mkfifo(folder / ".dockerignore")),
    "a folder as ignore file": _both(_dockerfile(SMALL), lambda folder: (folder / ".dockerignore").mkdir()),
    "a socket and a pipe among the files": _both(
        _dockerfile(f"{BASE}COPY . .\n"),
        lambda folder: os.mkfifo(folder / "pipe"),
        lambda folder: socket.socket(socket.AF_UNIX).bind(str(folder / "socket")),
    ),
    "names with spaces, quotes and newlines": _both(
        _dockerfile(f"{BASE}COPY . .\n"),
        _file("a b.txt", "x"), _file("'\"$(true)`;.txt", "x"), _file("two\nlines.txt", "x"), _file("-rf", "x"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", ODD)
def test_an_odd_project_is_built(fault, machine, tmp_path, monkeypatch):
    project = tmp_path / "shop"
    project.mkdir()
    monkeypatch.chdir(project)  # a socket's path is short
    ODD[fault](Path("."))
    for name in ("main.py", "requirements.txt"):
        (project / name).touch()
    with App.from_path(project) as app:
        assert machine.build(app, "Dockerfile", view="none").error == ""


def test_a_step_of_10000_lines_shows_both_ends_and_says_where_the_whole_is(machine, tmp_path):
    lines = "".join(f"echo {n};\\\n" for n in range(10_000))
    with small_app(tmp_path, f"{BASE}RUN {lines}exit 3\n") as app, pytest.raises(BuildFailed) as caught:
        machine.build(app, "Dockerfile", view="none")
    message = str(caught.value).splitlines()
    assert "     2 | RUN echo 0;\\" in message and any("9,989 more lines" in line for line in message)
    assert message[-1 - TAIL_LINES : -1] == [str(n) for n in range(10_000 - TAIL_LINES, 10_000)]
    assert len(message) < 50
    assert str(caught.value.log) in caught.value.remedy and caught.value.log.parent == logs_dir()
    whole = caught.value.log.read_text()
    assert "\n0\n1\n" in whole and "echo 9999;\\" in whole and whole.endswith("9998\n9999\n")
    assert caught.value.log.stat().st_mode & 0o777 == 0o600
    assert not list(app.source.rglob("*.log"))


def test_a_short_failure_leaves_no_log(machine, tmp_path):
    with small_app(tmp_path, f"{BASE}RUN echo no && false\n") as app, pytest.raises(BuildFailed) as caught:
        machine.build(app, "Dockerfile", view="none")
    assert caught.value.log is None and "whole" not in caught.value.remedy
