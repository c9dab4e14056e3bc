"""Predictions: what is asked, what may be said, which build may grade it, and the score that is kept. No engine needed."""

from __future__ import annotations

import dataclasses
import datetime
import json
import threading

import pytest

from layerlab import App, Build, predict
from layerlab.errors import AppError, LayerLabError
from layerlab.explaining.causes import Cause, Explanation, StepCause
from layerlab.machine.cleanup import OURS
from layerlab.predicting.score import FILE, keep, score
from layerlab.record import history
from layerlab.record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from layerlab.record.step import Step
from layerlab.system.home import machine_dir

DOCKERFILE = """\
# a comment
FROM python:3.11-slim AS base
WORKDIR /app
ENV A=1
COPY requirements.txt .
RUN pip install \\
    -r requirements.txt

FROM base AS tests
COPY tests tests
RUN pytest

FROM base
COPY . .
CMD ["python", "main.py"]
"""
LINES = (3, 5, 6, 14)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    (tmp_path / "home").mkdir()


@pytest.fixture
def app(tmp_path):
    project = tmp_path / "shop"
    project.mkdir()
    (project / "Dockerfile").write_text(DOCKERFILE)
    (project / "other.Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    with App.from_path(project) as copy:
        yield copy


def build_of(*states: str, later: float = 1.0, lines=LINES, **changes) -> Build:
    """Make a build of the Dockerfile, `later` seconds from now, whose steps have these states."""
    keywords = {3: "WORKDIR /app", 5: "COPY requirements.txt .", 6: "RUN pip install", 14: "COPY . ."}
    steps = [Step(2, 2, "base", "FROM", "FROM python:3.11-slim", BASE, 0.0, 0.0, None, 0, "", "", ())]
    for line, state in zip(lines, states, strict=True):
        text = keywords.get(line, f"RUN {line}")
        steps.append(Step(line, line, "base", text.split()[0], text, state, 0.0, 1.0, None, 0, "", "", ()))
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=later)
    fields = {
        "app": "shop", "variant": "Dockerfile", "edit": "code", "machine": "m", "command": ("docker", "buildx", "build"),
        "dockerfile": DOCKERFILE, "started_at": at.isoformat(timespec="milliseconds"), "seconds": 9.0, "phases": (),
        "context_bytes": 0, "image": "", "image_bytes": None, "warnings": (), "trace": "", "provenance": {},
    }  # fmt: skip
    return Build(**(fields | changes), steps=tuple(steps))


def why(build: Build, **causes: str) -> Explanation:
    """Make an explanation that gives line 6 `causes["line6"]`, and other lines nothing."""
    steps = []
    for s in build.steps:
        text = causes.get(f"line{s.line}", "")
        found = (Cause("file changed", text),) if text and s.state == RAN else ()
        still = text if s.state == CACHED else ""
        steps.append(StepCause(s.line, s.stage, s.instruction, s.text, s.state, found, bool(found), (), still))
    return Explanation(build.app, build.variant, "the build before", tuple(steps))


# -- what is asked ---------------------------------------------------------------------------------------------------


def test_it_asks_for_what_makes_a_step_in_the_stages_that_are_built(app):
    assert predict(app, "Dockerfile").lines == LINES


def test_a_target_has_other_steps(app):
    assert predict(app, "Dockerfile", target="tests").lines == (3, 5, 6, 10, 11)
    assert predict(app, "Dockerfile", target="BASE").lines == (3, 5, 6)
    assert predict(app, "Dockerfile", target="0").lines == (3, 5, 6)


def test_an_unknown_target_is_an_error_that_names_the_stages(app):
    with pytest.raises(AppError, match=r"no stage 'prod'\nthere are: base, tests, stage-2"):
        predict(app, "Dockerfile", target="prod")


def test_the_target_and_arguments_of_a_variant_count(tmp_path):
    project = tmp_path / "shop"
    project.mkdir()
    (project / "Dockerfile").write_text(
        "ARG LAST=a\nFROM scratch AS a\nCOPY a .\nFROM scratch AS b\nCOPY b .\nFROM ${LAST} AS end\nFROM end\n"
    )
    (project / "layerlab.toml").write_text(
        '[app]\nname="shop"\n[variants.a]\ndockerfile="Dockerfile"\n'
        '[variants.b]\ndockerfile="Dockerfile"\nargs={LAST="b"}\n'
        '[variants.first]\ndockerfile="Dockerfile"\ntarget="a"\n'
    )
    with App.from_path(project) as app:
        assert predict(app, "a").lines == (3,)
        assert predict(app, "b").lines == (5,)
        assert predict(app, "a", args={"LAST": "b"}).lines == (5,)
        assert predict(app, "first").lines == (3,)


