"""Claims on trial: the file, the verdicts that follow from circumstances, and whether notebook 10 hears every claim."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from layerlab.charts.verdicts import factors, verdicts
from layerlab.course import claims
from layerlab.course.claims import (
    CONDITION,
    FAILS,
    HOLDS,
    UNTRIED,
    Claim,
    Court,
    cached,
    fetched,
    printed,
    ran,
    steps,
    together,
)
from layerlab.errors import LayerLabError
from layerlab.record.build import Build
from layerlab.record.step import Step

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "notebooks/claims.toml"
NOTEBOOK = ROOT / "notebooks/10-claims-on-trial.ipynb"
GUIDES = {"000", "001", "002", "003", "004"}


def step(text: str, state: str = "RAN", stage: str = "stage-0", bytes_: int = 0, log: str = "") -> Step:
    return Step(1, 1, stage, text.split()[0], text, state, 0.0, 1.0, None, bytes_, log, "", ())


def build(*made: Step, seconds: float = 1.0) -> Build:
    return Build(
        "app", "variant", "none", "laptop", (), "", "", seconds, tuple(made), (), 0, "image", None, (), trace="",
        provenance={},
    )  # fmt: skip


def claim(name: str = "one", verdict: str = HOLDS, **fields) -> Claim:
    return Claim(
        name, (("000", "Best Practices"), ("003", "Summary")), "It is quick.", "order", verdict, "Why.", **fields
    )


def heard(capsys, court: Court, *arguments, **circumstances: bool) -> str:
    court.hear(*arguments, **circumstances)
    return capsys.readouterr().out


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_file_is_complete():
    found = claims.read(FILE)
    assert len(found) >= 70
    assert {guide for c in found for guide in c.guides} == GUIDES
    assert {c.verdict for c in found} == set(claims.VERDICTS)
    for c in found:
        assert c.claim.endswith(".") and c.why.endswith("."), c.id
        assert not c.factor or 0 < c.factor[0] <= c.factor[1], c.id


def test_every_section_of_a_guide_that_claims_something_is_there():
    """These are the guides' headings with a figure, a tip or a promise under them."""
    places = {place for c in claims.read(FILE) for place in c.at}
    for guide, sections in {
        "000": ["Quick Start", "Build Stages Optimization", "Cache Efficiency", "Build Arguments", "File Structure Impact",
                "Troubleshooting", "Best Practices"],
        "001": ["Problem", "Solution", "How to Use", "Build Time Improvements", "Cache Strategy", "Troubleshooting",
                "Additional Optimizations", "Monitoring Build Performance"],
        "002": ["Problem", "Solution Implemented", "Usage", "Cache Management", "Performance Comparison",
                "Troubleshooting", "Best Practices", "Additional Optimizations", "Summary"],
        "003": ["Problem Solved", "Changes Made", "How It Works Now", "Usage Instructions", "Performance Improvements",
                "Cache Management", "Troubleshooting", "Best Practices", "Monitoring", "Summary"],
        "004": ["Changes Made", "Build Performance", "Usage", "Key Improvements Summary", "Technical Details",
                "Troubleshooting"],
    }.items():  # fmt: skip
        assert {section for there, section in places if there == guide} == set(sections)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no claims"),
        ('[[claim]]\nid = "a"\nat = []\nclaim = ""\nexperiment = ""\nverdict = "perhaps"\nwhy = ""\n', "a"),
        ('[[claim]]\nid = "a"\nat = []\n', "malformed"),
        ('[[claim]]\nid = "a"\nat = []\ncolour = "red"\n', "malformed"),
        ('[[claim]]\nid = "twin"\nat = []\nclaim = ""\nexperiment = ""\nverdict = "holds"\nwhy = ""\n' * 2, "twin"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path, text, says):
    (tmp_path / "claims.toml").write_text(text)
    with pytest.raises(LayerLabError, match=says):
        claims.read(tmp_path / "claims.toml")


# -- the court ---------------------------------------------------------------------------------------------------------


def test_a_verdict_follows_from_the_circumstances():
    assert claims.verdict_of([True, True]) == HOLDS
    assert claims.verdict_of([True, False]) == CONDITION
    assert claims.verdict_of([False, False]) == FAILS
    assert claims.verdict_of([]) == UNTRIED


def test_a_hearing_is_printed_the_same_everywhere(capsys):
    court = Court([claim(verdict=CONDITION)])
    said = heard(capsys, court, "one", build(seconds=9.0), new_code=True, new_package=False)
    assert said == "± one: holds on a condition\n    yes: new code   no: new package\n"


def test_a_verdict_other_than_the_files_is_said_and_kept(capsys):
    court = Court([claim(), claim("two")])
    assert "but the file says: holds" in heard(capsys, court, "one", new_code=False)
    heard(capsys, court, "two", new_code=True)
    assert court.overturned() == ["one"]


def test_what_was_not_heard_is_known(capsys):
    court = Court([claim(), claim("two"), claim("old", UNTRIED)])
    heard(capsys, court, "one", new_code=True)
    court.leave("old")
    assert court.unheard() == ["two"]
    assert court.overturned() == []


def test_a_claim_that_could_be_tried_and_is_left_is_overturned():
    court = Court([claim()])
    court.leave("one")
    assert court.overturned() == ["one"]


