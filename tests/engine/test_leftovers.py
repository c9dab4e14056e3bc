"""The inventory finds each kind of thing that a fault could leave behind; without this, fault tests would prove nothing."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import leftovers
import pytest
from leftovers import nothing_left
from support import tool

from layerlab.engines.network import CONTROL_GROUPS, bridge_name
from layerlab.system.home import apps_dir, home, locked, run_dir

GONE = "gone"


@contextlib.contextmanager
def a_process() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def a_mount() -> Iterator[None]:
    folder = run_dir() / GONE
    folder.mkdir(parents=True)
    tool("mount", "-t", "tmpfs", "layerlab-test", str(folder))
    try:
        yield
    finally:
        tool("umount", str(folder))
        folder.rmdir()


@contextlib.contextmanager
def an_interface() -> Iterator[None]:
    tool("ip", "link", "add", bridge_name(GONE), "type", "bridge")
    try:
        yield
    finally:
        tool("ip", "link", "delete", bridge_name(GONE))


@contextlib.contextmanager
def a_rule() -> Iterator[None]:
    rule = (
        "FORWARD",
        "-s",
        "192.0.2.0/24",
        "-m",
        "comment",
        "--comment",
        f"layerlab {bridge_name(GONE)}",
        "-j",
        "ACCEPT",
    )
    tool("iptables", "--wait", "-A", *rule)
    try:
        yield
    finally:
        tool("iptables", "--wait", "-D", *rule)


@contextlib.contextmanager
def a_control_group() -> Iterator[None]:
    controllers = (path for path in CONTROL_GROUPS.iterdir() if path.is_dir() and not path.is_symlink())
    above = CONTROL_GROUPS if (CONTROL_GROUPS / "cgroup.procs").exists() else next(controllers)
    group = above / bridge_name(GONE)
    group.mkdir()
    try:
        yield
    finally:
        group.rmdir()


@contextlib.contextmanager
def a_loop_device() -> Iterator[None]:
    file = apps_dir() / "disk"
    file.write_bytes(bytes(1_000_000))
    device = tool("losetup", "--find", "--show", str(file)).strip()
    try:
        yield
    finally:
        tool("losetup", "--detach", device)
        file.unlink()


@contextlib.contextmanager
def a_file_in(folder: Callable[[], Path]) -> Iterator[None]:
    file = folder() / "left"
    file.touch()
    try:
        yield
    finally:
        file.unlink()


KINDS = {
    "process": a_process,
    "mount": a_mount,
    "interface": an_interface,
    "firewall rule": a_rule,
    "control group": a_control_group,
    "loop device": a_loop_device,
    "file": lambda: a_file_in(apps_dir),
    "temporary": lambda: a_file_in(lambda: Path(tempfile.gettempdir())),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_is_found(kind, lab_home, tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "SETTLED_SECONDS", 0.2)
    with (
        locked(f"machine-{GONE}"),  # its lock names the machine
        contextlib.ExitStack() as left,
        pytest.raises(AssertionError, match=f"\n{kind} "),
        nothing_left(tmp_path),
    ):
        left.enter_context(KINDS[kind]())


def test_what_others_have_does_not_count(lab_home, tmp_path, monkeypatch):
    with nothing_left(tmp_path), subprocess.Popen(["sleep", "600"], env={"LAYERLAB_HOME": "/another"}) as process:
        (tmp_path.parent / "theirs").touch()
        process.kill()
    assert home() == lab_home
