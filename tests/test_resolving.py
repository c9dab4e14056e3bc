"""A variant is resolved once: what a build of it is made from, worked out before anything is built. No engine."""

from __future__ import annotations

import pytest

from layerlab import App
from layerlab.contexts.listing import list_context
from layerlab.course import context_files
from layerlab.errors import AppError, CommandFailed
from layerlab.machine.building import command_for
from layerlab.machine.resolving import resolve
from layerlab.system import docker_words

FOLDER = "a folder/with spaces, commas = and so on"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    (tmp_path / "more").mkdir()
    project = tmp_path / "Shop"
    (project / FOLDER).mkdir(parents=True)
    (project / FOLDER / "lib.py").write_text("a = 1\n")
    (project / "Dockerfile").write_text("ARG LAST=a\nFROM scratch AS a\nCOPY a .\nFROM scratch AS b\nCOPY b .\n")
    (project / "Dockerfile.dockerignore").write_text("*.md\r\n")
    (project / ".dockerignore").write_text("*.pyc\n")
    (project / "layerlab.toml").write_text(
        '[variants.Quick]\ndockerfile="Dockerfile"\ntarget="a"\nargs={LAST="b", NOTE="x"}\n'
    )
    with App.from_path(project) as app:
        yield app


def test_a_dockerfile_with_all_that_goes_with_it(shop):
    made = resolve(shop, "Quick", args={"NOTE": "y = z, and more"})
    assert (made.app, made.variant, made.title, made.image) == ("Shop", "Quick", "Shop Quick", "layerlab-shop:quick")
    assert (made.folder, made.project, made.scratch) == (shop.path, shop.source, shop.scratch)
    assert (made.file, made.file_in_context, made.dockerfile) == ("Dockerfile", "Dockerfile", shop.read("Dockerfile"))
    assert (made.ignore_file, made.ignore) == ("Dockerfile.dockerignore", "*.md\n")
    assert (made.compose, made.service) == ("", "")
    assert (made.target, made.given_target) == ("a", "a")
    assert made.args == made.given_args == {"LAST": "b", "NOTE": "y = z, and more"}
    assert (made.contexts, made.folders) == ({"context": "."}, {"context": shop.path})
    assert [i.text for i in made.steps] == ["COPY a ."]


def test_what_the_caller_says_goes_before_the_variant(shop):
    made = resolve(shop, "Quick", target="b", args={"LAST": "a"})
    assert (made.target, made.args) == ("b", {"LAST": "a", "NOTE": "x"})


@pytest.mark.parametrize("apart", [True, False])
def test_a_context_in_a_folder_with_spaces(shop, tmp_path, apart):
    named = {
        "libs": FOLDER,
        "more": str(tmp_path / "more"),
        "python:3.11-slim": "docker-image://base:1",
        "gone": "no such folder",
    }
    options = ["--no-cache"]
    for name, place in named.items():
        options += ["--build-context", f"{name}={place}"] if apart else [f"--build-context={name}={place}"]
    made = resolve(shop, "Dockerfile", options=options)
    assert made.contexts == {"context": ".", **named}
    assert made.folders == {"context": shop.path, "libs": shop.path / FOLDER, "more": tmp_path / "more"}


def test_options_that_say_more(shop, monkeypatch):
    monkeypatch.setenv("FROM_OUTSIDE", "1")
    options = [
        "--build-arg=URL=http://a/?b=c,d e",
        "--build-arg",
        "FROM_OUTSIDE",
        "--build-arg=NOWHERE_SET",
        "--target=b",
    ]
    made = resolve(shop, "Quick", options=options)
    assert made.args == {"LAST": "b", "NOTE": "x", "URL": "http://a/?b=c,d e", "FROM_OUTSIDE": "1"}
    assert (made.target, made.given_target) == ("b", "a")
    command = command_for(made, {})
    assert command[-6:] == [*options, "."]
    assert docker_words.target(command) == "b"


def test_the_command_of_a_build(shop):
    command = command_for(resolve(shop, "Quick", options=["--pull"]), {"python": "docker-image://stand-in/python"})
    assert command == [
        "docker", "buildx", "build", "--progress=rawjson", "--file=Dockerfile", "--tag=layerlab-shop:quick", "--target=a",
        "--build-arg=LAST=b", "--build-arg=NOTE=x", "--build-context=python=docker-image://stand-in/python", "--pull", ".",
    ]  # fmt: skip


