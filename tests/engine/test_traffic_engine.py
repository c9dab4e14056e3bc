"""Downloads are counted where they flow: also those that no log reports, in both kinds of engine."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest
from support import base_id, running, small_app, wait_for

from layerlab import Build, Machine
from layerlab.traces.downloads import downloaded_bytes

#: What the quiet steps below fetch, bytes, from a container on the machine: no index and no header decides how much that is.
SIZE = 3_000_000
#: What the protocols may add to it.
MOST = int(SIZE * 1.1)
SERVE = "cd /tmp && head -c 3000000 /dev/urandom > data && python3 -m http.server 8000"
FETCH = "python3 -c \"import urllib.request as u; u.urlopen('http://files:8000/data').read()\""
FROM = "FROM python:3.11-slim\n"


@pytest.fixture
def served(machine) -> Iterator[list[str]]:
    """The build option under which a file server on the machine has a name."""
    with served_on(machine) as option:
        yield [option]


@contextlib.contextmanager
def served_on(machine: Machine) -> Iterator[str]:
    machine.docker("run", "--detach", "--name", "files", base_id(machine), "sh", "-c", SERVE)
    try:
        address = machine.docker(
            "inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "files"
        ).strip()
        machine.docker(
            "exec", "files", "sh", "-c",
            "until python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8000))\"; do sleep 0.1; done",
        )  # fmt: skip
        yield f"--add-host=files:{address}"
    finally:
        machine.docker("rm", "--force", "--volumes", "files")


def built(machine: Machine, folder, dockerfile: str, options: list[str] = [], **files: str) -> Build:  # noqa: B006
    with small_app(folder, dockerfile, **files) as app:
        return machine.build(app, "Dockerfile", options=[*options, "--output=type=cacheonly"], view="none")


def test_quiet_downloads_are_counted_and_cached_steps_download_nothing(machine, served, tmp_path):
    text = f"{FROM}RUN true\nRUN {FETCH} >/dev/null 2>&1\nRUN --network=none true\n"
    build = built(machine, tmp_path / "a", text, served)
    _, idle, fetch, alone = build.steps
    assert build.downloads_counted and all(s.downloads_counted for s in build.steps)
    assert SIZE <= fetch.downloaded_bytes <= MOST and idle.downloaded_bytes < 10_000 and alone.downloaded_bytes == 0
    assert build.downloaded_bytes == fetch.downloaded_bytes + idle.downloaded_bytes
    again = built(machine, tmp_path / "b", text, served)
    assert again.state("urlopen") == "CACHED" and again.downloads_counted and again.downloaded_bytes == 0


def test_uv_and_pip_are_counted_though_their_logs_say_nothing(machine, tmp_path):
    """uv announces only large files, and a quiet pip none."""
    text = (
        f"{FROM}RUN pip install --quiet --no-cache-dir uv==0.13.8 >/dev/null 2>&1 && uv venv /venv\n"
        "RUN uv pip install --python /venv humanize==4.12.3\n"
    )
    pip, uv = built(machine, tmp_path / "a", text).steps[1:]
    assert pip.downloads_counted and uv.downloads_counted
    assert pip.downloaded_bytes > 10_000_000
    assert 100_000 < uv.downloaded_bytes < 2_000_000  # the wheel, and the index's page


def test_apt_is_counted_as_it_says_itself(machine, tmp_path):
    (step,) = built(machine, tmp_path / "a", f"{FROM}RUN apt-get update\n").steps[1:]
    said = downloaded_bytes(step.log)
    assert step.downloads_counted and said > 100_000
    assert said <= step.downloaded_bytes <= said * 1.1 + 20_000


PARALLEL = (
    f"{FROM.strip()} AS base\nFROM base AS one\nRUN {FETCH} && sleep 1 && touch /one\n"
    f"FROM base AS two\nRUN {FETCH} && {FETCH} && sleep 1 && touch /two\n"
    "FROM base\nCOPY --from=one /one /\nCOPY --from=two /two /\n"
)


def test_steps_at_the_same_time_are_counted_together(machine, served, tmp_path):
    build = built(machine, tmp_path / "a", PARALLEL, served)
    assert build.downloads_counted and 3 * SIZE <= build.downloaded_bytes <= 3 * MOST
    for step in build.steps:
        assert step.downloaded_bytes <= 2 * MOST, "no step gets more than it can have had"


def test_other_containers_and_builds_make_it_unknown_and_then_the_log_counts(machine, served, tmp_path):
    """The container comes while the step runs, so its cable may be the step's."""
    text = f"{FROM}RUN echo 'Downloading six-1.17.0.whl (11 kB)' && sleep 4\n"
    timer = threading.Timer(2, machine.docker, ("run", "--rm", base_id(machine), "sleep", "1"))
    timer.start()
    build = built(machine, tmp_path / "a", text)
    timer.join()
    step = build.steps[-1]
    assert (step.downloads_counted, step.downloaded_bytes, build.downloads_counted) == (False, 11_000, False)


def test_a_container_that_runs_beside_it_all_along_does_no_harm(machine, served, tmp_path):
    machine.docker(
        "run", "--detach", "--name", "busy", *served, base_id(machine), "sh", "-c", f"while :; do {FETCH}; done"
    )
    try:
        step = built(machine, tmp_path / "a", f"{FROM}RUN {FETCH} && sleep 2\n", served).steps[-1]
    finally:
        machine.docker("rm", "--force", "busy")
    assert not step.downloads_counted or SIZE <= step.downloaded_bytes <= MOST


def test_the_network_of_the_computer_is_not_counted(machine, tmp_path):
    text = f"{FROM}RUN --network=host echo 'Downloading six-1.17.0.whl (11 kB)'\n"
    build = built(machine, tmp_path / "a", text, ["--allow=network.host"])
    assert (build.steps[-1].downloads_counted, build.downloaded_bytes) == (False, 11_000)
    forced = built(machine, tmp_path / "b", f"{FROM}RUN echo forced\n", ["--network=host", "--allow=network.host"])
    assert not forced.downloads_counted
    add = built(machine, tmp_path / "c", f"{FROM}RUN --network=none echo none\n")
    assert add.downloads_counted and add.downloaded_bytes == 0


def test_a_build_in_the_persons_docker_is_counted(guest, tmp_path):
    """Its counters are inside a container."""
    machine = Machine.start("guest", say=lambda _: None)
    assert machine.engine == "container"
    with served_on(machine) as option:
        build = built(machine, tmp_path / "a", f"{FROM}RUN {FETCH} >/dev/null 2>&1\nRUN true\n", [option])
    fetch = build.steps[1]
    assert build.downloads_counted and SIZE <= fetch.downloaded_bytes <= MOST
    assert wait_for(lambda: not running("sh -c", "tx_bytes", "docker0")), "what sampled there is still there"
