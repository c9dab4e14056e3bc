"""Claims on trial: the file and its rules, the verdicts that follow from circumstances, and what a reader sees of them."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.charts.verdicts import factors, verdicts
from layerlab.course import claims
from layerlab.course.claims import CONDITION, FAILS, HOLDS, OUTDATED, UNTRIED, VERDICTS, Claim, Docket
from layerlab.course.composing import composed
from layerlab.course.court import Court
from layerlab.course.docket_view import DocketView
from layerlab.course.evidence import cached, fetched, printed, ran, steps, together
from layerlab.errors import LayerLabError
from layerlab.record.build import Build
from layerlab.record.step import Step

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "notebooks/claims.toml"
GUIDES = {"000", "001", "002", "003", "004"}
BOOKS = {"order": "10a-order.ipynb", "care": "10g-care.ipynb"}


def step(text: str, state: str = "RAN", stage: str = "stage-0", bytes_: int = 0, log: str = "") -> Step:
    return Step(1, 1, stage, text.split()[0], text, state, 0.0, 1.0, None, bytes_, log, "", ())


def build(*made: Step, seconds: float = 1.0) -> Build:
    return Build(
        "app", "variant", "none", "laptop", (), "", "", seconds, tuple(made), (), 0, "image", None, (), trace="",
        provenance={},
    )  # fmt: skip


def claim(name: str = "one", verdict: str = HOLDS, **fields) -> Claim:
    at = (("000", "Best Practices"), ("003", "Summary"))
    return Claim(
        **{
            "id": name,
            "at": at,
            "claim": "It is quick.",
            "experiment": "order",
            "verdict": verdict,
            "why": "Why.",
            **fields,
        }
    )


def court(*made: Claim) -> Court:
    return Court(Docket(made, BOOKS))


def heard(capsys, court: Court, *arguments, **circumstances) -> str:
    court.hear(*arguments, **circumstances)
    return capsys.readouterr().out


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_file_is_complete():
    docket = claims.read(FILE)
    found = docket.claims
    assert len(found) > 144
    assert {guide for c in found for guide in c.guides} == GUIDES
    assert {c.verdict for c in found} == set(VERDICTS)
    assert {c.experiment for c in found} == set(docket.notebooks)
    for c in found:
        assert c.claim.endswith(".") and c.why.endswith("."), c.id


def test_a_factor_is_never_said_to_hold():
    """What the guides' packages took on the guides' computers isn't here, so no build here can confirm a factor."""
    assert {c.number for c in claims.read(FILE).claims if c.factor} == {UNTRIED}


def test_every_section_of_a_guide_that_claims_something_is_there():
    """These are the guides' headings with a figure, a tip or a promise under them."""
    places = {place for c in claims.read(FILE).claims for place in c.at}
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


def written(**fields: str) -> str:
    """Return a file with one claim; a value is TOML, and "" leaves the field out."""
    whole = {"id": '"a"', "at": '[["000", "Usage"]]', "claim": '"It is."', "experiment": '"order"', "verdict": '"holds"',
             "why": '"Why."', **fields}  # fmt: skip
    table = "".join(f"{name} = {value}\n" for name, value in whole.items() if value)
    return f'[notebooks]\norder = "10a-order.ipynb"\n[[claim]]\n{table}'


def test_a_file_that_is_right_is_read(tmp_path):
    (tmp_path / "claims.toml").write_text(written(figures='"20x"', number='"cannot be tried here"', factor="[20, 32]"))
    docket = claims.read(tmp_path / "claims.toml")
    assert docket.claims == (
        Claim(
            "a", (("000", "Usage"),), "It is.", "order", HOLDS, "Why.", figures="20x", number=UNTRIED, factor=(20, 32)
        ),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no claims"),
        (written(verdict='"perhaps"'), "a: unknown verdict 'perhaps'"),
        (written(experiment='"elsewhere"'), "no notebook runs experiment 'elsewhere'"),
        (written(why=""), "malformed"),
        (written(at='[["000"]]'), "malformed"),
        (written(colour='"red"'), "malformed"),
        (written() + written().partition("[[claim]]")[1] + written().partition("[[claim]]")[2], "a: repeated"),
        (written(verdict='"outdated"'), "until belongs to outdated claims"),
        (written(until='"Docker 23"'), "until belongs to outdated claims"),
        (written(figures='"20x"'), "figures and the verdict on their number"),
        (written(number='"holds"'), "figures and the verdict on their number"),
        (written(figures='"20x"', number='"perhaps"'), "unknown verdict on a number"),
        (written(figures='"20x"', number='"outdated"'), "unknown verdict on a number"),
        (written(factor="[20, 32]"), "a factor is"),
        (written(figures='"x"', number='"holds"', factor="[32, 20]"), "a factor is"),
        (written(figures='"x"', number='"holds"', factor="[0, 20]"), "a factor is"),
        (written(figures='"x"', number='"holds"', factor="[20]"), "a factor is"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path, text, says):
    (tmp_path / "claims.toml").write_text(text)
    with pytest.raises(LayerLabError, match=says.replace("[", r"\[")):
        claims.read(tmp_path / "claims.toml")


def test_every_problem_of_a_file_is_told_at_once(tmp_path):
    (tmp_path / "claims.toml").write_text(written(verdict='"perhaps"', figures='"20x"'))
    with pytest.raises(LayerLabError, match=r"unknown verdict.*; a: figures"):
        claims.read(tmp_path / "claims.toml")


# -- verdicts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("circumstances", "until", "verdict"),
    [
        ([True, True], "", HOLDS),
        ([True, False], "", CONDITION),
        ([False, False], "", FAILS),
        ([], "", UNTRIED),
        ([False], "Docker 23", OUTDATED),
        ([True], "Docker 23", HOLDS),  # so a file that says "outdated" is overturned where the claim is true again
        ([True, False], "Docker 23", CONDITION),
        ([], "Docker 23", UNTRIED),
    ],
)
def test_a_verdict_follows_from_the_circumstances(circumstances, until, verdict):
    assert claims.verdict_of(circumstances, until) == verdict


