"""Machines come, are found again, are cold after a reset, and go without a trace; here as private processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from support import (
    PATIENCE,
    engine_family,
    finish,
    firewall,
    interfaces,
    kill,
    left_of,
    python,
    running,
    small_app,
    start_python,
    wait_for,
    write_project,
)

from layerlab import Machine
from layerlab.engines import images, network, packages
from layerlab.engines.families import _runs
from layerlab.engines.seed import SEED_NAME
from layerlab.errors import MachineError
from layerlab.system.home import machine_dir, run_dir

pytestmark = pytest.mark.usefixtures("private")

#: Prints the id of the engine of the machine that the first argument names.
ENGINE_ID = """
import sys
from layerlab import Machine
machine = Machine.start(sys.argv[1], share=sys.argv[2:] == ["share"], say=lambda _: None)
print(machine.docker("info", "--format", "{{.ID}}").strip())
"""


def engine_id(machine: Machine) -> str:
    return machine.docker("info", "--format", "{{.ID}}").strip()


@pytest.fixture(scope="module")
def second(lab_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERLAB_ENGINE", "process")
        with Machine.start("other") as machine:
            yield machine


@pytest.fixture
def other(second):
    """A second machine, cold, with which a test may do what it likes."""
    machine = Machine.start("other")
    machine.reset()
    return machine


# -- found again -------------------------------------------------------------------------------------------------------


def test_another_process_finds_the_machine_by_name(machine):
    """As a restarted kernel does; the engine outlives the process that started it."""
    assert python(ENGINE_ID, "test") == python(ENGINE_ID, "test") == engine_id(machine)
    assert "test" in [m.name for m in Machine.all()]


def test_two_processes_that_start_a_machine_at_once_get_the_same(machine):
    try:
        both = [start_python(ENGINE_ID, "twice", "share") for _ in range(2)]
        first, second = map(finish, both)
        assert first == second != engine_id(machine)
    finally:
        Machine.start("twice").remove()


@pytest.mark.parametrize("victim", ["dockerd", "unshare", "everything"])
def test_a_killed_engine_is_reclaimed_with_its_cache(other, tmp_path, victim):
    with small_app(tmp_path) as app:
        build = other.build(app, "Dockerfile", view="none")
        other.docker("run", "--detach", "--name", "nap", build.image, "sleep", "7301")
        family = engine_family("other")
        kill([p for p in family if victim in ("everything", p.name())])
        assert wait_for(lambda: not other.running and not running("sleep 7301"))
        with pytest.raises(MachineError, match=r"not running\n.*Machine\.start\('other'\)"):
            other.build(app, "Dockerfile", view="none")
        with pytest.raises(MachineError, match="not running"):
            other.restore_bases()
        again = Machine.start("other", say=lambda _: None)
        assert "RAN" not in again.build(app, "Dockerfile", view="none").states()
        again.docker("rm", "--force", "nap")


# -- separate ----------------------------------------------------------------------------------------------------------


def test_a_second_machine_is_separate(machine, other, tmp_path):
    with small_app(tmp_path) as app:
        build = machine.build(app, "Dockerfile", view="none")
        assert build.image in machine.docker("images", "--format", "{{.Repository}}:{{.Tag}}")
        assert build.image not in other.docker("images", "--format", "{{.Repository}}:{{.Tag}}")
        assert "CACHED" not in other.build(app, "Dockerfile", view="none").states()


def test_docker_of_this_process_stays_where_it_was(machine):
    assert "LAYERLAB_PERSON" not in os.environ


def test_only_the_laptop_becomes_what_docker_in_a_notebook_reaches(machine):
    code = """
