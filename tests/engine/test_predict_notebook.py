"""Predictions and real builds: in a notebook that is executed as the committed ones are, and through Compose."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from layerlab import App, diff, predict

DOCKERFILE = "FROM python:3.11-slim\nCOPY main.py .\nRUN echo one\nCOPY other.py .\n"
CELLS = [
    "from layerlab import App, Machine, predict\nmachine = Machine.start('test')\napp = App.from_path('shop')\n"
    "first = machine.build(app, 'Dockerfile')\nedit = app.edit('code')",
    "guess = predict(app, 'Dockerfile')\nguess",
    "build = machine.build(app, 'Dockerfile')",
    "print(guess.grade(build))",
    "never = predict(app, 'Dockerfile')\nnever",
]  # fmt: skip


@pytest.fixture
def shop(tmp_path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "main.py").write_text("print('hello')\n")
    (folder / "other.py").write_text("print('other')\n")
    (folder / "compose.yaml").write_text(
        "services:\n  api:\n    build: {context: ., dockerfile: Dockerfile}\n    image: shop-api\n"
    )
    return folder


def test_an_executed_notebook_shows_it_without_widgets(script, machine, shop):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    done = script.tidied(script.execute(notebook, shop.parent))
    asked, graded, never = (done.cells[n].outputs for n in (1, 3, 4))
    assert [set(o.data) for o in (*asked, *never)] == [{"text/plain", "text/html"}] * 2
    assert (
        asked[0].data["text/plain"]
        == never[0].data["text/plain"]
        == "\n".join(
            [
                "Dockerfile: which steps will run?",
                "  line 2  ?       COPY main.py .",
                "  line 3  ?       RUN echo one",
                "  line 4  ?       COPY other.py .",
            ]
        )
    )
    assert [o.text for o in graded] == [
        "Dockerfile: no prediction was made\n"
        "·   line 2  RAN     COPY main.py .\n"
        "                    main.py changed\n"
        "·   line 3  RAN     RUN echo one\n"
        "                    line 2 above ran again\n"
        "·   line 4  RAN     COPY other.py .\n"
        "                    line 3 above ran again\n"
    ]


def test_a_compose_service_is_predicted_and_graded(machine, shop):
    with App.from_path(shop) as app:
        machine.build(app, "compose.yaml", service="api", view="none")
        app.edit("code")
        guess = predict(app, "compose.yaml", ["run", "run", "cached"], service="api")
        grade = guess.grade(machine.build(app, "compose.yaml", service="api", view="none"))
        assert [m.right for m in grade.marks] == [True, True, False]


def test_two_real_builds_side_by_side_add_up(machine, shop):
    with App.from_path(shop) as app:
        app.write("after.Dockerfile", "FROM python:3.11-slim\nRUN echo one\nCOPY main.py .\nCOPY other.py .\n")
        builds = []
        for variant in ("Dockerfile", "after.Dockerfile"):
            machine.build(app, variant, view="none")
            app.edit("code")
            builds.append(machine.build(app, variant, view="none"))
        found = diff(app, "Dockerfile", "after.Dockerfile", builds)
        [(edit, left, right)] = found.measured
        assert edit == "code"
        for side, build in ((left, builds[0]), (right, builds[1])):
            assert side.steps_seconds == pytest.approx(build.steps_frame()["seconds"].sum())
            assert side.seconds == build.seconds
        [moved] = found.changes
        assert [(e.instruction.value, e.states) for e in found.effects(moved)] == [
            ("main.py .", "RAN → RAN"),
            ("echo one", "RAN → CACHED"),
        ]
