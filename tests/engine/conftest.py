"""Every test in this folder uses a real engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiers
from fault_table import TESTS
from leftovers import nothing_left
from support import HERE, THERE, borrowed_home, tool

import layerlab.engines
from layerlab.engines.seed import SEED_NAME
from layerlab.system.home import locked


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.engine)


@pytest.fixture(autouse=True)
def nothing_is_left(request, tmp_path_factory):
    """Each fault test counts what it leaves behind: processes, mounts, interfaces, rules, control groups, files, containers."""
    if tiers.named(request.node.nodeid).partition("[")[0] not in TESTS:
        yield
        return
    request.getfixturevalue("lab_home")
    with nothing_left(tmp_path_factory.mktemp("temporary")):
        yield


@pytest.fixture
def fresh_home(tmp_path, lab_home, monkeypatch) -> Path:
    """LAYERLAB_HOME is a home where nothing was ever started; its machines are stopped at the end."""
    from layerlab import Machine

    monkeypatch.setenv("LAYERLAB_HOME", str(borrowed_home(tmp_path / "fresh-home", lab_home)))
    yield tmp_path / "fresh-home"
    for machine in Machine.all():
        machine.remove()
    layerlab.engines.ENGINES["process"].clean()


@pytest.fixture
def private(lab_home, monkeypatch):
    """Machines started from here on are private processes, whatever the computer has."""
    monkeypatch.setenv("LAYERLAB_ENGINE", "process")


@pytest.fixture(scope="session")
def foreign(lab_home, tmp_path_factory) -> dict[str, str]:
    """Variables that reach a Docker which is not LayerLab's: it stands for the Docker that a person already has.

    It is a private dockerd of another home. The program, plugins and configuration are the person's own too.
    """
    from layerlab import Machine

    home = borrowed_home(tmp_path_factory.mktemp("person") / "home", lab_home)
    (home / "cache" / SEED_NAME).symlink_to(lab_home / "cache" / SEED_NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERLAB_ENGINE", "process")
        Machine.start("borrow-a-seed").remove()
        patch.setenv("LAYERLAB_HOME", str(home))
        person = Machine.start("person")
        variables = {name: value for name, value in person.environment.items() if value}
    yield variables
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERLAB_HOME", str(home))
        person.remove()


@pytest.fixture
def guest(foreign, tmp_path, lab_home, monkeypatch) -> dict[str, str]:
    """From here on LayerLab has a fresh home, and the person's Docker is `foreign`; everything is removed at the end.

    Returns what makes another process see the same.
    """
    from layerlab.machine.cleanup import clean

    variables = {**foreign, "LAYERLAB_HOME": str(borrowed_home(tmp_path / "home", lab_home)), "LAYERLAB_HUB": "no"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LAYERLAB_ENGINE", raising=False)
    yield variables
    clean()


@pytest.fixture
def elsewhere() -> Iterator[list[str]]:
    """Another computer on the same network, which sends everything through this one: a network namespace; yields its prefix."""
    name, inside = f"ll-test-{os.getpid()}", ["ip", "netns", "exec", f"ll-test-{os.getpid()}"]
    with locked(
        "elsewhere", folder=Path(tempfile.gettempdir()), wait=600
    ):  # its addresses are the same in each process
        tool("ip", "netns", "add", name)
        try:
            tool("ip", "link", "add", "llt0", "type", "veth", "peer", "name", "llt1", "netns", name)
            tool("ip", "address", "add", f"{HERE}/30", "dev", "llt0")
            tool("ip", "link", "set", "llt0", "up")
            tool(*inside, "ip", "address", "add", f"{THERE}/30", "dev", "llt1")
            for link in ("lo", "llt1"):
                tool(*inside, "ip", "link", "set", link, "up")
            tool(*inside, "ip", "route", "add", "default", "via", HERE)
            yield inside
        finally:
            tool("ip", "link", "delete", "llt0")
            tool("ip", "netns", "delete", name)


# -- labs --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def check(machine, request, tmp_path):
    """Check files of the test module's LAB: a text stands for the lab's only file, a dict has several by name."""
    from layerlab import labs
    from layerlab.course import check_lab

    def check(files: str | dict[str, str]):
        lab = labs.find(request.module.LAB)
        texts = files if isinstance(files, dict) else dict(zip(lab.files, [files], strict=True))
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        return check_lab(machine, lab.name, tmp_path if isinstance(files, dict) else tmp_path / next(iter(texts)))

    return check


@pytest.fixture
def met():
    """Count how many goals a verdict meets before the first that it misses."""
    return lambda verdict: next((i for i, (_, done) in enumerate(verdict.goals) if not done), len(verdict.goals))