import os, subprocess
from layerlab import Machine
from layerlab.engines.endpoint import person_environment
machine = Machine.start("laptop", say=lambda _: None)
typed = subprocess.run(["docker", "info", "--format", "{{.Labels}}"], capture_output=True, text=True).stdout
print("layerlab.machine=laptop" in typed, "buildx" in subprocess.getoutput("docker buildx version"))
print(person_environment()["DOCKER_HOST"])
machine.remove()
"""
    assert python(code, DOCKER_HOST="unix:///person.sock").splitlines() == ["True True", "unix:///person.sock"]


@pytest.mark.parametrize("name", ["", "Laptop", "a b", "../x", "-x", "x" * 25, "seed", SEED_NAME])
def test_a_bad_name_is_refused(lab_home, name):
    with pytest.raises(MachineError, match="isn't a valid machine name"):
        Machine.start(name)


# -- cold --------------------------------------------------------------------------------------------------------------


def test_reset_makes_it_cold_and_keeps_the_base_images(other, tmp_path):
    with small_app(tmp_path) as app:
        bases = other.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        build = other.build(app, "Dockerfile", view="none")
        other.docker("volume", "create", "data")
        other.docker("network", "create", "net")
        other.docker("run", "--detach", "--network=net", "--volume=data:/data", build.image, "sleep", "600")
        other.reset()
        assert other.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split() == bases != []
        assert other.docker("ps", "--all", "--quiet") == other.docker("volume", "ls", "--quiet") == ""
        assert other.docker("network", "ls", "--format", "{{.Name}}").split() == ["bridge", "host", "none"]
        assert "CACHED" not in other.build(app, "Dockerfile", view="none").states()


def test_reset_keeps_an_added_base_image_whatever_its_name(other):
    (base,) = other.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for name in ("node:22-slim", "mine:1"):
        other.docker("tag", base, name)
    assert other.add_base("node:22-slim") == "node:22-slim"
    other.docker("volume", "create", "data")
    other.reset()
    assert set(other.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()) == {base, "node:22-slim"}
    assert other.docker("volume", "ls", "--quiet") == ""
    other.docker("image", "rm", "node:22-slim")


def test_reset_does_not_wait_for_the_old_data_to_be_deleted(other):
    """However much it is; and `docker` in a notebook that was pointed at the machine still reaches it."""
    folder, before = machine_dir("other"), other.environment
    (folder / "data" / "much").mkdir()
    other.reset()
    assert other.environment == before
    assert not (folder / "data" / "much").exists()
    assert wait_for(lambda: not list(folder.glob("data.old-*"))), "the old data is still there"


def test_old_data_whose_deletion_was_interrupted_goes_at_the_next_start(other):
    left = machine_dir("other") / "data.old-1"
    (left / "layers").mkdir(parents=True)
    kill(engine_family("other"))
    Machine.start("other", say=lambda _: None)
    assert wait_for(lambda: not left.exists())


def test_reset_of_a_dead_machine_makes_a_new_one(other):
    kill(engine_family("other"))
    other.reset()
    assert other.running


def test_reset_of_a_machine_without_data_makes_a_new_one(other):
    kill(engine_family("other"))
    shutil.rmtree(machine_dir("other"))
    other.reset()
    assert other.running
    assert other.docker("images", "--quiet")


def test_a_process_that_ended_is_gone_before_anybody_takes_note_of_it():
    """The first process of a container may take seconds for that."""
    child = subprocess.Popen(["sleep", "600"])
    process = psutil.Process(child.pid)
    assert _runs(process)
    process.kill()
    assert wait_for(lambda: process.status() == psutil.STATUS_ZOMBIE)
    assert not _runs(process)
    child.wait()
    assert not _runs(process)


# -- gone --------------------------------------------------------------------------------------------------------------


def test_an_engine_does_not_hold_on_to_what_is_unmounted_on_the_computer(lab_home, tmp_path):
    """A disk that was mounted when the engine started stayed busy for as long as that ran."""
    disk = tmp_path / "shared" / "disk"

    def mount(*words: object) -> None:
        subprocess.run(list(map(str, words)), check=True)

    disk.parent.mkdir()
    mount("mount", "-t", "tmpfs", "shared", disk.parent)
    try:
        mount("mount", "--make-shared", disk.parent)  # as systemd makes all mounts
        disk.mkdir()
        mount("mount", "-t", "tmpfs", "disk", disk)
        with Machine.start("mounts") as machine:
            (engine, *_) = [
                p for p in psutil.process_iter() if p.name() == "dockerd" and f"/{machine.name}/" in str(p.cmdline())
            ]
            seen = Path(f"/proc/{engine.pid}/mountinfo")
            assert f" {disk} " in seen.read_text()
            mount("umount", disk)
            assert f" {disk} " not in seen.read_text()
    finally:
        subprocess.run(["umount", "--recursive", disk.parent])


def test_stop_leaves_nothing(machine, tmp_path):
    gone = Machine.start("gone")
    with small_app(tmp_path) as app:
        image = gone.build(app, "Dockerfile", view="none").image
    gone.docker("network", "create", "net")
    gone.docker("run", "--detach", "--network=net", image, "sleep", "7302")
    assert left_of("gone")
    gone.remove()
    assert left_of("gone") == []
    assert not running("sleep 7302")
    assert machine.running


def test_stop_of_a_machine_whose_engine_was_killed_leaves_nothing(lab_home):
    gone = Machine.start("gone")
    kill(engine_family("gone"))
    gone.remove()
    assert left_of("gone") == []


def test_where_rules_cannot_be_removed_it_says_so_and_the_next_time_removes_them(lab_home, tmp_path, monkeypatch):
    """The packages were deleted by hand: there is `ip`, and no `iptables`."""
    gone, tools = Machine.start("gone"), packages.tool_path()
    (tmp_path / "ip").symlink_to(shutil.which("ip", path=tools["PATH"]))
    with monkeypatch.context() as patch:
        patch.setattr(packages, "tool_path", lambda: tools | {"PATH": str(tmp_path)})
        with pytest.raises(
            MachineError, match=r"firewall rules of machine 'gone' may still be there(.|\n)*layerlab clean"
        ):
            gone.remove()
    rules = [rule for rule in firewall() if network.bridge_name("gone") in rule]
    assert left_of("gone") == rules != []
    assert network.remove("gone") == len(rules)
    assert left_of("gone") == []


def test_rules_of_a_lost_bridge_do_not_take_anothers_network(lab_home, monkeypatch):
    """A bridge that is lost leaves its rules, and its network goes to the next machine: removing the first spares that."""
    given = []
    free = network._free_network
    monkeypatch.setattr(network, "_free_network", lambda: given[0] if given else free())
    lost = Machine.start("lost")
    given += {network._network_of(a) for name, a in network._addresses() if name == network.bridge_name("lost")}
    subprocess.run(["ip", "link", "delete", network.bridge_name("lost")], env=packages.tool_path(), check=True)
    with Machine.start("heir") as heir:
        lost.remove()
        assert left_of("lost") == []
        assert network.bridge_name("heir") in interfaces()
        assert heir.running


# -- shared ------------------------------------------------------------------------------------------------------------

BUILD_OR_RESET = """
import sys
from layerlab import App, Machine
from layerlab.machine import holding
what, wait, folder = sys.argv[1:]
holding.BUSY_SECONDS = float(wait)
other = Machine.start("other", say=lambda _: None)
if what == "reset":
    other.reset()
