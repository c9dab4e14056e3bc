"""What a machine's containers can't do: be reached from other computers, and take all of this one's processes or memory."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support import THERE, engine_family, firewall, interfaces, left_of, running, small_app, wait_for

from layerlab import BuildFailed, Machine
from layerlab.engines import images, network
from layerlab.system.limits import MEMORY_PERCENT, PROCESSES_PERCENT

SERVE = "python3 -m http.server --bind 0.0.0.0 8080"
GET = "import sys, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=3); print('answered')"


@pytest.fixture(scope="module")
def machine(lab_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERLAB_ENGINE", "process")
        with Machine.start("confined") as started:
            yield started
        assert left_of("confined") == []


def base(machine: Machine) -> str:
    return images.present(images.BASES[0], machine.docker)


@contextlib.contextmanager
def container(machine: Machine, *options: str, command: str = SERVE) -> Iterator[str]:
    """A container that runs a command; yields its id."""
    made = machine.docker("run", "--detach", "--init", *options, base(machine), "sh", "-c", command).strip()
    try:
        yield made
    finally:
        machine.docker("rm", "--force", made)


def address(machine: Machine, made: str) -> str:
    return machine.docker(
        "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", made
    ).strip()


def answers(url: str, *inside: str) -> bool:
    """Whether a GET of `url` is answered, asked from here or by the command `inside`, such as a network namespace's."""
    done = subprocess.run([*inside, sys.executable, "-c", GET, url], capture_output=True, text=True)
    return done.stdout == "answered\n"


