"""`layerlab run` without an engine: a docker command's words, which build is whose, and how a command is run as it is."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.machine import builder_history, raw_progress, references, wrapped
from layerlab.machine.builder_history import Ended
from layerlab.machine.which_build import Evidence, Undecided, choose, the_one
from layerlab.system import docker_command

DOCKERFILE = "FROM scratch\nARG V\nCOPY . .\n"

# -- the words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "tool", "context", "options"),
    [
        ("docker build .", "build", ".", ()),
        ("docker build -t shop -f dev.Dockerfile sub", "build", "sub", ("--tag=shop", "--file=dev.Dockerfile")),
        ("docker build . -qtshop --build-arg=A=b", "build", ".", ("-q", "--tag=shop", "--build-arg=A=b")),
        ("docker image build --target dev https://x/y.git", "build", "https://x/y.git", ("--target=dev",)),
        ("docker builder build -", "build", "-", ()),
        ("docker --context far buildx --builder b b --load -- .", "build", ".", ("--builder=b", "--load")),
        ("docker build --no-cache .", "build", ".", ("--no-cache",)),
        ("docker build --brand-new .", "build", ".", ("--brand-new",)),
        ("docker build --brand-new value .", "build", ".", ("--brand-new",)),
        ("docker build --brand-new one --other two", "build", "", ("--brand-new", "--other")),
        ("/usr/bin/docker-buildx build .", "build", ".", ()),
        ("docker buildx bake -f x.hcl web", "bake", "", ("--file=x.hcl",)),
        ("docker buildx f", "bake", "", ()),
        ("docker compose -f dev.yaml build web", "compose", "", ("--file=dev.yaml",)),
        ("docker-compose -p name up --build -d", "compose", "", ("--project-name=name",)),
    ],
)
def test_a_command_that_builds(command, tool, context, options):
    read = docker_command.read(command.split())
    assert (read.tool, read.context, read.options, read.words) == (tool, context, options, tuple(command.split()))


@pytest.mark.parametrize(
    "command",
    [
        "",
        "docker",
        "docker ps",
        "docker buildx ls",
        "docker compose down",
        "make build",
        "docker run build .",
        "podman build .",
    ],
)
def test_a_command_that_builds_nothing(command):
    assert docker_command.read(command.split()) is None


@given(
    st.lists(
        st.text(max_size=8) | st.sampled_from(["docker", "build", "-f", "--tag", "-", "--", "compose", "buildx", "."])
    )
)
def test_any_words_can_be_read(words):
    docker_command.read(words)
    docker_command.read(["docker", "build", *words])
    docker_command.read(["docker", "compose", *words])


@pytest.mark.parametrize(
    ("command", "buildx", "docker"),
    [
        ("docker build .", ["docker", "buildx"], ["docker"]),
        ("docker -H tcp://a:1 -c far build .", ["docker", "--host=tcp://a:1", "--context=far", "buildx"],
         ["docker", "--host=tcp://a:1", "--context=far"]),
        ("docker-buildx build .", ["docker-buildx"], ["docker"]),
        ("docker-compose build", ["docker", "buildx"], ["docker"]),
    ],
)  # fmt: skip
def test_the_same_engine_is_asked(command, buildx, docker):
    read = docker_command.read(command.split())
    assert (list(read.buildx), list(read.docker)) == (buildx, docker)


def test_where_buildx_keeps_its_files():
    read = docker_command.read(["docker", "build", "."])
    assert read.configuration({"DOCKER_CONFIG": "/d"}) == Path("/d/buildx")
    assert read.configuration({"DOCKER_CONFIG": "/d", "BUILDX_CONFIG": "/b"}) == Path("/b")
    assert docker_command.read(["docker", "--config", "/c", "build", "."]).configuration({}) == Path("/c/buildx")


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("docker buildx bake --set *.args.A=1 web", "docker buildx bake --set *.args.A=1 web --print"),
        ("docker compose -f a.yaml build --pull web", "docker compose -f a.yaml build --pull web --print"),
        ("docker compose -f a.yaml up --build -d web", "docker compose -f a.yaml --profile=* build --print"),
    ],
)
def test_compose_and_bake_are_asked_with_the_same_words(command, asked):
    assert wrapped.plan_command(docker_command.read(command.split())) == asked.split()


def test_the_project_of_a_compose_file(tmp_path, monkeypatch):
    monkeypatch.delenv("COMPOSE_FILE", raising=False)
    (tmp_path / "shop" / "api" / "deep").mkdir(parents=True)
    (tmp_path / "shop" / "compose.yaml").touch()
    below = tmp_path / "shop" / "api" / "deep"

    def project(command):
        return wrapped.compose_project(docker_command.read(command.split()), below)

    assert project("docker compose build") == tmp_path / "shop"
    assert project("docker compose -f ../../compose.yaml build") == tmp_path / "shop"
    assert project("docker compose --project-directory .. build") == tmp_path / "shop" / "api"


def test_buildx_runs_as_the_program_that_it_is_unless_docker_has_options(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "cli-plugins").mkdir()
    (tmp_path / "cli-plugins" / "docker-buildx").touch()
    assert builder_history.quickest(("docker", "buildx")) == (str(tmp_path / "cli-plugins" / "docker-buildx"),)
    for words in (("docker", "--context=far", "buildx"), ("/opt/docker", "buildx"), ("docker-buildx",)):
        assert builder_history.quickest(words) == words


# -- what it builds ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path, own_home):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "lib").mkdir()
    return folder


def defined(words, folder):
    return wrapped.definitions(docker_command.read(words), folder)["default"]


def test_a_plain_build_is_that_of_its_context(shop):
    (shop / "dev.Dockerfile").write_text("FROM scratch AS dev\n")
    words = ["docker", "build", "-f", "shop/dev.Dockerfile", "--target=dev", "--build-arg", "V=1", "shop"]
    found = defined([*words, "--build-context", "lib=shop/lib"], shop.parent)
    assert (found.app, found.variant, found.project) == ("shop", "dev.Dockerfile", shop)
    assert (found.target, found.args, found.file_in_context) == ("dev", {"V": "1"}, "dev.Dockerfile")
    assert found.folders == {"context": shop, "lib": shop / "lib"}


@pytest.mark.parametrize("words", [["-"], ["https://example.org/shop.git"], ["-f", "-", "."]])
def test_what_is_not_on_this_computer_is_left_to_the_history(words, shop):
    found = defined(["docker", "build", *words], shop)
    assert (found.dockerfile, found.file_in_context) == ("", "")
    assert ("context" in found.folders) is (words[-1] == ".")


def test_a_secret_argument_is_hidden(shop):
    found = defined(["docker", "build", "--build-arg", "API_TOKEN=hunter2-hunter2", "."], shop)
    assert "hunter2" not in str(found.args)
    assert "hunter2" not in repr(found)


# -- which build was whose ---------------------------------------------------------------------------------------------


def noted(folder, definition, **more):
    """What buildx notes of a build of `definition`."""
    context = str(definition.folders.get("context", definition.contexts["context"]))
    told = {"Target": "default", "LocalPath": context, "DockerfilePath": "", **more}
    node = folder / "refs" / "mine" / "mine0"
    node.mkdir(parents=True, exist_ok=True)
    (node / more.pop("id", os.urandom(6).hex())).write_text(json.dumps(told))


def test_only_builds_of_the_same_context_dockerfile_and_target_can_be_it(shop, tmp_path):
    (shop / "dev.Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "link").symlink_to(shop)
    mine, dev = defined(["docker", "build", "."], shop), defined(["docker", "build", "-fdev.Dockerfile", "."], shop)
    noted(tmp_path, mine, id="earlier")
    before = references.names(tmp_path)
    noted(tmp_path, mine, id="mine")
    noted(tmp_path, mine, id="by-link", LocalPath=str(tmp_path / "link"))
    noted(tmp_path, mine, id="other-folder", LocalPath=str(shop / "lib"))
    noted(tmp_path, mine, id="other-file", DockerfilePath=str(shop / "dev.Dockerfile"))
    noted(tmp_path, mine, id="of-a-bake", GroupRef="g")
    noted(tmp_path, mine, id="other-target", Target="web")
    (tmp_path / "refs" / "mine" / "mine0" / "no-json").write_text("{")
    (tmp_path / "refs" / "__group__").mkdir()
    (tmp_path / "refs" / "__group__" / "g").write_text("{}")
    there = references.since(tmp_path, before)
    found = references.fitting({"default": mine}, there, whole=True)
    assert sorted(one["default"].id for one in found) == ["by-link", "mine", "of-a-bake"]
    two = [one for one in there if one.id in ("mine", "of-a-bake")]
    nothing = Evidence(lambda one: None, False, 0.0)
    assert choose({"default": mine}, two, nothing, whole=True)["default"].id == "mine", "a plain build is in no group"
    assert [one["default"].id for one in references.fitting({"default": dev}, there, whole=True)] == ["other-file"]


def test_the_targets_of_one_bake_belong_together(shop, tmp_path):
    mine = defined(["docker", "build", "."], shop)
    wanted = {name: dataclasses.replace(mine, service=name) for name in ("api", "web")}
    noted(tmp_path, mine, Target="api", GroupRef="one")
    noted(tmp_path, mine, Target="web", GroupRef="one")
    noted(tmp_path, mine, Target="api", GroupRef="two")
    there = references.since(tmp_path, [])
    (whole,) = references.fitting(wanted, there, whole=True)
    assert {one.group for one in whole.values()} == {"one"}
    assert len(references.fitting(wanted, there, whole=False)) == 2


def ended(**more):
    return Ended(**{"status": "completed", "seconds": 1.0, "args": {}, "labels": {}, "target": "", "images": frozenset(),
                    "error": "", **more})  # fmt: skip


def reference(number, written=100.0):
    return references.Reference("mine", str(number), "default", "/shop", "", "", written)


def chosen(definition, endings, *, failed=False, until=110.0):
    there = [reference(number) for number in range(len(endings))]
    evidence = Evidence(lambda one: endings[int(one.id)], failed, until)
    return int(the_one({"default": definition}, [{"default": one} for one in there], evidence)["default"].id)


@pytest.mark.parametrize(
    "of_another",
    [
        {"status": "running"},
        {"status": "failed"},
        {"status": "canceled"},
        {"args": {"V": "2"}},
        {"args": {}},
        {"args": {"V": "1", "W": ""}},
        {"target": "dev"},
        {"labels": {}},
        {"images": frozenset({"docker.io/library/other:latest"})},
        {"seconds": 20.0},  # it ended after the command
    ],
)
def test_what_a_builder_says_rules_out_the_builds_of_others(of_another, shop):
    mine = defined(["docker", "build", "--build-arg=V=1", "-tshop", "--label", "a=b", "."], shop)
    same = ended(args={"V": "1"}, labels={"a": "b"}, images=frozenset({"docker.io/library/shop:latest"}))
    assert chosen(mine, [dataclasses.replace(same, **of_another), same]) == 1
    assert chosen(mine, [same, dataclasses.replace(same, **of_another)]) == 0


def test_a_build_that_failed_is_that_of_the_command_that_did(shop):
    mine = defined(["docker", "build", "."], shop)
    assert chosen(mine, [ended(), ended(status="failed")], failed=True) == 1
    with pytest.raises(Undecided, match="noted no build"):  # it failed before, and somebody built the same meanwhile
        chosen(mine, [ended()], failed=True)


def test_names_of_an_output_say_nothing(shop):
    mine = defined(["docker", "build", "-o", "type=image,name=shop", "."], shop)
    named = ended(images=frozenset({"docker.io/library/shop:latest"}))
    with pytest.raises(Undecided, match="is unknown"):
        chosen(mine, [named, ended(images=frozenset({"moby-dangling"}))])
    mine = defined(["docker", "build", "."], shop)
    assert chosen(mine, [named, ended(images=frozenset({"moby-dangling"}))]) == 1


def test_it_is_never_the_newest_that_is_taken(shop):
    mine = defined(["docker", "build", "."], shop)
    assert chosen(mine, [ended()]) == 0
    for endings in ([ended(), ended()], [None, None]):
        with pytest.raises(Undecided, match=r"several builds of this project.* is unknown"):
            chosen(mine, endings)
    with pytest.raises(Undecided, match="noted no build"):
        chosen(mine, [])


def of_service(number, target, group=""):
    return references.Reference("mine", str(number), target, "/shop", "", group, 100.0)


def test_compose_without_bake_builds_its_services_one_by_one(shop):
    mine = defined(["docker", "build", "."], shop)
    mine = dataclasses.replace(mine, folders={}, contexts={"context": "/shop"})
    wanted = {name: dataclasses.replace(mine, service=name) for name in ("api", "web")}
    evidence = Evidence(lambda one: ended(args={"V": "2"} if one.id == "3" else {}), False, 110.0)
    api, web, other = of_service(1, "api"), of_service(2, "web"), of_service(3, "web")
    assert choose(wanted, [api, web], evidence, whole=True) == {"api": api, "web": web}
    assert choose(wanted, [api, web, other], evidence, whole=True) == {"api": api, "web": web}
    assert choose(wanted, [web], evidence, whole=False) == {"web": web}
    with pytest.raises(Undecided, match="noted no build"):
        choose(wanted, [web], evidence, whole=True)
    with pytest.raises(Undecided, match="is unknown"):
        choose(wanted, [api, web, of_service(4, "api", "g"), of_service(5, "web", "g")], evidence, whole=True)
    together = [
        of_service(4, "api", "g"),
        of_service(5, "web", "g"),
        of_service(6, "more", "h"),
        of_service(7, "web", "h"),
    ]
    assert {one.id for one in choose(wanted, together, evidence, whole=True).values()} == {"4", "5"}


def test_arguments_that_docker_adds_do_not_count(shop):
    mine = defined(["docker", "build", "--build-arg=BUILDKIT_INLINE_CACHE=1", "."], shop)
    assert chosen(mine, [ended(args={"HTTPS_PROXY": "http://p"}), ended(args={"V": "2"})]) == 0


# -- running a command as it is ----------------------------------------------------------------------------------------


LAYERLAB_RUN = [sys.executable, "-m", "layerlab", "run", "--"]
#: Says "up", then what signals it gets, for a second; SIGTERM ends it by the same signal.
LISTENER = """
import os, signal, sys, time
def told(number, frame):
    print("got", number, flush=True)
    if number == signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, told)
