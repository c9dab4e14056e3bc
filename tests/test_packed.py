"""Snapshots in files of their own, and how the next build, in another process, finds what hasn't changed."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_records import build_of, step_of

from layerlab.contexts import taking
from layerlab.contexts.taking import take
from layerlab.record import history, packed
from layerlab.record.snapshot import UNREADABLE, UNSAFE, Entry, Snapshot
from layerlab.system.home import machine_dir

#: As os.fsdecode makes them of any bytes that a path may have.
paths = st.binary(min_size=1, max_size=12).map(lambda name: os.fsdecode(name.replace(b"\0", b"-")))
words = st.text("0123456789abcdef", max_size=8)
entries = st.builds(
    Entry, kind=st.sampled_from(["file", "folder", "link", "other"]), mode=st.integers(0, 0o7777),
    size=st.integers(0, 2**62), content=words | paths | st.just(UNREADABLE) | st.just("block device 8:1"), attributes=words,
    unix=words,
)  # fmt: skip
times = st.integers(-(2**40), 2**62)
stats = st.tuples(st.integers(0, 2**62) | st.just(UNSAFE), times, times, st.integers(0, 2**63))


@st.composite
def snapshots(draw):
    held = draw(st.dictionaries(paths, entries, max_size=6))
    known = {path: draw(stats) for path in held if draw(st.booleans())}
    lines = st.lists(paths, max_size=3).map(tuple)
    return Snapshot(held, draw(lines), draw(paths | st.just("")), draw(lines), known)


@settings(max_examples=200)
@given(snapshots())
def test_packed_and_unpacked_is_equal(snapshot):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "context"
        file.write_bytes(b"".join(packed.pack(snapshot, {"name": "x"})))
        again = packed.unpack(file)
        assert packed.about(file) == {"name": "x"}
    assert again == snapshot and snapshot == again
    assert dict(again.stats) == dict(snapshot.stats)
    assert list(again.entries) == list(snapshot.entries)
    assert again.to_json() == snapshot.to_json()
    assert "no such path" not in again.entries and again.stats.get("no such path") is None


def test_a_file_that_was_cut_off_is_not_read(tmp_path):
    held = {"a": Entry("file", 0o644, 1, "12"), "b": Entry("link", 0o777, 0, "a")}
    whole, file = b"".join(packed.pack(Snapshot(held), {})), tmp_path / "context"
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError):
            packed.unpack(file)
    file.write_bytes(whole)
    assert packed.unpack(file) == Snapshot(held)


# -- kept with builds --------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project, and a machine that may have built it."""
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    machine_dir("laptop").mkdir(parents=True)
    (tmp_path / "shop").mkdir()
    for name in ("a.py", "b.py"):
        (tmp_path / "shop" / name).write_text("12345")
    return tmp_path / "shop"


def built(project: Path, number: int, snapshot: Snapshot | None, **more):
    build = build_of(
        step_of(), project=str(project), machine="laptop", started_at=f"2026-01-01T00:00:{number:02}", **more
    )
    build = dataclasses.replace(build, contexts={"context": snapshot} if snapshot else {}).fitted()
    history.remember(build, {"context": project})
    return build


def context_files() -> list[Path]:
    return sorted(history._all("laptop").rglob("*.context"))


def test_a_build_that_ran_beside_another_is_not_before_it(project):
    """Neither may have made all of its steps: the engine runs a step that both need once, for the one that asks first."""
    earlier, beside, this = (built(project, n, None, seconds=s) for n, s in ((1, 1.0), (5, 3.0), (6, 1.0)))
    assert [b.started_at for b in history.before(this)] == [earlier.started_at]
    assert beside in history.builds(str(project), "laptop")


def test_a_kept_build_has_its_contexts(project):
    build = built(project, 1, take(project))
    (found,) = history.builds(project, "laptop")
    assert found == build and build == found
    assert found.contexts["context"].entries.keys() == {"a.py", "b.py"}
    assert found.to_json() == build.to_json()
    assert [stat.S_IMODE(path.parent.stat().st_mode) for path in context_files()] == [0o700]
    assert [stat.S_IMODE(path.stat().st_mode) for path in context_files()] == [0o600]


def test_what_was_kept_by_an_earlier_layerlab_is_still_read(project):
    build = built(project, 1, None)
    (file,) = history._all("laptop").rglob("*.json")
    build = dataclasses.replace(build, contexts={"context": take(project)})
    file.write_text(json.dumps(build.to_json()))
    assert history.builds(project, "laptop") == [build]


