"""The `layerlab` command without an engine, and what `clean` removes from a home that's only half there."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from rich.console import Console

import layerlab.machine.machine
from layerlab.commands import build_table
from layerlab.commands.main import main
from layerlab.diagnosing import doctor
from layerlab.engines import network
from layerlab.engines.seed import SEED_NAME
from layerlab.errors import MachineError, SetupError
from layerlab.machine import cleanup
from layerlab.machine.building import BuildFailed
from layerlab.machine.holding import Holds
from layerlab.record.build import Build
from layerlab.record.states import BASE, CACHED, FAILED, NOT_REACHED, RAN
from layerlab.record.step import Step
from layerlab.system.build_options import OPTIONS
from layerlab.system.home import MARKER


def step(line, text, state, **more):
    fields = {
        "end_line": line, "stage": "stage-0", "instruction": text.split()[0], "started": 0.0, "seconds": 1.0,
        "size_bytes": None, "downloaded_bytes": 0, "downloads_counted": True, "log": "", "digest": "", "inputs": (),
    }  # fmt: skip
    return Step(line=line, text=text, state=state, **{**fields, **more})


#: The order in which a build gets its options.
ORDER = [option.name for option in OPTIONS]
BUILD = Build(
    app="shop", variant="Dockerfile", edit="none", machine="laptop", command=("docker", "buildx", "build", "."),
    dockerfile="FROM python\nCOPY . .\nRUN pip install [a]\n", started_at="", seconds=4.2,
    steps=(
        step(1, "FROM python", BASE, size_bytes=75_800_000, digest="sha256:1"),
        step(2, "COPY . .", CACHED, started=None, seconds=0.0),
        step(3, "RUN pip install [a]", RAN, seconds=3.25, size_bytes=2_000_000, downloaded_bytes=1_500_000),
    ),
    phases=(), context_bytes=12_000, image="layerlab-shop:dockerfile", image_bytes=77_800_000, warnings=(), trace="",
    provenance={}, undivided_bytes=0,
).fitted()  # fmt: skip


class FakeMachine:
    """A machine without an engine; `made` holds the existing ones, `calls` what they were asked to do."""

    made: dict[str, FakeMachine]
    calls: list

    def __init__(self, name):
        self.name, self.engine, self.running = name, "process", True
        self.holds = Holds("machine", name)
        self.environment = {"DOCKER_HOST": f"unix:///{name} machine.sock", "DOCKER_CONTEXT": ""}

    @classmethod
    def start(cls, name, *, share, say):
        if name == "Bad Name":
            raise MachineError(f"{name!r} isn't a valid machine name", "use lower-case letters")
        say("Fetching an engine …")
        return cls.made.setdefault(name, cls(name))

    @classmethod
    def all(cls):
        return list(cls.made.values())

    def reset(self, *, force):
        self.calls.append(("reset", self.name))

    def remove(self, *, force=False, wait=None):
        del self.made[self.name]

    def build(self, app, variant, *, say, **options):
        self.calls.append((app.name, variant, options))
        if variant == "Slow":
            raise KeyboardInterrupt
        if variant == "Bad":
            failed = step(3, "RUN pip install [a]", FAILED, log="no space left on device")
            raise BuildFailed(BUILD, failed, 1, "")
        return BUILD


@pytest.fixture
def machines(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(layerlab.machine.machine, "Machine", FakeMachine)
    FakeMachine.made, FakeMachine.calls = {}, []
    return FakeMachine


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text(BUILD.dockerfile)
    return folder


def layerlab_(*arguments, **more):
    return CliRunner().invoke(main, [str(a) for a in arguments], **more)


def test_help_names_every_command():
    text = layerlab_("--help").stdout
    for command in main.commands:
        assert f"\n  {command} " in text
        assert layerlab_(command, "--help").exit_code == 0
    assert {"doctor", "up", "reset", "down", "build", "clean"} <= set(main.commands)
    assert layerlab_("--version").stdout.startswith("layerlab ")


def test_usage_errors_exit_with_2(machines):
    for arguments in (
        ["nosuch"],
        ["build"],
        ["build", "/no/such/folder"],
        ["down", "laptop", "--all"],
        ["up", "--nosuch"],
    ):
        assert layerlab_(*arguments).exit_code == 2, arguments


def test_up_tells_what_it_does_on_standard_error(machines):
    result = layerlab_("up")
    assert (result.exit_code, result.stdout) == (0, "Machine laptop is running (process).\n")
    assert "Fetching an engine" in result.stderr


def test_up_as_json(machines):
    data = json.loads(layerlab_("up", "ci", "--json").stdout)
    assert (data["name"], data["running"], data["environment"]["DOCKER_CONTEXT"]) == ("ci", True, "")


def test_up_for_a_shell(machines, monkeypatch):
    monkeypatch.setenv("DOCKER_CONTEXT", "mine")
    lines = layerlab_("up", "--env").stdout
    shell = subprocess.run(
        ["sh", "-c", 'eval "$LINES_"; echo "$DOCKER_HOST"; echo "${DOCKER_CONTEXT-unset}"; echo "$LAYERLAB_PERSON"'],
        env={**os.environ, "LINES_": lines}, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert shell[:2] == ["unix:///laptop machine.sock", "unset"]
    assert json.loads(shell[2])["DOCKER_CONTEXT"] == "mine"


def test_errors_are_messages_without_a_traceback(machines):
    result = layerlab_("up", "Bad Name")
    assert result.exit_code == 1
    assert result.stderr == "Error: 'Bad Name' isn't a valid machine name\nuse lower-case letters\n"


def test_reset_and_down(machines):
    assert "there is no machine 'laptop'" in layerlab_("reset").stderr
    layerlab_("up")
    layerlab_("up", "ci")
    assert layerlab_("reset").exit_code == 0
    assert machines.calls == [("reset", "laptop")]
    assert "choose one of: laptop, ci" in layerlab_("down", "nosuch").stderr
    assert json.loads(layerlab_("machines", "--json").stdout)[1]["name"] == "ci"
    assert json.loads(layerlab_("down", "--json").stdout) == {"removed": ["laptop"]}
    assert layerlab_("down", "--all").stdout == "Machine ci is gone.\n"
    assert layerlab_("down", "--all").stdout == "There are no machines.\n"


def test_build_to_a_pipe_is_plain(machines, project):
    result = layerlab_("build", project)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["line", "stage", "state", "s", "MB", "MB", "downloaded", "step"]
    assert rows[2] == ["2", "stage-0", "CACHED", "COPY", ".", "."]
    assert rows[3] == ["3", "stage-0", "RAN", "3.2", "2.0", "1.5", "RUN", "pip", "install", "[a]"]
    assert "1 cached, 4.2 s, 1.5 MB downloaded" in result.stdout
    assert "image layerlab-shop:dockerfile, 77.8 MB compressed" in result.stdout


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_step_takes_no_number_away(width, terminal, monkeypatch):
    """However long a RUN or a stage's name is, line, state, seconds and MB are whole, and each step is one line."""
    long = step(3, "RUN apt-get update && " + "x" * 300 + " y" * 40, NOT_REACHED, seconds=1234.5)
    long = dataclasses.replace(
        long, stage="a-stage-of-a-very-long-name", size_bytes=1_234_567_890, downloaded_bytes=9_876_543_210
    )
    printed = io.StringIO()
    console = Console(file=printed, width=width, force_terminal=terminal, color_system=None)
    monkeypatch.setattr(build_table, "output", lambda: console)
    build_table.show_build(dataclasses.replace(BUILD, steps=(*BUILD.steps[:2], long)))
    row = next(line for line in printed.getvalue().splitlines() if "NOT REACHED" in line)
    assert re.match(r" +3  a-stage-of-\S+ +NOT REACHED  1234\.5  1234\.6 +9876\.5  RUN apt", row)
    assert all(len(line) <= width for line in printed.getvalue().splitlines())


