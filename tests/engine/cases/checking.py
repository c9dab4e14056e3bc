"""Whether an explanation says what a case expects: of a build that ran just now, or of a recorded one."""

from __future__ import annotations

from layerlab import Build
from layerlab.explaining.causes import CONSEQUENCES, KINDS, Explanation
from layerlab.record.states import BASE, FAILED, RAN

from .scene import Case


def check(case: Case, build: Build, explanation: Explanation) -> None:
    """Fail unless states, root causes, remedies and all else are as the case expects."""
    shown = f"\n{explanation}\n\n{explanation.evidence()}"
    assert _states(build) == case.states, shown
    assert case.fails in build.error
    assert [(s.line, s.state) for s in explanation.steps] == [(s.line, s.state) for s in build.steps]
    reasons = [(s.line, c) for s in explanation.roots for c in s.causes if c.kind not in CONSEQUENCES]
    assert {(line, c.kind) for line, c in reasons} == {(line, kind) for line, kind, _ in case.roots}, shown
    for line, kind, part in case.roots:
        assert any((line, kind) == (at, c.kind) and part in c.text for at, c in reasons), (line, kind, part, shown)
    for line, part in case.still:
        assert any(s.line == line and part in s.still_hit for s in explanation.steps), (line, part, shown)
    for line, part, count in case.causes:
        (step,) = (s for s in explanation.steps if s.line == line)
        assert len(step.causes) == count and part in step.why, (line, part, shown)
    _says(case, explanation, shown)
    _follows(explanation, shown)


def _says(case: Case, explanation: Explanation, shown: str) -> None:
    assert case.failure in explanation.failure, shown
    assert case.shows in str(explanation), shown
    assert not case.hidden or case.hidden not in shown + str(explanation.to_json())
    if case.remedies is not None:
        told = [str(remedy) for remedy in explanation.remedies]
        assert len(told) == len(case.remedies), shown
        assert all(any(part in one for one in told) for part in case.remedies), (case.remedies, told)


def _follows(explanation: Explanation, shown: str) -> None:
    """Every step that ran has a reason, every one without a reason of its own follows from steps that ran above."""
    ran = {s.line for s in explanation.steps if s.state in (RAN, FAILED)}
    for step in explanation.steps:
        assert bool(step.causes) == (step.state in (RAN, FAILED)), shown
        assert all(c.kind in KINDS and c.text for c in step.causes), shown
        assert set(step.above) <= ran, shown
        if step.causes and not step.root:
            assert (step.above or 0 in ran) and all(c.kind in CONSEQUENCES for c in step.causes), shown


def _states(build: Build) -> str:
    """A word a step in file order; FROM is not classified, so it is left out."""
    return " ".join(s.state.replace(" ", "_") for s in build.steps if s.state != BASE)
