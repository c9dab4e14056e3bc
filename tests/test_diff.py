"""diff: builds of two variants, side by side. The records are made by hand; no engine needed."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest

from layerlab import App, Build, diff
from layerlab.errors import AppError, LayerLabError
from layerlab.explaining.causes import Cause, Explanation, StepCause
from layerlab.measuring import compare
from layerlab.record.states import BASE, CACHED, RAN
from layerlab.record.step import Phase, Step

BEFORE = 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\nCMD ["x"]\n'
AFTER = (
    "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    '# the code\nCOPY . .\nCMD ["x"]\n'
)


@pytest.fixture
def app(tmp_path):
    project = tmp_path / "shop"
    project.mkdir()
    (project / "before.Dockerfile").write_text(BEFORE)
    (project / "after.Dockerfile").write_text(AFTER)
    with App.from_path(project) as copy:
        yield copy


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))


def build_of(variant: str, *steps: tuple[int, str, float], **changes) -> Build:
    """Make a build of BEFORE or AFTER: (line, state, seconds) for each step."""
    text = {"before": BEFORE, "after": AFTER}[variant]
    made = []
    for line, state, seconds in steps:
        words = text.split("\n")[line - 1]
        made.append(Step(line, line, "stage-0", words.split()[0], words, state, 0.0, seconds, None, 0, "", "", ()))
    fields = {
        "app": "shop", "variant": variant, "edit": "code", "machine": "m", "command": (), "dockerfile": text,
        "started_at": "2025-01-01T00:00:00.000+00:00", "seconds": 20.0, "phases": (Phase("export", "", 0.0, 2.5, 0),),
        "context_bytes": 2_000_000, "image": "", "image_bytes": None, "warnings": (), "trace": "", "provenance": {},
    }  # fmt: skip
    return Build(**(fields | changes), steps=tuple(made))


SLOW = build_of("before", (1, BASE, 0.1), (2, CACHED, 0.0), (3, RAN, 0.25), (4, RAN, 17.4))
FAST = build_of(
    "after",
    (1, BASE, 0.1),
    (2, CACHED, 0.0),
    (3, CACHED, 0.0),
    (4, CACHED, 0.0),
    (6, RAN, 0.3),
    seconds=1.25,
    context_bytes=0,
)


def plain(page: str) -> str:
    """Return a page's text."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).replace("&emsp;&ensp;", " ").split())


def test_as_text(app):
    assert str(diff(app, "before.Dockerfile", "after.Dockerfile")).splitlines() == [
        "shop: before → after",
        "   1    1    FROM python:3.11-slim",
        "   2    2    WORKDIR /app",
        "   3       ↕ COPY . .   (→ line 6)",
        "        3  + COPY requirements.txt .",
        "   4    4    RUN pip install -r requirements.txt",
        "        5  + # the code",
        "        6  ↕ COPY . .   (← line 3)",
        '   5    7    CMD ["x"]',
        "",
        " + line 3 COPY requirements.txt .: added",
        " ↕ line 6 COPY . .: moved, line 3 → 6, now below line 4 RUN pip install -r requirements.txt",
    ]


def test_the_text_has_states_and_no_times(app):
    text = str(diff(app, "before.Dockerfile", "after.Dockerfile", [SLOW, FAST]))
    assert text.splitlines()[-3:] == [
        " ↕ line 6 COPY . .: moved, line 3 → 6, now below line 4 RUN pip install -r requirements.txt",
        "     edit code: RAN → RAN",
        "     edit code: line 4 RUN pip install -r requirements.txt: RAN → CACHED",
    ]
    slower = dataclasses.replace(SLOW, seconds=99.0)
    assert str(diff(app, "before.Dockerfile", "after.Dockerfile", [slower, FAST])) == text


def test_the_order_of_the_builds_does_not_matter(app):
    names = "before.Dockerfile", "after.Dockerfile"
    assert diff(app, *names, [SLOW, FAST]) == diff(app, *names, [FAST, SLOW])


def test_times_and_sums_are_those_of_the_records(app):
    found = diff(app, "before.Dockerfile", "after.Dockerfile", [SLOW, FAST])
    [(edit, left, right)] = found.measured
    assert (edit, left.seconds, right.seconds) == ("code", SLOW.seconds, FAST.seconds)
    assert left.steps_seconds == pytest.approx(SLOW.steps_frame()["seconds"].sum())
    assert right.steps_seconds == pytest.approx(FAST.steps_frame()["seconds"].sum())
    assert (left.export_seconds, left.context_bytes) == (2.5, 2_000_000)
    assert left.steps == {1: (BASE, 0.1), 2: (CACHED, 0.0), 3: (RAN, 0.25), 4: (RAN, 17.4)}
    text = plain(found._repr_html_())
    assert "edit code: 20.0 s in total: steps 17.8 s, export 2.5 s, 2.0 MB context" in text
    assert "edit code: 1.2 s in total: steps 0.40 s, export 2.5 s" in text
    assert "■ RAN 17.4 s → ○ CACHED" in text