def test_an_image_without_a_name_is_not_shown_by_its_digest():
    nameless = dataclasses.replace(BUILD, image="moby-dangling@sha256:0123")
    assert nameless.image_name == "" and "image without a name, " in build_table.totals(nameless)


def test_build_passes_its_options_on(machines, project, monkeypatch):
    monkeypatch.setenv("FROM_HERE", "yes")
    words = [
        "-f",
        "Dockerfile",
        "--target",
        "run",
        "--build-arg",
        "A=1=2",
        "--build-arg",
        "FROM_HERE",
        "--machine",
        "ci",
    ]
    assert layerlab_("build", project, *words).exit_code == 0
    assert machines.calls == [
        (
            "shop",
            "Dockerfile",
            {"target": "run", "args": {"A": "1=2", "FROM_HERE": "yes"}, "service": "", "options": []},
        )
    ]
    assert list(machines.made) == ["ci"]
    assert layerlab_("build", project, "--build-arg", "=x").exit_code == 2


def options_given(machines, *words):
    result = layerlab_("build", *words)
    assert result.exit_code == 0, result.stderr
    return machines.calls[-1][2]["options"]


def test_a_service_is_looked_for_where_docker_looks(machines, project):
    (project / "docker-compose.yml").write_text("services: {}\n")
    layerlab_("build", project, "--service", "api")
    assert machines.calls[0][1:] == ("", {"target": "", "args": {}, "service": "api", "options": []})
    words = ["-f", "docker-compose.yml", "-f", "more.yml", "--profile", "ci", "--allow", "network.host"]
    assert options_given(machines, project, "--service", "api", *words) == [
        "--file=more.yml", "--profile=ci", "--allow=network.host",
    ]  # fmt: skip
    assert machines.calls[-1][1] == "docker-compose.yml"


