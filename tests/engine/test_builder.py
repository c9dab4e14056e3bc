"""Builds on builders that belong to somebody: here, the Docker of another home, as itself, as a remote BuildKit, and behind a
container that answers as BuildKit's own does."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import SMALL, small_app, write_project

from layerlab import App, Builder, BuildFailed, compare, explain
from layerlab.engines import images
from layerlab.errors import AppError, BuilderError
from layerlab.machine import builders
from layerlab.record import history
from layerlab.record.hosts import folder_of

#: The person's own base image, which their engine has; no hub is asked for it.
BASE = "layerlab-standin/python:3.11-slim"
THEIRS = SMALL.replace("python:3.11-slim", BASE)
#: What BuildKit's own image has, answered by a dockerd: the docker-container driver runs `buildctl` in its container.
BUILDCTL = """#!/bin/sh
case $1 in
dial-stdio) exec docker buildx dial-stdio ;;
*) exec docker info >/dev/null ;;
esac
"""
BUILDKITD = """#!/bin/sh
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
	mkdir -p /sys/fs/cgroup/init
	xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || :
	sed -e 's/ / +/g' -e 's/^/+/' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control || :
fi
exec dockerd --data-root /var/lib/buildkit/docker --feature containerd-snapshotter=true --iptables=false --ip6tables=false
"""
STAND_IN = f"""FROM {images.standin_name(images.ENGINE_IMAGE)}
COPY --chmod=755 buildctl buildkitd /usr/local/bin/
ENTRYPOINT ["buildkitd"]
"""


def docker(*arguments: object) -> str:
    """The person's own docker command."""
    done = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def layerlab(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layerlab", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture
def person(guest, tmp_path, monkeypatch) -> None:
    """The person's docker, with instances of buildx that are this test's own."""
    monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path / "buildx"))
    monkeypatch.delenv("BUILDX_BUILDER", raising=False)


@pytest.fixture
def remote(person, tmp_path):
    """A remote builder "ci": whoever connects to its socket talks to the BuildKit of the person's engine."""
    place = tmp_path / "bk.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        threading.Thread(target=_relay, args=[listener], daemon=True).start()
        docker("buildx", "create", "--name", "ci", "--driver", "remote", f"unix://{place}")
        yield "ci"
        listener.shutdown(socket.SHUT_RDWR)


def _relay(listener: socket.socket) -> None:
    # A folder of its own: `docker buildx create` locks its folder while it looks whether the builder answers.
    environment = {**os.environ, "BUILDX_BUILDER": "default", "BUILDX_CONFIG": os.environ["BUILDX_CONFIG"] + "-relay"}
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            subprocess.Popen(["docker", "buildx", "dial-stdio"], stdin=connection, stdout=connection, env=environment)


@pytest.fixture
def contained(person, tmp_path):
    """A docker-container builder "box", whose image stands in for BuildKit's."""
    from layerlab.system.shell import run

    images.ensure_engine_image(lambda *words: run("docker", *words), lambda _: None)
    folder = tmp_path / "image"
    folder.mkdir()
    for name, text in (("Dockerfile", STAND_IN), ("buildctl", BUILDCTL), ("buildkitd", BUILDKITD)):
        (folder / name).write_text(text)
    docker("build", "--tag", "stand-in/buildkit", folder)
    docker(
        "buildx", "create", "--name", "box", "--driver", "docker-container", "--driver-opt", "image=stand-in/buildkit"
    )
    yield "box"
    docker("buildx", "rm", "--force", "box")
    docker("image", "rm", "--force", "stand-in/buildkit", images.standin_name(images.ENGINE_IMAGE))


def theirs(folder: str) -> str:
    """A Dockerfile of which no other test has built a step: they share the engine."""
    return THEIRS.replace("/app", f"/{folder}")


def states(build) -> list[str]:
    return [step.state for step in build.steps if step.instruction != "FROM"]


# -- building ----------------------------------------------------------------------------------------------------------


def test_the_builder_here_is_the_docker_contexts_engine(person, tmp_path):
    here = Builder.here()
    assert (here.name, here.details.driver, here.details.statuses) == ("default", "docker", ("running",))
    with small_app(tmp_path / "shop", theirs("here")) as app:
        first = here.build(app, "Dockerfile", view="none")
        again = here.build(app, "Dockerfile", view="none")
        app.edit("code")
        edited = here.build(app, "Dockerfile", view="none")
    assert states(first) == ["RAN"] * 4 and states(again) == ["CACHED"] * 4
    assert states(edited) == ["CACHED", "CACHED", "CACHED", "RAN"]
    assert (edited.edit, edited.machine) == ("code", here.label)
    assert first.provenance and first.image_bytes
    assert "main.py" in explain(edited).of("COPY main.py").why
    assert explain(edited).against == f"the previous build of shop Dockerfile on {here.label} known to LayerLab"


