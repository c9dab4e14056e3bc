"""The explainer against recorded builds, without an engine: the cases of `cases.recording.RECORDED` in `tests/engine`.

`tests/engine/test_cases.py` runs the same cases on a real one; `cases/recording.py` there says how to record them.
"""

from __future__ import annotations

import cases
import pytest
from cases import recording
from cases.recording import RECORDED

from layerlab.explaining.causes import RootCause


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in RECORDED])
def test_case(case):
    build, explanation = recording.replayed(case)
    cases.check(case, build, explanation)


def explained(name: str):
    (case,) = (case for case in RECORDED if case.name == name)
    return recording.replayed(case)[1]


def test_a_file_that_several_copies_read_is_one_root_cause():
    assert explained("83 two stages, one with other bytes").root_causes == (
        RootCause("file changed", "req.txt changed", (4, 7)),
    )
    assert [cause.lines for cause in explained("41 the cache pruned").root_causes] == [(2, 3, 4)]


def test_a_file_that_a_longer_list_only_counts_is_a_root_cause_of_its_own():
    assert [(cause.text, cause.lines) for cause in explained("a COPY of one file and a COPY of all").root_causes] == [
        ("poetry.lock changed", (3,)),
        ("a.py, b.py, c.py and 2 more changed", (5,)),
    ]


def test_another_target_that_it_is_compared_with_is_named():
    assert explained("45 another target").against == "the previous build of case Dockerfile, of target dev"


def test_no_recording_is_left_over():
    kept = {recording.file_of(case) for case in RECORDED}
    assert set(recording.FOLDER.glob("*.json.gz")) == kept
