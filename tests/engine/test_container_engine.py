"""Machines as containers in the Docker that a person already has; here that is a dockerd of another home."""

from __future__ import annotations

import json
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from support import python, small_app, wait_for

from layerlab import BuildFailed, Machine
from layerlab.engines import CONTAINER, images
from layerlab.engines.seed import SEED_NAME, WRITTEN_ONCE
from layerlab.machine.cleanup import clean
from layerlab.system.home import home_id, machine_dir

ID = """
from layerlab import BuildFailed, Machine
print(Machine.start("guest", say=lambda _: None).docker("info", "--format", "{{.ID}}").strip())
"""


def person(foreign: dict[str, str], *arguments: str) -> str:
    """What the person sees in their own Docker."""
    return subprocess.run(["docker", *arguments], env=foreign, capture_output=True, text=True, check=True).stdout


def inventory(foreign: dict[str, str]) -> list[list[str]]:
    """Containers, volumes, images and networks of the person's Docker. Tags of one image come in any order, so: sorted."""
    lists = [
        ["ps", "--all", "--quiet", "--no-trunc"],
        ["volume", "ls", "--quiet"],
        ["images", "--all", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"],
        ["network", "ls", "--no-trunc"],
    ]
    return [sorted(person(foreign, *words).splitlines()) for words in lists]


def test_a_machine_lives_in_the_persons_docker_and_leaves_it_as_it_was(guest, foreign, tmp_path):
    """One test, because making the machine is what takes long: its life from start to clean."""
    before = inventory(foreign)
    machine = Machine.start("guest")
    assert (machine.engine, machine.running) == ("container", True)
    called = f"layerlab-{home_id()}-guest"

    # It builds, answers for itself, and another process finds it.
    with small_app(tmp_path / "app") as app:
        first = machine.build(app, "Dockerfile", view="none")
        assert first.state("sleep 0.2") == "RAN"
        assert machine.build(app, "Dockerfile", view="none").state("sleep 0.2") == "CACHED"
        identity = machine.docker("info", "--format", "{{.ID}}").strip()
        assert python(ID) == identity
        assert identity not in person(foreign, "info", "--format", "{{.ID}}")
        assert first.image not in person(foreign, "images", "--format", "{{.Repository}}:{{.Tag}}")

        # Killed, it is reclaimed with its cache.
        person(foreign, "kill", called)
        assert wait_for(lambda: not machine.running)
        again = Machine.start("guest")
        assert again.build(app, "Dockerfile", view="none").state("sleep 0.2") == "CACHED"

        # Reset, it is cold, and still there for who was pointed at it; a second machine is separate.
        pointed_at = again.environment
        again.reset()
        assert again.environment == pointed_at
        old = ["exec", called, "sh", "-c", "ls -d /var/lib/docker/old-* || true"]
        assert wait_for(lambda: not person(foreign, *old)), "the old data is still there"
        with Machine.start("runner") as runner:
            for cold in (again, runner):
                assert cold.build(app, "Dockerfile", view="none").state("sleep 0.2") == "RAN"
            shares_the_seed_and_cannot_change_it(foreign, runner, again)
            assert again.build(app, "Dockerfile", view="none").state("sleep 0.2") == "CACHED"

    only_with_our_certificate("guest")
    only_on_loopback(foreign, called)
    a_fork_bomb_ends_with_a_clear_error(foreign, again, called, tmp_path)

    # Everything of ours says so, and goes.
    assert set(inventory(foreign)[0]) - set(before[0])
    for kind in ("container", "volume"):
        inspected = json.loads(person(foreign, kind, "inspect", called))[0]
        assert (inspected.get("Labels") or inspected["Config"]["Labels"])["layerlab.home"] == home_id()
    again.remove()
    assert called not in person(foreign, "ps", "--all") + person(foreign, "volume", "ls")
    assert not machine_dir("guest").exists()
    assert clean().problems == ()
    assert inventory(foreign) == before


def a_fork_bomb_ends_with_a_clear_error(foreign: dict[str, str], machine: Machine, called: str, folder: Path) -> None:
    """With a limit of 200 processes: the real one is a share of the computer's."""
    assert CONTAINER.unlimited(machine.name) == []
    groups = "/sys/fs/cgroup/pids/layerlab /sys/fs/cgroup/layerlab"  # in version 1 and 2 of control groups
    person(foreign, "exec", called, "sh", "-c", f"for d in {groups}; do [ ! -e $d ] || echo 200 >$d/pids.max; done")
    bomb = "FROM python:3.11-slim\nRUN bomb() { bomb | bomb; }; bomb\n"
    with small_app(folder / "bomb", bomb) as app, pytest.raises(BuildFailed, match="more processes than it may"):
        machine.build(app, "Dockerfile", view="none")
    with small_app(folder / "next") as app:
        assert machine.build(app, "Dockerfile", view="none").error == ""
    # Nor does it publish a port for others who share that Docker.
    assert "127.0.0.1:" in machine.docker(
        "run", "--rm", "--detach", "--publish", "8080", images.present(images.BASES[0], machine.docker), "sleep", "1"
    ) + machine.docker("ps", "--format", "{{.Ports}}")


def shares_the_seed_and_cannot_change_it(foreign: dict[str, str], runner: Machine, other: Machine) -> None:
    """What is written once is reached by links into the seed's volume: else a start copies all of it."""
    called, seed = f"layerlab-{home_id()}-{runner.name}", f"layerlab-{home_id()}-{SEED_NAME}"
    for folder in WRITTEN_ONCE:
        links = f"find /var/lib/docker/{folder} -maxdepth 1 -type l"
        assert person(foreign, "exec", called, "sh", "-c", links), f"nothing in {folder} is shared"
    base = images.present(images.BASES[0], runner.docker)
    contents = (
        "find / -xdev -type f -exec md5sum {} + | grep -v ' /etc/\\(hosts\\|hostname\\|resolv.conf\\)$' | sort | md5sum"
    )
    whole = other.docker("run", "--rm", base, "sh", "-c", contents)
    spoil = "rm /etc/os-release; chmod -R 777 /usr/local; echo x >>/etc/passwd; touch /usr/bin/*"
    runner.docker("run", "--name", "spoilt", base, "sh", "-c", spoil)
    runner.docker("commit", "spoilt", "derived")
    # An image made from it is complete: what is exported comes through the links.
    with tempfile.TemporaryDirectory() as folder:
        runner.docker("save", "--output", f"{folder}/derived.tar", "derived")
        other.docker("load", "--input", f"{folder}/derived.tar")
    assert other.docker("run", "--rm", "derived", "tail", "-n", "1", "/etc/passwd") == "x\n"
    other.docker("image", "rm", "derived")
    # Removed here, it is there for all others, and for the machine itself after a reset.
    runner.docker("image", "rm", "--force", base)
    runner.docker("system", "prune", "--all", "--force")
    assert not images.present(images.BASES[0], runner.docker)
    assert other.docker("run", "--rm", base, "sh", "-c", contents) == whole
    refusal = subprocess.run(["docker", "volume", "rm", "--force", seed], env=foreign, capture_output=True, text=True)
    assert "volume is in use" in refusal.stderr


def only_with_our_certificate(name: str) -> None:
    folder, port = machine_dir(name) / "certificates", (machine_dir(name) / "port").read_text()
    assert (folder / "key.pem").stat().st_mode & 0o077 == 0
    trusting = ssl.create_default_context(cafile=folder / "ca.pem")
    no_proxy = urllib.request.ProxyHandler({})

    def version() -> int:
        opener = urllib.request.build_opener(no_proxy, urllib.request.HTTPSHandler(context=trusting))
        return opener.open(f"https://127.0.0.1:{port}/version", timeout=10).status

    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        version()
    with pytest.raises((urllib.error.URLError, ConnectionError)):  # plain text: "client sent an HTTP request to HTTPS"
        urllib.request.build_opener(no_proxy).open(f"http://127.0.0.1:{port}/version", timeout=10)
    trusting.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    assert version() == 200


def only_on_loopback(foreign: dict[str, str], called: str) -> None:
    ports = json.loads(person(foreign, "inspect", "--format", "{{json .NetworkSettings.Ports}}", called))
    published = [p for places in ports.values() for p in places or []]
    assert [p["HostIp"] for p in published] == ["127.0.0.1"]
    number = int(published[0]["HostPort"])
    listening = {c.laddr.ip for c in psutil.net_connections() if c.status == "LISTEN" and c.laddr.port == number}
    assert listening == {"127.0.0.1"}
