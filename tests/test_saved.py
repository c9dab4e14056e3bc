"""Records in a folder that travels between CI jobs and computers: what fits, what is kept, and what is done about bad files."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_explain import build as plain_build
from test_hostile_records import NESTED, recorded

from layerlab.commands.main import main
from layerlab.errors import FileError
from layerlab.explaining.why import explain
from layerlab.record import saved
from layerlab.record.build import Build
from layerlab.record.snapshot import Entry, Snapshot
from layerlab.system.checkout import Checkout, checkout

MAIN, FEATURE = Checkout("shop", "main", "main"), Checkout("shop", "feature/x", "main")
FILES = Snapshot({"a": Entry("file", 0o644, 1, "aa")}, stats={"a": (1, 2, 3, 4)})


@pytest.fixture(autouse=True)
def home(own_home):
    """None of these tests uses another's home."""


def made(second: int, **more) -> Build:
    """A build of a tenth of a second, at that second of an hour."""
    fields = {"started_at": f"2026-11-28T10:{second // 60:02}:{second % 60:02}.000+00:00", "seconds": 0.1}
    fields |= {"contexts": {"context": FILES}, "cache": "one"}
    return plain_build("FROM p\nCOPY a /\nRUN one\n", **(fields | more)).fitted()


def nothing_said(line: str) -> None:
    raise AssertionError(line)


def found(build: Build, folder: Path, where: Checkout = MAIN) -> list[str]:
    """Minute and second of the builds that it's compared with, and the branch where that's another."""
    earlier = saved.earlier(build, folder, where, nothing_said)
    return [b.started_at[14:19] + (f" {b.branch}" if b.branch != where.branch else "") for b in earlier]


