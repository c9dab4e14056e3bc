"""A real build, from command to record: steps, states, bytes; variants that answer; builds that fail and say why."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import pytest
from support import SMALL, small_app, write_project

from layerlab import App, Build, BuildFailed
from layerlab.errors import AppError
from layerlab.machine import client_process
from layerlab.record.states import BASE, CACHED, RAN

QUIET = {"view": "none"}

STAGES = """FROM python:3.11-slim AS base
RUN echo one
FROM base AS middle
RUN echo two && \\
    echo "the reason is here" >&2 && exit 42
FROM base AS last
COPY --from=middle /app /app
"""


# -- the record --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def record(machine, tmp_path_factory) -> Build:
    """A first build with a download and a context worth mentioning."""
    dockerfile = SMALL.replace("COPY main.py", "RUN pip install --no-cache-dir humanize==4.12.0\nCOPY main.py")
    folder = write_project(tmp_path_factory.mktemp("record"), dockerfile, main_py="#" * 50_000)
    machine.reset()
    with App.from_path(folder) as app:
        return machine.build(app, "Dockerfile", **QUIET)


def test_steps_come_in_file_order_with_their_lines(record):
    assert [(s.line, s.instruction) for s in record.steps] == [
        (1, "FROM"), (2, "WORKDIR"), (3, "COPY"), (4, "RUN"), (5, "RUN"), (6, "COPY"),
    ]  # fmt: skip
    assert [s.state for s in record.steps] == [BASE, RAN, RAN, RAN, RAN, RAN]


def test_bytes_and_seconds_are_measured(record):
    packages, pip, code = record.steps[3], record.steps[4], record.steps[5]
    assert 2_000_000 < packages.size_bytes < 2_300_000  # what dd wrote, which does not compress
    assert packages.seconds >= 0.2
    assert 100_000 < pip.downloaded_bytes < 200_000  # the wheel of humanize
    assert (
        0 <= record.downloaded_bytes - pip.downloaded_bytes < 1_000
    )  # the other container's own chatter: ARP and the like
    assert code.size_bytes < 2_000
    assert 50_000 < record.context_bytes < 80_000
    assert record.image_bytes > 20_000_000
    assert 0 < record.export_seconds < record.seconds
    assert record.command[:4] == ("docker", "buildx", "build", "--progress=rawjson")
    assert record.error == ""


def test_a_record_is_saved_and_loaded_back_equal(record, tmp_path):
    assert Build.load(record.save(tmp_path / "build.json")) == record


def test_the_image_is_what_the_record_says(record, machine):
    with contextlib.closing(machine.client()) as engine:
        assert engine.images.get(record.image).attrs["Architecture"]


# -- edits -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "states"),
    [
        ("none", {"COPY requirements.txt": CACHED, "RUN": CACHED, "COPY main.py": CACHED}),
        ("code", {"COPY requirements.txt": CACHED, "RUN": CACHED, "COPY main.py": RAN}),
        ("dependency", {"COPY requirements.txt": RAN, "RUN": RAN, "COPY main.py": RAN}),
        ("context", {"COPY requirements.txt": CACHED, "RUN": CACHED, "COPY main.py": CACHED}),
    ],
)
def test_an_edit_runs_what_it_must(machine, tmp_path, edit, states):
    manifest = '[edits]\ndependencies = ["humanize==4.12.0"]\n'
    with small_app(tmp_path, layerlab_toml=manifest) as app:
        machine.build(app, "Dockerfile", **QUIET)
        app.edit(edit)
        build = machine.build(app, "Dockerfile", **QUIET)
        assert {text: build.state(text) for text in states} == states
        assert build.edit == edit
        assert (build.context_bytes > 1_000_000) == (edit == "context" and ships_all(build))


def ships_all(build: Build) -> bool:
    """BuildKit sends only the files that a Dockerfile copies by name."""
    return "COPY . " in build.dockerfile


def test_an_edit_of_the_context_reaches_a_dockerfile_that_copies_all_of_it(machine, tmp_path):
    with small_app(tmp_path, SMALL.replace("COPY main.py", "COPY . ")) as app:
        machine.build(app, "Dockerfile", **QUIET)
        app.edit("context")
        assert machine.build(app, "Dockerfile", **QUIET).context_bytes > 1_000_000


# -- the sample app ----------------------------------------------------------------------------------------------------

#: variant → edit → the states that matter. What "before" costs after an edit is notebook 01's, whose outputs are checked.
TAUGHT = {
    "before": {},
    "guide": {
        "code": {"pip install": CACHED, "COPY radiassist/": RAN, "COPY models/": RAN},
        "weights": {"pip install": CACHED, "COPY radiassist/": CACHED, "COPY models/": RAN},
    },
    "after": {
        "code": {"pip install": CACHED, "/models/ models/": CACHED},
        "weights": {"pip install": CACHED, "/models/ models/": RAN},
    },
    "uv": {
        "code": {"RUN --mount": CACHED, "/models/ models/": CACHED, "/app/ ./": RAN},
        "dependency": {"RUN --mount": RAN, "/models/ models/": CACHED, "/app/ ./": CACHED},
    },
}


@pytest.mark.parametrize("variant", TAUGHT)
def test_each_variant_of_the_radiology_api_rebuilds_as_taught_and_answers(machine, app, variant):
    build = machine.build(app, variant)
    for edit, states in TAUGHT[variant].items():
        app.edit(edit)
        build = machine.build(app, variant, **QUIET)
        assert {text: build.state(text) for text in states} == states, edit
    answer = machine.ask(app, build)
    assert answer.healthy, answer
    assert answer.correct, answer
    assert machine.docker("ps", "--all", "--quiet") == "", "asking left a container"


def test_a_target_is_where_the_build_stops(machine, app):
    build = machine.build(app, "after", target="application", **QUIET)
    assert "--target=application" in build.command
    assert not any(s.stage == "runtime" for s in build.steps)
    assert "models" not in machine.docker("run", "--rm", build.image, "ls").split()


def test_a_compose_service_is_built_through_bake(machine, app):
    build = machine.build(app, "compose.yaml", service="api", **QUIET)
    assert build.command[:3] == ("docker", "buildx", "bake")
    assert [s.line for s in build.steps] == sorted(s.line for s in build.steps) != []
    assert build.image.startswith("radiassist-api")
    assert build.dockerfile == app.read("after.Dockerfile")
    app.edit("code")
    again = machine.build(app, "compose.yaml", service="api", **QUIET)
    assert again.state("pip install") == CACHED
    assert machine.ask(app, again).correct
    with pytest.raises(AppError, match="has no service 'nobody'"):
        machine.build(app, "compose.yaml", service="nobody", **QUIET)


class Recorder:
    """A view that keeps what it is told."""

    def __init__(self) -> None:
        self.fed, self.finished = 0, []

    def feed(self, event: dict) -> None:
        self.fed += 1

    def finish(self, build: Build | None) -> None:
        self.finished.append(build)


@pytest.mark.parametrize(("failures", "tries"), [(1, 2), (2, 2)])
def test_an_export_that_lost_a_snapshot_is_tried_once_more_and_is_one_build(
    machine, failures, tries, tmp_path, monkeypatch
):
    """BuildKit #6521 comes on busy computers only: here the client's word is changed, and the builds are real."""
    real, calls, lost = (
        client_process.follow,
        [],
        "ERROR: failed to solve: parent snapshot sha256:0 does not exist: not found\n",
    )

    def run(*arguments: object) -> tuple[float, int, list[str]]:
        seconds, exit_code, lines = real(*arguments)
        calls.append(exit_code)
        return (seconds, 1, [*lines, lost]) if len(calls) <= failures else (seconds, exit_code, lines)

    monkeypatch.setattr(client_process, "follow", run)
    view, outcome = (
        Recorder(),
        contextlib.nullcontext() if failures < 2 else pytest.raises(BuildFailed, match="snapshot"),
    )
    with small_app(tmp_path / "app") as app, outcome:
        app.write("Dockerfile", SMALL + f"RUN echo {tmp_path}\n")
        built = machine.build(app, "Dockerfile", view=view)
        assert built.state(f"echo {tmp_path}") == RAN
        assert view.finished == [built]
    assert len(calls) == tries and len(view.finished) == 1
    assert bool(view.finished[0].error) == (failures == 2)


