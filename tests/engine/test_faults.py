"""What goes wrong on the way: each time a clear message, nothing left behind, and the next build works."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support import (
    PATIENCE,
    SMALL,
    engine_family,
    finish,
    kill,
    running,
    small_app,
    start_python,
    wait_for,
    write_project,
)

from layerlab import App, BuildFailed, Machine
from layerlab.engines import packages
from layerlab.errors import LayerLabError, SetupError
from layerlab.system.home import apps_dir, machine_dir

pytestmark = pytest.mark.usefixtures("private")

#: One step that is still running when the fault comes, and long after. The number is how a test finds its process.
NAP = "FROM python:3.11-slim\nWORKDIR /app\nCOPY main.py .\nRUN echo started && sleep 671.{number}\n"
BUILD = """
import sys
from layerlab import App, Machine
machine = Machine.start("faults", say=lambda _: None)
with App.from_path(sys.argv[1]) as app:
    machine.build(app, "Dockerfile", view="none")
"""


@pytest.fixture(scope="module")
def started(lab_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERLAB_ENGINE", "process")
        with Machine.start("faults") as machine:
            yield machine


@pytest.fixture
def faulty(started):
    """A machine in which a test may break what it likes."""
    return Machine.start("faults")


def clients() -> list[psutil.Process]:
    """docker commands, and their plugins, that reach the machine."""
    place = str(machine_dir("faults"))
    found = []
    for process in running("buildx", "build"):
        with contextlib.suppress(psutil.Error):
            if process.environ().get("DOCKER_CONFIG", "").startswith(place):
                found.append(process)
    return found


@contextlib.contextmanager
def next_build_works(nap: str) -> Iterator[None]:
    """After the body no step runs, no client waits, and a build as usual works."""
    yield
    assert wait_for(lambda: not running(nap)), "the engine still runs the step"
    assert wait_for(lambda: not clients()), "a docker command was left"
    with tempfile.TemporaryDirectory() as folder, small_app(Path(folder) / "next") as app:  # a new App sweeps
        assert Machine.start("faults").build(app, "Dockerfile", view="none").error == ""


@contextlib.contextmanager
def when_running(nap: str, action) -> Iterator[None]:
    """Do `action` as soon as the step is running, whatever the body is doing then."""

    def watch() -> None:
        if wait_for(lambda: running(nap)):
            action()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        watcher.join()


# -- killed and interrupted --------------------------------------------------------------------------------------------


def test_the_engine_is_killed_during_a_build(faulty, tmp_path):
    nap = "sleep 671.1"
    with next_build_works(nap), small_app(tmp_path, NAP.format(number=1)) as app:
        with when_running(nap, lambda: kill(engine_family("faults"))), pytest.raises(LayerLabError) as caught:
            faulty.build(app, "Dockerfile", view="none")
        assert "the engine of machine 'faults' died during the build" in str(caught.value)
        assert "Machine.start('faults')" in caught.value.remedy
        app.write("Dockerfile", NAP.format(number=1).replace("sleep 671.1", "true"))
        again = Machine.start("faults").build(app, "Dockerfile", view="none")
        assert again.state("COPY") == "CACHED", "its cache was lost"


def test_the_client_is_killed_during_a_build(faulty, tmp_path):
    nap = "sleep 671.2"
    with next_build_works(nap), small_app(tmp_path, NAP.format(number=2)) as app:
        with when_running(nap, lambda: kill(clients())), pytest.raises(BuildFailed) as caught:
            faulty.build(app, "Dockerfile", view="none")
        assert caught.value.exit_code == -signal.SIGKILL
        assert "the docker command was killed" in str(caught.value)


@pytest.mark.parametrize(("number", "sent"), [(3, signal.SIGKILL), (4, signal.SIGINT), (5, signal.SIGTERM)])
def test_the_kernel_is_killed_or_interrupted_during_a_build(faulty, tmp_path, number, sent):
    nap = f"sleep 671.{number}"
    project = write_project(tmp_path / "project", NAP.format(number=number))
    with next_build_works(nap):
        kernel = start_python(BUILD, project)
        assert wait_for(lambda: running(nap))
        kernel.send_signal(sent)
        _, errors = kernel.communicate(timeout=PATIENCE)
        assert kernel.returncode == -sent
        assert ("KeyboardInterrupt" in errors) == (sent == signal.SIGINT)


def test_stop_in_a_notebook_cancels_the_build(faulty, tmp_path):
    """KeyboardInterrupt is what a kernel raises in the cell that runs."""
    nap = "sleep 671.6"
    with next_build_works(nap), small_app(tmp_path, NAP.format(number=6)) as app:
        interrupt = lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # noqa: E731
        with pytest.raises(KeyboardInterrupt), when_running(nap, interrupt):
            faulty.build(app, "Dockerfile", view="none")
        assert not clients(), "the cell returned before its build had ended"


# -- no room, no index, no engine --------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(lab_home):
    """A machine whose data is on a disk of 600 MB."""
    folder = machine_dir("small-disk")
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "layerlab-test", folder], check=True)
    try:
        yield Machine.start("small-disk")
    finally:
        Machine.start("small-disk").remove()
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def test_the_disk_is_full(small_disk, tmp_path):
    big = "FROM python:3.11-slim\nRUN dd if=/dev/urandom of=/big bs=1M count=900\n"
    with small_app(tmp_path, big) as app:
        with pytest.raises(LayerLabError) as caught:
            small_disk.build(app, "Dockerfile", view="none")
        assert "the disk is full" in str(caught.value)
        assert "layerlab reset" in caught.value.remedy
        small_disk.reset()
        app.write("Dockerfile", SMALL)
        assert small_disk.build(app, "Dockerfile", view="none").error == ""


def test_no_index_answers(faulty, tmp_path):
    pip = "RUN pip install --retries 0 humanize==4.12.0"
    dockerfile = f"FROM python:3.11-slim\nARG PIP_INDEX_URL\n{pip}\n"
    with small_app(tmp_path, dockerfile) as app:
        with pytest.raises(BuildFailed) as caught:
            faulty.build(app, "Dockerfile", args={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, view="none")
        assert "line 3, RUN in stage stage-0, failed" in str(caught.value)
        assert "pip couldn't get a package from its index" in str(caught.value)
        assert "pip" in caught.value.remedy
        app.write("Dockerfile", f"FROM python:3.11-slim\n{pip}\n")
        assert faulty.build(app, "Dockerfile", view="none").error == ""


def test_no_engine_can_be_had(fresh_home, monkeypatch):
    monkeypatch.delenv("LAYERLAB_ENGINE")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(SetupError, match=r"no Docker engine answers.*not root(.|\n)*start docker") as caught:
        Machine.start("none")
    assert "layerlab doctor" in caught.value.remedy
    assert not (fresh_home / "machines" / "none").exists()


def _hang_up(listener: socket.socket) -> None:
    while True:
        listener.accept()[0].close()


@pytest.mark.parametrize("host", ["refuses", "hangs up", "no socket", "no such host", "nonsense"])
def test_a_docker_that_refuses_is_said_at_once(host, fresh_home, tmp_path, monkeypatch):
    """Such as containerd's socket: somebody listens there, but not a Docker."""
    monkeypatch.chdir(tmp_path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("docker.sock")
    if host == "hangs up":
        listener.listen()
        threading.Thread(target=_hang_up, args=(listener,), daemon=True).start()
    hosts = {"no socket": "unix:///nowhere", "no such host": "tcp://nowhere.invalid:2376", "nonsense": "foo://x"}
    monkeypatch.setenv("DOCKER_HOST", hosts.get(host, f"unix://{tmp_path}/docker.sock"))
    monkeypatch.setenv("LAYERLAB_ENGINE", "container")
    with pytest.raises(SetupError, match="no Docker engine answers") as caught:
        Machine.start("none")
    assert "DOCKER_HOST" in caught.value.remedy
    assert not (fresh_home / "machines" / "none").exists()


def test_somebody_installs_a_package_while_the_engine_is_fetched(tmp_path):
    """As `make test` does: the browser is installed beside `layerlab up`."""
    with contextlib.ExitStack() as held:
        for lock in ("dpkg/lock-frontend", "dpkg/lock", "apt/lists/lock", "cache/apt/archives/lock"):
            folder = Path("/var/cache") if lock.startswith("cache") else Path("/var/lib")
            file = held.enter_context((folder / lock.removeprefix("cache/")).open("w"))
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert packages._Apt(tmp_path / "apt").download(["dash"])
        assert packages.mirror().startswith("http")


def test_an_unknown_engine_is_refused(fresh_home, monkeypatch):
    monkeypatch.setenv("LAYERLAB_ENGINE", "podman")
    with pytest.raises(SetupError, match=r"'podman'.*\n.*container, process"):
        Machine.start("none")


# -- at the same time --------------------------------------------------------------------------------------------------


def test_two_layerlabs_build_on_one_machine_at_once(faulty, tmp_path):
    projects = [write_project(tmp_path / name, SMALL.replace("sleep 0.2", "sleep 2")) for name in ("one", "two")]
    for process in [start_python(BUILD, project) for project in projects]:
        finish(process)


def test_projects_whose_names_differ_after_a_dot_do_not_share_a_copy(lab_home, tmp_path):
    with (
        App.from_path(write_project(tmp_path / "service.v1")) as one,
        App.from_path(write_project(tmp_path / "service.v2")) as two,
        App.from_path(tmp_path / "service.v1") as three,
    ):
        assert len({one.path, two.path, three.path}) == 3
    assert not {one.path.parent, two.path.parent, three.path.parent} & set(apps_dir().iterdir())