else:
    with App.from_path(folder) as app:
        print(other.build(app, "Dockerfile", view="none").error or "built")
"""


def test_a_reset_waits_for_the_build_of_another_process(other, tmp_path):
    with small_app(tmp_path, "FROM python:3.11-slim\nRUN sleep 604.303; true\n"):
        builder = start_python(BUILD_OR_RESET, "build", 60, tmp_path)
        assert wait_for(lambda: running("sleep 604.303"))
        impatient = start_python(BUILD_OR_RESET, "reset", 0.5, tmp_path)
        _, error = impatient.communicate(timeout=PATIENCE)
        assert f"Waiting up to 0 s for machine 'other': it's in use by process {builder.pid} (python, since " in error
        assert f"MachineBusy: machine 'other' is in use by process {builder.pid} (python, since " in error
        reset = start_python(BUILD_OR_RESET, "reset", PATIENCE, tmp_path)
        assert not wait_for(lambda: reset.poll() is not None, 4), "the reset did not wait"
        # The step, and so the build, goes on and ends.
        kill([p for p in running("sleep 604.303") if p.name() == "sleep"])
        assert finish(builder) == "built", "the reset did not wait"
        finish(reset)
        assert other.docker("buildx", "du").count("exec") == 0
    write_project(tmp_path)
    assert python(BUILD_OR_RESET, "build", 60, tmp_path) == "built"


def test_an_experiment_keeps_others_off_its_machine(other, tmp_path):
    with small_app(tmp_path) as app, other.alone():
        impatient = start_python(BUILD_OR_RESET, "build", 0.5, tmp_path)
        assert "MachineBusy" in impatient.communicate(timeout=PATIENCE)[1]
        other.build(app, "Dockerfile", view="none")
        other.reset()
    assert python(BUILD_OR_RESET, "build", 60, tmp_path) == "built"


# -- interrupted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_set_up_is_repaired_by_the_next_start(fresh_home, sent):
    """Killed, or interrupted with Ctrl-C, while base images go into the seed."""
    first = start_python(ENGINE_ID, "new")
    assert wait_for((run_dir() / SEED_NAME / "docker.sock").exists)
    first.send_signal(sent)
    first.communicate()
    assert bool(left_of(SEED_NAME)) == (sent == signal.SIGKILL)
    assert not (fresh_home / "cache" / SEED_NAME).exists()
    assert SEED_NAME not in [machine.name for machine in Machine.all()]
    with Machine.start("new") as new:
        assert new.docker("images", "--quiet")
        assert left_of(SEED_NAME) == []
    assert left_of("new") == []


#: Makes a machine, and is killed when what it shares with the seed is not linked yet.
KILLED_BETWEEN = """
import os, signal
from layerlab import Machine
from layerlab.engines import seed
copytree = seed.shutil.copytree
def copytree_and_die(*words, **options):
    copytree(*words, **options)
    os.kill(os.getpid(), signal.SIGKILL)