def test_a_compose_service_is_read_as_bake_reads_it(tmp_path, lab_home, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(lab_home))  # where the docker command is
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")  # no engine is asked
    project = tmp_path / "shop"
    (project / "api").mkdir(parents=True)
    (project / "api" / "slow.Dockerfile").write_text("FROM scratch AS one\nCOPY one .\nFROM scratch\nCOPY two .\n")
    (project / "compose.yaml").write_text(
        "services:\n  api:\n    build: {context: api, dockerfile: slow.Dockerfile, target: one}\n"
        "  inline:\n    build:\n      context: .\n      dockerfile_inline: |\n        FROM scratch\n        COPY three .\n"
    )
    with App.from_path(project) as app:
        assert predict(app, "compose.yaml", service="api").lines == (2,)
        assert predict(app, "compose.yaml", service="api", target="").definition.file == "api/slow.Dockerfile"
        assert predict(app, "compose.yaml", service="inline").lines == (2,)


def test_nothing_is_said_at_first(app):
    guess = predict(app, "Dockerfile")
    assert set(guess.said.values()) == {""}
    assert "will run" not in str(guess).replace("steps will run?", "")


# -- what may be said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "states",
    [
        ["RUN", "CACHED", "run", "cached"],
        ["Ran", " cache ", "will run", "will be  CACHED"],
        (RAN, CACHED, RAN, CACHED),
        {3: "run", 5: "cached", 6: "run", 14: "cached"},
    ],
)
def test_words_for_states(app, states):
    assert predict(app, "Dockerfile", states).said == {3: RAN, 5: CACHED, 6: RAN, 14: CACHED}


def test_some_steps_may_be_left_open(app):
    assert predict(app, "Dockerfile", {6: "run"}).said == {3: "", 5: "", 6: RAN, 14: ""}
    assert predict(app, "Dockerfile", [None, "?", "", "run"]).said == {3: "", 5: "", 6: "", 14: RAN}


def test_too_few_states_is_an_error_that_lists_the_steps(app):
    with pytest.raises(LayerLabError) as error:
        predict(app, "Dockerfile", ["run"])
    assert error.value.message == "the number of states is 1, but Dockerfile has 4 steps"
    assert error.value.remedy.splitlines()[1:] == [
        "  line 3: WORKDIR /app", "  line 5: COPY requirements.txt .",
        "  line 6: RUN pip install -r requirements.txt", "  line 14: COPY . .",
    ]  # fmt: skip


@pytest.mark.parametrize("states", [{4: "run"}, {"3": "run"}])
def test_a_line_without_a_step_is_an_error(app, states):
    with pytest.raises(LayerLabError, match="Dockerfile has no step on line"):
        predict(app, "Dockerfile", states)


def test_other_words_are_an_error(app):
    with pytest.raises(LayerLabError, match="'hit' isn't a prediction"):
        predict(app, "Dockerfile", ["run", "hit", "run", "run"])
    with pytest.raises(LayerLabError, match="single string"):
        predict(app, "Dockerfile", "runs")


# -- grading ---------------------------------------------------------------------------------------------------------


def test_right_and_wrong_and_open(app):
    guess = predict(app, "Dockerfile", ["cached", "cached", None, "cached"])
    build = build_of(CACHED, RAN, RAN, CACHED)
    grade = guess.grade(build, why(build, line5="requirements.txt changed", line6="a step above ran"))
    assert [m.right for m in grade.marks] == [True, False, None, True]
    assert (grade.right, grade.of) == (2, 3)
    assert str(grade).splitlines() == [
        "Dockerfile: 2 of 3 right, 1 not predicted",
        "✓   line 3  CACHED  you said cached  WORKDIR /app",
        "✗   line 5  RAN     you said cached  COPY requirements.txt .",
        "                    requirements.txt changed",
        "·   line 6  RAN                      RUN pip install -r requirements.txt",
        "                    a step above ran",
        "✓  line 14  CACHED  you said cached  COPY . .",
    ]


def test_a_hit_that_was_not_foreseen_is_explained_too(app):
    build = build_of(CACHED, CACHED, CACHED, CACHED)
    grade = predict(app, "Dockerfile", ["run"] * 4).grade(build, why(build, line14="only the mtime changed"))
    assert [m.explained for m in grade.marks] == ["nothing that it depends on has changed"] * 3 + [
        "only the mtime changed"
    ]


