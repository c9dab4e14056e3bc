"""The starting point of a lab on a real engine: it fails, for its fault, as its notebook shows.

Notebooks of labs say so for each lab (test_safety.py); this one is for the fast tier, beside test_lab_07.py.
"""

from __future__ import annotations

from pathlib import Path

from layerlab.course import check_lab

LAB = "07-ignore-what-you-do-not-ship"
FOLDER = Path(__file__).resolve().parents[2] / "labs" / LAB


def test_the_starting_point_fails_for_its_fault(machine):
    verdict = check_lab(machine, LAB, FOLDER / "start")
    assert not verdict.passed
    assert [bool(done) for _, done in verdict.goals] == [True, True, False, False, False], verdict
    assert "/app/.env" in verdict.hint, verdict