def test_what_people_use_is_handed_on_and_paths_start_where_they_are(machines, project, tmp_path, monkeypatch):
    here = tmp_path / "here, and there"
    (here / "shared").mkdir(parents=True)
    (here / "token").write_text("x")
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME_TOKEN", "x")
    given = {
        "--secret": {
            "id=a,src=token": f'id=a,"src={here}/token"', "id=token": f'id=token,"src={here}/token"',
            "id=HOME_TOKEN": "id=HOME_TOKEN", "type=env,id=a,src=token": "type=env,id=a,src=token",
        },
        "--ssh": {"default": "default", "key=token": f"key={here}/token"},
        "--build-context": {
            "a=shared": f"a={here}/shared", "b=docker-image://a:1": "b=docker-image://a:1", "c=nowhere": "c=nowhere",
        },
        "--no-cache-filter": {"base,last": "base,last"},
        "--cache-from": {"a/b:c": "a/b:c", "type=local,src=c": f'type=local,"src={here}/c"'},
        "--cache-to": {"type=registry,ref=a/b": "type=registry,ref=a/b", "type=local,dest=/c": "type=local,dest=/c"},
        "--platform": {"linux/arm64": "linux/arm64"},
        "--add-host": {"a:1.2.3.4": "a:1.2.3.4"},
        "--network": {"host": "host"},
        "--label": {"a=b=c": "a=b=c"},
        "--tag": {"shop:1": "shop:1"},
        "--output": {"type=tar,dest=-": "type=tar,dest=-", "type=local,dest=o": f'type=local,"dest={here}/o"'},
        "--allow": {"network.host": "network.host", "fs.read=..": f"fs.read={tmp_path}", "fs=*": "fs=*"},
    }  # fmt: skip
    words = [word for name, values in given.items() for value in values for word in (name, value)]
    handed_on = [f"{name}={full}" for name, values in given.items() for full in values.values()]
    flags = ["--no-cache", "--pull", "--load", "--push"]
    assert options_given(machines, project, *words, *flags) == sorted(
        [*handed_on, *flags], key=lambda word: ORDER.index(word.partition("=")[0])
    )


def test_output_is_the_record_or_what_comes_of_the_build(machines, project, tmp_path):
    words = ["--output", tmp_path / "build.json", "--output", "type=cacheonly"]
    assert options_given(machines, project, *words) == ["--output=type=cacheonly"]
    assert Build.load(tmp_path / "build.json") == BUILD