def test_without_a_prediction_it_says_so_and_shows_states_and_causes(app):
    build = build_of(CACHED, CACHED, CACHED, RAN)
    grade = predict(app, "Dockerfile").grade(build, why(build, line14="main.py changed"))
    assert str(grade).splitlines() == [
        "Dockerfile: no prediction was made",
        "·   line 3  CACHED  WORKDIR /app",
        "                    nothing that it depends on has changed",
        "·   line 5  CACHED  COPY requirements.txt .",
        "                    nothing that it depends on has changed",
        "·   line 6  CACHED  RUN pip install -r requirements.txt",
        "                    nothing that it depends on has changed",
        "·  line 14  RAN     COPY . .",
        "                    main.py changed",
    ]
    assert score().of == 0
    assert "Over the course" not in grade._repr_html_()


@pytest.mark.parametrize(
    ("was", "right"),
    [(RAN, True), (FAILED, True), (CACHED, False), (NOT_REACHED, None), (CANCELED, None)],
)
def test_states_of_a_build_that_failed(app, was, right):
    grade = predict(app, "Dockerfile", {14: "run"}).grade(build_of(RAN, RAN, RAN, was), NO_CAUSES)
    assert grade.marks[-1].right is right


NO_CAUSES = Explanation("shop", "Dockerfile", "", ())


def test_a_step_that_the_build_does_not_have_does_not_count(app):
    grade = predict(app, "Dockerfile", ["run"] * 4).grade(build_of(RAN, RAN, lines=(3, 5)), NO_CAUSES)
    assert (grade.right, grade.of) == (2, 2)
    assert str(grade).splitlines()[-1] == "·  line 14  -       you said run     COPY . ."


def test_of_several_platforms_one_that_ran_counts(app):
    build = build_of(CACHED, RAN, CACHED, CACHED, lines=(3, 3, 5, 6))
    assert predict(app, "Dockerfile", {3: "run"}).grade(build, NO_CAUSES).right == 1


def test_what_is_chosen_after_the_build_has_started_does_not_count(app):
    guess = predict(app, "Dockerfile", {3: "run", 5: "run"})
    build = build_of(RAN, RAN, RAN, RAN, later=0.2)
    # Times are kept to the millisecond, and what's said in the millisecond in which the build starts still counts.
    started = datetime.datetime.fromisoformat(build.started_at) + datetime.timedelta(milliseconds=2)
    while datetime.datetime.now(datetime.UTC) <= started:
        threading.Event().wait(0.05)
    guess.say(5, "cached")
    guess.say(6, "run")
    grade = guess.grade(build, NO_CAUSES)
    assert [m.said for m in grade.marks] == [RAN, RAN, "", ""]
    assert "(2 chosen after the build had started: not counted)" in str(grade)


def test_a_choice_can_be_changed_before_the_build(app):
    guess = predict(app, "Dockerfile")
    guess.say(3, "run")
    guess.say(3, "cached")
    assert [m.said for m in guess.grade(build_of(RAN, RAN, RAN, RAN), NO_CAUSES).marks] == [CACHED, "", "", ""]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"app": "other"}, "the build is of other Dockerfile"),
        ({"variant": "after"}, "the build is of shop after"),
        ({"dockerfile": DOCKERFILE + "\n"}, "was changed after the prediction"),
        ({"later": -60}, "older than the prediction"),
        ({"command": ("docker", "buildx", "build", "--target=tests")}, "is for target .none., but the build has tests"),
    ],
)
def test_another_build_may_not_grade_it(app, changes, message):
    guess = predict(app, "Dockerfile", ["run"] * 4)
    with pytest.raises(LayerLabError, match=message):
        guess.grade(build_of(RAN, RAN, RAN, RAN, **changes), NO_CAUSES)
    assert score().of == 0
    assert guess.grade(build_of(RAN, RAN, RAN, RAN), NO_CAUSES).right == 4  # it still waits for its own build


def test_the_same_target_grades(app):
    for command in (("--target=tests",), ("bake", "--set=api.target=tests")):
        guess = predict(app, "Dockerfile", {3: "run"}, target="tests")
        assert guess.grade(build_of(RAN, RAN, RAN, RAN, command=command), NO_CAUSES).right == 1


def test_a_second_build_may_not_grade_it_again(app):
    guess = predict(app, "Dockerfile", ["run"] * 4)
    first = build_of(RAN, RAN, RAN, RAN)
    guess.grade(first, NO_CAUSES)
    with pytest.raises(LayerLabError, match="was graded by an earlier build"):
        guess.grade(dataclasses.replace(first, seconds=1.0), NO_CAUSES)


