"""Which packages and base images fit this computer: pure parts, with apt's answers as it prints them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from layerlab.engines import images, likeness, packages
from layerlab.errors import CommandFailed, SetupError

#: apt-cache madison docker-buildx on Debian 12 with the suites stable and testing added.
MADISON = {
    "": "",
    "stable": "docker-buildx | 0.13.1+ds1-3 | http://mirror/debian stable/main amd64 Packages\n",
    "testing": "docker-buildx | 0.29.1+ds1-1 | http://mirror/debian testing/main amd64 Packages\n"
    "docker-buildx | 0.13.1+ds1-3 | http://mirror/debian stable/main amd64 Packages\n",
}


@pytest.fixture
def apt(monkeypatch):
    """Make an apt that knows MADISON, and has a suite once it's added."""
    fake = object.__new__(packages._Apt)
    suites = [""]
    monkeypatch.setattr(fake, "_add_suite", suites.append, raising=False)
    monkeypatch.setattr(fake, "_run", lambda *_: MADISON[suites[-1]], raising=False)
    monkeypatch.setattr(packages, "_at_least", lambda version, oldest: version.startswith("0.29"))
    return fake


def test_the_first_suite_that_is_new_enough_is_taken(apt):
    assert apt.suite_for("docker-buildx", "0.17") == "testing"


def test_where_no_suite_is_new_enough_it_says_what_to_install(apt, monkeypatch):
    monkeypatch.setattr(packages, "_at_least", lambda *_: False)
    with pytest.raises(SetupError, match=r"mirror has no docker-buildx 9 or newer\n.*Docker's own packages"):
        apt.suite_for("docker-buildx", "9")


#: apt-get update --print-uris, on a computer that has never run an update.
PRINTED = """\
'http://mirror.example/debian-security/dists/bookworm-security/InRelease' mirror.example_dists_bookworm-security_InRelease 0
'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_debian_dists_bookworm_InRelease 0
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror.example_debian_main_Packages 0
"""


def test_the_mirror_is_where_the_computers_own_suite_comes_from(monkeypatch):
    monkeypatch.setattr(packages, "codename", lambda: "bookworm")
    monkeypatch.setattr(packages, "run", lambda *_, **__: PRINTED)
    assert packages.mirror() == "http://mirror.example/debian/"
    monkeypatch.setattr(packages, "codename", lambda: "trixie")
    with pytest.raises(SetupError, match="no package source for 'trixie'"):
        packages.mirror()


@pytest.mark.parametrize(
    ("root", "debian", "says"), [(False, True, "not root"), (True, False, "neither Debian nor Ubuntu")]
)
def test_where_no_engine_can_be_installed_it_says_what_to_do(monkeypatch, root, debian, says):
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/apt-get" if debian else None)
    with pytest.raises(SetupError, match=says) as caught:
        packages._check_possible()
    assert "install Docker Engine" in caught.value.remedy


def test_a_stand_in_never_takes_the_real_name():
    name = images.standin_name("python:3.11-slim")
    assert name == "layerlab-standin/python:3.11-slim"
    assert images.is_base(name)
    assert images.is_base("python:3.11-slim")
    assert not images.is_base("radiassist-api:before")


def test_a_base_image_that_is_there_is_neither_pulled_nor_made():
    calls = []

    def docker(*words: str, **_) -> str:
        calls.append(words)
        return ""

    assert images.ensure("python:3.11-slim", docker, print) == "python:3.11-slim"
    assert [words[:2] for words in calls] == [("image", "inspect")]


def test_a_base_image_is_pulled_where_a_hub_answers(monkeypatch):
    monkeypatch.delenv("LAYERLAB_HUB", raising=False)
    calls = []

    def docker(*words: str, **_) -> str:
        calls.append(words)
        if words[0] == "image":
            raise CommandFailed("", words, 1, "")
        return ""

    assert images.ensure("python:3.11-slim", docker, lambda _: None) == "python:3.11-slim"
    assert calls[-1] == ("pull", "--quiet", "python:3.11-slim")


class Docker:
    """A docker command that fails for the words in `refused`, with their message."""

    def __init__(self, **refused: str) -> None:
        self.refused, self.calls = refused, []

    def __call__(self, *words: str, **_) -> str:
        self.calls.append(words[0])
        if words[0] in self.refused:
            raise CommandFailed("docker failed", words, 1, self.refused[words[0]])
        return ""


def python_archive(path: Path, version: str = "3.11.2") -> Path:
    """Write a tar that has a Python of that version, as far as its headers tell."""
    header = f'/* made by hand */\n#define PY_VERSION      \t"{version}"\n'.encode()
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("./usr/local/include/python3/patchlevel.h")
        member.size = len(header)
        tar.addfile(member, io.BytesIO(header))
    return path


