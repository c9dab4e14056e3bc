"""Real builds with a secret in them, or that print what a terminal would obey: nothing that LayerLab shows or keeps has it."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import stat
import subprocess
from pathlib import Path

import pytest
from support import write_project
from test_cli_engine import LAYERLAB, command, named  # noqa: F401

from layerlab.texts.secrets import HIDDEN

pytestmark = pytest.mark.engine

SECRET, OTHER = "hunter2-xyzzy-4711", "another-secret-0815"
#: A step that prints a build argument in several ways, once in two pieces, and then fails if there is a file called `fail`.
LEAKY = f"""FROM python:3.11-slim
ARG API_TOKEN
ENV DB_PW={SECRET}9 PIP_NO_CACHE_DIR=1
COPY . /app
RUN printf 'connecting with %s and %s\\n' "$API_TOKEN" "$DB_PW" && env && printf %.7s "$API_TOKEN" && sleep 0.3 \\
    && echo "$API_TOKEN" | cut -c 8- && test ! -e /app/fail
"""
#: Clears the screen, retitles the window, reverses the text, and rewrites a line.
ODD = r"""FROM python:3.11-slim
RUN printf '\033[2J\033]0;owned\007\033[31mred\033[0m\n\342\200\256gnp.exe\n10%%\r100%%\n\233\377end\n' && sleep 0.3 && false
"""


def in_terminal(*words: object) -> str:
    """Run the command on a terminal of its own; return everything that reached it."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(
        [LAYERLAB, *map(str, words)], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    printed = b""
    try:
        while piece := os.read(ours, 1 << 16):
            printed += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    process.wait()
    return printed.decode(errors="replace")


def everything(project: Path, machine: str, folder: Path, lab_home: Path, *words: str) -> dict[str, str]:
    """Build the project and return what each channel showed or kept."""
    record = folder / "record.json"
    shown = {"a terminal": in_terminal("build", project, "--machine", machine, *words)}
    done = command("build", project, "--machine", machine, "--output", record, *words)
    shown |= {
        "the table": done.stdout,
        "the lines of a log and the error": done.stderr,
        "the record": record.read_text(),
    }
    shown["build --json"] = command("build", project, "--machine", machine, "--json", *words).stdout
    for more in ([], ["--evidence"], ["--json"]):
        shown["explain " + " ".join(more)] = command("explain", project, "--machine", machine, *more).stdout
    for form in ("html", "markdown", "json"):
        shown[f"report {form}"] = command("report", record, "--format", form, "-o", "-").stdout
    for number, file in enumerate((lab_home / "machines" / machine / "history").glob("*/*.json")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        shown[f"history {number}"] = file.read_text()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert all(shown.values())
    return shown


def decoded(record: str) -> str:
    """Return a record's trace with its logs as text."""
    events = [json.loads(line) for line in json.loads(record)["trace"].splitlines() if line.startswith("{")]
    return b"".join(base64.b64decode(log["data"]) for e in events for log in e.get("logs") or ()).decode(
        errors="replace"
    )


@pytest.mark.parametrize("fails", [True, False])
def test_a_secret_build_argument_is_in_no_channel(named, tmp_path, lab_home, fails):  # noqa: F811
    command("up", named)
    project = write_project(tmp_path / "shop", LEAKY, **({"fail": ""} if fails else {}))
    shown = everything(project, named, tmp_path, lab_home, "--build-arg", f"API_TOKEN={SECRET}")
    shown["the trace"] = decoded(shown["the record"])
    assert not [channel for channel, text in shown.items() if "hunter2" in text or "xyzzy" in text]
    if fails:  # otherwise, the recorded build is all cached
        assert f"connecting with {HIDDEN} and {HIDDEN}" in shown["the trace"]
        assert f"API_TOKEN={HIDDEN}" in shown["the trace"] and "PIP_NO_CACHE_DIR=1" in shown["the trace"]
        assert f"connecting with {HIDDEN}" in shown["the lines of a log and the error"]

    again = command("build", project, "--machine", named, "--build-arg", f"API_TOKEN={OTHER}", "--json")
    assert OTHER not in again.stdout + again.stderr
    why = command("explain", project, "--machine", named, "--evidence").stdout
    assert "(hidden:" not in why
    if not fails:
        assert "ARG API_TOKEN changed; both values are hidden" in why and f"ARG API_TOKEN: {HIDDEN} → {HIDDEN}" in why


def test_what_a_step_prints_never_reaches_a_terminal_as_it_is(named, tmp_path, lab_home):  # noqa: F811
    command("up", named)
    project = write_project(tmp_path / "shop", ODD)
    shown = everything(project, named, tmp_path, lab_home)
    live = shown.pop("a terminal")
    assert not re.search("\x1b\\[2J|owned|\u202e|\x07", live.replace("0;owned", "")) and "100%" in live
    for channel, text in shown.items():
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text), channel
    assert "red" in shown["the lines of a log and the error"] and "100%" in shown["the lines of a log and the error"]