def test_a_dockerfile_in_the_current_folder_is_found(machines, project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.Dockerfile").write_text("FROM scratch\n")
    assert options_given(machines, project, "-f", "other.Dockerfile") == []
    assert machines.calls[-1][1] == str(tmp_path / "other.Dockerfile")


def test_a_projects_own_command_is_not_run_unasked(machines, project):
    (project / "layerlab.toml").write_text('[prepare]\ncommand = ["touch", "made"]\noutputs = ["made"]\n')
    result = layerlab_("build", project)
    assert (result.exit_code, machines.calls) == (1, [])
    assert "--allow=prepare" in result.stderr
    assert options_given(machines, project, "--allow", "prepare", "--allow=ssh") == ["--allow=ssh"]


def test_build_as_json_and_into_a_file(machines, project, tmp_path):
    result = layerlab_("build", project, "--json", "--output", tmp_path / "build.json")
    assert result.stdout.rstrip() == (tmp_path / "build.json").read_text().rstrip()
    assert Build.load(tmp_path / "build.json") == BUILD


def test_a_build_that_fails_still_shows_its_steps(machines, project, tmp_path):
    (project / "Bad").touch()
    result = layerlab_("build", project, "-f", "Bad", "--output", tmp_path / "build.json")
    assert result.exit_code == 1
    assert "RUN pip install [a]" in result.stdout
    assert "the disk is full" in result.stderr
    assert "docker system df" in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "build.json").exists()


def test_a_path_that_has_nothing_to_build_is_told_before_an_engine_is_fetched(machines, project):
    (project / "empty").mkdir()
    for words in (["/"], [project / "empty"], [project, "-f", "nowhere.Dockerfile"], [project, "-f", "nobody"]):
        assert layerlab_("build", *words).exit_code == 1
    assert not machines.made


def test_interrupted_builds_exit_with_130_and_leave_no_copy(machines, project, tmp_path):
    (project / "Slow").touch()
    result = layerlab_("build", project, "-f", "Slow")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (130, "Interrupted.")
    assert not list((tmp_path / "home" / "apps").iterdir())


def test_interrupted_up_takes_away_what_it_made(machines, monkeypatch):
    layerlab_("up", "before")

    def interrupted(name, **_):
        machines.made["new"] = FakeMachine("new")
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeMachine, "start", interrupted)
    assert layerlab_("up").exit_code == 130
    assert list(machines.made) == ["before"]


def test_doctor_exits_with_1_where_something_is_wrong(monkeypatch):
    fine, wrong = (
        doctor.Finding("disk", True, "50 GB"),
        doctor.Finding("engine", False, "none answers", "start it"),
    )
    monkeypatch.setattr(doctor, "doctor", lambda: doctor.Report((fine,)))
    assert layerlab_("doctor").exit_code == 0
    monkeypatch.setattr(doctor, "doctor", lambda: doctor.Report((fine, wrong)))
    result = layerlab_("doctor", "--json")
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (1, False)


# -- clean -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Make a home with a bit of everything, and keep the user's Docker out of reach."""
    folder = tmp_path / "home"
    for name in (
        "cache/engine",
        "cache/images",
        "machines/laptop/data",
        "machines/half",
        "apps/shop-1",
        "locks",
        "bin",
    ):
        (folder / name).mkdir(parents=True)
    (folder / MARKER).touch()
    (folder / "machines/laptop/machine.json").write_text('{"name": "laptop", "engine": "process"}')
    (folder / "locks/layerlab-machine-gone.lock").touch()
    monkeypatch.setenv("LAYERLAB_HOME", str(folder))
    monkeypatch.setattr(cleanup.engines.container, "person_has_docker", lambda: False)
    return folder


def test_clean_removes_all(home):
    assert cleanup.machine_names() == ["gone", "half", "laptop", SEED_NAME]
    done = cleanup.clean()
    assert not done.problems
    assert {"machine laptop", "machine half", str(home / "cache")} <= set(done.removed)
    assert not home.exists()
    assert not cleanup.run_dir().exists()


def test_a_file_that_cannot_be_written_is_a_message(monkeypatch, tmp_path):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    record = tmp_path / "record.json"
    BUILD.save(record)
    done = CliRunner().invoke(main, ["report", str(record), "--output", str(tmp_path / "nowhere" / "report.html")])
    assert done.exit_code == 1
    assert str(tmp_path / "nowhere") in done.output and "No such file or directory" in done.output


