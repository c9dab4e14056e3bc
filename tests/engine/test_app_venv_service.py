"""The app venv_service: every variant builds, starts and answers; compilers, git, users and sizes are what it says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from layerlab import App
from layerlab.machine.asking import run_in

VARIANTS = ("before", "single", "guide", "popular", "after", "prefix", "uv")


@pytest.fixture(scope="module")
def app():
    with App("venv_service") as copy:
        yield copy


@pytest.fixture(scope="module")
def builds(machine):
    """Every variant, built once, all at a time: they wait for one another's apt-get, then for the network."""

    def build(variant: str):
        with App("venv_service") as copy:
            return machine.build(copy, variant, view="none")

    with ThreadPoolExecutor() as pool:
        return dict(zip(VARIANTS, pool.map(build, VARIANTS), strict=True))


def said(machine, build, *command: str) -> str:
    return run_in(machine, build.image, command).output.strip()


def test_there_are_no_other_variants(app):
    assert tuple(app.variants) == VARIANTS


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_answers_and_git_and_the_compiled_package_are_there(machine, app, builds, variant):
    answer = machine.ask(app, builds[variant])
    assert answer.healthy and answer.correct, answer
    assert '"git":"2.' in answer.health and '"longest_pause_days":1.04' in answer.text


def test_a_package_is_compiled_from_its_source(builds):
    log = next(step.log for step in builds["before"].steps if "pip install" in step.text)
    assert "Building wheel for xxhash" in log


@pytest.mark.parametrize("variant", VARIANTS)
def test_compilers_ship_only_where_there_is_no_stage_for_them(machine, builds, variant):
    found = said(machine, builds[variant], "sh", "-c", "command -v gcc || echo none")
    assert (found == "none") == (variant not in ("before", "single"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_single_stage_runs_as_root(machine, builds, variant):
    assert (said(machine, builds[variant], "id", "-u") == "0") == (variant == "single")


def test_an_image_without_compilers_is_at_most_three_fifths_of_one_with(builds):
    for variant in ("guide", "popular", "after", "prefix"):
        assert builds[variant].image_bytes <= 0.6 * builds["single"].image_bytes


def test_nothing_is_copied_from_the_first_stage_of_before_so_it_is_not_built(builds):
    assert {step.stage for step in builds["before"].steps} == {"production"}


def test_an_edit_of_the_code_copies_the_environment_only_where_both_come_in_one_copy(machine, app, builds):
    app.edit("code")
    again = {v: machine.build(app, v, view="none") for v in ("guide", "popular", "after", "prefix")}
    assert again["after"].state("/opt/venv /opt/venv") == "CACHED"
    assert again["prefix"].state("/install /usr/local") == "CACHED"
    assert again["guide"].state("/opt/venv /opt/venv") == "CACHED" and again["guide"].state("chown") == "RAN"
    assert again["popular"].state("COPY --from=builder /app /app") == "RAN"
    written = {v: sum(s.size_bytes or 0 for s in b.steps if s.state == "RAN") for v, b in again.items()}
    assert written["popular"] > 20_000_000 and max(written["after"], written["prefix"], written["guide"]) < 1_000_000


def test_the_code_is_linked_so_a_new_environment_does_not_copy_it_again(machine, app, builds):
    text = app.read("after.Dockerfile")
    app.write(
        "other.Dockerfile", text.replace("COPY --link --from=builder", "ENV ABOVE=1\nRUN true\nCOPY --from=builder")
    )
    machine.build(app, "after", view="none")
    other = machine.build(app, "other.Dockerfile", view="none")
    assert other.state("chronicle/") == "CACHED" and other.state("/opt/venv /opt/venv") == "RAN"


def test_the_heavy_profile_exchanges_the_requirements():
    with App("venv_service", profile="heavy") as heavy:
        assert "pyarrow" in heavy.read("requirements.txt") and "--no-binary xxhash" in heavy.read("requirements.txt")