# -- others on the network ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--network", "of-compose"]], ids=["the default network", "a further network"])
def test_other_computers_cannot_reach_a_container_and_it_can_reach_them(machine, elsewhere, options):
    if options:
        machine.docker("network", "create", "of-compose")
    server = subprocess.Popen([*elsewhere, *shlex.split(SERVE)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with container(machine, *options) as made:
            url = f"http://{address(machine, made)}:8080"
            assert wait_for(lambda: answers(url), 20), "it doesn't even answer this computer"
            assert wait_for(lambda: answers(f"http://{THERE}:8080"), 20), "the other computer doesn't answer"
            assert not answers(url, *elsewhere)
            asked = machine.docker("exec", made, "python3", "-c", GET, f"http://{THERE}:8080")
            assert asked == "answered\n"
    finally:
        server.kill()
        server.wait()
        if options:
            machine.docker("network", "rm", "of-compose")


def test_containers_of_another_machine_cannot_reach_a_container(machine):
    with Machine.start("neighbour") as neighbour, container(machine) as made:
        url = f"http://{address(machine, made)}:8080"
        assert wait_for(lambda: answers(url), 20)
        with pytest.raises(Exception, match="timed out"):
            neighbour.docker("run", "--rm", base(neighbour), "python3", "-c", GET, url)
        assert machine.docker("run", "--rm", base(machine), "python3", "-c", GET, url) == "answered\n"
    assert network.bridge_name("confined") in interfaces(), "the neighbour took others' bridges with it"


@pytest.mark.parametrize("options", [[], ["--network", "of-compose"]], ids=["the default network", "a further network"])
def test_a_published_port_is_on_loopback_only(machine, options):
    if options:
        machine.docker("network", "create", "of-compose")
    with container(machine, *options, "--publish", "8080") as made:
        ports = json.loads(machine.docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", made))
        (place,) = ports["8080/tcp"]
        assert wait_for(lambda: answers(f"http://127.0.0.1:{place['HostPort']}"), 20)
        listening = {c.laddr.ip for p in engine_family("confined") for c in _listening(p, int(place["HostPort"]))}
        assert listening == {"127.0.0.1"}
    if options:
        machine.docker("network", "rm", "of-compose")


def _listening(process: psutil.Process, port: int) -> list:
    with contextlib.suppress(psutil.Error):
        return [c for c in process.net_connections() if c.status == "LISTEN" and c.laddr.port == port]
    return []


#: Runs in a network of its own, with its own /run and /sys, so that no other machine of this computer takes part.
ALONE = """
import subprocess, sys
from pathlib import Path
from layerlab.engines import network, packages
def ours():
    listing = subprocess.run(["iptables", "-S", "FORWARD"], env={**__import__("os").environ, **packages.tool_path()},
                             capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if "layerlab" in line]
forwarding = Path("/proc/sys/net/ipv4/ip_forward")
forwarding.write_text(sys.argv[1])
for name in ("one", "two"):
    network.make(name)
during = forwarding.read_text().strip(), sum("layerlab forwarding" in rule for rule in ours())
last = ours()[-1]
network.remove("one")
assert forwarding.read_text().strip() == "1", "forwarding went with the first of two"
network.remove("two")
print(*during, int("layerlab forwarding" in last), forwarding.read_text().strip(), len(ours()), *Path("/run").glob("*.was"))
"""


@pytest.mark.parametrize(("before", "seen"), [("0", "1 1 1 0 0"), ("1", "1 0 0 1 0")])
def test_the_computer_forwards_only_for_machines_and_as_before_after_the_last(lab_home, before, seen):
    """A computer that forwarded nothing doesn't become a router: what's neither from nor to a machine is dropped."""
    script = f"mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && exec {sys.executable} -c {shlex.quote(ALONE)} {before}"
    done = subprocess.run(
        ["unshare", "--net", "--mount", "--propagation", "slave", "sh", "-c", script], capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.returncode) == (seen, 0), done.stderr


def test_the_rules_are_gone_after_down(lab_home, private):
    with Machine.start("gone"):
        mine = [rule for rule in firewall() if network.bridge_name("gone") in rule]
        assert any("DROP" in rule for rule in mine)
    assert left_of("gone") == []


# -- greedy builds -----------------------------------------------------------------------------------------------------

#: Recursion in a shell, and a loop in Python; neither ends by itself.
BOMBS = {
    "recursion in a shell": ("sh", "bomb() { bomb | bomb; }; bomb"),
    "a loop in Python": ("python3", "import os\nwhile True:\n    os.fork()"),
    "threads": (
        "python3",
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=[9], daemon=True).start()",
    ),
}
HOG = ("python3", "hoard = []\nwhile True:\n    hoard.append(b'x' * 1_000_000)")


@contextlib.contextmanager
def usable() -> Iterator[None]:
    """While the body runs, other programs start and go on."""
    bystander = subprocess.Popen(["sleep", "600"])
    over, refused = threading.Event(), []

    def try_it() -> None:
        while not over.wait(0.2):
            try:
                subprocess.run(["true"], check=True)
            except (OSError, subprocess.SubprocessError) as error:
                refused.append(error)

    trying = threading.Thread(target=try_it)
    trying.start()
    try:
        yield
        assert refused == []
        assert bystander.poll() is None
    finally:
        over.set()
        trying.join()
        bystander.kill()
        bystander.wait()


@contextlib.contextmanager
def tightened(controller: str, version_1: str, version_2: str, limit: int) -> Iterator[int]:
    """Tighten a limit of the machine for the body, which would otherwise need most of the computer; yields the real one."""
    old = Path("/sys/fs/cgroup", controller, network.bridge_name("confined"), version_1)
    file = old if old.exists() else Path("/sys/fs/cgroup", network.bridge_name("confined"), version_2)
    real = file.read_text()
    file.write_text(str(limit))
    try:
        yield int(real)
    finally:
        file.write_text(real)


def fails_and_the_next_works(machine: Machine, folder: Path, program: str, script: str) -> BuildFailed:
    """Build a greedy step while other programs go on, then another project on the same engine; returns the error."""
    dockerd = [p for p in engine_family("confined") if p.name() == "dockerd"]
    dockerfile = f"FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nRUN {program} greedy.txt\n"
    greedy = small_app(folder / "greedy", dockerfile, greedy_txt=script)
    with greedy as app, usable(), pytest.raises(BuildFailed) as failed:
        machine.build(app, "Dockerfile", view="none")
    assert wait_for(lambda: not running("greedy.txt"))
    assert [p for p in engine_family("confined") if p.name() == "dockerd"] == dockerd
    with small_app(folder / "next") as app:
        assert machine.build(app, "Dockerfile", view="none").error == ""
    return failed.value


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_fork_bomb_ends_with_a_clear_error_and_the_next_build_works(machine, tmp_path, bomb):
    with tightened("pids", "pids.max", "pids.max", 200) as real:
        error = fails_and_the_next_works(machine, tmp_path, *BOMBS[bomb])
    assert "more processes than it may" in error.message
    assert f"{PROCESSES_PERCENT} %" in error.remedy
    kernel = (int(Path("/proc/sys/kernel", name).read_text()) for name in ("pid_max", "threads-max"))
    assert real == min(kernel) * PROCESSES_PERCENT // 100


def test_a_build_that_takes_all_memory_is_killed_alone(machine, tmp_path):
    with tightened("memory", "memory.limit_in_bytes", "memory.max", 200_000_000) as real:
        error = fails_and_the_next_works(machine, tmp_path, *HOG)
    assert "memory ran out" in error.message
    assert f"{MEMORY_PERCENT} %" in error.remedy
    assert abs(real / psutil.virtual_memory().total * 100 - MEMORY_PERCENT) < 1


WITHOUT = """
from layerlab import Machine
from layerlab.diagnosing.checks import look_at_machines
with Machine.start("unlimited", say=lambda _: None) as machine:
    machine.docker("version")
    print(next(line for line in look_at_machines().what.split("; ") if " unlimited " in line))
"""


def test_where_processes_cannot_be_limited_the_engine_starts_and_doctor_says_so(lab_home, private, tmp_path):
    """Here the group that limits processes is hidden from LayerLab."""
    hide = f"mount --bind {tmp_path} /sys/fs/cgroup/pids || mount --bind -o ro /sys/fs/cgroup /sys/fs/cgroup"
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "slave", "sh", "-c", f'{hide}\nexec "$0" -c "$1"', sys.executable, WITHOUT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "a build on unlimited can take all of the computer's processes" in done.stdout, done.stderr
    assert left_of("unlimited") == []