@pytest.mark.parametrize(("version", "language"), [("3.11.2", "C.UTF-8"), ("3.12.1", "C.UTF-8"), ("3.13.5", None)])
def test_a_stand_in_has_the_variables_of_the_official_image_of_its_version(tmp_path, version, language):
    variables = likeness.environment(python_archive(tmp_path / "a.tar", version), mirrored=False)
    assert (variables["PYTHON_VERSION"], variables.get("LANG")) == (version, language)


def test_an_archive_without_python_is_refused(tmp_path):
    tarfile.open(tmp_path / "a.tar", "w").close()
    with pytest.raises(ValueError, match="has no Python"):
        likeness.python_version(tmp_path / "a.tar")


def test_pip_and_uv_in_a_stand_in_use_the_remote_indexes_of_this_computer(monkeypatch):
    listing = (
        "global.index-url='https://a.example/simple'\nglobal.extra-index-url='file:///here https://b.example/simple'\n"
    )
    monkeypatch.setattr(likeness, "run", lambda *_: listing)
    assert likeness._indexes(mirrored=False) == {
        **dict.fromkeys(("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), "https://a.example/simple"),
        **dict.fromkeys(("PIP_EXTRA_INDEX_URL", "UV_INDEX"), "https://b.example/simple"),
    }


LIMITED = "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit."


def test_a_hub_that_answers_but_refuses_gets_a_stand_in_and_says_why(monkeypatch, tmp_path):
    monkeypatch.delenv("LAYERLAB_HUB", raising=False)
    monkeypatch.setattr(images, "standins", lambda: {"python:3.11-slim": "bookworm"})
    monkeypatch.setattr(images, "standin_archive", lambda image, say: python_archive(tmp_path / "made.tar"))
    docker, said = Docker(image="No such image", pull=LIMITED), []
    assert images.ensure("python:3.11-slim", docker, said.append) == "layerlab-standin/python:3.11-slim"
    assert docker.calls[-3:] == ["buildx", "pull", "import"]
    assert any("rate limit" in line and "stand-in" in line for line in said)


def test_a_refusal_without_a_stand_in_says_why(monkeypatch):
    monkeypatch.delenv("LAYERLAB_HUB", raising=False)
    monkeypatch.setattr(images, "standins", dict)
    with pytest.raises(SetupError, match=r"cannot be pulled \(.*rate limit.*\) and there is no stand-in for it"):
        images.ensure("python:3.11-slim", Docker(image="", pull=LIMITED), print)


def test_the_engine_image_has_a_stand_in_too(monkeypatch, tmp_path):
    monkeypatch.delenv("LAYERLAB_HUB", raising=False)
    monkeypatch.setattr(packages, "can_unpack", lambda: True)
    monkeypatch.setattr(images, "_engine_archive", lambda say: tmp_path / "made.tar")
    assert images.ensure_engine_image(Docker(), print) == images.ENGINE_IMAGE
    docker, said = Docker(pull=LIMITED), []
    assert images.ensure_engine_image(docker, said.append) == images.standin_name(images.ENGINE_IMAGE)
    assert docker.calls == ["pull", "import"]
    assert "rate limit" in said[0]
    monkeypatch.setattr(packages, "can_unpack", lambda: False)
    with pytest.raises(SetupError, match=r"rate limit.*\n.*docker pull docker:28-dind"):
        images.ensure_engine_image(docker, print)


@pytest.mark.parametrize("there", [images.ENGINE_IMAGE, images.standin_name(images.ENGINE_IMAGE)])
def test_an_engine_image_that_is_there_is_not_asked_for_at_a_hub(monkeypatch, tmp_path, there):
    """If no hub answers, a pull takes long, and every new machine would wait for it."""
    from layerlab.engines import container

    asked = []

    def docker(*words: str) -> str:
        asked.append(words)
        if words[-1] != there:
            raise CommandFailed("docker failed", words, 1, "No such image")
        return ""

    monkeypatch.setattr(container, "_person", docker)
    assert container.ContainerEngine()._image(print) == there
    assert {words[:2] for words in asked} == {("image", "inspect")}


def test_looking_for_packages_makes_no_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    assert (packages.tool_path(), packages.plugin_dirs()) == ({}, [])
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("image", ["node:20-slim", "python:2.7-slim", "python:3.11-alpine"])
def test_without_a_hub_it_names_the_images_that_have_a_stand_in(monkeypatch, image):
    monkeypatch.setenv("LAYERLAB_HUB", "no")
    monkeypatch.setattr(images, "standins", lambda: {"python:3.11-slim": "bookworm", "python:3.13-slim": "trixie"})

    def docker(*words: str, **_) -> str:
        raise CommandFailed("", words, 1, "")

    with pytest.raises(SetupError, match=r"no stand-in for it\n.*python:3\.11-slim, python:3\.13-slim"):
        images.ensure(image, docker, print)
