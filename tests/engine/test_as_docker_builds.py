"""Real builds of what Docker would build in a folder: overrides, .env, contexts elsewhere, bake targets; each explained."""

from __future__ import annotations

import secrets

import pytest

from layerlab import App
from layerlab.explaining.why import explain
from layerlab.record.states import CACHED, RAN

QUIET = {"view": "none"}


@pytest.fixture
def project(tmp_path):
    """A function that writes files; each Dockerfile's cache keys are new."""
    new = secrets.token_hex(8)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("NEW", new))
        return tmp_path / "shop"

    write(**{".git/HEAD": ""})
    return write


def built(machine, folder, variant="", **more):
    with App.at(folder) as app:
        return machine.build(app, variant, **QUIET, **more)


def states(build):
    return [(step.line, step.state) for step in build.steps if step.state in (RAN, CACHED)]


def causes(build):
    return {step.line: step.why for step in explain(build).steps if step.causes}


STAGES = """FROM python:3.11-slim AS base
ARG MODE=prod
RUN echo NEW mode $MODE
FROM base AS dev
RUN echo dev
FROM base AS final
COPY app.py /app/
"""


def test_an_override_decides_what_is_built(machine, project):
    override = "services: {web: {build: {target: dev, args: {MODE: dev}}}}\n"
    compose = "services: {web: {build: .}}\n"
    files = {"Dockerfile": STAGES, "compose.yaml": compose, "compose.override.yaml": override, "app.py": "a"}
    folder = project(**files)
    first = built(machine, folder, service="web")
    assert (states(first), first.args) == ([(3, RAN), (5, RAN)], {"MODE": "dev"})
    project(**{"app.py": "b"})
    assert states(built(machine, folder, service="web")) == [(3, CACHED), (5, CACHED)]
    assert states(built(machine, folder, "compose.yaml", service="web")) == [(3, RAN), (7, RAN)]


def test_an_argument_from_the_file_of_variables(machine, project):
    dockerfile = "FROM python:3.11-slim\nARG GIT_SHA\nRUN echo NEW\nCOPY app.py /app/\n"
    compose = "services: {web: {build: {context: ., args: {GIT_SHA: '${GIT_SHA:-none}'}}}}\n"
    folder = project(**{"Dockerfile": dockerfile, "compose.yaml": compose, "app.py": "a", ".env": "GIT_SHA=one\n"})
    built(machine, folder, service="web")
    project(**{".env": "GIT_SHA=two\n"})
    again = built(machine, folder, service="web")
    assert states(again) == [(3, RAN), (4, RAN)]
    assert "ARG GIT_SHA: one → two" in causes(again)[3]


def test_a_shared_library_beside_the_service(machine, project):
    dockerfile = "FROM python:3.11-slim\nRUN echo NEW\nCOPY --from=shared . /lib\nCOPY app.py /app/\n"
    compose = "services: {web: {build: {context: svc, additional_contexts: {shared: ./shared}}}}\n"
    files = {"svc/Dockerfile": dockerfile, "svc/app.py": "a", "shared/lib.py": "l", "compose.yaml": compose}
    folder = project(**files)
    built(machine, folder, service="web")
    project(**{"shared/lib.py": "l2"})
    again = built(machine, folder, service="web")
    assert states(again) == [(2, CACHED), (3, RAN), (4, RAN)]
    assert "lib.py in context shared changed" in causes(again)[3]


def test_a_context_and_a_dockerfile_elsewhere_in_the_checkout(machine, project):
    dockerfile = "FROM python:3.11-slim AS top\nRUN echo NEW\nFROM top\nCOPY lib /lib\n"
    compose = "services: {api: {build: {context: ../.., dockerfile: docker/dockerfile}}}\n"
    folder = project(**{"docker/dockerfile": dockerfile, "lib/l.py": "l", "services/api/compose.yaml": compose})
    assert states(built(machine, folder / "services" / "api")) == [(2, RAN), (4, RAN)]
    project(**{"lib/l.py": "l2"})
    again = built(machine, folder / "services" / "api")
    assert (states(again), causes(again)[4]) == ([(2, CACHED), (4, RAN)], "lib/l.py changed")
    plain = built(machine, folder / "services" / "api", "../../docker/dockerfile", target="top")
    assert states(plain) == [(2, CACHED)]


def test_a_bake_target_that_needs_another(machine, project):
    bake = (
        'variable "MODE" { default = "bake" }\ntarget "base" {\n  target = "base"\n  args = { MODE = MODE }\n}\n'
        'target "app" {\n  dockerfile = "app.Dockerfile"\n  contexts = { own = "target:base" }\n}\n'
    )
    files = {"Dockerfile": STAGES, "app.Dockerfile": "FROM own\nRUN echo NEW\nCOPY app.py /app/\n", "app.py": "a"}
    folder = project(**files, **{"docker-bake.hcl": bake})
    first = built(machine, folder, "app")
    assert [(line, state) for line, state in states(first) if line] == [(2, RAN), (3, RAN)]
    project(**{"app.py": "b"})
    assert [(line, state) for line, state in states(built(machine, folder, "app")) if line] == [(2, CACHED), (3, RAN)]


def test_stages_that_a_bake_file_keeps_out_of_the_cache(machine, project):
    bake = 'target "app" {\n  no-cache-filter = ["final"]\n}\n'
    folder = project(**{"Dockerfile": STAGES, "docker-bake.hcl": bake, "app.py": "a"})
    built(machine, folder, "docker-bake.hcl", service="app")
    again = built(machine, folder, "docker-bake.hcl", service="app")
    assert (states(again), causes(again)) == ([(3, CACHED), (7, RAN)], {7: "--no-cache-filter=final was given"})
    given = built(machine, folder, "docker-bake.hcl", service="app", options=["--no-cache-filter=base"])
    assert states(given)[0] == (3, RAN)