print("up", os.getpid(), flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    time.sleep(0.05)
"""


def test_exit_code_output_and_input_are_the_commands(own_home):
    code = "import sys; print(sys.stdin.read()); print('err', file=sys.stderr); sys.exit(7)"
    done = subprocess.run([*LAYERLAB_RUN, sys.executable, "-c", code], input="in", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (7, "in\n")
    assert done.stderr.startswith("err\n")
    assert "there was no build to explain" in done.stderr


def blocked_and_ignored(*before):
    """The signals that a command has blocked and ignored, without two that are the C library's own."""
    done = subprocess.run([*before, "cat", "/proc/self/status"], capture_output=True, text=True)
    masks = dict(line.split(":\t") for line in done.stdout.splitlines() if line.startswith("Sig"))
    return [int(masks[name], 16) & 0x7FFFFFFF for name in ("SigBlk", "SigIgn")]


def test_what_python_ignores_the_command_need_not(own_home):
    assert blocked_and_ignored(*LAYERLAB_RUN) == blocked_and_ignored()


@pytest.mark.parametrize(
    ("command", "code", "said"), [("no-such-program", 127, "there is no"), ("/etc/passwd", 126, "can't be run")]
)
def test_a_program_that_cannot_be_run(own_home, command, code, said):
    done = subprocess.run([*LAYERLAB_RUN, command], capture_output=True, text=True)
    assert (done.returncode, said in done.stderr) == (code, True)


def test_an_option_that_does_not_exist_is_no_command(own_home):
    done = subprocess.run([*LAYERLAB_RUN[:-1], "--svae", "x", "--", "true"], capture_output=True, text=True)
    assert done.returncode == 2 and "No such option" in done.stderr, done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM])
