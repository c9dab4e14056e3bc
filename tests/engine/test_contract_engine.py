"""Contracts by real builds: the same verdicts that reasoning gives, and those that only a build can give."""

from __future__ import annotations

import json

import contract_cases
import pytest
from click.testing import CliRunner
from contract_cases import BREAKING, HARMLESS

from layerlab.commands.main import main
from layerlab.contracts.checking import check, check_fast
from layerlab.contracts.clauses import clauses, of_app
from layerlab.contracts.verdict import FAIL, PASS, UNDECIDED
from layerlab.measuring.measure import measure
from layerlab.measuring.situations import SITUATIONS, reason, subject
from layerlab.project.app import App

MUTATIONS = [*BREAKING, *HARMLESS]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_real_builds_break_the_same_clauses(machine, mutation, tmp_path):
    folder = contract_cases.write(tmp_path, mutation)
    with App.from_path(folder) as app:
        verdict = check(machine, subject(app), of_app(app))
        fast = check_fast(subject(app), of_app(app))
    levels = {str(finding.clause): finding.level for finding in verdict.findings}
    assert {name for name, level in levels.items() if level == FAIL} == {*mutation.broken}
    assert UNDECIDED not in levels.values()
    reasoned = {str(finding.clause): finding.level for finding in fast.findings}
    assert all(level in (levels[name], UNDECIDED) for name, level in reasoned.items())
    if mutation.broken:
        first = next(f for f in verdict.findings if str(f.clause) == mutation.broken[0])
        assert mutation.cause in str(first)
        assert not mutation.line or first.line == mutation.line


def test_bytes_and_seconds_are_judged_by_builds(machine, tmp_path):
    folder = contract_cases.write(tmp_path)
    told = {
        "code": {"max_downloaded_mb": 0, "max_seconds": {"warn": 0.001, "repeats": 2}},
        "any": {"max_image_mb": 0.001},
    }
    with App.from_path(folder) as app:
        verdict = check(machine, subject(app), clauses(told))
    assert [finding.level for finding in verdict.findings] == [PASS, "warn", FAIL]
    assert "of it" in verdict.findings[1].cause
    assert verdict.failed


def test_the_command_writes_reports_and_leaves_the_project_alone(machine, tmp_path):
    folder = contract_cases.write(tmp_path / "shop", BREAKING[0])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    words = [
        "contract",
        "check",
        str(folder),
        "--machine",
        machine.name,
        "--json",
        "--junit",
        str(tmp_path / "junit.xml"),
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["failed"]
    assert "<failure" in (tmp_path / "junit.xml").read_text()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    done = CliRunner().invoke(main, ["contract", "init", str(folder), "--machine", machine.name])
    assert done.exit_code == 0
    assert "[contract.code]" in done.stdout and "max_image_mb" in done.stdout


def test_a_compose_service_can_have_a_contract(machine):
    with App("agent_platform") as app:
        what = subject(app, "after")
        fast = [one.build for one in reason(what, ["code"])]
        verdict = check(machine, what, clauses({"code": {"cached": ["RUN *pip*"], "max_steps_run": 1}}))
    assert {finding.level for finding in verdict.findings} == {PASS}
    assert [step.state for step in fast[0].steps].count("RAN") == 1


def test_a_project_is_measured_in_every_situation(machine, tmp_path):
    folder = contract_cases.write(tmp_path, BREAKING[0])
    with App.from_path(folder) as app:
        rows = measure(machine, app, situations=[*SITUATIONS], repeats=1)
    states = {name: set(its["state"]) - {"BASE"} for name, its in rows.groupby("edit")}
    assert list(dict.fromkeys(rows["edit"])) == [*SITUATIONS]
    assert states["cold"] == {"RAN"} and states["unchanged"] == {"CACHED"}
    installs = rows[rows["text"].str.contains("pip install")].set_index("edit")
    assert installs["state"].to_dict() == {
        "cold": "RAN", "unchanged": "CACHED", "code": "RAN", "dependency": "RAN", "context": "CACHED", "base": "RAN",
        "registry": "RAN",
    }  # fmt: skip
    system = rows[rows["text"].str.contains("apt-get")].set_index("edit")
    assert system["state"]["registry"] == "CACHED"
    assert "line 4 above ran again" in installs["why"]["code"]