seed.shutil.copytree = copytree_and_die
Machine.start("half", say=lambda _: None)
"""


def test_an_interrupted_start_is_repaired_by_the_next(machine):
    """Half of a machine's data must not be taken for all of it."""
    first = start_python(KILLED_BETWEEN)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert (machine_dir("half") / "data.part").exists()
    with Machine.start("half") as half:
        assert half.docker("images", "--quiet")
        assert not (machine_dir("half") / "data.part").exists()


#: Removes a machine, and is killed before its data is gone.
KILLED_REMOVING = """
import os, signal
from layerlab import Machine
from layerlab.engines import network
half = Machine.start("half", say=lambda _: None)
network.remove = lambda name: os.kill(os.getpid(), signal.SIGKILL)
half.remove()
"""


def test_a_removal_that_was_interrupted_leaves_no_data_that_a_start_takes(machine):
    first = start_python(KILLED_REMOVING)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert not (machine_dir("half") / "data").exists()
    with Machine.start("half") as half:
        assert half.docker("images", "--quiet")
    assert left_of("half") == []


def test_an_engine_that_cannot_start_says_why_and_leaves_nothing(lab_home):
    folder = machine_dir("broken")
    folder.mkdir(parents=True)
    (folder / "data").write_text("a file where the engine wants a folder")
    with pytest.raises(MachineError, match=r"did not start\n(.*\n)*its log: "):
        Machine.start("broken")
    subprocess.run(["rm", "-rf", folder, run_dir() / "broken"], check=True)
    assert left_of("broken") == []


def test_the_bridge_keeps_its_address_while_containers_come_and_go(lab_home):
    """It took the lowest of theirs; when that container ended, the others found no name for up to a minute."""
    with Machine.start("bridged") as machine:
        address = Path("/sys/class/net", network.bridge_name("bridged"), "address")
        before = address.read_text()
        base = images.present(images.BASES[0], machine.docker)
        for number in range(3):
            machine.docker("run", "--detach", "--name", f"guest-{number}", base, "sleep", "60")
            assert address.read_text() == before
        machine.docker("rm", "--force", "guest-0", "guest-1")
        assert address.read_text() == before