def test_what_is_not_there_is_an_error(shop):
    with pytest.raises(AppError, match="no variant, Dockerfile or Compose file 'slow'"):
        resolve(shop, "slow")
    with pytest.raises(AppError, match="has no stage 'c'"):
        _ = resolve(shop, "Quick", target="c").steps


COMPOSE = """
services:
  api:
    build:
      context: api
      dockerfile: slow.Dockerfile
      target: one
      args: {NOTE: "said, = here", KEPT: "1"}
      additional_contexts:
        libs: "./LIBS"
        base: docker-image://base:1
  inline:
    build:
      context: api
      dockerfile_inline: |
        FROM scratch
        COPY three .
"""


@pytest.fixture
def services(tmp_path, lab_home, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(lab_home))  # where the docker command is
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")  # no engine is asked
    project = tmp_path / "shop"
    (project / "api").mkdir(parents=True)
    (project / FOLDER).mkdir(parents=True)
    (project / ".dockerignore").write_text("*.pyc\n")
    (project / "api" / ".dockerignore").write_text("*.md\n")
    (project / "api" / "main.py").write_text("a = 1\n")
    (project / "api" / "slow.Dockerfile").write_text(
        "FROM scratch AS one\nCOPY one .\nFROM scratch AS two\nCOPY two .\n"
    )
    (project / "compose.yaml").write_text(COMPOSE.replace("LIBS", FOLDER))
    (project / "layerlab.toml").write_text('[variants.web]\ncompose="compose.yaml"\nservice="api"\nargs={MINE="2"}\n')
    with App.from_path(project) as app:
        yield app


def test_a_compose_service_is_what_bake_says(services):
    made = resolve(services, "web", args={"NOTE": "mine, = there"})
    assert (made.compose, made.service, made.image) == ("compose.yaml", "api", "")
    assert (made.file, made.file_in_context) == ("api/slow.Dockerfile", "slow.Dockerfile")
    assert (made.ignore_file, made.ignore) == ("api/.dockerignore", "*.md\n")
    assert (made.target, made.given_target) == ("one", "")
    assert made.args == {"NOTE": "mine, = there", "KEPT": "1", "MINE": "2"}
    assert made.given_args == {"NOTE": "mine, = there", "MINE": "2"}
    assert set(made.contexts) == {"context", "libs", "base"}
    assert made.folders == {"context": services.path / "api", "libs": services.path / FOLDER}
    command = command_for(made, {"python": "docker-image://stand-in/python"})
    assert command == [
        "docker", "buildx", "bake", "--progress=rawjson", "--file=compose.yaml", "--set=api.args.MINE=2",
        "--set=api.args.NOTE=mine, = there", "--set=api.contexts.python=docker-image://stand-in/python", "api",
    ]  # fmt: skip


def test_what_is_set_for_bake_counts(services):
    options = [
        "--set",
        "api.args.KEPT=a b = c, d",
        "--set=api.target=two",
        f"--set=api.contexts.more={FOLDER}",
        "--push",
    ]
    made = resolve(services, "compose.yaml", service="api", options=options)
    assert made.args == {"NOTE": "said, = here", "KEPT": "a b = c, d"}
    assert (made.target, made.given_target) == ("two", "")
    assert made.folders["more"] == services.path / FOLDER
    assert resolve(services, "web", target="two").target == "two"


def test_a_dockerfile_inline(services):
    made = resolve(services, "compose.yaml", service="inline")
    assert (made.file, made.file_in_context) == ("", "")
    assert made.dockerfile.splitlines() == ["FROM scratch", "COPY three ."]
    assert made.ignore_file == "api/.dockerignore"


def test_the_files_of_a_service(services):
    frame = context_files(services, "web")
    assert {*frame.path} == {".dockerignore", "main.py", "slow.Dockerfile"}
    assert frame.equals(list_context(services.path / "api", "slow.Dockerfile"))


def test_a_service_that_is_not_there(services):
    with pytest.raises(CommandFailed, match=r"bake cannot read compose\.yaml"):
        resolve(services, "compose.yaml", service="nobody")