@given(st.lists(st.booleans(), min_size=1), st.sampled_from(["", "Docker 23"]))
def test_one_circumstance_more_never_mends_or_spoils_more_than_it_can(circumstances, until):
    before = claims.verdict_of(circumstances, until)
    assert claims.verdict_of([*circumstances, True], until) == (HOLDS if before == HOLDS else CONDITION)
    assert claims.verdict_of([*circumstances, False], until) == (CONDITION if before in (HOLDS, CONDITION) else before)
    for order in itertools.islice(itertools.permutations(circumstances), 6):
        assert claims.verdict_of(order, until) == before


# -- the court ---------------------------------------------------------------------------------------------------------


def test_a_hearing_is_printed_the_same_everywhere(capsys):
    said = heard(capsys, court(claim(verdict=CONDITION)), "one", build(seconds=9.0), new_code=True, new_package=False)
    assert said == "± one: holds on a condition\n    yes: new code   no: new package\n"


def test_a_number_is_judged_apart(capsys):
    fast = claim(figures="0MB", number=FAILS)
    said = heard(capsys, court(fast), "one", number={"new code": False}, packages_cached=True)
    assert said == "✓ one: holds; its number: does not hold\n    yes: packages cached\n    number: no: new code\n"


def test_a_number_that_nothing_tried_is_untried(capsys):
    fast = claim(figures="20x", number=UNTRIED, factor=(20, 32))
    said = heard(capsys, court(fast), "one", build(seconds=100.0), build(seconds=4.0), packages_cached=True)
    assert said == "✓ one: holds; its number: cannot be tried here\n    yes: packages cached\n"


def test_an_outdated_claim_is_told_with_what_ended_it(capsys):
    trial = court(claim(verdict=OUTDATED, until="Docker 23"))
    assert heard(capsys, trial, "one", needed_today=False).startswith("† one: outdated\n")
    assert "Why. (Docker 23)" in repr(trial.table("order"))
    assert not trial.overturned()


def test_a_verdict_other_than_the_files_is_said_and_kept(capsys):
    trial = court(claim(), claim("two"), claim("three", figures="0MB", number=HOLDS))
    assert "but the file says: holds" in heard(capsys, trial, "one", new_code=False)
    heard(capsys, trial, "two", new_code=True)
    assert "but the file says: holds; its number: holds" in heard(capsys, trial, "three", new_code=True)
    assert trial.overturned() == ["one", "three"]


def test_what_was_not_heard_is_known(capsys):
    trial = court(claim(), claim("two"), claim("old", UNTRIED))
    heard(capsys, trial, "one", new_code=True)
    trial.leave("old")
    assert trial.unheard() == ["two"]
    assert trial.overturned() == []


def test_a_claim_that_could_be_tried_and_is_left_is_overturned():
    trial = court(claim())
    trial.leave("one")
    assert trial.overturned() == ["one"]


def test_what_makes_no_sense_is_refused():
    trial = court(claim())
    with pytest.raises(LayerLabError, match="no claim"):
        trial.hear("other", new_code=True)
    with pytest.raises(LayerLabError, match="without any circumstance"):
        trial.hear("one")
    with pytest.raises(LayerLabError, match="names no number"):
        trial.hear("one", number={"new code": True}, new_code=True)


def test_a_court_may_be_opened_for_some_experiments():
    assert {c.experiment for c in Court.open(FILE, "order", "context").claims.values()} == {"order", "context"}
    assert len(Court.open(FILE).claims) == len(claims.read(FILE).claims)
    with pytest.raises(LayerLabError, match="no claim is tried by ordeal"):
        Court.open(FILE, "order", "ordeal")