def test_clean_deletes_nothing_in_a_folder_that_is_not_layerlabs(home):
    """`LAYERLAB_HOME=~ layerlab clean` took ~/bin along."""
    (home / MARKER).unlink()
    (home / "apps/thesis.txt").write_text("years of work")
    before = sorted(home.rglob("*"))
    assert cleanup.inventory() == []
    done = CliRunner().invoke(main, ["clean", "--yes"])
    assert done.exit_code == 1
    assert "didn't make: nothing was deleted" in done.output
    assert sorted(home.rglob("*")) == before


def test_a_learners_work_in_the_home_stays(home):
    (home / "course/labs").mkdir(parents=True)
    assert cleanup.clean().kept == (str(home / "course"),)


def test_clean_twice_finds_nothing_and_makes_nothing(home):
    cleanup.clean()
    assert cleanup.inventory() == []
    done = cleanup.clean()
    assert (done.removed, done.problems, done.kept) == ((), (), ())
    assert not home.exists()


def test_clean_leaves_what_is_not_layerlabs(home):
    (home / "thesis.txt").write_text("years of work")
    done = cleanup.clean()
    assert done.kept == (str(home / "thesis.txt"),)
    assert [p.name for p in home.iterdir()] == ["thesis.txt"]


def test_clean_follows_no_links(home, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (home / "machines/laptop/link").symlink_to(outside)
    (home / "cache/images/link").symlink_to(outside)
    cleanup.clean()
    assert (outside / "precious").exists()


def test_clean_says_what_it_could_not_remove_and_goes_on(home, monkeypatch):
    def broken():
        raise MachineError("your Docker does not answer")

    (home / "container-images").write_text("docker:28-dind\n")
    monkeypatch.setattr(cleanup.engines.ENGINES["container"], "clean", broken)
    done = cleanup.clean()
    assert done.problems == ("container engine: your Docker does not answer",)
    assert [p.name for p in home.iterdir()] == ["container-images"]  # for the next attempt


def test_a_machine_that_never_was_a_container_needs_no_docker_to_go(home, monkeypatch):
    def missing():
        raise SetupError("there is no `docker` command here")

    monkeypatch.setattr(cleanup.engines.container, "docker_program", missing)
    cleanup.engines.ENGINES["container"].remove("laptop")
    assert not (home / "machines/laptop").exists()
    (home / "machines/half/certificates").mkdir()
    with pytest.raises(SetupError):
        cleanup.engines.ENGINES["container"].remove("half")
    assert (home / "machines/half").exists(), "the next attempt must know that it was a container"


def test_clean_says_who_was_using_a_machine(home):
    held = "Holds('machine', 'laptop').during(Kind.USE)"
    code = f"from layerlab.machine.holding import *\nwith {held}: print(1, flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as user:
        user.stdout.readline()
        words = f"machine laptop, in use by process {user.pid} (python, since "
        assert words in layerlab_("clean", input="n\n").stderr
        assert f"removed {words}" in layerlab_("clean", "--yes").stdout
        assert "MachineError: machine 'laptop' was removed by process " in user.communicate("\n")[1]


def test_clean_asks_first(home):
    result = layerlab_("clean", input="n\n")
    assert result.exit_code == 1
    assert "machine laptop" in result.stderr
    assert (home / "machines/laptop").exists()
    assert layerlab_("clean", input="y\n").exit_code == 0
    assert not home.exists()


def test_clean_says_what_it_removed(home):
    result = layerlab_("clean", "--yes", "--json")
    assert result.exit_code == 0
    assert "machine half" in json.loads(result.stdout)["removed"]
    assert "There was nothing to remove." in layerlab_("clean", "--yes").stdout


def test_lost_firewall_rules_are_found_by_their_comment():
    listing = (
        "-P POSTROUTING ACCEPT\n"
        '-A POSTROUTING -s 10.213.0.0/20 ! -d 10.213.0.0/20 -m comment --comment "layerlab ll-0a" -j MASQUERADE\n'
        '-A POSTROUTING -s 10.213.16.0/20 ! -d 10.213.16.0/20 -m comment --comment "layerlab ll-0b" -j MASQUERADE\n'
        "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n"
    )
    assert network.rules_with_comment(listing, "layerlab ll-0a") == [
        ["POSTROUTING", "-s", "10.213.0.0/20", "!", "-d", "10.213.0.0/20", "-m", "comment", "--comment", "layerlab ll-0a",
         "-j", "MASQUERADE"],
    ]  # fmt: skip
