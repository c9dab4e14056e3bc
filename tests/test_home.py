"""Where things are kept, locks between processes, commands that fail, and which `docker` is reached."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from layerlab.engines import endpoint
from layerlab.errors import CommandFailed, MachineBusy, SetupError
from layerlab.system import shell
from layerlab.system.home import apps_dir, cache_dir, home, home_id, is_ours, locked, run_dir

HOLD = """
import sys, time
from layerlab.system.home import locked
with locked("x", shared=len(sys.argv) > 1):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path))


def test_a_home_has_its_own_sockets_whose_path_is_short(tmp_path, monkeypatch):
    first = (home_id(), run_dir())
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "another"))
    assert home() == tmp_path / "another"
    assert (home_id(), run_dir()) != first
    assert len(f"{run_dir()}/{'x' * 24}/docker.sock") <= 107


def test_a_home_is_marked_when_it_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "new"))
    cache_dir()
    assert is_ours(home())


@pytest.mark.parametrize("there", [False, True], ids=["new", "an empty folder"])
def test_a_home_is_closed_to_others(tmp_path, monkeypatch, there):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "new"))
    if there:
        home().mkdir(mode=0o755)
    cache_dir()
    assert home().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("make", [cache_dir, apps_dir, lambda: locked("x").__enter__()], ids=["cache", "apps", "lock"])
def test_nothing_is_made_in_a_folder_of_somebody_elses(tmp_path, make):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SetupError, match=r"which holds files that LayerLab didn't make\n"):
        make()
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.fixture
def holder(request):
    """Another process that holds the lock "x"; shared if the test says so."""
    words = ["shared"] if getattr(request, "param", "") == "shared" else []
    process = subprocess.Popen([sys.executable, "-c", HOLD, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_that_another_process_holds_is_not_had_until_it_dies(holder):
    with pytest.raises(MachineBusy, match=r"another LayerLab process has held 'x'"), locked("x", wait=0.1):
        pass
    holder.kill()
    with locked("x", wait=10):
        pass


@pytest.mark.parametrize("holder", ["shared"], indirect=True)
def test_shared_holders_do_not_exclude_each_other(holder):
    with locked("x", shared=True, wait=0.1):
        pass
    with pytest.raises(MachineBusy), locked("x", wait=0.1):
        pass


def test_a_command_that_fails_is_told_with_code_and_output():
    with pytest.raises(CommandFailed) as caught:
        shell.run("sh", "-c", "echo first; echo second >&2; exit 3")
    assert (caught.value.exit_code, caught.value.output) == (3, "first\nsecond\n")
    assert "command: sh -c echo first" in str(caught.value)


def test_a_command_that_is_missing_or_slow_is_told_as_a_shell_does():
    with pytest.raises(CommandFailed, match="no-such-program is not installed") as missing:
        shell.run("no-such-program")
    with pytest.raises(CommandFailed, match="took longer than 0 s") as slow:
        shell.run("sleep", "5", timeout=0.1)
    assert (missing.value.exit_code, slow.value.exit_code) == (127, 124)


def test_an_empty_value_removes_a_variable(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://person")
    assert "DOCKER_HOST" not in shell.environment({"DOCKER_HOST": ""})
    assert shell.environment(None) == dict(os.environ)


def test_a_notebook_that_was_pointed_at_a_machine_remembers_what_the_person_had(monkeypatch):
    environment = {"DOCKER_CONTEXT": "my-server", "PATH": "/person/bin"}
    monkeypatch.setattr(os, "environ", environment)
    for machine in ("first", "second"):
        endpoint.point_at({"DOCKER_CONTEXT": "", "DOCKER_HOST": f"unix:///{machine}.sock", "PATH": "/ours:/person/bin"})
        assert "DOCKER_CONTEXT" not in environment
        assert environment["DOCKER_HOST"] == f"unix:///{machine}.sock"
    person = endpoint.person_environment()
    assert (person["DOCKER_CONTEXT"], person["DOCKER_HOST"], person["PATH"]) == ("my-server", "", "/person/bin")


def test_a_plugin_of_our_own_configuration_is_started_directly_and_any_other_by_docker(tmp_path, monkeypatch):
    monkeypatch.setattr(endpoint, "docker_program", lambda: "/bin/docker")
    ours, theirs = tmp_path / "machines" / "x" / "docker", tmp_path.parent / "theirs"
    for folder in (ours, theirs):
        (folder / "cli-plugins").mkdir(parents=True)
        (folder / "cli-plugins" / "docker-buildx").touch()
    build = ["docker", "buildx", "build", "a folder"]
    direct = endpoint.quickest(build, {"DOCKER_CONFIG": str(ours)})
    assert direct == [str(ours / "cli-plugins" / "docker-buildx"), "build", "a folder"]
    for variables in ({"DOCKER_CONFIG": str(theirs)}, {"DOCKER_CONFIG": ""}, {}):
        assert endpoint.quickest(build, variables) == ["/bin/docker", *build[1:]]
    assert endpoint.quickest(["docker", "compose", "build"], {"DOCKER_CONFIG": str(ours)})[0] == "/bin/docker"
