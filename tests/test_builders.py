"""Which builder of the user's is meant, what docker says of it, where its records are, what `explain` says of others' builds."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from test_cli import BUILD

from layerlab import Builder
from layerlab.commands.main import main
from layerlab.engines import endpoint
from layerlab.errors import BuilderError
from layerlab.explaining.against import explain_against
from layerlab.machine import builders
from layerlab.machine.builders import Details, Known, read_details, trouble
from layerlab.record import history
from layerlab.record.build import Build
from layerlab.record.hosts import builder_label, folder_of, in_words, is_builder
from layerlab.record.snapshot import Snapshot
from layerlab.system.home import home

#: What `docker buildx inspect` of buildx 0.29 printed, shortened where rows repeat.
DOCKER = """Name:          default
Driver:        docker
Last Activity: 2026-11-28 18:14:16 +0000 UTC

Nodes:
Name:             default
Endpoint:         default
Status:           running
BuildKit version: v0.0.0+unknown
Platforms:        linux/amd64, linux/amd64/v2
Labels:
 org.mobyproject.buildkit.worker.containerd.namespace: moby
 org.mobyproject.buildkit.worker.moby.host-gateway-ip: 10.214.64.1
GC Policy rule#0:
 All:            false
 Filters:        type==source.local,type==exec.cachemount
 Keep Duration:  48h0m0s
"""
CONTAINER = """Name:          box
Driver:        docker-container
Last Activity: 2026-11-28 18:14:50 +0000 UTC

Nodes:
Name:                  box0
Endpoint:              unix:///run/docker.sock
Driver Options:        image="nowhere/buildkit"
Status:                inactive
BuildKit daemon flags: --allow-insecure-entitlement=network.host
"""
REMOTE = """Name:          dead
Driver:        remote
Last Activity: 2026-11-28 18:14:47 +0000 UTC

Nodes:
Name:     dead0
Endpoint: unix:///tmp/nothing.sock
Status:   inactive
"""
AWAY = """Name:   away
Driver: 
Error:  Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?
"""  # noqa: W291
#: What docker's client says to a user who isn't in the group `docker`.
FORBIDDEN = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "
    '"http://%2Fvar%2Frun%2Fdocker.sock/v1.51/version": dial unix /var/run/docker.sock: connect: permission denied'
)
LABEL = builder_label("ci", "0123abcd")


@pytest.fixture
def person(tmp_path, lab_home, monkeypatch):
    """The user's docker is a real one with buildx and contexts of its own, and no engine answers it."""
    monkeypatch.setenv("LAYERLAB_HOME", str(lab_home))  # where the docker command is
    for name, value in endpoint.environment_in(tmp_path / "docker", {}).items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.delenv(endpoint.PERSON, raising=False)
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))


# -- what docker says --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "details"),
    [
        (DOCKER, Details("docker", ("default",), ("running",), ("v0.0.0+unknown",), "")),
        (CONTAINER, Details("docker-container", ("unix:///run/docker.sock",), ("inactive",), (), "")),
        (REMOTE, Details("remote", ("unix:///tmp/nothing.sock",), ("inactive",), (), "")),
        ("", Details("", (), (), (), "")),
        (
            CONTAINER + "\nName: box1\nEndpoint: tcp://b:1\nError: no route to host\n",
            Details(
                "docker-container",
                ("unix:///run/docker.sock", "tcp://b:1"),
                ("inactive", "error"),
                (),
                "",
            ),
        ),
    ],
)
def test_what_inspect_prints_is_read(text, details):
    assert read_details(text) == details


def test_a_builder_that_a_build_starts_itself_is_no_trouble_and_a_remote_one_is():
    assert trouble("default", read_details(DOCKER)) is None
    assert trouble("box", read_details(CONTAINER)) is None
    told = trouble("dead", read_details(REMOTE))
    assert told.message == "builder 'dead' isn't running: nothing answers at unix:///tmp/nothing.sock"
    assert "start its BuildKit" in told.remedy
    assert "any more, during the build of a b" in trouble("dead", read_details(REMOTE), "the build of a b").message