def test_unknown_names_and_no_circumstances_are_refused():
    court = Court([claim()])
    with pytest.raises(LayerLabError, match="no claim"):
        court.hear("other", new_code=True)
    with pytest.raises(LayerLabError, match="without any circumstance"):
        court.hear("one")


def test_tables_escape_and_show_what_was_measured(capsys):
    court = Court([dataclasses.replace(claim(), claim="<b> is quick.")])
    heard(
        capsys, court, "one", build(step("RUN pip", bytes_=2_000_000), seconds=9.0), build(seconds=3.0), new_code=True
    )
    shown = court.table("order")
    assert "&lt;b&gt;" in shown._repr_html_() and "<b>" not in shown._repr_html_()
    assert "9.0 s, 2.0 MB → 3.0 s, 0 MB" in repr(shown)
    assert "✓ holds" in repr(shown)
    assert "holds" not in repr(court.charges("order")) and "000 Best Practices; 003 Summary" in repr(
        court.charges("order")
    )


def test_verdicts_and_factors_are_counted(capsys):
    court = Court([claim(factor=(2, 4)), claim("two", FAILS)])
    heard(capsys, court, "one", build(seconds=9.0), build(seconds=3.0), new_code=True)
    heard(capsys, court, "two", new_code=False)
    counts = court.verdicts()
    assert counts.loc["000"].to_dict() == {HOLDS: 1, CONDITION: 0, FAILS: 1, UNTRIED: 0}
    assert court.factors().to_dict("records") == [{"claim": "one", "lowest": 2, "highest": 4, "measured": 3.0}]


def test_charts_say_what_they_show(capsys):
    counts = pd.DataFrame([[2, 1, 0, 1]], index=["000"], columns=list(claims.VERDICTS))
    assert "2 holds, 1 holds on a condition" in repr(verdicts(counts))
    assert len({bar.marker.pattern.shape for bar in verdicts(counts).data}) == 4  # told apart without colour
    table = pd.DataFrame([("one", 2.0, 4.0, 3.0)], columns=["claim", "lowest", "highest", "measured"])
    chart = factors(table)
    assert "one claimed 2 to 4, measured 3.0" in repr(chart)
    assert chart.layout.xaxis.type == "log"


# -- building blocks for circumstances ---------------------------------------------------------------------------------


def test_steps_are_found_by_text_and_stage():
    made = build(
        step("RUN pip install -r requirements.txt", "CACHED", "builder", 5, "Using cached"),
        step("RUN pip install -r requirements.txt", "RAN", "last", 7, "Downloading"),
    )
    assert cached(made, "pip", "builder") and ran(made, "pip", "last")
    assert not cached(made, "pip") and not ran(made, "pip")
    assert fetched(made, "last") == 7 and fetched(made, text="pip") == 12
    assert printed(made, "pip", "builder") == "Using cached"
    with pytest.raises(LayerLabError, match="no step"):
        steps(made, "apt-get")


@pytest.mark.parametrize(("second", "at_once"), [("2.5 3.5", True), ("3.0 4.0", False)])
def test_stages_that_work_at_the_same_time(second, at_once):
    made = build(step("RUN date", stage="one", log="2.0\n3.0\n"), step("RUN date", stage="two", log=second))
    assert together(made, "one", "two") is at_once


# -- the notebook ------------------------------------------------------------------------------------------------------


@functools.cache
def everything() -> tuple[Claim, ...]:
    return claims.read(FILE)


@functools.cache
def code() -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]


def spoken_of(cell: nbformat.NotebookNode) -> set[str]:
    """Find the claims that a cell hears or leaves."""
    known = {c.id for c in everything()}
    words = {node.value for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Constant)}
    return words & known if re.search(r"\b(hear|leave)\(", cell.source) else set()


def verdicts_printed() -> dict[str, str]:
    text = "".join(o.get("text", "") for cell in code() for o in cell.outputs)
    return dict(re.findall(r"^[✓±✗·] ([\w-]+): (.+)$", text, re.MULTILINE))


def test_every_claim_has_its_cell_and_no_cell_another():
    heard_in_cells = [name for cell in code() for name in sorted(spoken_of(cell))]
    assert sorted(heard_in_cells) == sorted(c.id for c in everything())


def test_verdicts_of_the_saved_run_are_the_files():
    assert verdicts_printed() == {c.id: c.verdict for c in everything()}


def test_cells_with_verdicts_are_checked():
    """Each run compares their outputs, so a build that overturns a verdict is noticed."""
    for cell in code():
        if spoken_of(cell):
            assert "nbval-check-output" in cell.metadata.get("tags", []), cell.source


def test_verdicts_are_computed():
    """No circumstance is given as True or False: each comes from a build."""
    for cell in code():
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "hear":
                values = [keyword.value for keyword in node.keywords]
                assert values and not any(isinstance(value, ast.Constant) for value in values), cell.source


def test_claims_left_are_those_that_cannot_be_tried():
    left = {
        argument.value
        for cell in code()
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "leave"
        for argument in node.args
    }
    assert left == {c.id for c in everything() if c.verdict == UNTRIED}


def test_every_experiment_shows_its_claims_before_and_its_verdicts_after():
    source = "\n".join(cell.source for cell in code())
    for experiment in {c.experiment for c in everything()} - {"times"}:
        assert -1 < source.find(f'court.charges("{experiment}")') < source.find(f'court.table("{experiment}")')
