"""A simulated day against the same day in real builds: exactly the same steps run, whatever shares the cache."""

from __future__ import annotations

import pytest
from support import small_app

from layerlab import Machine
from layerlab.machine.registry import Registry
from layerlab.scale import (
    NONE,
    REGISTRY_MAX,
    REGISTRY_MIN,
    RUNNER,
    SHARED,
    Event,
    Recipe,
    agreement,
    predicted,
    replay,
)

#: A stage that is not shipped (tools, then packages), and an image that copies from it.
DOCKERFILE = """FROM python:3.11-slim AS build
RUN dd if=/dev/urandom of=/tools bs=1M count=3
COPY requirements.txt .
RUN dd if=/dev/urandom of=/packages bs=1M count=2
FROM python:3.11-slim
WORKDIR /app
COPY --from=build /packages /packages
COPY main.py .
"""
MANIFEST = "[edits]\ncode = 'main.py'\ndependencies = []\n"
DAY = [Event(1, "none"), Event(2, "code"), Event(2, "dependency"), Event(1, "code"), Event(2, "none")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with small_app(tmp_path_factory.mktemp("day") / "small", DOCKERFILE, layerlab_toml=MANIFEST) as app:
        yield app


@pytest.fixture(scope="module")
def recipe(machine, project):
    def build(edit: str = "none", **options):
        project.edit(edit)
        return machine.build(project, "Dockerfile", view="none", **options)

    cold, none = build(), build()
    edits = {"code": build("code"), "dependency": build("dependency")}
    project.write("base.Dockerfile", "FROM python:3.11-slim\nRUN dd if=/dev/urandom of=/moved bs=1k count=1\n")
    moved = machine.build(project, "base.Dockerfile", view="none").image
    edits["base"] = build(options=[f"--build-context=python:3.11-slim=docker-image://{moved}"])
    return Recipe.measured(cold, none, edits)


@pytest.fixture(scope="module")
def registry(lab_home):
    with Registry.start("replay", say=lambda _: None) as registry:
        yield registry


def test_builds_tell_what_each_step_reads(recipe):
    assert {p.line: p.reads for p in recipe.parts} == {
        2: (True, False, False),
        3: (True, True, False),
        4: (True, True, False),
        6: (True, False, False),
        7: (True, True, False),
        8: (True, True, True),
    }
    assert {p.line for p in recipe.parts if p.in_image} == {6, 7, 8}
    # The stage's packages are as large as what the image copies of them.
    sizes = {p.line: p.layer_bytes for p in recipe.parts}
    assert sizes[4] == sizes[7] > 2_000_000 and recipe.base_bytes > 10_000_000


@pytest.mark.parametrize("strategy", [RUNNER, REGISTRY_MIN, REGISTRY_MAX], ids=lambda s: s.name)
def test_a_day_runs_as_it_was_said(project, recipe, registry, strategy):
    seen = replay(project, "Dockerfile", strategy, DAY, registry if strategy.registry else None)
    assert list(agreement(predicted(recipe, strategy, DAY), seen)["agree"]) == ["yes"] * len(DAY), seen
    assert not {"runner-1", "runner-2"} & {m.name for m in Machine.all()}
    assert (seen["up_mb"].iloc[0] > 2) == bool(strategy.registry)


def test_days_that_cannot_be_replayed_are_refused(project, registry):
    for strategy, given in ((NONE, registry), (REGISTRY_MAX, None), (SHARED, None)):
        with pytest.raises(ValueError, match="can't be replayed"):
            replay(project, "Dockerfile", strategy, DAY, given)


def test_builds_of_two_dockerfiles_make_no_recipe(machine, project):
    project.write("other.Dockerfile", "FROM python:3.11-slim\nWORKDIR /elsewhere\n")
    project.write("third.Dockerfile", "FROM python:3.11-slim\n\nWORKDIR /elsewhere\n")
    one, other = (machine.build(project, name, view="none") for name in ("other.Dockerfile", "third.Dockerfile"))
    with pytest.raises(ValueError, match="one Dockerfile"):
        Recipe.measured(one, one, {"base": one, "dependency": other, "code": one})
    with pytest.raises(ValueError, match="no build after an edit of: code"):
        Recipe.measured(one, one, {"base": one, "dependency": one})
