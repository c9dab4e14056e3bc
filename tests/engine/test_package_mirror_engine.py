"""The package mirror: builds on stand-ins find an index that lets them keep what they fetch, as readers at home do.

The index behind it is a real one of the tests' own (headless_index.py), so they don't depend on what this computer's sends.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from headless_index import JSON, serving
from support import borrowed_home, kill, left_of, running, small_app, wait_for

from layerlab import App, Build, BuildFailed, Machine
from layerlab.diagnosing.checks import look_at_leftovers
from layerlab.engines import mirror, network
from layerlab.engines.mirror_config import FILE_CONTROL, OUT_OF_REACH, PAGE_CONTROL
from layerlab.engines.seed import SEED_NAME
from layerlab.machine import package_mirror
from layerlab.machine.cleanup import clean
from layerlab.system.home import home, run_dir

MOUNT = "--mount=type=cache,target=/root/.cache"
PIP = f"""FROM python:3.11-slim
COPY requirements.txt .
RUN {MOUNT} pip install -r requirements.txt
"""
UV = f"""FROM python:3.11-slim
COPY uv /usr/local/bin/
COPY requirements.txt .
RUN {MOUNT} uv pip install --system -r requirements.txt
"""
URL = f"http://{network.MIRROR}/simple"


@pytest.fixture(scope="module")
def index(lab_home, tmp_path_factory):
    """The index; LAYERLAB_HOME is a home with a seed of its own, whose stand-ins use the mirror of this index."""
    with serving("apple", "pear", "quince", "plum") as index, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERLAB_HOME", str(borrowed_home(tmp_path_factory.mktemp("mirror") / "home", lab_home)))
        patch.setenv("LAYERLAB_ENGINE", "process")
        patch.setenv("LAYERLAB_HUB", "no")
        patch.setenv("PIP_INDEX_URL", index.url)
        yield index
        clean()


@pytest.fixture(scope="module")
def machine(index) -> Iterator[Machine]:
    yield Machine.start("mirrored")


@pytest.fixture
def project(tmp_path) -> Iterator[App]:
    with small_app(tmp_path / "project", PIP) as app:
        yield app


def built(machine: Machine, app: App, *packages: str) -> tuple[Build, package_mirror.Traffic]:
    """Build the app with these requirements; returns the record, and what the mirror served."""
    app.write("requirements.txt", "".join(f"{package}\n" for package in packages))
    with package_mirror.counting() as traffic:
        build = machine.build(app, "Dockerfile", view="none")
    return build, traffic


def log_of(build: Build) -> str:
    return "".join(step.log for step in build.steps)


def wheels(*projects: str) -> list[str]:
    return [f"{project}-1.0-py3-none-any.whl" for project in projects]


def get(address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer to this computer; words in the names of headers have _ between them."""
    request = urllib.request.Request(address, headers={name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status, {name.lower(): text for name, text in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): text for name, text in error.headers.items()}, error.read()


# -- what builds see ---------------------------------------------------------------------------------------------------


def test_with_a_cache_mount_pip_downloads_only_the_new_package(machine, project):
    machine.reset()
    _, cold = built(machine, project, "apple", "pear")
    assert (sorted(cold.files), sorted(cold.pages)) == (wheels("apple", "pear"), ["apple", "pear"])
    build, edited = built(machine, project, "apple", "pear", "quince")
    assert (edited.files, edited.pages, edited.not_modified) == (wheels("quince"), ["quince"], 2)
    assert log_of(build).count("Using cached") == 2
    assert edited.file_bytes < cold.file_bytes
    assert edited.requests == {"page": 3, "file": 1, "metadata": 0}


def test_with_a_cache_mount_uv_downloads_only_the_new_package(machine, tmp_path):
    machine.reset()
    with small_app(tmp_path / "project", UV) as app:
        shutil.copy(Path(sys.executable).with_name("uv"), app.path / "uv")
        _, cold = built(machine, app, "apple", "pear")
        assert set(cold.files) == set(wheels("apple", "pear"))
        _, edited = built(machine, app, "apple", "pear", "quince")
        assert (set(edited.files), edited.pages) == (set(wheels("quince")), ["quince"])


def test_without_a_cache_mount_pip_downloads_all_again(machine, tmp_path):
    with small_app(tmp_path / "project", PIP.replace(f"{MOUNT} ", "")) as app:
        built(machine, app, "apple")
        _, edited = built(machine, app, "apple", "pear")
    assert sorted(edited.files) == wheels("apple", "pear")


def test_an_office_that_forbids_keeping_can_be_had_too(machine, project):
    machine.reset()
    with package_mirror.forbidding(machine):
        _, cold = built(machine, project, "apple", "pear")
        build, edited = built(machine, project, "apple", "pear", "quince")
    assert sorted(edited.files) == wheels("apple", "pear", "quince")
    assert (edited.not_modified, log_of(build).count("Using cached")) == (0, 0)
    assert edited.file_bytes > cold.file_bytes
    _, first = built(machine, project, "plum")
    build, _ = built(machine, project, "plum", "apple")
    assert first.files == wheels("plum") and "Using cached" in log_of(build), "outside the `with` it's as before"


@pytest.mark.parametrize(
    "own",
    [
        "ARG PIP_INDEX_URL\nRUN pip install --retries 0 apple",
        "RUN mkdir -p /root/.config/pip && printf '[global]\\nindex-url = http://127.0.0.1:9/simple\\n' "
        ">/root/.config/pip/pip.conf && pip install --retries 0 apple",
        "RUN printf '[global]\\nindex-url = http://127.0.0.1:9/simple\\n' >/etc/pip.conf && pip install --retries 0 apple",
        "RUN pip install --retries 0 --index-url http://127.0.0.1:9/simple apple",
    ],
    ids=["a build argument", "the user's configuration", "the computer's configuration", "an option"],
)
def test_an_index_of_ones_own_wins(machine, tmp_path, own):
    with (
        small_app(tmp_path / "project", f"FROM python:3.11-slim\n{own}\n") as app,
        package_mirror.counting() as traffic,
        pytest.raises(BuildFailed) as caught,
    ):
        machine.build(app, "Dockerfile", args={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, view="none")
    assert "127.0.0.1" in caught.value.output
    assert traffic.served == ()


def test_a_build_on_the_hosts_network_finds_it(machine, tmp_path):
    machine.reset()  # it has started last then: another home's machine may have since it began
    text = "FROM python:3.11-slim\nRUN --network=host pip install apple\n"
    with small_app(tmp_path / "project", text) as app, package_mirror.counting() as traffic:
        machine.build(app, "Dockerfile", options=["--allow", "network.host"], view="none")
    assert traffic.files == wheels("apple")


# -- what it sends -----------------------------------------------------------------------------------------------------


def test_a_page_has_pypis_headers_and_is_sent_once(machine):
    status, headers, body = get(f"{URL}/apple/", Accept=f"{JSON}, text/html;q=0.1", Accept_Encoding="gzip")
    assert (status, headers["content-type"], headers["cache-control"]) == (200, JSON, PAGE_CONTROL)
    assert "Accept" in headers["vary"]
    (file,) = json.loads(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)["files"]
    assert file["url"].startswith("/files/"), "it leads to the mirror"
    assert get(f"{URL}/apple/", Accept=JSON, If_None_Match=headers["etag"])[0] == 304
    assert get(f"{URL}/apple/", Accept="text/html")[1]["content-type"].startswith("text/html")
    assert get(f"{URL}/nothing-of-the-kind/")[0] == 404


def test_a_file_has_pypis_headers_and_parts_of_it_can_be_had(machine, index):
    file = json.loads(get(f"{URL}/apple/", Accept=JSON)[2])["files"][0]
    address = f"http://{network.MIRROR}{file['url']}"
    whole = index.files["apple"][file["filename"]]
    status, headers, body = get(address)
    assert (status, headers["cache-control"], body) == (200, FILE_CONTROL, whole)
    assert headers["etag"] and headers["accept-ranges"] == "bytes"
    status, headers, body = get(address, Range="bytes=-100")
    assert (status, body, headers["content-range"]) == (
        206,
        whole[-100:],
        f"bytes {len(whole) - 100}-{len(whole) - 1}/{len(whole)}",
    )


def test_a_changed_page_has_another_etag(machine, index):
    port = mirror.ports()[0]
    first = get(f"http://{network.MIRROR}:{port}/simple/plum/", Accept="text/html")[1]["etag"]
    index.publish("plum", "1.1")
    # Another form of the page, which the mirror doesn't have yet.
    for form in ("application/vnd.pypi.simple.v1+html", JSON):
        assert get(f"http://{network.MIRROR}:{port}/simple/plum/", Accept=form, If_None_Match=first)[0] == 200


def test_it_is_no_way_to_other_hosts(machine):
    for path in ("/files/000000/x.whl", "//127.0.0.1:9/x", "/http://127.0.0.1:9/x"):
        assert get(f"http://{network.MIRROR}{path}")[0] == 404


def test_other_computers_cannot_use_it(machine, elsewhere):
    asked = "import sys, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=3); print('answered')"
    for port in mirror.ports():
        address = f"http://{network.MIRROR}:{port}/simple/apple/"
        assert get(address)[0] == 200
        done = subprocess.run([*elsewhere, sys.executable, "-c", asked, address], capture_output=True, text=True)
        assert done.returncode != 0 and "timed out" in done.stderr


# -- coming and going --------------------------------------------------------------------------------------------------


def test_two_machines_share_what_was_fetched_and_the_second_needs_no_network(machine, project, index):
    machine.reset()
    built(machine, project, "apple", "pear")
    asked = len(index.asked)
    with Machine.start("second") as second:
        _, traffic = built(second, project, "apple", "pear")
        assert sorted(traffic.files) == wheels("apple", "pear")
        assert (traffic.received_bytes, len(index.asked)) == (0, asked)
    assert mirror.running(), "it's still needed"


def test_a_killed_mirror_is_back_with_the_next_start(machine, project):
    machine.reset()
    kill(running(str(home() / "mirror/nginx.conf")))
    assert wait_for(lambda: not mirror.running(), 10)
    with pytest.raises(BuildFailed):
        built(machine, project, "apple")
    Machine.start("mirrored")
    _, traffic = built(machine, project, "apple")
    assert traffic.files == wheels("apple")


@contextlib.contextmanager
def another_home(folder: Path) -> Iterator[None]:
    """LAYERLAB_HOME is another home with the same seed; everything in it is removed at the end."""
    with pytest.MonkeyPatch.context() as patch:
        other = borrowed_home(folder, home())
        (other / "cache" / SEED_NAME).symlink_to(home() / "cache" / SEED_NAME)
        patch.setenv("LAYERLAB_HOME", str(other))
        try:
            yield
        finally:
            done = clean()
        assert done.problems == ()


def test_where_the_index_is_out_of_reach_pip_and_layerlab_say_so(machine, project, tmp_path, monkeypatch):
    with another_home(tmp_path / "home"):
        with serving("apple") as gone:
            monkeypatch.setenv("PIP_INDEX_URL", gone.url)
            lonely = Machine.start("lonely")
            built(lonely, project, "apple")
        built(lonely, project, "apple", "# pip asks again, and the mirror has it")
        with pytest.raises(BuildFailed) as caught:
            built(lonely, project, "apple", "pear")
    assert f"{OUT_OF_REACH} 127.0.0.1:{gone.server_port}" in caught.value.output
    assert "package mirror couldn't reach" in str(caught.value)


def test_another_home_has_its_own_and_neither_disturbs_the_other(machine, project, tmp_path):
    machine.reset()
    before = len(package_mirror.served().served)
    with another_home(tmp_path / "home"):
        with Machine.start("mirrored") as stranger:
            _, theirs = built(stranger, project, "apple")
            assert theirs.files == wheels("apple")
        assert not mirror.running()
    assert mirror.running()
    assert len(package_mirror.served().served) == before
    _, traffic = built(machine, project, "apple")
    assert traffic.files == wheels("apple")


def test_doctor_and_clean_know_one_that_was_left(machine, lab_home, tmp_path, index):
    """A process that was killed while it removed the last machine left the mirror running."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERLAB_HOME", str(borrowed_home(tmp_path / "left", lab_home)))
        assert not mirror.unused()
        mirror.ensure(print)
        assert mirror.running() and mirror.unused()
        finding = look_at_leftovers()
        assert (finding.ok, "package mirror" in finding.what) == (None, True)
        done = clean()
        assert "package mirror" in done.removed and done.problems == ()
        assert not mirror.running() and not home().exists()


def test_it_goes_with_the_last_machine_and_leaves_what_it_fetched(machine):
    assert mirror.running()
    machine.remove()
    assert not mirror.running()
    assert running(str(home() / "mirror")) == []
    assert left_of("mirrored") == []
    assert not (run_dir() / ".mirror").exists()
    assert any((home() / "cache/mirror").rglob("*")), "tomorrow's builds need no network"