def test_a_signal_is_passed_on_once(own_home, number):
    process = subprocess.Popen(
        [*LAYERLAB_RUN, sys.executable, "-c", LISTENER, "1.5"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith("up")
    process.send_signal(number)
    assert process.stdout.read().splitlines() == [f"got {number:d}"]
    assert process.wait() == (-signal.SIGTERM if number == signal.SIGTERM else 0)


def test_ctrl_c_on_a_terminal_reaches_the_command_once(own_home):
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [*LAYERLAB_RUN, sys.executable, "-c", LISTENER, "2"])
    said = b""
    while b"up" not in said:
        said += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while True:
        try:
            said += os.read(terminal, 1000)
        except OSError:  # it ended
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert said.count(b"got 2") == 1


def test_if_we_are_killed_the_command_ends(own_home):
    process = subprocess.Popen([*LAYERLAB_RUN, sys.executable, "-c", LISTENER, "60"], stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline().split()[1])
    process.kill()
    process.wait()
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("it still runs")


def test_a_command_that_a_signal_ended_ends_us_by_the_same(own_home):
    done = subprocess.run([*LAYERLAB_RUN, "sh", "-c", "kill -9 $$"], capture_output=True)
    assert done.returncode == -signal.SIGKILL


# -- a builder without a history ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "added"),
    [
        ("docker build .", "docker build --progress=rawjson --metadata-file=/m ."),
        ("docker --context far buildx --builder b build -t x -- .",
         "docker --context far buildx --builder b build --progress=rawjson --metadata-file=/m -t x -- ."),
        ("docker-buildx b .", "docker-buildx b --progress=rawjson --metadata-file=/m ."),
    ],
)  # fmt: skip
def test_raw_progress_is_added_where_options_begin(command, added):
    assert raw_progress.words(docker_command.read(command.split()), Path("/m")) == added.split()


@pytest.mark.parametrize(
    "command",
    ["docker build -", "docker build -f - .", "docker build -q .", "docker build --progress=plain .", "docker build -o - .",
     "docker build -o type=tar,dest=- .", "docker build --new a --new b", "docker buildx bake", "docker compose build"],
)  # fmt: skip
def test_raw_progress_is_for_builds_that_it_cannot_disturb(command, tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    plain, other = docker_command.read(["docker", "build", "."]), docker_command.read(command.split())
    assert not raw_progress.needed(plain)
    raw_progress.mark(plain)
    assert raw_progress.needed(plain) and not raw_progress.needed(other)
    monkeypatch.setenv("DOCKER_HOST", "tcp://other:1")
    assert not raw_progress.needed(plain), "another engine"
    monkeypatch.delenv("DOCKER_HOST")
    raw_progress.unmark(plain)
    assert not raw_progress.needed(plain)