def test_a_frame_with_the_same_numbers(app):
    found = diff(app, "before.Dockerfile", "after.Dockerfile", [SLOW, FAST]).to_frame()
    assert list(found) == [
        "change", "left_line", "right_line", "instruction", "text", "edit", "left_state", "left_seconds", "right_state",
        "right_seconds",
    ]  # fmt: skip
    pip = found[found["text"].str.startswith("RUN pip")].iloc[0]
    assert (pip["change"], pip["left_seconds"], pip["left_state"], pip["right_state"]) == ("same", 17.4, RAN, CACHED)
    assert found["left_seconds"].sum() == pytest.approx(SLOW.steps_frame()["seconds"].sum())
    assert found["right_seconds"].sum() == pytest.approx(FAST.steps_frame()["seconds"].sum())
    assert len(diff(app, "before.Dockerfile", "after.Dockerfile").to_frame()) == 6


def compared(*builds: tuple[Build, str, int]) -> pd.DataFrame:
    return pd.concat([compare.rows_of(b, edit, n, i) for i, (b, edit, n) in enumerate(builds)], ignore_index=True)


def test_results_of_compare_show_one_real_build_the_median(app):
    def slow(seconds: float, pip: float) -> Build:
        return build_of("before", (1, BASE, 0.0), (2, CACHED, 0.0), (3, RAN, 0.5), (4, RAN, pip), seconds=seconds)

    frame = compared((slow(30, 25), "code", 0), (slow(10, 5), "code", 1), (slow(20, 15), "code", 2), (FAST, "code", 0))
    found = diff(app, "before.Dockerfile", "after.Dockerfile", frame)
    [(_, left, right)] = found.measured
    assert (left.repeats, left.seconds, left.steps_seconds, left.steps[4]) == (3, 20.0, 15.5, (RAN, 15.0))
    assert right.repeats == 1
    assert "the build with the median time" in plain(found._repr_html_())


def test_only_edits_that_both_saw_are_compared(app):
    frame = compared((SLOW, "cold", 0), (SLOW, "code", 0), (FAST, "code", 0), (FAST, "none", 0))
    assert [edit for edit, _, _ in diff(app, "before.Dockerfile", "after.Dockerfile", frame).measured] == ["code"]


def test_several_edits_stand_beside_each_step(app):
    frame = compared((SLOW, "cold", 0), (SLOW, "code", 0), (FAST, "code", 0), (FAST, "cold", 0))
    text = plain(diff(app, "before.Dockerfile", "after.Dockerfile", frame)._repr_html_())
    assert "cold ■ RAN 17.4 s code ■ RAN 17.4 s" in text
    assert "edit cold: 20.0 s in total" in text


def test_other_variants_in_the_results_do_not_matter(app):
    third = dataclasses.replace(SLOW, variant="guide")
    frame = compared((SLOW, "code", 0), (FAST, "code", 0), (third, "code", 0))
    assert len(diff(app, "before.Dockerfile", "after.Dockerfile", frame).measured) == 1


# -- what is not claimed ---------------------------------------------------------------------------------------------


def effects(found) -> dict[str, list[str]]:
    return {what.split(":")[0]: shown for _, what, shown in found.told()}


def test_a_move_is_not_given_what_it_did_not_share(app):
    """If pip was cached on both sides, ran on both, or ran while the COPY didn't, the move isn't credited with anything."""
    cold = dataclasses.replace(FAST, steps=tuple(dataclasses.replace(s, state=RAN) for s in FAST.steps))
    warm = dataclasses.replace(SLOW, steps=tuple(dataclasses.replace(s, state=CACHED) for s in SLOW.steps))
    pip_only = build_of("before", (2, CACHED, 0.0), (3, CACHED, 0.0), (4, RAN, 17.4))
    for left, right in ((SLOW, cold), (warm, FAST), (pip_only, FAST)):
        shown = effects(diff(app, "before.Dockerfile", "after.Dockerfile", [left, right]))["line 6 COPY . ."]
        assert not any("pip" in line for line in shown)


def test_what_no_change_explains_is_listed_apart(app):
    pip_only = build_of("before", (2, CACHED, 0.0), (3, CACHED, 0.0), (4, RAN, 17.4))
    told = diff(app, "before.Dockerfile", "after.Dockerfile", [pip_only, FAST]).told()
    assert told[-1] == ("=", "edit code: line 4 RUN pip install -r requirements.txt: RAN → CACHED", [])


