"""What LayerLab's programs listen on, and who can read what it keeps, are what docs/security.md says."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support import engine_family, running, small_app, tool, wait_for

from layerlab import Machine
from layerlab.commands import jupyter
from layerlab.engines import families, images, mirror, network
from layerlab.engines.seed import SEED_NAME
from layerlab.machine.registry import Registry
from layerlab.machine.registry_host import folder_of
from layerlab.system.home import cache_dir, home, home_id, machine_dir, run_dir

PAGE = Path(__file__).resolve().parents[2] / "docs/security.md"


def rows(inside_a_container: bool = False) -> list[tuple[str, str]]:
    """The page's table as pairs of a program and a pattern of the addresses that it may listen on."""
    table = PAGE.read_text().partition("## What listens\n")[2].partition("\n## ")[0]
    found = []
    for line in re.findall(r"^\| (`.*)", table, re.MULTILINE):
        program, address = line.split(" | ")[:2]
        if ("in the container" in program) == inside_a_container:
            found += [(program.split("`")[1], pattern) for pattern in re.findall("`(.*?)`", address)]
    return found


def listening(processes: list[psutil.Process], *prefix: str) -> set[tuple[str, str]]:
    """The programs of these processes, each with an address that it listens on: a path, or address:port."""
    names = {process.pid: program(process) for process in processes}
    found = set()
    for line in tool(*prefix, "ss", "-H", "-ltunxp").splitlines():
        address = line.split()[4]
        for pid in map(int, re.findall(r"pid=(\d+)", line)):
            if pid in names:
                found.add((names[pid], address))
    return found


def program(process: psutil.Process) -> str:
    words = process.cmdline()
    name = process.name() if process.name() == "nginx" else Path(words[0]).name  # its title has paths in it
    return "ipykernel_launcher" if "ipykernel_launcher" in words else "jupyterlab" if "python" in name else name


def unlisted(found: set[tuple[str, str]], listed: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """What is on no row of the page."""
    return {
        (name, address)
        for name, address in found
        if not any(name == one and fnmatch.fnmatchcase(address, pattern) for one, pattern in listed)
    }


@pytest.fixture(scope="module")
def lab(lab_home, tmp_path_factory) -> Iterator[tuple[psutil.Process, dict]]:
    """JupyterLab with one kernel, as `layerlab course` starts it; yields the process and what it says of itself."""
    folder = tmp_path_factory.mktemp("jupyter")
    paths = {"JUPYTER_RUNTIME_DIR": f"{folder}/runtime", "IPYTHONDIR": f"{folder}/ipython", "HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            jupyter.command(folder, ["--no-browser"])[:-1],
            env={**jupyter.environment(), **paths},
            stdout=log,
            stderr=log,
        )
    file = folder / "runtime" / f"jpserver-{process.pid}.json"
    try:
        assert wait_for(lambda: file.exists() and file.read_text()), (folder / "log").read_text()
        server = json.loads(file.read_text())
        assert wait_for(lambda: kernels(server, server["token"], method="POST") == 201)
        yield psutil.Process(process.pid), {**server, "runtime": folder / "runtime"}
    finally:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


def kernels(server: dict, token: str, method: str = "GET") -> int:
    """The HTTP status of a request for the kernels, or for a new one; 0 if there's no answer."""
    headers = {"Authorization": f"token {token}"} if token else {}
    request = urllib.request.Request(
        f"{server['url']}api/kernels", headers=headers, method=method, data=b"{}" if method == "POST" else None
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.fixture
def a_mirror(private) -> Iterator[list[psutil.Process]]:
    """The package mirror, whether or not this computer's stand-ins need it; yields its processes."""
    network.make("of-a-mirror", mirror.ports()[0])  # brings the mirror's address
    try:
        mirror.ensure(print)
        yield [child for first in families.of(home() / "mirror/nginx.conf") for child in first.children(recursive=True)]
    finally:
        mirror.end_if_unused()
        network.remove("of-a-mirror")


def test_what_listens_is_what_the_page_says(lab, private, a_mirror):
    """A process machine with a container that publishes a port, a registry, the mirror, and JupyterLab with a kernel."""
    jupyterlab, _ = lab
    with Machine.start("listening") as machine, Registry.start("listening"):
        base = images.present(images.BASES[0], machine.docker)
        machine.docker("run", "--detach", "--init", "--publish", "8080", base, "sleep", "600")
        registries = running(str(folder_of("listening")))
        kernel = jupyterlab.children(recursive=True)
        everything = [*engine_family("listening"), *registries, *a_mirror, jupyterlab, *kernel]
        assert wait_for(lambda: "ipykernel_launcher" in {name for name, _ in listening(everything)})
        found = listening(everything)
    assert {name for name, _ in found} == {name for name, _ in rows()}
    assert unlisted(found, rows()) == set()


def test_what_a_machine_in_the_persons_docker_listens_on_is_what_the_page_says(guest, foreign):
    with Machine.start("listening"):
        port = (machine_dir("listening") / "port").read_text()
        published = [line for line in tool("ss", "-H", "-ltn").splitlines() if f":{port} " in line]
        assert [line.split()[3] for line in published] == [f"127.0.0.1:{port}"]
        (dockerd,) = [p for p in running("layerlab.machine=listening", home_id()) if p.name() == "dockerd"]
        family = [dockerd, *dockerd.children(recursive=True)]
        found = listening(family, "nsenter", f"--target={dockerd.pid}", "--net")
    assert {name for name, _ in found} == {"dockerd", "containerd"}
    assert unlisted(found, rows(inside_a_container=True)) == set()


def test_jupyterlab_asks_for_its_token(lab):
    _, server = lab
    assert kernels(server, "") == kernels(server, "guess") == 403
    assert kernels(server, server["token"]) == 200
    for file in server["runtime"].glob("*.json"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_what_is_kept_is_closed_to_others(lab_home, tmp_path, monkeypatch, private):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "kept"))
    for name in ("engine", "images", "tools", SEED_NAME):
        if (lab_home / "cache" / name).exists():
            (cache_dir() / name).symlink_to((lab_home / "cache" / name).resolve())
    with Machine.start("kept") as machine, small_app(tmp_path / "app") as app:
        machine.build(app, "Dockerfile", view="none")
        places = [home(), machine_dir("kept"), machine_dir("kept") / "docker", run_dir() / "kept", app.path.parents[1]]
        assert {str(place): oct(place.stat().st_mode & 0o077) for place in places} == {str(p): "0o0" for p in places}


def test_the_page_has_a_row_for_each_program_and_a_made_up_listener_is_noticed():
    assert len(rows()) >= 8 and len(rows(inside_a_container=True)) >= 2
    assert unlisted({("dockerd", "0.0.0.0:2375")}, rows()) == {("dockerd", "0.0.0.0:2375")}
    assert unlisted({("docker-proxy", "127.0.0.1:8080")}, rows()) == set()
