"""`layerlab run` around docker's four ways to build, on an engine that isn't ours: as without it, and explained."""

from __future__ import annotations

import json
import os
import pty
import secrets
import signal
import subprocess
import sys
import threading

import pytest
from support import running, wait_for
from test_builder import BASE, contained, docker, person, remote  # noqa: F401

from layerlab.machine import builder_history, raw_progress
from layerlab.machine.building import RETRY_ON
from layerlab.record import history
from layerlab.record.build import Build
from layerlab.record.hosts import all_folders
from layerlab.system import docker_command

RUN = [sys.executable, "-m", "layerlab", "run", "--"]
COMPOSE = "name: {name}\nservices: {{web: {{build: .}}, lib: {{build: {{context: ., target: base}}}}}}\n"
BAKE = 'target "default" {\n context = "."\n tags = ["NAME-bake"]\n}\n'
#: Each way to build, and the image it makes.
WAYS = {
    "build": (["docker", "build", "-t", "NAME-build", "."], "NAME-build"),
    "buildx": (["docker", "buildx", "build", "-f", "Dockerfile", "--tag=NAME-buildx", "--load", "."], "NAME-buildx"),
    "bake": (["docker", "buildx", "bake", "-f", "docker-bake.hcl", "--load"], "NAME-bake"),
    "compose": (["docker", "compose", "build", "web"], "NAME-web"),
    "up": (["docker", "compose", "up", "--build", "--no-start"], "NAME-web"),
}


@pytest.fixture
def shop(person, tmp_path, monkeypatch):  # noqa: F811
    """A project of which the engine has no step yet, and the name of its images."""
    # With attestations, a digest has the build's time in it.
    monkeypatch.setenv("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")
    name = f"shop{secrets.token_hex(4)}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        f"FROM {BASE} AS base\nARG V\nRUN echo {name} $V\nFROM base\nCOPY main.py /app/\n"
    )
    (folder / "main.py").write_text("1")
    (folder / "compose.yaml").write_text(COMPOSE.format(name=name))
    (folder / "docker-bake.hcl").write_text(BAKE.replace("NAME", name))
    monkeypatch.chdir(folder)
    return folder


def named(words, folder):
    return [word.replace("NAME", folder.name) for word in words]


def run(*words, **more):
    """Run a command with `layerlab run`; once more if BuildKit's known fault with a fast retag makes it fail."""
    done = subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=600, **more)
    return run(*words, **more) if RETRY_ON in done.stderr else done


