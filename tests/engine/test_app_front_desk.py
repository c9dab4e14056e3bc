"""The app front_desk, which the clinic and lab 06 build: both variants start and answer."""

from __future__ import annotations

import pytest

from layerlab import App


@pytest.mark.parametrize("variant", ["before", "after"])
def test_a_variant_builds_and_answers(machine, variant):
    with App("front_desk") as app:
        assert set(app.variants) == {"before", "after"}
        answer = machine.ask(app, machine.build(app, variant, view="none"))
        assert answer.healthy and answer.correct, answer