def test_another_python_by_build_argument(machine, tmp_path):
    base = machine.add_base("python:3.13-slim")
    assert base.endswith("python:3.13-slim")
    dockerfile = "ARG PYTHON_VERSION=3.11\nFROM python:${PYTHON_VERSION}-slim\nRUN python --version\n"
    with small_app(tmp_path, dockerfile) as app:
        build = machine.build(app, "Dockerfile", args={"PYTHON_VERSION": "3.13"}, **QUIET)
        assert "Python 3.13" in build.steps[-1].log
        machine.reset()
        assert "Python 3.13" in machine.build(
            app, "Dockerfile", args={"PYTHON_VERSION": "3.13"}, **QUIET).steps[-1].log  # fmt: skip


# -- builds that fail --------------------------------------------------------------------------------------------------


def test_a_build_that_fails_in_the_middle_stage_says_all(machine, tmp_path):
    with small_app(tmp_path, STAGES) as app:
        with pytest.raises(BuildFailed) as caught:
            machine.build(app, "Dockerfile", **QUIET)
        error, text = caught.value, str(caught.value)
        assert (error.step.line, error.step.end_line, error.step.stage) == (4, 5, "middle")
        assert error.exit_code == 1
        assert "line 4, RUN in stage middle, failed" in text
        assert '5 |     echo "the reason is here" >&2 && exit 42' in text
        assert "\nthe reason is here" in text
        assert "command: docker buildx build --progress=rawjson --file=Dockerfile" in text
        assert error.build.error
        assert error.build.state("COPY --from=middle") == "NOT REACHED"
        app.write("Dockerfile", STAGES.replace("exit 42", "mkdir /app"))
        assert machine.build(app, "Dockerfile", **QUIET).state("echo one") == CACHED