def test_a_known_cause_stands_with_it(app, monkeypatch):
    pip_only = build_of("before", (2, CACHED, 0.0), (3, CACHED, 0.0), (4, RAN, 17.4))
    root = StepCause(2, "", "WORKDIR", "WORKDIR", RAN, (Cause("file changed", "main.py changed"),), root=True)
    copy = StepCause(3, "", "COPY", "COPY . .", RAN, (Cause("step above ran", "line 2 ran"),), above=(2,))
    pip = StepCause(4, "", "RUN", "RUN pip", RAN, (Cause("step above ran", "line 3 ran"),), above=(3,))
    made = {"before": Explanation("shop", "before", "an earlier build", (root, copy, pip))}
    monkeypatch.setattr(
        "layerlab.diffing.diff.explain", lambda build: made.get(build.variant, Explanation("shop", "after", "", ()))
    )
    told = diff(app, "before.Dockerfile", "after.Dockerfile", [pip_only, FAST]).told()
    assert told[-1][2] == ["in before it ran because line 2 above ran: main.py changed"]


def test_a_cause_against_nothing_is_not_told(app, monkeypatch):
    """A machine that was reset has forgotten earlier builds, so every step looks like a first one."""
    pip_only = build_of("before", (2, CACHED, 0.0), (3, CACHED, 0.0), (4, RAN, 17.4))
    pip = StepCause(4, "", "RUN", "RUN pip", RAN, (Cause("first build", "the first build"),), root=True)
    monkeypatch.setattr("layerlab.diffing.diff.explain", lambda build: Explanation("shop", "before", "", (pip,)))
    assert diff(app, "before.Dockerfile", "after.Dockerfile", [pip_only, FAST]).told()[-1][2] == []


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("builds", "message"),
    [
        ([SLOW], r"never built after the same edit \(before: code; after: none\)"),
        ([SLOW, dataclasses.replace(FAST, edit="none")], r"never built after the same edit"),
        ([], "never built after the same edit"),
        ([SLOW, dataclasses.replace(FAST, dockerfile=AFTER + "\n")], "a build of shop after matches neither"),
        ([SLOW, dataclasses.replace(FAST, app="other")], "a build of other after matches neither"),
    ],
)
def test_builds_of_something_else(app, builds, message):
    with pytest.raises(LayerLabError, match=message):
        diff(app, "before.Dockerfile", "after.Dockerfile", builds)


def test_results_of_a_dockerfile_that_was_changed_since(app):
    app.write("before.Dockerfile", BEFORE.replace("WORKDIR /app\n", ""))
    with pytest.raises(LayerLabError, match=r"before has no .* on line .: it was changed after these builds"):
        diff(app, "before.Dockerfile", "after.Dockerfile", compared((SLOW, "code", 0), (FAST, "code", 0)))


def test_builds_on_two_machines(app):
    with pytest.raises(ValueError, match="several machines"):
        diff(app, "before.Dockerfile", "after.Dockerfile", [SLOW, dataclasses.replace(FAST, machine="other")])


def test_an_unknown_variant(app):
    with pytest.raises(AppError, match="no variant, Dockerfile or Compose file 'nothing'"):
        diff(app, "before.Dockerfile", "nothing")


# -- the rest of a variant -------------------------------------------------------------------------------------------


def test_ignore_rules(app):
    app.write(".dockerignore", ".git\n*.pyc\n")
    app.write("after.Dockerfile.dockerignore", ".git\n**/*.pyc\n")
    lines = str(diff(app, "before.Dockerfile", "after.Dockerfile")).splitlines()
    at = lines.index("ignore rules: .dockerignore → after.Dockerfile.dockerignore")
    assert lines[at + 1 : at + 4] == ["   1    1    .git", "   2       − *.pyc", "        2  + **/*.pyc"]
    assert "Ignore rules" in diff(app, "before.Dockerfile", "after.Dockerfile")._repr_html_()


def test_the_same_ignore_rules_are_not_shown(app):
    app.write(".dockerignore", ".git\n")
    found = diff(app, "before.Dockerfile", "after.Dockerfile")
    assert "gnore rules" not in str(found) + found._repr_html_()


def test_targets_and_arguments(tmp_path):
    project = tmp_path / "shop"
    project.mkdir()
    (project / "Dockerfile").write_text("FROM scratch AS a\nCOPY a .\nFROM scratch AS b\n")
    (project / "layerlab.toml").write_text(
        '[app]\nname="shop"\n[variants.one]\ndockerfile="Dockerfile"\ntarget="a"\n'
        '[variants.two]\ndockerfile="Dockerfile"\nargs={V="<2>"}\n'
    )
    with App.from_path(project) as app:
        found = diff(app, "one", "two")
        assert found.settings() == ["target: a → (none)", "build argument V: (none) → <2>"]
        assert str(found).splitlines()[-1] == "No instruction changed."
        assert "(none) → &lt;2&gt;" in found._repr_html_()


def test_the_page_says_all_and_escapes_it(app):
    app.write("before.Dockerfile", BEFORE + "RUN echo '<script>alert(1)</script>' && true\n")
    app.write("after.Dockerfile", AFTER + "RUN echo '<script>alert(2)</script>' && true\n")
    page = diff(app, "before.Dockerfile", "after.Dockerfile")._repr_html_()
    assert "<script>" not in page
    text = plain(page)
    for sign in ("↕", "+", "~"):
        assert sign in text
    assert "(→ line 6)" in text and "(← line 3)" in text