def records(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*/*.json.gz"))


def contexts(folder: Path) -> list[Path]:
    return sorted((folder / "contexts").glob("*.gz"))


# -- there and back ----------------------------------------------------------------------------------------------------


def test_a_record_comes_back_as_it_was_but_for_trace_and_dates(tmp_path):
    build = dataclasses.replace(recorded("code_edit"), trace="{}\n", cache="one")
    saved.save(build, tmp_path, MAIN)
    later = dataclasses.replace(build, started_at="2026-11-28T11:00:00.000+00:00")
    (back,) = saved.earlier(later, tmp_path, MAIN, nothing_said)
    assert back.contexts["context"].entries == build.contexts["context"].entries
    assert not back.contexts["context"].stats
    same = dataclasses.replace(back, contexts=build.contexts, trace=build.trace, branch="")
    assert same == build


def test_it_is_compact_and_its_owners(tmp_path):
    folder = tmp_path / "records"
    file = saved.save(recorded("uv"), folder, MAIN)
    whole = recorded("uv").save(tmp_path / "whole.json")
    assert file.stat().st_size < whole.stat().st_size / 4
    for place in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(place.stat().st_mode)
        assert mode == (0o700 if place.is_dir() else 0o600) or place.suffix == ".lock", place


@pytest.mark.parametrize("place", ["records", ".layerlab/records", "a/b/c"])
def test_records_in_a_context_are_found_by_their_path_in_there(place, tmp_path):
    """A rule such as `records` would keep out only what's at the top."""
    folder = tmp_path / place
    file = saved.save(made(0), folder, MAIN)
    paths = [path.relative_to(tmp_path).as_posix() for path in (*file.parents[2::-1], file)]
    seen = Snapshot({path: Entry("file", 0o644, 1, "aa") for path in paths})
    assert saved.copied(made(1, contexts={"context": seen}), folder, MAIN) == place
    assert saved.copied(made(1), folder, MAIN) == ""


def test_equal_contexts_are_kept_once_whatever_their_dates(tmp_path):
    other = dataclasses.replace(FILES, stats={"a": (9, 9, 9, 9)})
    for second, context in enumerate([FILES, other, Snapshot({"a": Entry("file", 0o600, 1, "aa")})]):
        saved.save(made(second, contexts={"context": context}), tmp_path, MAIN)
    assert len(contexts(tmp_path)) == 2


def test_no_secret_is_in_a_record(tmp_path):
    text = "FROM p\nARG API_TOKEN\nCOPY a /\nRUN login --token hunter2hunter2\n"
    build = plain_build(text, args={"API_TOKEN": "xyzzy-xyzzy"}, started_at="2026-11-28T10:00:00+00:00")
    saved.save(build.fitted(), tmp_path, MAIN)
    for file in tmp_path.rglob("*.gz"):
        told = gzip.decompress(file.read_bytes())
        assert b"hunter2" not in told and b"xyzzy" not in told


# -- what fits ---------------------------------------------------------------------------------------------------------


def test_this_branch_comes_first_then_the_default_one_and_no_other(tmp_path):
    other = Checkout("shop", "other", "main")
    for second, where in enumerate([MAIN, FEATURE, other, MAIN, FEATURE]):
        saved.save(made(second), tmp_path, where)
    assert found(made(10), tmp_path, FEATURE) == ["00:04", "00:01", "00:03 main", "00:00 main"]
    assert found(made(10), tmp_path, Checkout("shop", "new", "main")) == ["00:03 main", "00:00 main"]
    assert found(made(10), tmp_path) == ["00:03", "00:00"]
    assert found(made(10), tmp_path, Checkout("another", "main", "main")) == []


@pytest.mark.parametrize("usual", ["main", "master"])
def test_where_nobody_names_the_default_branch_the_usual_names_are_tried(usual, tmp_path):
    saved.save(made(0), tmp_path, Checkout("shop", usual))
    assert found(made(10), tmp_path, Checkout("shop", "new")) == [f"00:00 {usual}"]
    assert found(made(10), tmp_path, Checkout("shop", "new", "trunk")) == []


def test_only_builds_that_had_ended_count(tmp_path):
    saved.save(made(0, seconds=30.0), tmp_path, MAIN)
    saved.save(made(20), tmp_path, MAIN)
    assert found(made(20), tmp_path) == []
    assert found(made(40), tmp_path) == ["00:20", "00:00"]


def test_the_same_image_comes_alone_if_it_was_built(tmp_path):
    test, app = [("docker", "buildx", "build", f"--target={name}", ".") for name in ("test", "app")]
    saved.save(made(0, command=test), tmp_path, MAIN)
    assert found(made(10, command=app), tmp_path) == ["00:00"]
    saved.save(made(1, command=app), tmp_path, MAIN)
    assert found(made(10, command=app), tmp_path) == ["00:01"]
    assert found(made(10, variant="other", command=test), tmp_path) == ["00:01", "00:00"]


def test_branches_with_like_names_are_told_apart(tmp_path):
    names = ["a/b", "a-b", "a b", "A/B", "../a", "é", "x" * 300, ""]
    for second, name in enumerate(names):
        saved.save(made(second), tmp_path, Checkout("shop", name, name))
    for second, name in enumerate(names):
        assert found(made(20), tmp_path, Checkout("shop", name, name))[:1] == [f"00:{second:02}"]
    assert {file.parent.parent.parent for file in records(tmp_path)} == {tmp_path}


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_the_oldest_records_of_an_image_go_and_their_contexts_with_them(tmp_path):
    test = ("docker", "buildx", "build", "--target=test", ".")
    saved.save(made(0, command=test), tmp_path, MAIN)
    for second in range(1, saved.KEPT + 4):
        context = Snapshot({"a": Entry("file", 0o644, second, f"{second}")})
        saved.save(made(second, contexts={"context": context}), tmp_path, MAIN)
    assert found(made(100), tmp_path) == [f"00:{s:02}" for s in range(saved.KEPT + 3, 3, -1)]
    assert found(made(100, command=test), tmp_path) == ["00:00"]
    assert len(records(tmp_path)) == len(contexts(tmp_path)) == saved.KEPT + 1


def test_the_oldest_branches_go(tmp_path, monkeypatch):
    monkeypatch.setattr(saved, "BRANCHES", 3)
    for second in range(5):
        saved.save(made(second), tmp_path, Checkout("shop", f"b{second}", "main"))
    assert found(made(9), tmp_path, Checkout("shop", "b4", "b1")) == ["00:04"]
    assert len(records(tmp_path)) == 3 and len(list(next(tmp_path.glob("shop-*")).iterdir())) == 3


def test_files_of_others_stay(tmp_path):
    mine = [tmp_path / "contexts" / "notes.gz", tmp_path / "shop" / "main" / "notes.json.gz", tmp_path / "README"]
    for file in mine:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine")
    for second in range(saved.KEPT + 2):
        saved.save(made(second), tmp_path, MAIN)
    assert [file.read_text() for file in mine] == ["mine"] * 3


# -- bad files ---------------------------------------------------------------------------------------------------------


def pack(data: object) -> bytes:
    return gzip.compress((data if isinstance(data, str) else json.dumps(data)).encode())


def record_of(**changes: object) -> bytes:
    return pack({"layout": 1, "contexts": {}, "build": made(0).to_json() | {"contexts": {}}} | changes)


#: What is in a record's file, and what is said about it.
BAD = {
    "cut off": (lambda: record_of()[:-20], "isn't a whole gzip file"),
    "empty": (lambda: b"", "isn't a record"),
    "not gzip": (lambda: b"hello", "isn't a whole gzip file"),
    "gzip with a wrong sum": (lambda: record_of()[:-8] + b"\0" * 8, "isn't a whole gzip file"),
    "a bomb": (lambda: gzip.compress(b" " * 3 * 10**6), "holds more than 2 MB"),
    "no JSON": (lambda: pack("hello"), "Expecting value"),
    "a million brackets": (lambda: pack(NESTED), "isn't a record"),
    "a list": (lambda: pack([]), "the whole is a list"),
    "another layout": (lambda: record_of(layout=2), "reads layout 1, and it has 2"),
    "contexts of another type": (lambda: record_of(contexts={"context": 3}), "contexts['context'] is 3"),
    "no build": (lambda: pack({"layout": 1, "contexts": {}}), "has no 'build'"),
    "a build of another format": (lambda: record_of(build={"format": 99}), "reads records of format"),
    "a build with a wrong type": (lambda: record_of(build=made(0).to_json() | {"steps": 3}), "steps is 3"),
    "NaN": (lambda: pack('{"layout": NaN}'), "NaN isn't a number"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_record_that_cannot_be_used_is_named_and_skipped(fault, tmp_path, monkeypatch):
    monkeypatch.setattr(saved, "MOST", 2 * 10**6)
    good = saved.save(made(0), tmp_path, MAIN)
    bad = saved.save(made(1), tmp_path, MAIN)
    content, told = BAD[fault]
    bad.write_bytes(content())
    said: list[str] = []
    assert [b.started_at for b in saved.earlier(made(9), tmp_path, MAIN, said.append)] == [made(0).started_at]
    assert len(said) == 1 and str(bad) in said[0] and told in said[0] and str(good) not in said[0]
    saved.save(made(2), tmp_path, MAIN)  # and writing goes on
    for second in range(10, 10 + saved.KEPT):
        saved.save(made(second), tmp_path, MAIN)
    assert len(records(tmp_path)) == saved.KEPT and not bad.exists()


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a link to nothing"])
def test_what_is_no_file_is_skipped(kind, tmp_path):
    bad = saved.save(made(0), tmp_path, MAIN)
    bad.unlink()
    {"a pipe": os.mkfifo, "a folder": os.mkdir, "a link to nothing": lambda at: os.symlink("gone", at)}[kind](bad)
    said: list[str] = []
    assert saved.earlier(made(9), tmp_path, MAIN, said.append) == []
    assert all(str(bad) in line for line in said)


def context_of(rows: bytes = b"\0a\0    33188 1   x\0", **changes: object) -> bytes:
    head = {"layout": 1, "entries": 1, "rules": [], "ignore_file": "", "ignored": [], "about": {}} | changes
    return gzip.compress(json.dumps(head).encode() + b"\n" + rows)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello", "isn't a whole gzip file"),
        (gzip.compress(b"hello"), "Expecting value"),
        (context_of(layout=7), "not a packed snapshot of this layout"),
        (context_of(entries="1"), "entries is '1'"),
        (context_of(rules=[1]), "rules[0] is 1"),
        (context_of(ignored=None), "ignored is None"),
        (context_of(entries=2), "doesn't hold the 2 entries"),
        (context_of(b"\0" * 10**6), "doesn't hold the 1 entries"),
        (context_of(b"\0a\0    0 1   x\0"), "unknown kind"),
        (context_of(b"\0a\0    many 1   x\0"), "invalid literal"),
        (context_of(b"\0a\0x\0"), "not enough values"),
        (None, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # the bytes have the time of day in them
)
def test_without_a_context_the_files_cannot_be_compared(content, told, tmp_path):
    saved.save(made(0), tmp_path, MAIN)
    (file,) = contexts(tmp_path)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    saved._snapshot.cache_clear()
    said: list[str] = []
    now = made(9)
    (before,) = saved.earlier(now, tmp_path, MAIN, said.append)
    assert list(before.contexts) == [] and len(before.contexts) == 0
    assert "the files of context 'context' couldn't be compared" in explain(now, [before]).of("COPY a").why
    assert all(str(file) in line and told in line for line in said), said
    assert bool(said) == (content is not None)


def test_a_context_named_like_a_path_is_not_followed(tmp_path):
    file = saved.save(made(0), tmp_path / "records", MAIN)
    (tmp_path / "outside.gz").write_bytes(contexts(tmp_path / "records")[0].read_bytes())
    told = json.loads(gzip.decompress(file.read_bytes())) | {"contexts": {"context": "../../outside"}}
    file.write_bytes(pack(told))
    said: list[str] = []
    (before,) = saved.earlier(made(9), tmp_path / "records", MAIN, said.append)
    assert list(before.contexts) == [] and "isn't named by a hash" in said[0]


# -- several at once ---------------------------------------------------------------------------------------------------

WRITER = """
import sys, pathlib
sys.path[:0] = [sys.argv[1]]
from test_saved import made, saved, MAIN, Snapshot, Entry
folder, number = pathlib.Path(sys.argv[2]), int(sys.argv[3])
for turn in range(6):
    context = Snapshot({"a": Entry("file", 0o644, number, str(turn))})
    saved.save(made(turn * 4 + number, contexts={"context": context}), folder, MAIN)
"""


def test_several_jobs_write_at_once_and_a_reader_never_sees_half_a_file(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(Path(__file__).parent), str(tmp_path), str(number)])
        for number in range(4)
    ]
    while any(writer.poll() is None for writer in writers):
        for build in saved.earlier(made(3000), tmp_path, MAIN, nothing_said):
            dict(build.contexts)
        time.sleep(0.05)
    assert [writer.returncode for writer in writers] == [0] * 4
    last = saved.earlier(made(3000), tmp_path, MAIN, nothing_said)
    assert len(last) == saved.KEPT and all(list(build.contexts) for build in last)
    assert not [file for file in tmp_path.rglob(".*") if file.is_file()]


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_is_named(place, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match=r"file"):
        saved.save(made(0), tmp_path / place, MAIN)


# -- the command -------------------------------------------------------------------------------------------------------


def invoke(*words: object):
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture
def job(tmp_path, monkeypatch) -> Path:
    """A project's folder without git, in which a job of branch "feature" works."""
    for name in list(os.environ):
        if name.startswith(
            ("GITHUB_", "CI_", "BUILDKITE_", "CIRCLE_", "CHANGE_", "BRANCH_", "BITBUCKET_", "LAYERLAB_BRANCH")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LAYERLAB_BRANCH", "feature")
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


def test_another_computers_builds_are_explained_and_reported(job, tmp_path):
    folder = tmp_path / "records"
    where = Checkout("shop", "main", "main")
    saved.save(made(0, cache="one"), folder, where)
    changed = {"context": Snapshot({"a": Entry("file", 0o644, 1, "bb")})}
    saved.save(made(5, cache="two", contexts=changed), folder, Checkout("shop", "feature", "main"))
    told = invoke("explain", job, "--saved", folder)
    assert told.exit_code == 0, told.output
    assert "compared with the previous build of a v of branch main on another engine" in told.output
    assert "a changed" in told.output
    summary = invoke("report", job, "--saved", folder, "--format", "markdown")
    assert summary.exit_code == 0 and "a changed" in summary.output and "another machine" in summary.output


def test_where_nothing_is_kept_it_says_so(job, tmp_path):
    told = invoke("explain", job, "--saved", tmp_path / "records")
    assert told.exit_code == 1 and f"{tmp_path / 'records'} keeps no build of it and its branch" in told.output


def test_previous_and_saved_exclude_each_other(job, tmp_path):
    record = made(0).save(tmp_path / "record.json")
    assert invoke("explain", record, "--previous", record, "--saved", tmp_path).exit_code == 2


# -- what a checkout is ------------------------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(job, monkeypatch) -> Path:
    monkeypatch.delenv("LAYERLAB_BRANCH")
    git(job, "init", "--quiet", "--initial-branch=trunk")
    git(job, "commit", "--quiet", "--allow-empty", "--message=one")
    return job


def test_git_names_the_project_and_its_branches(repository, tmp_path):
    assert checkout(repository) == Checkout("shop", "trunk", "")
    (repository / "services" / "api").mkdir(parents=True)
    assert checkout(repository / "services" / "api") == Checkout("shop/services/api", "trunk", "")
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    git(tmp_path / "clone", "switch", "--quiet", "-c", "feature/x")
    assert checkout(tmp_path / "clone") == Checkout("shop", "feature/x", "trunk")
    git(tmp_path / "clone", "checkout", "--quiet", "--detach")
    assert checkout(tmp_path / "clone").branch == ""


@pytest.mark.parametrize(
    "address", ["https://user:secret@example.org/team/shop.git", "git@example.org:team/shop.git", "/srv/shop/", "shop"]
)
def test_a_project_has_its_repositorys_name_wherever_it_was_cloned_from(address, repository, tmp_path):
    git(repository, "remote", "add", "origin", address)
    repository.rename(tmp_path / "elsewhere")
    assert checkout(tmp_path / "elsewhere").project == "shop"


@pytest.mark.parametrize(
    ("variables", "branch", "default"),
    [
        ({"GITHUB_REF_NAME": "main"}, "main", ""),
        ({"GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "fix", "GITHUB_BASE_REF": "main"}, "fix", "main"),
        ({"GITHUB_REF_NAME": "main", "GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": ""}, "main", ""),
        ({"CI_COMMIT_REF_NAME": "fix", "CI_DEFAULT_BRANCH": "main"}, "fix", "main"),
        ({"BRANCH_NAME": "PR-7", "CHANGE_BRANCH": "fix", "CHANGE_TARGET": "main"}, "fix", "main"),
        ({}, "trunk", ""),
    ],
)
def test_a_ci_service_knows_better_than_git(variables, branch, default, repository, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert checkout(repository) == Checkout("shop", branch, default)
    assert checkout(repository, "mine", "ours") == Checkout("shop", "mine", "ours")


def test_without_git_a_project_has_its_folders_name(job, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert checkout(job) == Checkout("shop")
