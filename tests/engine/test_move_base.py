"""A moved base: another image under the same name. Steps on it run again, linked copies do not, until it is put back."""

from __future__ import annotations

import pytest
from support import base_id, small_app

from layerlab import Machine, compare, explain
from layerlab.engines.images import MOVED, ORIGINAL, present
from layerlab.errors import SetupError

BASE = "python:3.11-slim"
#: A step of each kind on the base, and a linked copy.
DOCKERFILE = f"""FROM {BASE}
WORKDIR /app
RUN echo packages > packages
COPY main.py .
COPY --link requirements.txt /app/
CMD ["python", "main.py"]
"""


@pytest.fixture
def cold(machine):
    machine.reset()
    yield machine
    machine.reset()


@pytest.fixture
def app(tmp_path):
    with small_app(tmp_path / "moved", DOCKERFILE) as app:
        yield app


def command(machine: Machine) -> str:
    return machine.docker(
        "image", "inspect", "--format", "{{.Config.Cmd}} {{.Config.Env}}", present(BASE, machine.docker)
    )


def ran(build) -> list[int]:
    return [step.line for step in build.steps if step.state == "RAN"]


def test_what_stands_on_a_moved_base_runs_and_a_linked_copy_does_not(cold, app):
    cold.build(app, "Dockerfile")
    assert ran(cold.build(app, "Dockerfile")) == []
    cold.move_base(BASE)
    moved = cold.build(app, "Dockerfile")
    assert ran(moved) == [2, 3, 4]
    assert ran(cold.build(app, "Dockerfile")) == []  # one price, once
    assert {step.causes[0].kind for step in explain(moved).roots} == {"base moved"}


def test_it_is_another_image_of_the_same_use(cold, app):
    before, said = base_id(cold), command(cold)
    assert cold.move_base(BASE) == base_id(cold) != before
    assert command(cold) == said
    build = cold.build(app, "Dockerfile")
    assert cold.docker("run", "--rm", build.image).strip() == "hello"
    assert cold.docker("run", "--rm", build.image, "cat", MOVED).strip().isdigit()
    assert not cold.docker("ps", "--all", "--quiet")


def test_each_move_is_another_one(cold):
    assert len({base_id(cold), cold.move_base(BASE), cold.move_base(BASE)}) == 3


@pytest.mark.parametrize("more", [False, True], ids=["new engine", "emptied engine"])
def test_reset_brings_the_original_back(cold, more, monkeypatch):
    """Both ways of a reset: a new engine, and, where a base was added that it would not have, an emptied one."""
    before = base_id(cold)
    cold.move_base(BASE)
    cold.move_base(BASE)
    monkeypatch.setattr(cold, "_has_more_bases", lambda: more)
    cold.reset()
    assert base_id(cold) == before
    assert ORIGINAL not in cold.docker("images")


def test_restored_it_is_what_it_was_and_so_are_the_steps_on_it(cold, app):
    before = base_id(cold)
    cold.build(app, "Dockerfile")
    cold.restore_bases()
    assert base_id(cold) == before
    cold.move_base(BASE)
    cold.move_base(BASE)
    cold.restore_bases()
    assert base_id(cold) == before and ORIGINAL not in cold.docker("images")
    assert not cold.docker("images", "--filter", "dangling=true", "--quiet")
    assert ran(cold.build(app, "Dockerfile")) == []
    cold.move_base(BASE)
    assert ran(cold.build(app, "Dockerfile")) == [2, 3, 4]


def test_compare_measures_it_and_puts_it_back(cold, app):
    before = base_id(cold)
    rows = compare(cold, app, ["Dockerfile"], edits=["none", "base"], repeats=1)
    assert base_id(cold) == before
    states = rows.query("instruction == 'RUN'").set_index("edit").state
    assert dict(states) == {"none": "CACHED", "base": "RAN"}


def test_a_base_that_is_not_there_is_said(cold):
    with pytest.raises(SetupError, match=r"python:2\.7 is not on machine"):
        cold.move_base("python:2.7")
