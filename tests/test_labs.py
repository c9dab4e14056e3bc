"""Labs without an engine: their files, the starting points, attempts kept and collected, the `layerlab lab` command."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import subprocess
from pathlib import Path
from typing import ClassVar

import nbformat
import pytest
from click.testing import CliRunner

from layerlab import labs
from layerlab.commands.main import main
from layerlab.errors import LabError
from layerlab.labs import Goal, clinic, files, judged, judging, logbook
from layerlab.machine.asking import Answer
from layerlab.record.build import Build
from layerlab.record.step import Step

ROOT = Path(__file__).resolve().parents[1]
LAB = labs.find("01")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Labs and a home of the test's own."""
    for lab in labs.ALL:
        for part in ("start", "solution"):
            (tmp_path / "labs" / lab.name / part).mkdir(parents=True, exist_ok=True)
            for file in lab.files:
                (tmp_path / "labs" / lab.name / part / file).write_text(
                    (ROOT / "labs" / lab.name / part / file).read_text()
                )
        files.give_out(lab, tmp_path / "labs")
    monkeypatch.setenv("LAYERLAB_LABS", str(tmp_path / "labs"))
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAYERLAB_LEARNER", "ada")
    (tmp_path / "home").mkdir()
    return tmp_path / "labs" / LAB.name


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["lab", *words])
    assert done.exit_code == code, done.output
    return done.output


def verdict(met: int, of: int = 3, **figures: float):
    return judged([Goal(str(n), n < met, f"hint {n}", f"detail {n}") for n in range(of)], figures=figures)


