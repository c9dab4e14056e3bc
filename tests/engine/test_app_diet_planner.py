"""The diet planner: every variant builds, starts and answers, and carries what its notebooks teach with it."""

from __future__ import annotations

import re

import pytest

from layerlab import App
from layerlab.project.course_files import sample_apps

VARIANTS = ["before", "guide", "pip", "uv", "uv-private", "prefix", "compose"]
SHARING = {"guide": "locked", "pip": "locked", "uv": "shared", "uv-private": "private"}


@pytest.fixture(scope="module")
def planner():
    with App("diet_planner") as app:
        yield app


def install(build):
    """The step that installs the list of packages."""
    return next(step for step in build.steps if "requirements.txt" in step.text and step.instruction == "RUN")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_builds_and_answers(machine, planner, variant):
    build = machine.build(planner, variant, view="none")
    answer = machine.ask(planner, build)
    assert answer.healthy and answer.correct, answer
    if variant in SHARING:
        assert f"sharing={SHARING[variant]} " in install(build).text


def test_every_variant_is_tested():
    with App("diet_planner") as app:
        assert app.variants == VARIANTS


@pytest.mark.parametrize("variant", ["guide", "pip", "uv", "prefix", "compose"])
def test_an_edit_of_the_code_installs_nothing(machine, planner, variant):
    # An image that nobody starts need not be compressed and unpacked.
    options = ["--set=*.output=type=cacheonly" if variant == "compose" else "--output=type=cacheonly"]
    machine.build(planner, variant, options=options, view="none")
    planner.edit("code")
    again = machine.build(planner, variant, options=options, view="none")
    assert install(again).state == "CACHED" and again.downloaded_bytes == 0


def test_a_new_dependency_is_installed_with_its_hash(machine, planner):
    machine.build(planner, "uv", options=["--output=type=cacheonly"], view="none")
    planner.edit("dependency")
    again = machine.build(planner, "uv", view="none")
    assert install(again).state == "RAN" and "backoff==2.2.1" in install(again).log
    assert machine.ask(planner, again).correct


def test_the_list_is_a_lock_of_more_than_a_thousand_lines_and_names_no_index():
    for name in ("requirements.txt", "requirements.heavy.txt"):
        text = (sample_apps() / "diet_planner" / name).read_text()
        assert len(text.splitlines()) > 1000 and "# via" in text
        assert "://" not in text and "index-url" not in re.sub("#.*", "", text)
        names = re.findall(r"^([\w.-]+)(?:\[.*\])?==", text, re.MULTILINE)
        with App("diet_planner") as app:
            pool = [line.partition("==")[0] for line in app._setting("dependencies")]
        assert not set(pool) & set(names), "an edit adds what was not there"


def test_the_heavy_profile_is_another_list():
    with App("diet_planner", profile="heavy") as app:
        assert "torch==" in app.read("requirements.txt")


def test_compose_knows_development_and_a_registry(machine, planner):
    def config(*files: str) -> str:
        command = [word for file in files for word in ("--file", str(planner.path / file))]
        return machine.docker("compose", *command, "config")

    assert "BUILDKIT_INLINE_CACHE: " in config("compose.yaml")
    development = config("compose.yaml", "compose.dev.yaml")
    assert "target: /app/.venv" in development and "--reload" in development
    assert "localhost:5000/diet-planner:main" in config("compose.yaml", "compose.ci.yaml")
