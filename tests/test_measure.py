"""What measurements say, from records; what `measure` refuses before it builds. Without an engine."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess

import contract_cases
import pytest
from click.testing import CliRunner
from contract_cases import BREAKING

from layerlab.charts.before_after import before_after
from layerlab.commands.main import main
from layerlab.errors import AppError
from layerlab.measuring import measure as measuring
from layerlab.measuring.answer import answers, counted
from layerlab.measuring.measure import USUAL, frame_of, observations, possible
from layerlab.measuring.page import page
from layerlab.measuring.situations import SITUATIONS, reason, subject
from layerlab.project.app import App
from layerlab.record.step import Phase

BROKEN = next(mutation for mutation in BREAKING if mutation.name == "all is copied before the install")


def timed(one, seconds, export=0.1):
    """Return a draft as if it had been built: each step that ran took as many seconds as its line."""
    steps = tuple(
        dataclasses.replace(step, started=0.0, seconds=float(step.line) if step.state == "RAN" else 0.0)
        for step in one.build.steps
    )
    phases = (Phase("export", "exporting", 0.0, export, 0),)
    return dataclasses.replace(one, build=dataclasses.replace(one.build, steps=steps, phases=phases, seconds=seconds))


@pytest.fixture
def broken(tmp_path):
    with App.at(contract_cases.write(tmp_path, BROKEN)) as app:
        yield subject(app)


def test_an_answer_says_how_long_for_what_and_which_line_is_to_blame(broken):
    (code,) = reason(broken, ["code"])
    (answer,) = answers([timed(code, 30.0), timed(code, 20.0), timed(code, 21.5)])
    assert str(answer).splitlines() == [
        "after a code edit, you wait 21.5 s; `COPY . .` in line 11 takes 11.0 s of it",
        "    → main.py changed",
    ]
    assert (answer.builds, answer.min_seconds, answer.max_seconds, answer.line) == (3, 20.0, 30.0, 11)


def test_the_line_to_blame_is_the_one_that_takes_what_changed(tmp_path):
    mutation = dataclasses.replace(
        BROKEN, changes={"Dockerfile": {"COPY requirements.txt /": "COPY . /", "COPY . .\n": ""}}
    )
    with App.at(contract_cases.write(tmp_path, mutation)) as app:
        (code,) = reason(subject(app), ["code"])
    (answer,) = answers([timed(code, 21.5)])
    assert "RUN --mount=type=cache" in answer.slowest
    assert (answer.cause, answer.line) == ("`COPY . /` in line 4 precedes it: main.py changed", 4)


def test_a_quick_build_has_no_cause_to_tell(broken):
    (code,) = reason(broken, ["code"])
    (answer,) = answers([timed(code, 0.9)])
    assert str(answer) == "after a code edit, you wait 0.9 s"


def test_the_export_is_named_if_it_takes_longest(broken):
    (code,) = reason(broken, ["code"])
    (answer,) = answers([timed(code, 40.0, export=25.0)])
    assert answer.slowest == "the export takes 25.0 s of it"


def test_downloads_are_counted_only_if_nothing_that_downloads_ran(broken):
    for one in reason(broken, ["unchanged", "code"]):
        assert counted(one.build) == (one.situation == "unchanged")


def test_situations_without_an_edit_are_left_out(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-slim\nCOPY data.csv /\n")
    (tmp_path / "data.csv").write_text("1")
    with App.at(tmp_path) as app:
        assert possible(subject(app), USUAL) == ["cold", "unchanged", "base"]


@pytest.mark.parametrize(
    ("dockerfile", "base"),
    [
        ("FROM python:3.11-slim AS a\nFROM a\nCOPY . /\n", "python:3.11-slim"),
        ("ARG V=3.12\nFROM node AS b\nFROM python:${V}-slim\nCOPY . /\n", "python:3.12-slim"),
        ("FROM python AS a\nFROM scratch\nCOPY . /\n", ""),
    ],
)
def test_the_base_is_what_the_last_stage_is_made_from(dockerfile, base, tmp_path):
    (tmp_path / "Dockerfile").write_text(dockerfile)
    with App.at(tmp_path) as app:
        assert subject(app).base == base


@pytest.mark.parametrize(("situations", "repeats"), [(["cold", "monday"], 1), (["cold"], 0)])
def test_what_cannot_be_measured_is_refused_before_anything_is_built(situations, repeats, broken):
    with pytest.raises(AppError, match=r"monday|0 times"):
        observations(None, broken, situations, repeats)  # without a machine: it isn't reached


def test_every_situation_can_have_a_contract():
    from layerlab.project.manifest import schema

    assert schema()["properties"]["contract"]["propertyNames"]["enum"] == [*SITUATIONS, "any"]


def test_the_command_prints_the_answers_before_the_table(tmp_path, monkeypatch):
    folder = contract_cases.write(tmp_path, BROKEN)
    monkeypatch.setattr("layerlab.commands.machines.started", lambda name: None)
    monkeypatch.setattr(
        measuring,
        "observations",
        lambda machine, what, chosen, repeats: [timed(one, 21.5) for one in reason(what, chosen)],
    )
    done = CliRunner().invoke(main, ["measure", str(folder), "--quick"])
    assert done.exit_code == 0
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("after no change, you wait 21.5 s")
    assert last.split()[:2] == ["dependency", "1"]
    assert "code edit: main.py" in done.stderr
    done = CliRunner().invoke(main, ["measure", str(folder), "--quick", "--json"])
    assert [answer["situation"] for answer in json.loads(done.stdout)] == ["unchanged", "code", "dependency"]


def test_the_page_has_the_answers_and_needs_no_network(broken):
    (code,) = reason(broken, ["code"])
    (before,), (now,) = (answers([timed(code, seconds)]) for seconds in (40.0, 21.5))
    text = page("shop <b>", "machine laptop", ["code edit: main.py"], [before], [now], "main")
    assert "after a code edit, you wait 21.5 s; `COPY . .` in line 11 takes 11.0 s of it" in text
    assert "shop &lt;b&gt;" in text and "<td>main</td>" in text and "width:53.8%" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)


def test_another_commit_is_measured_beside_the_files_as_they_are(tmp_path, monkeypatch):
    folder = contract_cases.write(tmp_path / "shop")
    shutil.rmtree(folder / ".git")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "good"]):
        user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *user, *words], cwd=folder, check=True)
    dockerfile = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(dockerfile.replace("COPY requirements.txt /", "COPY . /"))
    monkeypatch.setattr("layerlab.commands.machines.started", lambda name: None)
    monkeypatch.setattr(
        measuring,
        "observations",
        lambda machine, what, chosen, repeats: [timed(one, 21.5) for one in reason(what, chosen)],
    )
    words = ["measure", str(folder), "--quick", "--against", "HEAD"]
    told = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    ran = {name: {a["situation"]: a["steps_ran"] for a in told[name]} for name in ("before", "now")}
    assert (ran["before"]["code"], ran["now"]["code"]) == (1, 3)
    table = CliRunner().invoke(main, words).stdout.splitlines()[-7:]
    assert [line.split()[:2] for line in table[1:5]] == [
        ["HEAD", "unchanged"], ["now", "unchanged"], ["HEAD", "code"], ["now", "code"],
    ]  # fmt: skip
    assert "COPY . /" in (folder / "Dockerfile").read_text()


def test_an_image_from_scratch_has_no_base_that_moves(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    with App.at(tmp_path) as app, pytest.raises(AppError, match="no base that could move"):
        observations(None, subject(app), ["base"], 1)


def test_the_frame_has_a_row_per_build_and_step_and_can_be_drawn(broken):
    observed = [timed(one, 20.0 + one.repeat) for one in reason(broken, ["unchanged", "code"])]
    rows = frame_of(observed)
    assert len(rows) == sum(len(one.build.steps) for one in observed)
    install = rows[rows["text"].str.contains("pip install") & (rows["edit"] == "code")].iloc[0]
    assert (install["state"], install["why"]) == ("RAN", "line 4 above ran again")
    assert "edit code" in repr(before_after(rows))
