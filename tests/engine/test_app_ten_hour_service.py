"""The ten-hour service: every variant builds, starts and answers; its faults and their cure are real."""

from __future__ import annotations

import pytest

from layerlab import App


@pytest.fixture(scope="module")
def service():
    with App("ten_hour_service") as app:
        yield app


@pytest.mark.parametrize("variant", ["before", "after", "fleet"])
def test_a_variant_builds_and_answers(machine, service, variant):
    build = machine.build(service, variant, view="none")
    answer = machine.ask(service, build)
    assert answer.healthy and answer.correct, answer
    developers = {"ruff", "pytest", "babel"} & set(answer.health.replace('"', " ").split())
    assert bool(developers) == (variant == "before")


def test_every_variant_is_tested():
    marks = test_a_variant_builds_and_answers.pytestmark
    with App("ten_hour_service") as app:
        assert app.variants == next(m.args[1] for m in marks if m.name == "parametrize")


def test_only_the_good_variant_keeps_what_an_edit_does_not_touch(machine, service):
    ran = {}
    quiet = {"options": ["--output=type=cacheonly"], "view": "none"}  # no image: nobody starts it
    for variant in ("before", "after"):
        machine.build(service, variant, **quiet)
        service.edit("code")
        again = machine.build(service, variant, **quiet)
        ran[variant] = [(s.line, s.instruction) for s in again.steps if s.state == "RAN"]
    assert ran["before"] == [(7, "COPY"), (9, "RUN"), (11, "RUN"), (14, "RUN")]
    assert [instruction for _, instruction in ran["after"]] == ["COPY"]