def test_the_command_is_the_one_a_person_would_type_and_the_image_gets_no_name_of_ours(person, tmp_path):
    with small_app(tmp_path / "shop", THEIRS) as app:
        build = Builder("default").build(app, "Dockerfile", view="none")
        named = Builder("default").build(app, "Dockerfile", options=["--tag", "mine/shop:1"], view="none")
    assert build.command == (
        "docker", "buildx", "build", "--progress=rawjson", "--file=Dockerfile", "--builder=default", ".",
    )  # fmt: skip
    assert build.image_name == "" and named.image_name == "mine/shop:1"
    names = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    assert "mine/shop:1" in names and not [name for name in names if name.startswith("layerlab-shop")]
    docker("image", "rm", "mine/shop:1")


def test_what_others_built_there_is_unknown_and_not_guessed(person, tmp_path):
    """A colleague's build came first: nothing runs. Then somebody prunes: why a step runs again isn't known for sure."""
    here = Builder.here()
    folder = write_project(tmp_path / "shop", theirs("own-3"))
    with App.at(folder) as app:
        docker("build", folder)
        first = here.build(app, "Dockerfile", view="none")
        assert states(first) == ["CACHED"] * 4 and not explain(first).root_causes
        docker("buildx", "prune", "--all", "--force")
        pruned = here.build(app, "Dockerfile", view="none")
        assert "RAN" in states(pruned)
        assert {cause.kind for cause in explain(pruned).root_causes} == {"record gone"}
        (folder / "main.py").write_text("print('colleague')")
        docker("build", folder)
        hit = here.build(app, "Dockerfile", view="none")
    assert states(hit) == ["CACHED"] * 4
    assert "none of the builds it's compared with had that" in explain(hit).of("COPY main.py").still_hit


def test_a_first_build_with_steps_that_ran_is_not_called_the_first(person, tmp_path):
    with small_app(tmp_path / "shop", theirs("own-1")) as app:
        build = Builder.here().build(app, "Dockerfile", view="none")
    assert "RAN" in states(build)
    assert {cause.kind for cause in explain(build).root_causes} == {"unknown"}
    assert f"no earlier build of this image on {build.machine}" in str(explain(build))


def test_a_base_image_that_cannot_be_pulled_is_their_error_and_nothing_is_imported(person, tmp_path):
    before = sorted(docker("images", "--all", "--quiet", "--no-trunc").split())
    with small_app(tmp_path / "shop", "FROM mine/nowhere:1\nRUN true\n") as app, pytest.raises(BuildFailed) as caught:
        Builder.here().build(app, "Dockerfile", view="none")
    assert "mine/nowhere:1" in str(caught.value) and caught.value.remedy
    assert sorted(docker("images", "--all", "--quiet", "--no-trunc").split()) == before
    assert history.builds(app.source, Builder.here().label)[0].error


def test_a_compose_service_is_built_as_compose_names_it(person, tmp_path):
    folder = write_project(tmp_path / "shop", THEIRS, compose_yaml="services:\n  web:\n    build: .\n")
    with App.at(folder) as app:
        build = Builder.here().build(app, "", service="web", view="none")
    assert build.command[-1] == "web" and "--builder=default" in build.command
    assert "shop-web:latest" in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    docker("image", "rm", "shop-web")


@pytest.mark.parametrize("kind", ["remote", "contained"])
def test_another_driver_builds_and_its_image_stays_in_the_cache(kind, request, tmp_path):
    name = request.getfixturevalue(kind)
    dockerfile = theirs("remote") if kind == "remote" else "FROM scratch\nCOPY requirements.txt .\nCOPY main.py .\n"
    said: list[str] = []
    builder = Builder(name)
    with small_app(tmp_path / "shop", dockerfile) as app:
        first = builder.build(app, "Dockerfile", view="none", say=said.append)
        again = builder.build(app, "Dockerfile", view="none", say=said.append)
        app.edit("code")
        edited = builder.build(app, "Dockerfile", options=["--tag=mine/loaded", "--load"], view="none", say=said.append)
    assert builder.details.driver == {"remote": "remote", "contained": "docker-container"}[kind]
    assert {*states(first)} == {"RAN"} and {*states(again)} == {"CACHED"}
    assert states(edited)[-1] == "RAN" and "main.py" in explain(edited).of("COPY main.py").why
    assert first.provenance and first.machine == builder.label != Builder.here().label
    assert len(said) == 1 and "the image stays in its cache; `--load`" in said[0]
    assert docker("image", "rm", "mine/loaded")


# -- which one ---------------------------------------------------------------------------------------------------------


