"""Contracts without an engine: what breaks a clause by reasoning, what's harmless, and what records of builds show."""

from __future__ import annotations

import tomllib

import contract_cases
import pytest
from contract_cases import BREAKING, HARMLESS

from layerlab.contracts.checking import check_fast
from layerlab.contracts.clauses import clauses, of_app, repeats, situations
from layerlab.contracts.judging import matches
from layerlab.contracts.proposing import proposal
from layerlab.contracts.verdict import FAIL, PASS, UNDECIDED
from layerlab.errors import AppError
from layerlab.measuring.situations import reason, subject
from layerlab.project.app import App
from layerlab.project.course_files import sample_apps


def fast(folder):
    with App.at(folder) as app:
        return check_fast(subject(app), of_app(app))


def by_clause(verdict):
    return {str(finding.clause): finding for finding in verdict.findings}


def test_the_project_keeps_its_contract(tmp_path):
    verdict = fast(contract_cases.write(tmp_path))
    assert {finding.level for finding in verdict.findings} == {PASS}
    assert not verdict.failed


@pytest.mark.parametrize("mutation", BREAKING, ids=str)
def test_a_change_that_breaks_it_is_named_with_its_line(mutation, tmp_path):
    found = by_clause(fast(contract_cases.write(tmp_path, mutation)))
    assert {name for name, finding in found.items() if finding.level == FAIL} == {*mutation.broken} - {
        *mutation.unknown
    }
    assert {name for name, finding in found.items() if finding.level == UNDECIDED} == {*mutation.unknown}
    first = found[mutation.broken[0]]
    if mutation.broken[0] not in mutation.unknown:
        assert mutation.cause in str(first)
        assert not mutation.line or first.line == mutation.line


@pytest.mark.parametrize("mutation", HARMLESS, ids=str)
def test_a_harmless_change_keeps_it(mutation, tmp_path):
    assert {finding.level for finding in fast(contract_cases.write(tmp_path, mutation)).findings} == {PASS}


#: A variant of each sample app that keeps its dependencies cached, and one that doesn't.
APPS = (
    ("front_desk", "after", "before"), ("venv_service", "after", "before"), ("radiology_api", "after", "before"),
    ("semantic_search", "after", "before"), ("ten_hour_service", "after", "before"), ("diet_planner", "uv", "before"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "good", "bad"), APPS)
def test_what_is_proposed_for_an_app_holds_there_and_not_where_all_is_copied_first(name, good, bad, own_home):
    with App.at(sample_apps() / name) as app:
        what, before = subject(app, good), subject(app, bad)
        contract = clauses(tomllib.loads(proposal(list(reason(what, ["unchanged", "code"]))))["contract"])
        assert any(clause.rule == "cached" for clause in contract)
        assert {finding.level for finding in check_fast(what, contract).findings} == {PASS}
        assert check_fast(before, contract).failed


def test_what_is_proposed_says_what_a_project_does_not_keep(tmp_path):
    (mutation,) = (m for m in BREAKING if m.name == "all is copied before the install")
    with App.at(contract_cases.write(tmp_path, mutation)) as app:
        text = proposal(list(reason(subject(app), ["unchanged", "code", "dependency"])))
    assert "in line 5 runs: `COPY . /` in line 4 precedes it: main.py changed" in text
    assert clauses(tomllib.loads(text)["contract"])


def test_clauses_are_what_the_file_says():
    told = tomllib.loads(
        """
        [contract.code]
        cached = ["RUN *pip install*", "COPY *"]
        max_seconds = { warn = 20, fail = 60.5, repeats = 5 }
        [contract.any]
        max_image_mb = 400
        """
    )
    found = clauses(told["contract"])
    assert list(map(str, found)) == [
        "code: cached RUN *pip install*", "code: cached COPY *", "code: max_seconds 60.5 s",
        "code: max_seconds 20 s (warns)", "any: max_image_mb 400 MB",
    ]  # fmt: skip
    assert situations(found) == ["code"]
    assert repeats(found) == {"code": 5}


def test_a_contract_for_any_build_needs_one():
    assert situations(clauses({"any": {"max_image_mb": 1}})) == ["unchanged"]


def test_a_project_without_a_contract_is_told_how_to_write_one(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(AppError, match="layerlab contract init"):
        fast(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "text", "does"),
    [
        ("RUN *pip install*", "RUN --mount=type=cache,target=/c pip install -r requirements.txt", True),
        ("RUN *pip install*", "RUN pip  install\t-r requirements.txt", True),
        ("RUN pip install", "RUN pip install -r requirements.txt", False),
        ("RUN *[a]*", "RUN pip install [a]", True),
        ("RUN *[a]*", "RUN pip install a", False),
        ("COPY ?.py *", "COPY a.py /", False),
    ],
)
def test_a_star_in_a_pattern_stands_for_any_text_and_nothing_else_does(pattern, text, does):
    assert matches(pattern, text) is does


def test_reasoning_leaves_few_clauses_unknown(tmp_path):
    levels = []
    for number, mutation in enumerate([*BREAKING, *HARMLESS]):
        levels += [finding.level for finding in fast(contract_cases.write(tmp_path / str(number), mutation)).findings]
    assert levels.count(UNDECIDED) <= len(levels) / 10
    assert len(BREAKING) >= 20 and len(HARMLESS) >= 10