def test_a_build_in_between_is_noticed(app):
    """Otherwise, running the build's cell twice would grade against a build with everything cached."""
    machine_dir("m").mkdir(parents=True)
    guess = predict(app, "Dockerfile", ["run"] * 4)
    other, first, second = (
        build_of(RAN, RAN, RAN, RAN, later=10.0, variant="other"), build_of(RAN, RAN, RAN, RAN, later=20.0),
        build_of(CACHED, CACHED, CACHED, CACHED, later=30.0),
    )  # fmt: skip
    for build in (other, first, second):
        history.remember(build)
    with pytest.raises(LayerLabError, match="another build of Dockerfile came between"):
        guess.grade(second, NO_CAUSES)
    assert guess.grade(first, NO_CAUSES).right == 4


# -- the score -------------------------------------------------------------------------------------------------------


def test_the_score_goes_on_over_notebooks(app, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/somebody/notebooks/00-start-here.ipynb")
    predict(app, "Dockerfile", ["run"] * 4).grade(build_of(RAN, RAN, RAN, CACHED), NO_CAUSES)
    monkeypatch.setenv("JPY_SESSION_NAME", "01-order-your-layers.ipynb")
    last = predict(app, "Dockerfile", {3: "cached"}).grade(build_of(CACHED, RAN, RAN, RAN), NO_CAUSES)
    assert str(score()) == "4 of 5 steps right, in 2 predictions"
    assert list(score().predictions["notebook"]) == ["00-start-here", "01-order-your-layers"]
    assert "Over the course: 4 of 5 steps right, in 2 predictions." in last._repr_html_()
    assert "course" not in str(last).lower()  # what a notebook's test compares doesn't depend on other notebooks


def test_grading_twice_counts_once(app):
    guess, build = predict(app, "Dockerfile", ["run"] * 4), build_of(RAN, RAN, RAN, CACHED)
    assert guess.grade(build, NO_CAUSES) == guess.grade(build, NO_CAUSES)
    assert (score().right, score().of, len(score().predictions)) == (3, 4, 1)


def test_an_empty_score():
    assert str(score()) == "No prediction has been graded yet."
    assert score().predictions.empty
    assert "No prediction" in score()._repr_html_()


def test_a_score_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "home" / FILE).write_text("{")
    with pytest.raises(LayerLabError, match="delete it"):
        score()


def test_many_notebooks_write_at_once(tmp_path):
    record = {"when": "", "notebook": "", "app": "a", "variant": "v", "edit": "none", "right": 1, "of": 2}
    threads = [threading.Thread(target=keep, args=(str(n), record)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads((tmp_path / "home" / FILE).read_text())) == 12


def test_cleaning_removes_the_score():
    assert FILE in OURS


# -- showing it ------------------------------------------------------------------------------------------------------


def test_as_text(app):
    assert str(predict(app, "Dockerfile", {5: "cached"})).splitlines() == [
        "Dockerfile: which steps will run?",
        "  line 3  ?       WORKDIR /app",
        "  line 5  CACHED  COPY requirements.txt .",
        "  line 6  ?       RUN pip install -r requirements.txt",
        " line 14  ?       COPY . .",
    ]


def test_markup_is_escaped(tmp_path):
    project = tmp_path / "evil"
    project.mkdir()
    text = "FROM scratch\nCOPY <script>alert(1)</script> .\n"
    (project / "Dockerfile").write_text(text)
    with App.from_path(project) as app:
        guess = predict(app, "Dockerfile", ["run"])
        build = build_of(RAN, lines=(2,), app="evil", dockerfile=text)
        shown = [
            guess._repr_html_(),
            guess.grade(build, why(build, line2="<b>x</b>"))._repr_html_(),
            guess._repr_html_(),
        ]
    assert not any("<script>" in text or "<b>x" in text for text in shown)


def test_the_toggles_tell_the_prediction_and_close(app):
    from layerlab.predicting.board import Board

    guess = predict(app, "Dockerfile", {3: "run"})
    board = Board("Dockerfile", guess.definition.steps, guess.said, guess.say)
    told, grid = board.widget.children
    choices = grid.children[1::2]
    assert [c.value for c in choices] == [RAN, None, None, None]
    assert "1 of 4 predicted" in told.value
    choices[2].value = CACHED
    assert guess.said[6] == CACHED
    assert "2 of 4 predicted" in told.value
    assert list(choices[3]._options_labels) == ["line 14 will run", "line 14 will be cached"]
    board.close()
    assert choices[0].comm is None
