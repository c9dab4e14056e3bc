"""The explainer against a real engine: random projects, random edits, each built twice.

`make test-all` tries a fixed 40 cases, `make fuzz` 300 random ones (LAYERLAB_FUZZ sets the number). The agreement is printed.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import secrets

import pytest
from cases.recording import drafted
from fuzzing import Edit, Project, cases, touch
from hypothesis import HealthCheck, given, note, settings

from layerlab import App, Build, BuildFailed, Machine, explain
from layerlab.explaining.causes import CONSEQUENCES
from layerlab.explaining.reasoning import UNKNOWN, reasoned
from layerlab.record.states import CACHED, RAN

CASES = int(os.environ.get("LAYERLAB_FUZZ", "40"))
#: What explain says of a hit whose operation or files it finds changed, though no older build can explain it.
UNACCOUNTED = "why it's a hit all the same is unknown"

agreement: collections.Counter[str] = collections.Counter()


@pytest.fixture(scope="module")
def machine(lab_home):
    with Machine.start("fuzz", say=lambda _: None) as machine:
        yield machine
    steps, agreed = agreement["steps"], agreement["agreed"]
    print(f"\nfuzz: {agreement['cases']} cases, {agreed} of {steps} steps explained as the engine decided", end=" ")
    print(
        f"({agreed / max(1, steps):.1%}); {agreement['reasoned']} reasoned, {agreement['undecided']} of them undecided"
    )


@settings(
    max_examples=CASES,
    deadline=None,
    derandomize="LAYERLAB_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(case=cases())
def test_every_step_is_explained_as_the_engine_decided(machine, tmp_path_factory, case):
    project, edit = case
    folder = tmp_path_factory.mktemp("case")
    agreement["cases"] += 1
    disagreements = explained(machine, folder, project, edit)
    note(project.dockerfile)
    note(f"ignore: {project.ignore}, edit: {edit}\n{edit.after.dockerfile}\nignore: {edit.after.ignore}")
    assert not disagreements, "\n".join(disagreements)


def explained(machine: Machine, folder, project: Project, edit: Edit) -> list[str]:
    """Build, edit, build again; what explain and the engine disagree about, a line each."""
    token = secrets.token_hex(8)
    (edit.broken if edit.broken and edit.first else project).write(folder, token)
    with App.from_path(folder) as app:
        first = _build(machine, app, edit.always, fails=edit.first)
        if edit.broken and not edit.first:
            edit.broken.write(app.path, token)
            _build(machine, app, edit.always, fails=True)
        edit.after.write(app.path, token)
        if edit.touched:
            touch(app.file(edit.touched))
        again = machine.build(app, "Dockerfile", view="none", options=(*edit.always, *edit.options))
    explanation = explain(again)
    problems = []
    for step in explanation.steps:
        agreement["steps"] += 1
        wrong = _disagreement(step, project, edit)
        agreement["agreed"] += not wrong
        if wrong:
            problems.append(f"line {step.line} {step.state} {step.text!r}: {wrong}")
    # What a change of the Dockerfile's text does to keys isn't reasoned, nor what options do.
    if first and not edit.broken and not edit.options and again.dockerfile == first.dockerfile:
        problems += _misjudged(first, again)
    if any(s.state == RAN for s in explanation.steps) and not explanation.roots:
        problems.append("steps ran, and no root cause is given")
    return [*problems, str(explanation), explanation.evidence()] if problems else []


def _build(machine: Machine, app: App, options, *, fails: bool) -> Build | None:
    expected = pytest.raises(BuildFailed) if fails else contextlib.nullcontext()
    with expected:
        return machine.build(app, "Dockerfile", view="none", options=options)
    return None


def _misjudged(first: Build, again: Build) -> list[str]:
    """What reasoning without a build says of the steps, and the engine did otherwise."""
    found = []
    for step, real in zip(reasoned(drafted(again), drafted(first)).steps, again.steps, strict=True):
        if real.instruction != "FROM":
            agreement["reasoned"] += 1
            agreement["undecided"] += step.state == UNKNOWN
            if step.state not in (real.state, UNKNOWN):
                found.append(f"line {real.line} {real.text!r}: reasoned {step.state}, and it was {real.state}")
    return found


def _wrong_stage(step) -> str:
    """Which stage is blamed though the step takes no files from it; "" for none."""
    taken = set(re.findall(r"from=(s\d)", step.text))
    for cause in step.causes:
        if cause.kind == "stage output changed" and cause.text.startswith("the files it takes"):
            blamed = set(re.findall(r"\bs\d\b", cause.text))
            if not blamed or not blamed <= taken:
                return f"takes files from {taken or 'no stage'}: {cause.text}"
    return ""


def _edits_itself(cause) -> bool:
    return cause.kind == "file changed" and {e.what for e in cause.evidence} <= {"Dockerfile", ".dockerignore"}


def _disagreement(step, project: Project, edit: Edit) -> str:
    """What is wrong with the explanation of one step, "" for nothing."""
    if step.state == CACHED:
        return f"a hit that is not accounted for: {step.still_hit}" if UNACCOUNTED in step.still_hit else ""
    if step.state != RAN:
        return ""
    if wrong := _wrong_stage(step):
        return wrong
    own = [c for c in step.causes if c.kind not in CONSEQUENCES]
    if not step.causes or step.root != bool(own):
        return f"causes {step.causes}, root {step.root}"
    # COPY . and a mount of "." take the Dockerfile and the ignore file, too: an edit of those is a change of files.
    if own and all(_edits_itself(cause) for cause in own):
        before = [built for built in (project, edit.broken) if built]
        edited = any((p.dockerfile, p.ignore) != (edit.after.dockerfile, edit.after.ignore) for p in before)
        return "" if edited else own[0].text
    own = [cause for cause in own if not _edits_itself(cause)]
    if strange := [c for c in own if c.kind not in edit.kinds]:
        return f"{strange[0].kind} ({strange[0].text}) is not what was done"
    told = " ".join(f"{c.text} {c.evidence}" for c in own)
    if own and edit.mentions not in told:
        return f"{told} does not name {edit.mentions}"
    return ""
