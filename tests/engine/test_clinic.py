"""The clinic's patients are ill, a diagnosis is judged by what builds show, and a cure by hand can be tried."""

from __future__ import annotations

import pytest
from support import base_id

from layerlab import Machine, explain
from layerlab.errors import LayerLabError
from layerlab.labs import clinic

#: Suspects that a patient really has, and that are innocent.
INNOCENT = {5: "file-changes", 6: "junk-in-context", 7: "argument-too-high"}
SETUP = clinic.Setup({"build.sh": "docker build .\n"}, {"CI": "true"}, "fine", (("nothing",), ("code",)))


@pytest.fixture
def patient():
    """Gives patients that are closed at the end."""
    open_ones = []

    def patient(number: int) -> clinic.Patient:
        open_ones.append(clinic.patient(number))
        return open_ones[-1]

    yield patient
    for one in open_ones:
        one.close()


def test_there_are_eight_and_each_has_a_story_and_files(patient):
    assert clinic.numbers() == [1, 2, 3, 4, 5, 6, 7, 8]
    for number in clinic.numbers():
        one = patient(number)
        assert f"Patient {number}: {one.title}" in str(one) and {"Dockerfile", "build.sh"} <= set(one.files)


def test_all_causes_have_a_treatment_and_leave_a_healthy_set_up_alone():
    assert set(clinic.TREATMENTS) == set(clinic.CAUSES)
    assert {cause for cause, treat in clinic.TREATMENTS.items() if treat(SETUP) != SETUP} == set()


@pytest.mark.parametrize("number", INNOCENT)
def test_an_innocent_suspect_is_tried_and_let_go(machine, patient, number):
    one = patient(number)
    before = one.setup
    diagnosis = one.diagnose(machine, INNOCENT[number])
    assert not diagnosis.right and diagnosis.tried.trouble, diagnosis
    assert "and still" in str(diagnosis)
    assert one.setup == before  # its files are theirs again


def test_what_happens_to_a_base_at_the_clinic_does_not_happen_to_the_learner(machine, patient):
    machine.reset()
    before, moved = base_id(machine), patient(4)
    visit = moved.visit(machine)
    assert visit.trouble == "the packages were installed again" and base_id(machine) == before
    assert moved.diagnose(machine, "base-moved").right and base_id(machine) == before


def test_what_is_not_there_is_said_without_a_build(machine, patient):
    one = patient(2)
    diagnosis = one.diagnose(machine, "base-moved")
    assert not diagnosis.right and diagnosis.tried is None and "no sign" in str(diagnosis)


def test_what_docker_says_of_a_broken_computer_shows_nothing_of_this_one(machine, patient):
    said = {number: patient(number).visit(machine).days[1].error for number in (1, 2)}
    assert "DOCKER_BUILDKIT=0" in said[1] and "the --mount option requires BuildKit" in said[1]
    assert "the buildx component is missing or broken" in said[2] and "~/.docker/cli-plugins" in said[2]


def test_a_night_with_a_prune_is_slow_and_one_without_is_cured(machine, patient):
    one = patient(8)
    visit = one.visit(machine)
    assert visit.trouble == "the packages were installed again"
    assert ("builder", "prune", "--all", "--force") in visit.days[1].asked
    root = explain(visit.days[1].build, visit.days[0].build).roots[0]
    assert root.causes[0].kind == "record gone"
    one.app.write("nightly.sh", one.app.read("nightly.sh").replace("--all", "--filter until=168h"))
    assert one.visit(machine).trouble == ""


def test_a_patient_or_cause_that_is_none_is_said(machine, patient):
    with pytest.raises(LayerLabError, match="there is no patient 9"):
        clinic.patient(9)
    with pytest.raises(LayerLabError, match="there is no cause 'gremlins'"):
        patient(1).diagnose(machine, "gremlins")


def test_what_a_machine_holds_is_counted(lab_home):
    with Machine.start("counted") as machine:  # the tests' own may have more base images
        held = clinic.holds(machine)
    assert held == {"images": 1, "volumes": 0, "layers": 0, "mounts": 0}