class Bench:
    """A machine as far as the clinic needs one; it builds nothing, but has a record."""

    environment: ClassVar = {}
    record = Build(
        app="front_desk", variant="Dockerfile", edit="none", machine="bench", command=("docker",), dockerfile="FROM x\n",
        started_at="", seconds=1.0, steps=(), phases=(), context_bytes=0, image="", image_bytes=None, warnings=(), trace="",
        provenance={},
    )  # fmt: skip

    def alone(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def docker(self, *arguments: str, timeout: float = 600) -> str:
        return ""

    def build(self, *arguments: object, **options: object) -> Build:
        return self.record

    def restore_bases(self) -> None: ...


def test_a_docker_command_after_the_build_leaves_its_record(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    with clinic.patient(3) as one:
        one.app.write("build.sh", "docker build .\ndocker image ls\n")
        visit = one.visit(Bench())
    assert [day.build for day in visit.days] == [Bench.record] * 2 and visit.trouble == ""


def test_a_build_without_buildkit_has_no_record_but_did_not_fail(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)
    monkeypatch.setattr(clinic.endpoint, "docker_program", lambda: str(docker))
    with clinic.patient(1) as one:
        visit = one.visit(Bench())
    assert [(day.build, day.error) for day in visit.days] == [(None, "")] * 2
    assert visit.trouble == "BuildKit built nothing" and "BuildKit built nothing" in str(visit.days[1])


@pytest.mark.parametrize("lab", labs.ALL, ids=lambda lab: lab.name)
def test_a_lab_is_given_out_as_its_starting_point(lab, tmp_path):
    made = files.give_out(lab, tmp_path)
    assert {path.name for path in made} == set(lab.files)
    for file in lab.files:
        start, solved = ((ROOT / "labs" / lab.name / part / file).read_bytes() for part in ("start", "solution"))
        assert (tmp_path / lab.name / file).read_bytes() == start
        assert solved != start or len(lab.files) > 1
    made[0].write_text("mine")
    assert files.give_out(lab, tmp_path) == []
    assert made[0].read_text() == "mine"


def test_what_learners_edit_is_not_in_git():
    tracked = subprocess.run(["git", "ls-files", "labs"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    parts = {path.split("/")[2] for path in tracked.split()}
    assert parts == {"lab.ipynb", "start", "solution", "patients"}


#: Lab → the goals that its starting point meets, and words of the hint that it gets.
STARTS = {
    "01-order-your-layers": (
        "xxxx..",
        ["line 14 (RUN) install the packages again", "line 10 (COPY)", "RAN     COPY models"],
    ),
    "02-drop-no-cache-dir": ("xxx..", ["/tmp/pip-cache"]),
    "03-mount-a-cache": ("xxx..x", ["line 14 (RUN) download", "cache mount at /root/.cache/uv"]),
    "04-build-in-one-stage-ship-another": ("xxxx.....", ["ships gcc", "RAN     RUN pip install"]),
    "05-inline-cache": ("xxx..x", ["looked for diet-planner:latest"]),
    "06-registry-cache": ("xxx..-", ["looked for longer-hours", "has written main", "RAN     RUN pip"]),
    "07-ignore-what-you-do-not-ship": ("xx...", ["/app/.env"]),
    "08-split-what-is-heavy": ("xxxxxx..", ["line 10 (RUN) install heavy packages again", "line 5 (RUN)"]),
    "09-look-after-your-cache": ("." + "-" * 12, ["patient 1"]),
    "capstone": ("xxxxx....", []),  # the tenth is about seconds, and figures in its hint differ from day to day
}


@pytest.mark.parametrize("lab", labs.ALL, ids=lambda lab: lab.name)
def test_the_starting_point_fails_for_its_faults(lab):
    """Real builds say so: these are checked outputs, which nbval compares in each run (tests/engine/test_safety.py)."""
    goals, words = STARTS[lab.name]
    notebook = nbformat.read(ROOT / "labs" / lab.name / "lab.ipynb", as_version=4)
    said = next(
        cell.outputs[0].text
        for cell in notebook.cells
        if cell.cell_type == "code" and re.match(r"print\(verdict\)$|print\(\[met for", cell.source)
        and "nbval-check-output" in cell.metadata.tags
    )  # fmt: skip
    met = re.findall(r"^\[(.)\]", said, re.MULTILINE) if lab.name != "capstone" else [
        "x" if one == "True" else " " for one in re.findall(r"True|False", said)
    ]  # fmt: skip
    assert "".join(met).replace(" ", ".") == goals
    assert [word for word in words if word not in said] == []


def test_every_folder_of_labs_is_a_lab():
    assert {path.parent.name for path in ROOT.glob("labs/*/lab.ipynb")} == set(labs.LABS)


def test_a_lab_is_found_by_the_beginning_of_its_name():
    assert labs.find("01").name == "01-order-your-layers"
    for name in ("", "99", "nothing"):
        with pytest.raises(LabError, match="01-order-your-layers"):
            labs.find(name)


def test_a_verdict_has_the_hint_of_the_first_goal_that_is_not_met():
    assert (verdict(1).hint, verdict(1).detail, verdict(1).passed) == ("hint 1", "detail 1", False)
    assert (verdict(3).hint, verdict(3).passed) == ("", True)
    assert str(verdict(3)).endswith("Passed.")
    assert str(verdict(0)).splitlines()[0] == "[ ] 0"


def test_a_goal_that_nothing_tested_is_neither_passed_nor_failed(folder):
    """The hint is for what's known to be wrong, if there's such a goal."""
    untested, missed, met = Goal("u", None, "hint u"), Goal("m", False, "hint m"), Goal("x", True)
    both = judged([met, untested, missed])
    assert (both.passed, both.hint) == (False, "hint m")
    assert str(both).splitlines()[:3] == ["[x] x", "[-] u (not tested)", "[ ] m"]
    one = judged([met, untested])
    assert (one.passed, one.hint, one.goals) == (False, "hint u", (("x", True), ("u", None)))
    assert logbook.keep(LAB, one, {}).met == 1


@pytest.mark.parametrize(
    "lab", [lab for lab in labs.ALL if lab.name != "09-look-after-your-cache"], ids=lambda lab: lab.name
)
def test_a_check_that_got_nowhere_has_failed_one_goal_and_tested_no_other(lab):
    marks = [met for _, met in lab.judge(labs.Observed(error="it does not build")).goals]
    assert marks == [False] + [None] * (len(marks) - 1)


DOWNLOADS = ("x", lambda build, step: f"line {step.line}", "")


def test_downloads_that_were_not_counted_are_not_tested(tmp_path):
    """Unless even the log tells of too many."""
    quiet = dataclasses.replace(Bench.record, steps=(_ran(3, 0),))
    assert judging.downloads_little(quiet, *DOWNLOADS).met is None
    assert judging.downloads_little(dataclasses.replace(quiet, undivided_bytes=0), *DOWNLOADS).met is True
    assert judging.downloads_little(dataclasses.replace(quiet, undivided_bytes=2_000_000), *DOWNLOADS).met is False
    told = judging.downloads_little(dataclasses.replace(quiet, steps=(_ran(3, 0), _ran(4, 2_000_000))), *DOWNLOADS)
    assert (told.met, told.hint) == (False, "line 4")
    assert judging.downloads_little(None, *DOWNLOADS).met is None


def _ran(line: int, downloaded: int) -> Step:
    return Step(line, line, "stage-0", "RUN", "RUN x", "RAN", 0.0, 1.0, None, downloaded, "", f"sha256:{line}", ())


def test_an_app_that_never_answers_says_what_was_waited_for():
    slow = Answer(
        False, False, "", "", "", (), "http://127.0.0.1:8000/health in it was asked for 60 s, and nothing answered"
    )
    assert str(slow) == f"it did not become healthy: {slow.why}; its log is empty"


def test_reset_keeps_what_the_learner_wrote(folder):
    start = (folder / "Dockerfile").read_text()
    assert "is kept" not in run("reset", "01")
    for number in (1, 2):
        (folder / "Dockerfile").write_text(f"FROM mine:{number}\n")
        assert f"Dockerfile.mine-{number}" in run("reset", "01")
        assert (folder / "Dockerfile").read_text() == start
    assert (folder / "Dockerfile.mine-1").read_text() == "FROM mine:1\n"


def test_solution_is_printed_and_put_in_place(folder):
    text = (folder / "solution/Dockerfile").read_text()
    assert run("solution", "01") == text
    (folder / "Dockerfile").write_text("FROM mine\n")
    assert "Dockerfile.mine-1" in run("solution", "01", "--apply")
    assert (folder / "Dockerfile").read_text() == text


def test_a_missing_file_says_how_to_get_it_back(folder):
    (folder / "Dockerfile").unlink()
    with pytest.raises(LabError, match="layerlab lab reset 01-order-your-layers"):
        labs.check_lab(None, "01", folder)
    run("reset", "01")
    assert (folder / "Dockerfile").is_file()


def test_files_that_are_not_there_yet_are_given_out(folder):
    (folder / "Dockerfile").unlink()
    assert files.chosen(LAB) == files.starting_point(LAB)
    assert (folder / "Dockerfile").is_file()


@pytest.mark.parametrize("words", [["reset", "01"], ["solution", "01", "--apply"]])
def test_a_folder_that_cannot_be_written_says_what_to_do(folder, words, tmp_path, monkeypatch):
    (tmp_path / "in its place").write_text("a file")
    monkeypatch.setattr(files, "own_labs", lambda: tmp_path / "in its place")
    assert "layerlab course start FOLDER" in run(*words, code=1)


def test_text_that_is_none_is_a_clear_error(folder):
    (folder / "Dockerfile").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabError, match="UTF-8"):
        labs.check_lab(None, "01")


def test_attempts_are_kept_in_order_and_listed(folder):
    assert "No lab has been checked" in run("progress")
    assert "[ ] 01-order-your-layers" in run("list")
    logbook.keep(LAB, verdict(1, seconds=4.5), {"Dockerfile": "a"})
    logbook.keep(LAB, verdict(3), {"Dockerfile": "b"})
    first, second = labs.attempts()
    assert (first.met, first.of, first.passed, first.figures) == (1, 3, False, {"seconds": 4.5})
    assert second.passed and first.files != second.files
    assert labs.attempts("another") == []
    assert "3 of 3" in run("progress") and "yes" in run("progress")
    assert "[x] 01-order-your-layers" in run("list")
    assert json.loads(run("progress", "--json"))[1]["learner"] == "ada"


def test_a_line_that_was_cut_off_costs_only_itself(folder):
    logbook.keep(LAB, verdict(1), {})
    with (logbook.home() / logbook.FILE).open("a") as file:
        file.write('{"when": "20')
        file.write('\n[1]\n{"lab": 3}\n')
    logbook.keep(LAB, verdict(2), {})
    assert [a.met for a in labs.attempts()] == [1, 2]


def test_a_leader_collects_what_learners_handed_in(folder, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    logbook.keep(LAB, verdict(1), {})
    run("progress", "--to", str(shared))
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("LAYERLAB_LEARNER", "../grace hopper")
    monkeypatch.setenv("LAYERLAB_PROGRESS", str(shared))
    (tmp_path / "other").mkdir()
    logbook.keep(LAB, verdict(3), {})  # hands in by itself
    assert sorted(file.parent for file in shared.iterdir()) == [shared] * 2, "no name leads out of the folder"
    told = run("progress", "--from", str(shared))
    assert "ada" in told and "grace hopper" in told and "1 of 3" in told and "3 of 3" in told


def test_a_folder_that_cannot_be(folder, tmp_path):
    (tmp_path / "file").write_text("")
    assert "no folder" in run("progress", "--from", str(tmp_path / "nowhere"), code=1)
    assert "cannot be written" in run("progress", "--to", str(tmp_path / "file"), code=1)
    assert "not both" in run("progress", "--to", "a", "--from", "b", code=2)