def used_by(*command: str) -> str:
    """The builder that a build of the person's says it uses."""
    words = ["docker", *command, "--progress=plain", "-"]
    done = subprocess.run(words, input="FROM scratch\nLABEL a=b\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return re.search(r'building with "(.+?)" instance', done.stderr)[1]


def test_here_follows_docker_build_not_buildx_use(remote, foreign, tmp_path, monkeypatch):
    config = tmp_path / "docker"
    config.mkdir()
    (config / "cli-plugins").symlink_to(Path(foreign["DOCKER_CONFIG"], "cli-plugins"))
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    docker("buildx", "use", "ci")
    assert used_by("build") == builders.of_docker_build() == "default"
    assert used_by("buildx", "build") == builders.of_buildx() == "ci"
    docker("buildx", "install")
    assert used_by("build") == builders.of_docker_build() == "ci"
    docker("buildx", "uninstall")
    monkeypatch.setenv("BUILDX_BUILDER", "ci")
    assert used_by("build") == used_by("buildx", "build") == Builder.here().name == builders.of_buildx() == "ci"


def test_a_docker_context_that_is_not_the_current_one(person, foreign, tmp_path, monkeypatch):
    config = tmp_path / "docker"
    config.mkdir()
    (config / "cli-plugins").symlink_to(Path(foreign["DOCKER_CONFIG"], "cli-plugins"))
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    docker("context", "create", "server", "--docker", f"host={foreign['DOCKER_HOST']}")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    server = Builder("server")
    assert server.details.driver == "docker"
    with small_app(tmp_path / "shop", theirs("own-5")) as app:
        assert server.build(app, "Dockerfile", view="none").machine == server.label
    assert builders.current_context() == "default"


def test_two_engines_behind_one_name_have_histories_of_their_own(person, foreign, tmp_path, monkeypatch):
    mine = Builder.here().label
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    theirs = Builder.here().label
    assert mine != theirs and folder_of(mine) != folder_of(theirs)


# -- errors ------------------------------------------------------------------------------------------------------------


def test_an_unknown_builder_lists_those_that_exist(remote):
    with pytest.raises(BuilderError, match="there is no builder 'nosuch'") as caught:
        _ = Builder("nosuch").details
    assert "default" in caught.value.remedy and "ci" in caught.value.remedy


def test_a_remote_builder_that_is_not_running(person, tmp_path):
    docker("buildx", "create", "--name", "dead", "--driver", "remote", f"unix://{tmp_path}/nothing.sock")
    with pytest.raises(BuilderError, match="builder 'dead' isn't running: nothing answers at unix://") as caught:
        _ = Builder("dead").details
    assert "start its BuildKit" in caught.value.remedy


@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_an_engine_that_does_not_answer(person, tmp_path, monkeypatch, address):
    monkeypatch.setenv("DOCKER_HOST", address)
    with (
        small_app(tmp_path / "shop", THEIRS) as app,
        pytest.raises(BuilderError, match="'default' can't be used") as caught,
    ):
        Builder.here().build(app, "Dockerfile", view="none")
    assert "start it" in caught.value.remedy or "check its address" in caught.value.remedy


def test_a_context_that_does_not_exist(person, monkeypatch):
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONTEXT", "nosuch")
    with pytest.raises(BuilderError) as caught:
        _ = Builder.here().details
    assert caught.value.remedy


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_builds_explains_reports_and_compares_there(remote, tmp_path):
    project = write_project(tmp_path / "shop", theirs("own-6"))
    (project / "other.Dockerfile").write_text(theirs("own-6").replace("COPY req", "ENV A=1\nCOPY req"))
    assert "hasn't been built on builder default (" in layerlab("explain", project, "--here", code=1).stderr
    built = layerlab("build", project, "--here")
    assert "The builder here is default." in built.stderr and built.stdout.count("RAN") == 4
    layerlab("build", project, "-f", "other.Dockerfile", "--here")
    (project / "main.py").write_text("print('again')\n")
    layerlab("build", project, "--here")
    assert "main.py" in layerlab("explain", project, "--builder", "default").stdout
    assert "on builder default (" in layerlab("report", project, "--here", "--format", "markdown").stdout
    assert "hasn't been built" in layerlab("explain", project, "--builder", "ci", code=1).stderr
    measured = json.loads(layerlab("diff", project, "Dockerfile", "other.Dockerfile", "--here", "--json").stdout)
    assert {row["edit"] for row in measured} == {"none"}

    words = ["compare", project, "Dockerfile", "other.Dockerfile", "--repeats", "1"]
    refused = layerlab(*words, "--builder", "ci", code=1)
    assert "cold can't be measured on builder ci (" in refused.stderr and "--machine" not in refused.stdout
    rows = json.loads(layerlab(*words, "--builder", "ci", "--edit", "none", "--edit", "code", "--json").stdout)
    assert [row["steps_ran"] for row in rows] == [0, 1, 0, 1]
    assert layerlab("build", project, "--here", "--builder", "ci", code=2).stderr


def test_compare_refuses_what_would_change_their_builder_before_it_builds(person, tmp_path):
    here = Builder.here()
    with (
        small_app(tmp_path / "shop", THEIRS) as app,
        pytest.raises(AppError, match="cold and base can't be measured on builder"),
    ):
        compare(here, app, ["Dockerfile"], ["cold", "none", "base"], repeats=1)
    assert history.builds(app.source, here.label) == []