def test_a_builder_none_of_whose_nodes_can_be_used_cannot_be_used():
    text = "Name: a\nDriver: remote\n\nNodes:\nName: a0\nError: no route to host\n\nName: a1\nError: it's gone\n"
    assert read_details(text).error == "no route to host; it's gone"


@pytest.mark.parametrize(
    ("said", "what", "remedy"),
    [
        (
            AWAY,
            "no Docker engine answers (Cannot connect to the Docker daemon at tcp://127.0.0.1:1.",
            "systemctl start",
        ),
        (
            f"Name: a\nDriver:\nError: {FORBIDDEN}\n",
            "you aren't allowed to use the Docker engine's socket",
            "usermod -aG",
        ),
        (
            "Name: a\nDriver: kubernetes\nError: the pod is lost\n",
            "can't be used: the pod is lost",
            "docker buildx inspect a",
        ),
    ],
)
def test_why_a_builder_cannot_be_used_is_said_with_what_to_do(said, what, remedy):
    told = trouble("a", read_details(said))
    assert what in told.message and remedy in told.remedy


def test_an_unknown_builder_lists_those_that_exist(person):
    with pytest.raises(BuilderError, match="there is no builder 'nosuch'") as caught:
        _ = Builder("nosuch").details
    assert "choose one of: default" in caught.value.remedy


def test_an_engine_that_does_not_answer_is_an_error_before_anything_is_built(person, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    done = CliRunner().invoke(main, ["build", str(tmp_path / "shop"), "--here"])
    assert done.exit_code == 1 and "builder 'default' can't be used: no Docker engine answers" in done.stderr


def test_without_buildx_the_plugin_is_named(person, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "empty"))
    monkeypatch.setattr(endpoint, "program_in", lambda _: "docker")
    with pytest.raises(BuilderError, match="can't be used: ") as caught:
        _ = Builder("default").details
    assert caught.value.remedy


# -- which one it is ---------------------------------------------------------------------------------------------------


def test_here_is_what_docker_build_uses(person, monkeypatch):
    assert Builder.here().name == "default"
    builders.docker("context", "create", "server", "--docker", "host=tcp://127.0.0.1:2")
    builders.docker("buildx", "create", "--name", "box", "--driver", "remote", "--use", "unix:///nowhere/bk.sock")
    assert (builders.of_docker_build(), builders.of_buildx()) == ("default", "box")
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONTEXT", "server")
    assert Builder.here().name == "server"
    monkeypatch.setenv("BUILDX_BUILDER", "box")
    assert Builder.here().name == "box"


def test_docker_buildx_install_makes_docker_build_mean_buildx(person, tmp_path):
    builders.docker("buildx", "create", "--name", "box", "--driver", "remote", "--use", "unix:///nowhere/bk.sock")
    builders.docker("buildx", "install")
    assert json.loads((tmp_path / "docker" / "config.json").read_text())["aliases"] == {"builder": "buildx"}
    assert builders.of_docker_build() == "box"


def test_a_notebook_that_points_at_a_machine_still_means_the_users_docker(person, monkeypatch):
    monkeypatch.setenv(endpoint.PERSON, json.dumps(endpoint.person_environment()))
    monkeypatch.setenv("DOCKER_HOST", "unix:///machine.sock")
    assert builders.known("default").address == "tcp://127.0.0.1:1"
    assert Builder("default").environment["DOCKER_HOST"] == "tcp://127.0.0.1:1"


def test_a_context_that_is_not_the_current_one_is_reached_by_a_variable(person):
    builders.docker("context", "create", "server", "--docker", "host=tcp://127.0.0.1:2")
    there = builders.known("server")
    assert there.address == "tcp://127.0.0.1:2"
    assert (there.environment["DOCKER_CONTEXT"], there.environment["DOCKER_HOST"]) == ("server", "")
    instance = Known("box", "")
    assert (instance.environment["DOCKER_CONTEXT"], instance.environment["DOCKER_HOST"]) == ("", "tcp://127.0.0.1:1")
    assert builders.current_context() == "default"


# -- labels ------------------------------------------------------------------------------------------------------------


