"""The table of cases in `cases/`: each a real pair of builds, with the state of every step and why it ran."""

from __future__ import annotations

import contextlib
import socket

import cases
import pytest
from cases import Case, Scene, recording

from layerlab import Machine, explain


@pytest.fixture(scope="module")
def second(lab_home):
    """A machine that cases may empty, reset and move bases on."""
    with Machine.start("cases") as machine:
        yield machine


@pytest.fixture(scope="module")
def servers(machine, tmp_path_factory):
    """A private process shares the computer's network; a container reaches the computer by its address."""
    address = "127.0.0.1" if machine.engine == "process" else socket.gethostbyname(socket.gethostname())
    with cases.serving(tmp_path_factory.mktemp("site"), address) as found:
        yield found


@pytest.fixture
def scene(machine, second, servers, tmp_path):
    with contextlib.ExitStack() as stack:

        def play(case: Case) -> Scene:
            places = (second, machine) if case.alone else (machine, second)
            return stack.enter_context(Scene(case, *places, tmp_path, servers))

        yield play


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=f"{t}: {c.name}") for t, found in cases.ALL.items() for c in found]
)
def test_case(case, scene):
    played = scene(case)
    build = played.play()
    recording.keep(played, build)
    cases.check(case, build, explain(build))


def test_compared_with_a_build_on_another_machine(scene):
    """Asked to compare with it, nothing that counts differs but the machine; an edit is still told apart."""
    case = Case("other machine", "FROM python:3.11-slim\nWORKDIR /CASE\nCOPY a .\n", (), "", files={"a": "1"})
    played = scene(case)
    first = played.build()
    assert [c.kind for s in explain(played.build(elsewhere=True), first).roots for c in s.causes] == [
        "another machine"
    ] * 2
    played.path("a").write_text("2")
    edited = explain(played.build(elsewhere=True), first)
    assert edited.of("COPY").why == "a changed" and not edited.of("WORKDIR").causes


def test_a_base_that_moved_to_the_same_layers(scene):
    """What is built on it hits or not, as the engine has computed the key of the layers or not; a miss is explained."""
    text = "FROM python:3.11-slim\nWORKDIR /CASE\n"
    build = scene(Case("same layers", text, (cases.move_base("LABEL moved=CASE"),), "", alone=True)).play()
    (step,) = explain(build).steps[1:]
    assert (step.state, [c.kind for c in step.causes]) in [("CACHED", []), ("RAN", ["base moved"])]


def test_names_are_unique():
    names = [c.name for found in cases.ALL.values() for c in found]
    assert len(names) == len(set(names)) >= 60