@pytest.mark.parametrize(
    ("dockerfile", "says"),
    [
        ("FROM python:3.11-slim\nRUNN echo\n", "unknown instruction: RUNN"),
        ("FROM layerlab.invalid/no-such-base:1\n", "no-such-base"),
        ("FROM python:3.11-slim\nCOPY nothing.txt .\n", "nothing.txt"),
        ("", "empty"),
    ],
)
def test_a_dockerfile_that_cannot_be_built_says_why(machine, tmp_path, dockerfile, says):
    with small_app(tmp_path, dockerfile) as app:
        with pytest.raises(BuildFailed) as caught:
            machine.build(app, "Dockerfile", **QUIET)
        assert says in str(caught.value)
        app.write("Dockerfile", SMALL)
        machine.build(app, "Dockerfile", **QUIET)


def test_an_unknown_variant_names_those_that_exist(machine, app):
    with pytest.raises(AppError, match=r"no variant, Dockerfile or Compose file 'good'\n.*before, guide, after"):
        machine.build(app, "good")


# -- the original ------------------------------------------------------------------------------------------------------


def fingerprint(folder: Path) -> list[tuple]:
    """Everything about the files of a folder but when they were last read."""
    rows = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        digest = hashlib.sha256(repr(content).encode()).hexdigest()
        rows.append((str(path), status.st_mode, status.st_uid, status.st_mtime_ns, status.st_ctime_ns, digest))
    return rows


def test_the_original_is_never_written_to(machine, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("# not part of the project\n")
    project = write_project(tmp_path / "project.v1", layerlab_toml='[edits]\ndependencies = ["humanize==4.12.0"]\n')
    (project / "leaves.py").symlink_to(outside / "secret.py")
    (project / "folder").symlink_to(outside)
    (project / "stays.py").symlink_to("main.py")
    before = fingerprint(tmp_path)
    with App.from_path(project) as app:
        for edit in ("code", "dependency", "context"):
            app.edit(edit)
        machine.build(app, "Dockerfile", **QUIET)
        for path in ("leaves.py", "folder/secret.py", "../main.py", str(project / "main.py")):
            with pytest.raises(AppError, match="outside the app"):
                app.write(path, "changed")
            with pytest.raises(AppError, match="outside the app"):
                app.read(path)
        app.write("stays.py", "changed")
        assert app.read("main.py") == "changed"
        copy = app.path
    assert fingerprint(tmp_path) == before
    assert not copy.exists()