@given(st.text(), st.text(), st.text(), st.text())
def test_each_builder_has_a_label_and_a_folder_of_its_own(name, address, other, elsewhere):
    mine, theirs = Known(name, address).label, Known(other, elsewhere).label
    assert is_builder(mine) and in_words(mine) == mine
    assert folder_of(mine).parent == home() / "builders"
    assert (mine == theirs) == (folder_of(mine) == folder_of(theirs)) == ((name, address) == (other, elsewhere))


@given(st.text())
def test_no_label_from_a_file_leads_out_of_the_folder_of_builders(text):
    assert (home() / "builders") in (folder_of(f"builder {text}") / "history").parents


def test_a_machine_is_no_builder():
    assert not is_builder("builder") and in_words("laptop") == "machine laptop"
    assert folder_of("laptop") == home() / "machines" / "laptop"


def test_a_builders_records_are_kept_apart_from_a_machines(own_home):
    for host in ("laptop", LABEL):
        folder_of(host).mkdir(parents=True)
        history.remember(
            dataclasses.replace(BUILD, machine=host, project="/shop", started_at="2026-11-28T18:00:00+00:00")
        )
    assert [build.machine for build in history.builds("/shop", LABEL)] == [LABEL]
    assert [build.machine for build in history.builds("/shop", "laptop")] == ["laptop"]


# -- what others did there ---------------------------------------------------------------------------------------------

THERE = dataclasses.replace(BUILD, machine=LABEL)


def kinds(build: Build, *earlier: Build) -> set[str]:
    return {cause.kind for cause in explain_against(build, earlier).root_causes}


def test_a_builders_first_known_build_is_not_called_the_first():
    told = explain_against(THERE, [])
    assert kinds(THERE) == {"unknown"} and kinds(BUILD) == {"first build"}
    assert f"LayerLab knows of no earlier build of this image on {LABEL}" in str(told)
    assert "doesn't see those that others made there" in str(told)


def test_the_build_compared_with_is_one_that_is_known():
    told = explain_against(dataclasses.replace(THERE, seconds=1.0), [THERE])
    assert told.against == f"the previous build of shop Dockerfile on {LABEL} known to LayerLab"


def test_a_step_that_ran_again_without_a_change_names_what_may_have_happened():
    empty = {"context": Snapshot({})}
    for host, says in ((LABEL, "others may prune it"), ("laptop", "emptied by --no-cache")):
        build = dataclasses.replace(BUILD, machine=host, contexts=empty)
        assert kinds(build, build) == {"record gone"}
        assert says in str(explain_against(build, [build]))


def test_two_builders_may_be_one_engine_and_a_machine_is_none():
    elsewhere = dataclasses.replace(BUILD, machine=builder_label("default", "4567abcd"))
    assert kinds(THERE, elsewhere) == {"unknown"}
    assert kinds(THERE, BUILD) == kinds(BUILD, elsewhere) == {"another machine"}


# -- the options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["build", "explain", "report", "compare", "diff"])
def test_a_command_has_one_place(command, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    words = {"compare": ["Dockerfile"], "diff": ["Dockerfile", "Dockerfile"]}.get(command, [])
    for places in (["--here", "--builder", "a"], ["--machine", "a", "--here"], ["--machine", "a", "--builder", "b"]):
        done = CliRunner().invoke(main, [command, str(tmp_path), *words, *places])
        assert done.exit_code == 2 and "--machine, --builder or --here" in done.stderr


def test_explain_asks_no_engine_and_says_how_to_build_there(person, tmp_path):
    done = CliRunner().invoke(main, ["explain", str(tmp_path), "--here"])
    assert done.exit_code == 1
    assert re.search(r"hasn't been built on builder default \([0-9a-f]{8}\) by LayerLab\n.*--here`", done.stderr)
    done = CliRunner().invoke(main, ["explain", str(tmp_path), "--builder", "ci"])
    assert "--builder ci`" in done.stderr


def test_an_option_alone_does_not_choose_a_builder(person, tmp_path, monkeypatch):
    monkeypatch.setenv("BUILDX_BUILDER", "ci")
    done = CliRunner().invoke(main, ["explain", str(tmp_path)])
    assert "hasn't been built on machine laptop" in done.stderr