def test_tables_escape_and_show_what_was_measured(capsys):
    trial = court(dataclasses.replace(claim(), claim="<b> is quick."))
    heard(
        capsys, trial, "one", build(step("RUN pip", bytes_=2_000_000), seconds=9.0), build(seconds=3.0), new_code=True
    )
    shown = trial.table("order")
    assert "&lt;b&gt;" in shown._repr_html_() and "<b>" not in shown._repr_html_()
    assert "9.0 s, 2.0 MB → 3.0 s, 0 MB" in repr(shown)
    assert "✓ holds" in repr(shown)
    charges = repr(trial.charges("order"))
    assert "holds" not in charges and "000 Best Practices; 003 Summary" in charges


def test_verdicts_and_factors_are_counted(capsys):
    trial = court(claim(factor=(2, 4), figures="2-4x", number=UNTRIED), claim("two", FAILS))
    heard(capsys, trial, "one", build(seconds=9.0), build(seconds=3.0), new_code=True)
    heard(capsys, trial, "two", new_code=False)
    counts = dict.fromkeys(VERDICTS, 0) | {HOLDS: 1, FAILS: 1}
    assert trial.verdicts().loc["000"].to_dict() == trial.expected().loc["000"].to_dict() == counts
    assert trial.factors().to_dict("records") == [{"claim": "one", "lowest": 2, "highest": 4, "measured": 3.0}]


def test_charts_say_what_they_show(capsys):
    counts = pd.DataFrame([[2, 1, 0, 3, 1]], index=["000"], columns=list(VERDICTS))
    assert "2 holds, 1 holds on a condition, 0 does not hold, 3 outdated" in repr(verdicts(counts))
    assert len({bar.marker.pattern.shape for bar in verdicts(counts).data}) == 5  # told apart without colour
    table = pd.DataFrame([("one", 2.0, 4.0, 3.0)], columns=["claim", "lowest", "highest", "measured"])
    chart = factors(table)
    assert "one claimed 2 to 4, measured 3.0" in repr(chart)
    assert chart.layout.xaxis.type == "log"


# -- all of them, to filter --------------------------------------------------------------------------------------------


def view() -> DocketView:
    number = claim("number", CONDITION, at=(("001", "Usage"),), figures="0MB", number=FAILS, claim="<b> Cache mounts.")
    return DocketView(Docket((claim(), number, claim("old", OUTDATED, until="Docker 23", experiment="care")), BOOKS))


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ({}, ["one", "number", "old"]),
        ({"guide": "003"}, ["one", "old"]),
        ({"verdict": OUTDATED}, ["old"]),
        ({"verdict": FAILS}, ["number"]),  # of its number
        ({"notebook": "10g-care.ipynb"}, ["old"]),
        ({"text": "cache MOUNT"}, ["number"]),
        ({"guide": "001", "verdict": OUTDATED}, []),
    ],
)
def test_the_table_is_filtered(choice, left):
    assert [c.id for c in view().claims(**choice)] == left


def test_the_menus_filter_what_is_shown():
    shown = view()
    top, count, table = shown.widget.children
    guide, _, _, text = top.children
    assert "3 of 3 claims" in count.value
    guide.value = "001"
    assert (
        "1 of 3 claims" in count.value
        and "&lt;b&gt; Cache mounts." in table.value
        and "It is quick." not in table.value
    )
    guide.value, text.value = "any", "docker 24"
    assert "0 of 3 claims" in count.value


def test_without_a_kernel_every_claim_is_still_there():
    bundle = view()._repr_mimebundle_()
    assert bundle["text/plain"].splitlines() == [
        "✓ 000/003 one: holds",
        "± 001 number: holds on a condition; its number: does not hold",
        "† 000/003 old: outdated",
    ]
    folded = bundle["text/html"]
    assert folded.count("<details>") == 3 and "Docker 23" in folded and '<a href="10g-care.ipynb">10g</a>' in folded
    assert "&lt;b&gt;" in folded and "<b>" not in folded


# -- Compose -----------------------------------------------------------------------------------------------------------

COMPOSED = """\
#1 [internal] load local bake definitions
#1 DONE 0.0s
#2 [api 1/3] FROM docker.io/library/python:3.11-slim@sha256:abc
#2 DONE 0.0s
#3 [api builder 2/3] RUN echo tools > /tools
#3 CACHED
#4 [api 3/3] COPY main.py .
#4 0.1 #4 CACHED, says the log
#4 DONE 0.3s
#5 [api stage-1 2/2] RUN false
#5 ERROR: process "/bin/sh -c false" did not complete successfully: exit code: 1
"""


def test_compose_tells_which_steps_were_cached():
    done = composed(COMPOSED)
    assert done.states == {"RUN echo tools > /tools": "CACHED", "COPY main.py .": "RAN", "RUN false": "FAILED"}
    assert done.state("COPY") == "RAN" and done.state("pip") == "" and not done.cached() and done.cached("echo")
    jumbled = composed("#4 [3/10] COPY b .\n#5 [10/10] COPY c .\n#3 [2/10] COPY a .\n")
    assert list(jumbled.states) == ["COPY a .", "COPY b .", "COPY c ."]  # whatever order BuildKit prints them in
    assert composed("#3 [2/3] COPY . .\n#3 CACHED\n").cached()
    assert not composed("").cached()


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