def bare(*words):
    """Run the same without it."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    return bare(*words) if RETRY_ON in done.stderr else done


def image_id(name):
    return docker("image", "inspect", "--format", "{{.Id}}", name)


def records(project, service=None) -> list[Build]:
    """The records of a project, wherever it was built, newest first."""
    hosts = [host.name for host in all_folders()]
    assert len(hosts) == 1, hosts
    found = [json.loads(file.read_text()) for file in all_folders()[0].rglob("*.json")]
    labels = {told["machine"] for told in found if told["project"] == str(project)}
    return [build for label in labels for build in history.builds(project, label, service)]


# -- as without it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_image_exit_code_and_cache_are_as_without_it(way, shop):
    words, image = (named(words, shop) for words in (WAYS[way][0], [WAYS[way][1]]))
    without = bare(*words)
    first = image_id(*image)
    wrapped = run(*words)
    assert wrapped.returncode == without.returncode == 0, wrapped.stderr
    assert image_id(*image) == first, "it took every step from the cache that the bare command made"
    assert "0 steps ran" in wrapped.stderr

    (shop / "main.py").write_text("2")
    edited = run(*words)
    assert edited.returncode == 0, edited.stderr
    second = image_id(*image)
    assert second != first
    bare(*words)
    assert image_id(*image) == second, "and the bare command took what it left"


@pytest.mark.parametrize("way", WAYS)
def test_it_says_what_ran_and_why_by_target(way, shop):
    words = named(WAYS[way][0], shop)
    run(*words)
    (shop / "main.py").write_text("2")
    said = run(*words).stderr
    assert "main.py changed" in said, said
    assert "compared with the previous build" in said
    if way == "up":
        assert f"layerlab: {shop.name} lib: 0 steps ran, 1 cached" in said
    build = records(shop)[0] if way != "up" else records(shop, "web")[0]
    assert (build.state("COPY main.py"), build.state("RUN")) == ("RAN", "CACHED")
    assert build.contexts["context"].entries.keys() >= {"main.py", "Dockerfile"}
    assert build.command == tuple(words)


def test_the_engine_is_as_the_bare_command_leaves_it(shop):
    def state():
        shown = {"images": "{{.Repository}}:{{.Tag}} {{.ID}}", "ps": "{{.ID}} {{.Names}} {{.State}}"}
        asked = [[what, "--all", "--no-trunc", "--format", form] for what, form in shown.items()]
        asked += [["volume", "ls"], ["network", "ls"], ["context", "ls"], ["buildx", "ls"]]
        cache = sorted(docker("buildx", "du", "--format", "{{.ID}}").splitlines())
        return [sorted(docker(*words).splitlines()) for words in asked], cache

    words = named(WAYS["build"][0], shop)
    bare(*words)
    before = state()
    run(*words)
    assert state() == before


def test_a_command_that_builds_nothing_passes_through(person):  # noqa: F811
    without = bare("docker", "version")
    wrapped = run("docker", "version")
    assert (wrapped.returncode, wrapped.stdout) == (0, without.stdout)
    assert "there was no build to explain" in wrapped.stderr


def test_options_that_nobody_knows_yet(shop):
    without = bare("docker", "build", "--of-tomorrow", ".")
    wrapped = run("docker", "build", "--of-tomorrow", ".")
    assert wrapped.returncode == without.returncode != 0
    assert "failed before a build began" in wrapped.stderr


# -- provenance --------------------------------------------------------------------------------------------------------


def test_a_build_with_provenance_of_slsa_v1(shop):
    words = ["docker", "buildx", "build", "--provenance=mode=max,version=v1", "."]
    edited = run(*words)
    assert edited.returncode == 0, edited.stderr
    (shop / "main.py").write_text("2")
    assert "main.py changed" in run(*words).stderr
    assert records(shop)[0].provenance["buildConfig"]["digestMapping"]


def test_a_failed_build_and_what_it_costs(shop):
    run("docker", "build", ".")
    (shop / "Dockerfile").write_text((shop / "Dockerfile").read_text() + "RUN echo why; exit 3\n")
    without = bare("docker", "build", ".")
    wrapped = run("docker", "build", ".")
    assert wrapped.returncode == without.returncode != 0
    assert "A failed build has no provenance" in wrapped.stderr
    (failed, _) = records(shop)
    assert failed.state("exit 3") == "FAILED"
    assert "exit code: 3" in failed.error


def test_a_first_build_that_fails_names_the_step(shop):
    (shop / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo {shop.name}; exit 3\n")
    assert "line 2  FAILED  RUN echo" in run("docker", "build", ".").stderr


def test_an_export_that_fails_says_why(shop):
    words = ["docker", "build", "--output=type=local,dest=/proc/nowhere", "."]
    for _ in range(2):  # a first build, and one to compare
        said = run(*words).stderr.partition(f"layerlab: {shop.name}")[2]
        assert ", FAILED" in said and "The build failed: failed to create" in said, said


def test_a_target_that_another_ones_failure_canceled_says_so(shop):
    (shop / "Dockerfile").write_text(
        f"FROM {BASE} AS a\nRUN echo {shop.name}; sleep 2; exit 3\nFROM {BASE} AS b\nRUN echo {shop.name}; sleep 60\n"
    )
    targets = 'target "a" {\n target = "a"\n}\ntarget "b" {\n target = "b"\n}\n'
    (shop / "docker-bake.hcl").write_text(targets)
    said = run("docker", "buildx", "bake", "-f", "docker-bake.hcl", "a", "b").stderr
    assert "line 2  FAILED" in said and f"It was canceled because {shop.name} a failed." in said, said


# -- signals -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def long(shop):
    """A word that is in the command line of a step that takes long."""
    word = f"9{secrets.randbelow(10**8):08}"
    (shop / "Dockerfile").write_text(f"FROM {BASE}\nRUN sleep {word}\n")
    return word


def on_terminal(command):
    """Start a command on a terminal of its own; return its process and the terminal."""
    pid, terminal = pty.fork()
    if not pid:
        os.execvp(command[0], command)
    threading.Thread(target=_drain, args=[terminal], daemon=True).start()
    return pid, terminal


def _drain(terminal):
    try:
        while os.read(terminal, 10000):
            pass
    except OSError:
        pass


def test_ctrl_c_ends_the_build_as_without_it(shop, long):
    codes = []
    for command in (["docker", "build", "."], [*RUN, "docker", "build", "."]):
        pid, terminal = on_terminal(command)
        assert wait_for(lambda: running("sleep", long))
        os.write(terminal, b"\x03")
        codes.append(os.waitpid(pid, 0)[1])
        assert wait_for(lambda: not running("sleep", long), 30)
    assert codes[0] == codes[1]
    assert not running("docker", str(shop.name))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_if_it_is_ended_the_build_ends_too(number, shop, long):
    codes = []
    for command in (["docker", "build", "."], [*RUN, "docker", "build", "."]):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert wait_for(lambda: running("sleep", long))
        process.send_signal(number)
        codes.append(process.wait())
        assert wait_for(lambda: not running("sleep", long), 30)
    assert codes[0] == codes[1]


# -- many at once, and elsewhere ---------------------------------------------------------------------------------------


@pytest.mark.timeout(900)
def test_twenty_at_once_are_told_apart(person, tmp_path):  # noqa: F811
    """Of five projects, each four times: with other arguments, another target, and another name of the image."""
    commands = []
    for number in range(5):
        folder = tmp_path / f"shop{number}"
        folder.mkdir()
        (folder / "Dockerfile").write_text(
            "FROM scratch AS base\nARG V\nCOPY main.py /\nFROM base\nCOPY main.py /x.py\n"
        )
        (folder / "main.py").write_text(secrets.token_hex(8))
        for more in (["--build-arg=V=1"], ["--build-arg=V=2"], ["--target=base"], ["-tnamed"]):
            commands.append((folder, ["docker", "build", *more, "."]))
    started = [
        (folder, words, subprocess.Popen([*RUN, *words], cwd=folder, stderr=subprocess.PIPE, text=True))
        for folder, words in commands
    ]
    for _, _, process in started:
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
        assert "is unknown" not in said, said
    for folder in {folder for folder, _ in commands}:
        found = records(folder)
        assert len(found) == 4
        for build in found:
            asked = dict(word.removeprefix("--").partition("=")[::2] for word in build.command if word.startswith("--"))
            told = (build.provenance["invocation"]["parameters"] or {}).get("args") or {}
            assert told.get("build-arg:V") == asked.get("build-arg", "").removeprefix("V=") or "build-arg" not in asked
            assert told.get("target", "") == asked.get("target", "")


@pytest.mark.parametrize("kind", ["remote", "contained"])
def test_another_driver(kind, shop, request):
    builder = request.getfixturevalue(kind)
    if kind == "contained":  # which has no base image
        (shop / "Dockerfile").write_text("FROM scratch\nCOPY compose.yaml /\nCOPY main.py /\n")
    words = ["docker", "buildx", "build", f"--builder={builder}", "."]
    edited = run(*words)
    assert edited.returncode == 0, edited.stderr
    (shop / "main.py").write_text("2")
    said = run(*words).stderr
    assert "main.py changed" in said, said
    assert records(shop)[0].machine.startswith(f"builder {builder} (")


# -- a builder without a history ---------------------------------------------------------------------------------------


def test_where_no_history_is_kept_raw_progress_is_added_and_that_is_said(shop):
    words = ["docker", "build", "--tag", f"{shop.name}:own", "."]
    run(*words)
    (shop / "main.py").write_text("2")
    command = docker_command.read(words)
    raw_progress.mark(command)  # as if the build before had found none
    followed = run(*words)
    assert followed.returncode == 0, followed.stderr
    assert "the build gets --progress=rawjson" in followed.stderr and "main.py changed" in followed.stderr
    assert docker("image", "inspect", f"{shop.name}:own")
    assert not raw_progress.needed(command), "there is one, so the next build is as it is"


def test_a_failed_build_with_raw_progress(shop):
    (shop / "Dockerfile").write_text(f"FROM {BASE}\nRUN exit 3\n")
    raw_progress.mark(docker_command.read(["docker", "build", "."]))
    followed = run("docker", "build", ".")
    assert followed.returncode == bare("docker", "build", ".").returncode
    assert records(shop)[0].state("exit 3") == "FAILED"


def test_what_a_buildx_without_a_history_says(person):  # noqa: F811
    said = subprocess.run(
        ["docker", "buildx", "annals", "logs", "--progress=rawjson", "x"], capture_output=True, text=True
    )
    assert isinstance(builder_history._refused(said.stderr), builder_history.NoHistory)
    said = subprocess.run(["docker", "buildx", "history", "logs", "no-such-build"], capture_output=True, text=True)
    assert not isinstance(builder_history._refused(said.stderr), builder_history.NoHistory)