def test_one_command_may_build_several_services_and_each_keeps_its_own(project):
    for number in range(history.KEPT + 2):
        built(project, number, None, service="api")
        web = built(project, number, None, service="web")
    assert [b.service for b in history.before(web)] == ["web"] * (history.KEPT - 1)
    plain = built(project, 59, None)
    assert history.before(plain) == [], "a service is another image"
    assert len(history.builds(project, "laptop")) == 2 * history.KEPT + 1


def test_a_context_is_found_wherever_it_was_built(project):
    built(project, 1, take(project))
    assert history.snapshot_of(project, project) == take(project)
    assert history.snapshot_of(project, project, "other") is None


def test_an_unchanged_context_is_kept_once_however_often_it_is_built(project, monkeypatch):
    monkeypatch.setattr(taking, "CLOCK_STEP", 0)
    time.sleep(0.02)
    for number in range(history.KEPT + 3):
        previous = history.snapshot_of(project, project, "laptop")
        built(project, number, take(project, previous=previous))
    assert len(context_files()) == history.KEPT
    assert len({path.stat().st_ino for path in context_files()}) == 1
    assert len({id(build.contexts["context"]) for build in history.builds(project, "laptop")}) == 1, "nor read twice"
    (project / "a.py").write_text("other")
    built(project, 40, take(project, previous=history.snapshot_of(project, project, "laptop")))
    newest, before = history.builds(project, "laptop")[:2]
    assert newest.contexts["context"].entries["a.py"] != before.contexts["context"].entries["a.py"]
    assert newest.contexts["context"].entries["b.py"] == before.contexts["context"].entries["b.py"]


def test_a_damaged_context_is_unknown_and_the_build_stays(project):
    built(project, 1, take(project))
    (file,) = context_files()
    for damaged in (b"", b"{}\n", b"[]\n", b"3", file.read_bytes()[:-1]):
        file.write_bytes(damaged)
        (found,) = history.builds(project, "laptop")
        assert found.contexts.get("context") is None
        assert history.snapshot_of(project, project, "laptop") is None


def test_only_a_snapshot_of_the_same_folder_is_taken(project, tmp_path):
    built(project, 1, take(project))
    assert history.snapshot_of(project, project, "laptop") == take(project)
    assert history.snapshot_of(tmp_path, project, "laptop") is None
    assert history.snapshot_of(project, tmp_path, "laptop") is None
    history.forget("laptop")
    assert history.snapshot_of(project, project, "laptop") is None


NEXT_PROCESS = """
import pickle, sys
from pathlib import Path
from layerlab.contexts import taking
from layerlab.record import history

honest, read = taking._hash, []
taking._hash = lambda place, *rest: read.append(place.rpartition("/")[2]) or honest(place, *rest)
project = Path(sys.argv[1])
previous = history.snapshot_of(project, project, "laptop")
now = taking.take(project, previous=previous)
sys.stdout.buffer.write(pickle.dumps((read, now is previous, dict(now.entries))))
"""


def next_process(project: Path):
    """Take the next snapshot in another process; return the names of the files it read, whether all is the same, entries."""
    done = subprocess.run([sys.executable, "-c", NEXT_PROCESS, project], capture_output=True, check=True)
    return pickle.loads(done.stdout)


def test_another_process_reads_only_what_changed(project, monkeypatch):
    monkeypatch.setattr(taking, "CLOCK_STEP", 0)
    time.sleep(0.02)
    first = take(project)
    built(project, 1, first)
    assert next_process(project) == ([], True, first.entries)
    before = (project / "a.py").stat()
    (project / "a.py").write_text("54321")
    os.utime(project / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = (project / "a.py").stat()
    assert (before.st_size, before.st_mtime_ns, before.st_ino) == (after.st_size, after.st_mtime_ns, after.st_ino)
    read, same, entries = next_process(project)
    assert (read, same) == (["a.py"], False)
    assert entries == take(project).entries != first.entries


def test_a_change_leaves_the_rows_of_all_else_and_is_kept(project, monkeypatch):
    monkeypatch.setattr(taking, "CLOCK_STEP", 0)
    for number, change in enumerate([lambda: (project / "a.py").chmod(0o700), lambda: (project / "b.py").unlink()]):
        time.sleep(0.02)
        built(project, number, take(project, previous=history.snapshot_of(project, project, "laptop")))
        change()
        now = take(project, previous=history.snapshot_of(project, project, "laptop"))
        built(project, 10 + number, now)
        fresh = take(project)
        assert now == fresh == history.builds(project, "laptop")[0].contexts["context"]
        assert dict(now.stats) == dict(fresh.stats)


def test_a_file_that_changed_just_before_is_read_again_by_another_process(project):
    built(project, 1, take(project))
    assert next_process(project)[0] == ["a.py", "b.py"]
