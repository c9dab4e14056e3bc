"""Snapshots of contexts: ignore rules, what is read and what is not, what a COPY looks at, what changed. No engine.

tests/engine/test_snapshot_engine.py holds the first table here, and made-up contexts, against real builds.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import time
from pathlib import Path

import pytest

from layerlab.contexts import taking as snapshots
from layerlab.contexts.patterns import BadPattern, Patterns, clean, go_match, read_rules
from layerlab.contexts.selection import Change, changes, content_key, files_of
from layerlab.contexts.taking import take
from layerlab.record.snapshot import UNREADABLE, Entry, Snapshot

#: The files of the context that RULES is about.
CONTEXT = (
    "main.py", "x.pyc", "src/x.pyc", "src/app/y.pyc", "src/app/a.py", "src/app/b.py", "src/app/[z].py", "docs/a.md",
    "docs/keep/b.md", "docs/keep/deep/c.md", "data/1.csv", "data/2.csv", "data/old/1.csv", "a b.txt", "#note", "!bang", "é.txt",
    "node_modules/m/index.js", "src/node_modules/n.js", ".env", ".git/config", "foo-bar/f", "foo/g",
)  # fmt: skip

#: Ignore file → what of CONTEXT it keeps out (a folder stands for all that is in it).
RULES = {
    "nothing": ("", ""),
    "comments and empty lines": ("# main.py\n\n   \n\t\n", ""),
    "a name is that at the root only": ("*.pyc", "x.pyc"),
    "** means any folder, none as well": ("**/*.pyc", "x.pyc src/x.pyc src/app/y.pyc"),
    "a folder takes all in it along": ("docs", "docs"),
    "a trailing / changes nothing": ("docs/", "docs"),
    "not even for a file": ("main.py/", "main.py"),
    "a leading / changes nothing": ("/docs", "docs"),
    "nor does ./": ("./docs/.", "docs"),
    "nor // nor ..": ("//docs//keep/../keep", "docs/keep"),
    "out of the context": ("../docs", ""),
    "the context itself": (".", ""),
    "everything": ("*", "*"),
    "everything, said otherwise": ("**", "*"),
    "everything but": ("*\n!main.py", "* !main.py"),
    "everything but a folder": ("*\n!docs", "* !docs"),
    "the last that matches decides": ("!docs/keep\ndocs", "docs"),
    "a child of an ignored folder": ("docs\n!docs/keep", "docs/a.md"),
    "a grandchild": ("docs\n!docs/keep/deep/c.md", "docs/a.md docs/keep/b.md"),
    "out, in, out": ("docs\n!docs/keep\ndocs/keep/deep", "docs/a.md docs/keep/deep"),
    "what is let in anywhere": ("src\n!**/*.py", "src/x.pyc src/app/y.pyc src/node_modules"),
    "what is let in by a wildcard": ("data\n!data/*.csv", "data/old"),
    "a wildcard does not reach into folders": ("data/*.csv", "data/1.csv data/2.csv"),
    "** at the end takes what is in it": ("data/**", "data"),
    "/* at the end": ("data/*", "data"),
    "** in the middle": ("src/**/y.pyc", "src/app/y.pyc"),
    "** in the middle for no folder": ("src/**/x.pyc", "src/x.pyc"),
    "**/ name at any depth": ("**/node_modules", "node_modules src/node_modules"),
    "** without /": ("**.md", "docs/a.md docs/keep/b.md docs/keep/deep/c.md"),
    "** after a name": ("foo**", "foo foo-bar"),
    "?": ("data/?.csv", "data/1.csv data/2.csv"),
    "? is not /": ("docs?a.md", ""),
    "a class": ("data/[12].csv", "data/1.csv data/2.csv"),
    "a range": ("data/[0-1].csv", "data/1.csv"),
    "not in a class": ("data/[^1].csv", "data/2.csv"),
    "[!1] is no negation": ("data/[!1].csv", "data/1.csv"),
    "an escape": (r"src/app/\[z\].py", "src/app/[z].py"),
    "a class of one": ("src/app/[[]z[]].py", None),
    "a class that holds ]": (r"src/app/[[]z[\]].py", "src/app/[z].py"),
    "spaces around": ("  docs  ", "docs"),
    "a space inside": ("a b.txt", "a b.txt"),
    "# after a space is no comment": (" #note", "#note"),
    "# escaped": (r"\#note", "#note"),
    "! escaped": (r"\!bang", "!bang"),
    "a space after !": ("docs\n! docs/a.md", "docs/keep"),
    "Windows line ends": ("docs\r\nx.pyc\r\n", "docs x.pyc"),
    "no line end": ("docs\nx.pyc", "docs x.pyc"),
    "a byte order mark": ("\ufeffdocs", "docs"),
    "beyond ASCII": ("é.*", "é.txt"),
    "dots are dots": ("x?pyc\nmainxpy", "x.pyc"),
    "+ ( ) { } | $ are themselves": ("(a|b)+{1}$", ""),
    "names that begin alike": ("foo", "foo"),
    "hidden files are no exception": ("*.py\n.*", "main.py .env .git .dockerignore"),
    "the ignore file and the Dockerfile are ordinary files": (".dockerignore\nDockerfile", "Dockerfile .dockerignore"),
    "! alone": ("!", None),
    "[ without ]": ("[a", None),
    r"\ at the end": ("a\\", None),
}  # fmt: skip


def plant(folder: Path, rules: str | bytes = "") -> Path:
    """CONTEXT in `folder`, with an ignore file and a Dockerfile."""
    for path in (*CONTEXT, "Dockerfile"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    (folder / ".dockerignore").write_bytes(rules if isinstance(rules, bytes) else rules.encode())
    return folder


def kept_out(description: str) -> set[str]:
    """Return the files of CONTEXT that a description in RULES names."""
    files = {*CONTEXT, "Dockerfile", ".dockerignore"}
    words = set(description.split(" "))
    if "*" in words:
        back = {w.removeprefix("!") for w in words - {"*"}}
        return {f for f in files if not any(f == b or f.startswith(b + "/") for b in back)}
    # The one name with a space in it.
    words |= {"a b.txt"} if description == "a b.txt" else set()
    return {f for f in files if any(f == w or f.startswith(w + "/") for w in words)}


@pytest.mark.parametrize("name", RULES)
def test_ignore_rules(tmp_path, name):
    rules, out = RULES[name]
    taken = take(plant(tmp_path, rules))
    if out is None:
        with pytest.raises(BadPattern):
            Patterns(taken.rules)
        return
    files = {*CONTEXT, "Dockerfile", ".dockerignore"}
    assert {p for p, e in taken.entries.items() if e.kind == "file"} == files - kept_out(out)
    # Only the engine test covers a folder that arrives with nothing in it ("data/**").
    folders = {str(above) for p in files - kept_out(out) for above in Path(p).parents} - {"."}
    assert {p for p, e in taken.entries.items() if e.kind == "folder"} >= folders
    gone = {f for f in files if any(f == i or f.startswith(i + "/") for i in taken.ignored)}
    assert gone == kept_out(out)
    assert take(tmp_path, previous=taken) == taken


def test_an_ignored_folder_is_named_once(tmp_path):
    assert take(plant(tmp_path, "docs\n**/*.pyc")).ignored == ("docs", "src/app/y.pyc", "src/x.pyc", "x.pyc")
    assert take(plant(tmp_path, "docs\n!docs/keep")).ignored == ("docs/a.md",)
    assert take(plant(tmp_path, "docs\n!**/nothing")).ignored == ("docs",)


def test_an_empty_folder_counts(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "kept_out/inner").mkdir(parents=True)
    (tmp_path / ".dockerignore").write_text("kept_out\n!kept_out/nothing*\n")
    taken = take(tmp_path)
    assert set(taken.entries) == {"empty", ".dockerignore"}
    assert taken.ignored == ("kept_out",)


def test_which_ignore_file(tmp_path):
    context = plant(tmp_path, "docs")
    (context / "sub").mkdir()
    assert take(context).ignore_file == ".dockerignore"
    assert take(context, "sub/x.Dockerfile").rules == ("docs",)
    (context / "sub/x.Dockerfile.dockerignore").write_text("src")
    own = take(context, "sub/x.Dockerfile")
    assert (own.rules, own.ignore_file) == (("src",), "sub/x.Dockerfile.dockerignore")
    assert take(context, str(context / "sub/x.Dockerfile")) == own
    # We once thought that an empty one wouldn't win; a real build says that it does.
    (context / "Dockerfile.dockerignore").write_text("")
    assert (take(context).rules, take(context).ignore_file) == ((), "Dockerfile.dockerignore")
    assert take(context, "").rules == ("docs",)
    (context / ".dockerignore").unlink()
    assert take(context, "").ignore_file == ""


def test_reading_rules():
    text = b"\xef\xbb\xbf/a/../b/ \n#c\n ! /x//y\r\n\n!\nz\x1c\n"
    assert read_rules(text) == ("b", "!x/y", "!", "z\x1c")
    assert [clean(p) for p in ("//a", "a/./b/..", "../../a", "/../a", "", ".", "a//")] == [
        "/a", "a", "../../a", "/a", ".", ".", "a",
    ]  # fmt: skip


def test_go_match():
    for pattern, yes, no in (
        ("*.txt", ["a.txt", ".txt"], ["a/b.txt", "a.txt\n"]),
        ("a?c", ["abc", "aéc"], ["a/c", "ac"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("[^a-c]x", ["dx", "/x"], ["ax"]),
        (r"[\]a]", ["]", "a"], ["\\"]),
        (r"\*", ["*"], ["a", r"\*"]),
        ("[c-a]", [], ["a", "b", "c", ""]),
        ("a.b+", ["a.b+"], ["axb+", "a.bb"]),
        ("", [""], ["a"]),
    ):
        assert [n for n in yes + no if go_match(pattern)(n)] == yes, pattern
    for bad in ("[", "[]", "[]a]", "[a", "a\\", "[-a]", "[a-]", "[^]", "x[\\"):
        with pytest.raises(BadPattern):
            go_match(bad)


# -- entries ----------------------------------------------------------------------------------------------------------


def test_what_an_entry_is_made_of(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"x" * 3)
    (tmp_path / "file").chmod(0o4751)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(0o1700)
    (tmp_path / "link").symlink_to("no/where")
    (tmp_path / "loop").symlink_to("loop")
    os.link(tmp_path / "file", tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # a socket's path has at most 107 bytes
        server.bind("socket")
    entries = take(tmp_path).entries
    assert (entries["file"].kind, entries["file"].mode, entries["file"].size) == ("file", 0o4751, 3)
    assert entries["hard"] == entries["file"]
    assert entries["folder"] == Entry("folder", 0o1700, 0, "")
    assert (entries["link"].kind, entries["link"].content) == ("link", "no/where")
    assert entries["loop"].content == "loop"
    assert (entries["pipe"].kind, entries["pipe"].content) == ("other", "pipe")
    assert (entries["socket"].kind, entries["socket"].size) == ("file", 0)
    assert all(e.known for e in entries.values())
    assert str(entries["file"]).startswith("4751 file, 3 bytes, hash ")
    assert str(entries["link"]).endswith("link, to no/where")


def test_neither_times_nor_owner_count(tmp_path):
    file = tmp_path / "file"
    file.write_text("same")
    before = take(tmp_path)
    os.utime(file, (1, 1))
    if os.geteuid() == 0:
        os.chown(file, 4242, 4242)
    assert take(tmp_path) == take(tmp_path, previous=before) == before


def test_extended_attributes_count(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    before = take(tmp_path).entries
    try:
        os.setxattr(file, "user.layerlab", b"1")
    except (OSError, AttributeError):
        pytest.skip("no extended attributes here")
    now = take(tmp_path).entries
    assert changes(before, now) == (Change("attributes changed", "file"),)


def test_names_of_all_kinds_survive_json(tmp_path, quick_clock):
    for name in (b"line\nbreak", b"\xff\xfe.txt", "é ü".encode(), b"tab\t", b'"quote"', b"\\back"):
        with open(os.path.join(os.fsencode(tmp_path), name), "w") as file:
            file.write("x")
    os.symlink(b"\xff", os.path.join(os.fsencode(tmp_path), b"link"))
    age(tmp_path)
    taken = take(tmp_path)
    assert {os.fsencode(p) for p in taken.entries} >= {b"line\nbreak", b"\xff\xfe.txt"}
    again = Snapshot.from_json(json.loads(json.dumps(taken.to_json())))
    assert again == taken
    assert take(tmp_path, previous=again) == taken


def test_json_keeps_everything(tmp_path, quick_clock):
    plant(tmp_path, "docs\n!docs/keep")
    (tmp_path / "link").symlink_to("main.py")
    os.mkfifo(tmp_path / "pipe")
    age(tmp_path)
    taken = take(tmp_path)
    again = Snapshot.from_json(json.loads(json.dumps(taken.to_json())))
    assert (again, again.stats) == (taken, taken.stats)
    assert len(taken.stats) > 10
    attributed = Snapshot({"a": Entry("file", 0o644, 1, "1", "2")})
    assert Snapshot.from_json(attributed.to_json()) == attributed


# -- what is read again -----------------------------------------------------------------------------------------------


@pytest.fixture
def quick_clock(monkeypatch):
    """Let the file system's clock step often, as it does on Linux (10 ms), so that no test has to wait long."""
    monkeypatch.setattr(snapshots, "CLOCK_STEP", 50_000_000)


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Collect the names of the files that are read."""
    found = []

    def reading(place: str, *rest) -> tuple[int, str, str, str]:
        found.append(os.path.basename(place))
        return honest(place, *rest)

    honest = snapshots._hash
    monkeypatch.setattr(snapshots, "_hash", reading)
    return found


def age(folder: Path) -> None:
    """Wait until `folder`'s contents may be remembered, because change times can't be set; with `quick_clock`, a moment."""
    newest = max(p.lstat().st_ctime_ns for p in [folder, *folder.rglob("*")])
    time.sleep(max(0.0, (newest + snapshots.CLOCK_STEP - time.time_ns()) / 1e9) + 0.01)


def test_only_what_changed_is_read_again(tmp_path, reads, quick_clock):
    plant(tmp_path, "docs")
    age(tmp_path)
    first = take(tmp_path)
    reads.clear()
    assert take(tmp_path, previous=first) is first  # so that nobody has to write or compare it
    assert reads == []
    (tmp_path / "main.py").write_text("other")
    second = take(tmp_path, previous=first)
    assert reads == ["main.py"]
    assert [c.kind for c in changes(first.entries, second.entries)] == ["changed"]
    # The same size and modification time, as after `cp -p` or `touch -r`: the change time tells.
    old = (tmp_path / "x.pyc").stat()
    (tmp_path / "x.pyc").write_text("X.pyc")
    os.utime(tmp_path / "x.pyc", ns=(old.st_atime_ns, old.st_mtime_ns))
    assert changes(second.entries, take(tmp_path, previous=second).entries) == (Change("changed", "x.pyc"),)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "src" / "new").write_text(""),
        lambda folder: (folder / "docs" / "a.md").unlink(),
        lambda folder: (folder / "src").chmod(0o700),
        lambda folder: (folder / "empty").rmdir(),
        lambda folder: (folder / "main.py").chmod(0o755),
        lambda folder: [(folder / "link").unlink(), (folder / "link").symlink_to("b")],
        lambda folder: (folder / ".env.local").write_text(""),
        lambda folder: (folder / "main.py").rename(folder / "other.py"),
    ],
)
def test_any_change_makes_another_snapshot(tmp_path, quick_clock, change):
    plant(tmp_path, "data\n.env.*\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("a")
    age(tmp_path)
    first = take(tmp_path)
    assert take(tmp_path, previous=first) is first
    change(tmp_path)
    now = take(tmp_path, previous=first)
    assert now is not first
    assert now == take(tmp_path) != first


@pytest.mark.parametrize(
    ("rules", "looked_into"),
    [
        (
            "node_modules\n.git\ndata\n",
            {"", "src", "src/app", "src/node_modules", "docs", "docs/keep", "docs/keep/deep"},
        ),
        ("*\n!docs/keep\n", {"", "docs", "docs/keep", "docs/keep/deep"}),
        ("*\n!main.py\n", {""}),
        ("docs\ndata\nsrc\nfoo*\nnode_modules\n!data/old/1.csv\n", {"", ".git", "data", "data/old"}),
    ],
)
def test_an_ignored_folder_is_looked_into_only_where_a_rule_lets_something_in_again(
    tmp_path, monkeypatch, rules, looked_into
):
    plant(tmp_path, rules)
    honest, found = os.scandir, []

    def scandir(opened):
        found.append(os.path.relpath(os.readlink(f"/proc/self/fd/{opened}"), os.path.realpath(tmp_path)))
        return honest(opened)

    monkeypatch.setattr(os, "scandir", scandir)
    take(tmp_path)
    extra = {"foo", "foo-bar"} if rules.startswith("node_modules") else set()
    assert len(found) == len(set(found))
    assert set(found) == {path or "." for path in looked_into | extra}


def test_a_file_just_changed_is_read_again(tmp_path, reads):
    file = tmp_path / "file"
    file.write_text("one")
    first = take(tmp_path)
    assert first.stats["file"][0] == snapshots.UNSAFE
    take(tmp_path, previous=first)
    assert reads == ["file", "file"]


def test_other_rules_with_a_previous_snapshot(tmp_path):
    plant(tmp_path, "docs")
    first = take(tmp_path)
    (tmp_path / ".dockerignore").write_text("src\n!src/app/a.py\n")
    now = take(tmp_path, previous=first)
    assert now == take(tmp_path)
    assert "docs/a.md" in now.entries
    assert "src/app/b.py" in now.ignored


def test_new_files_with_a_previous_snapshot_obey_the_rules(tmp_path):
    plant(tmp_path, "**/*.pyc\ndocs\n!docs/keep")
    first = take(tmp_path)
    for path in ("src/new.pyc", "src/new.py", "docs/new", "docs/keep/new"):
        (tmp_path / path).write_text("")
    now = take(tmp_path, previous=first)
    assert now == take(tmp_path)
    assert now.entries.keys() - first.entries.keys() == {"src/new.py", "docs/keep/new"}


# -- faults -----------------------------------------------------------------------------------------------------------


def test_a_file_that_vanishes_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "stays").write_text("x")
    (tmp_path / "large").write_bytes(b"x" * snapshots.LARGE)
    (tmp_path / "small").write_text("x")
    honest = snapshots._hash

    def hash_after_removal(place, *rest):
        if not place.endswith("stays"):
            os.unlink(place)
        return honest(place, *rest)

    monkeypatch.setattr(snapshots, "_hash", hash_after_removal)
    assert set(take(tmp_path).entries) == {"stays"}


def test_what_cannot_be_read_is_marked(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "closed").mkdir()
    (tmp_path / "open").write_text("x")
    honest = os.open

    # The tests may run as root, and permissions don't stop root.
    def refuse(path, *arguments, **options):
        if str(path).endswith(("secret", "closed")):
            raise PermissionError(13, "Permission denied", path)
        return honest(path, *arguments, **options)

    before = take(tmp_path)
    monkeypatch.setattr(os, "open", refuse)
    now = take(tmp_path)
    assert {p for p, e in now.entries.items() if not e.known} == {"secret", "closed"}
    assert now.entries["secret"].content == UNREADABLE
    assert now.stats["secret"][0] == snapshots.UNSAFE
    assert changes(before.entries, now.entries) == ()
    assert "unreadable" in str(now.entries["secret"])


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    assert snapshots._hash(str(tmp_path / "pipe"))[0] == 0
    assert snapshots._hash(str(tmp_path / "link")) == (0, UNREADABLE, "", "")


def test_large_files_are_hashed_whole(tmp_path):
    for size in (snapshots.LARGE - 1, snapshots.LARGE, snapshots.LARGE + 1, snapshots.BLOCK * 2 + snapshots.LARGE):
        (tmp_path / "file").write_bytes(b"x" * size)
        one = take(tmp_path).entries["file"]
        with open(tmp_path / "file", "r+b") as file:
            file.seek(size - 1)
            file.write(b"y")
        two = take(tmp_path).entries["file"]
        assert one.size == two.size == size
        assert one.content != two.content, size


def test_a_very_deep_folder(tmp_path):
    # Deeper than Python's stack, though no longer than a path may be.
    depth = 1500
    places = [str(tmp_path) + "/d" * level for level in range(1, depth + 1)]
    for place in places:
        os.mkdir(place)
    try:
        assert len(take(tmp_path).entries) == depth
    finally:
        for place in reversed(places):
            os.rmdir(place)


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        take(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        take(tmp_path / "file")


def test_a_link_to_the_context(tmp_path):
    plant(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert take(tmp_path / "link") == take(tmp_path / "real")


# -- what changed -----------------------------------------------------------------------------------------------------


def file(content: str, mode: int = 0o644) -> Entry:
    return Entry("file", mode, len(content), content)


FOLDER = Entry("folder", 0o755, 0, "")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({"a": file("1")}, {"a": file("1")}, []),
        ({}, {"a": file("1")}, ["added a"]),
        ({"a": file("1")}, {}, ["removed a"]),
        ({"a": file("1")}, {"a": file("2")}, ["changed a"]),
        ({"a": file("1")}, {"a": file("1", 0o755)}, ["mode changed a"]),
        ({"a": file("1")}, {"a": file("2", 0o755)}, ["changed a"]),
        ({"a": file("1")}, {"a": FOLDER}, ["kind changed a"]),
        ({"a": Entry("link", 0o777, 0, "x")}, {"a": Entry("link", 0o777, 0, "y")}, ["target changed a"]),
        ({"a": Entry("other", 0o644, 0, "pipe")}, {"a": Entry("other", 0o644, 0, "device 1:3")}, ["kind changed a"]),
        ({"a": file("1")}, {"b": file("1")}, ["renamed a → b"]),
        ({"a": file("1")}, {"b": file("1", 0o755)}, ["renamed a → b"]),
        ({"a": file("1")}, {"a": file("1"), "b": file("1")}, ["added b"]),
        ({"a": file("")}, {"b": file("")}, ["added b", "removed a"]),
        ({"d/x": file("1"), "d/y": file("1")}, {"e/y": file("1"), "e/x": file("1")}, ["renamed d/x → e/x", "renamed d/y → e/y"]),
        ({"a": file("1"), "b": file("1")}, {"c": file("1")}, ["removed b", "renamed a → c"]),
        ({"a": file("1")}, {"b": file("1"), "x/a": file("1")}, ["added b", "renamed a → x/a"]),
        ({}, {"d": FOLDER}, ["added d"]),
        ({}, {"d": FOLDER, "d/x": file("1")}, ["added d/x"]),
        ({"d": FOLDER, "d/x": file("1")}, {"e": FOLDER, "e/x": file("1")}, ["renamed d/x → e/x"]),
        ({"a": Entry("file", 0o644, 1, UNREADABLE)}, {"b": Entry("file", 0o644, 1, UNREADABLE)}, ["added b", "removed a"]),
        ({"a": file("1")}, {"a": Entry("file", 0o644, 1, UNREADABLE)}, []),
        ({"a": file("1")}, {"a": Entry("file", 0o600, 1, UNREADABLE)}, ["mode changed a"]),
    ],
)  # fmt: skip
def test_changes(before, now, expected):
    found = changes(before, now)
    shown = [f"{c.kind} {c.old_path} → {c.path}" if c.old_path else f"{c.kind} {c.path}" for c in found]
    assert sorted(shown) == expected
    assert list(found) == sorted(found, key=lambda c: c.path)


# -- what a COPY looks at ---------------------------------------------------------------------------------------------

TREE = {
    "a.txt": file("A"), "b.txt": file("B"), "[x].txt": file("X"), "empty": FOLDER,
    "src": FOLDER, "src/m.py": file("M"), "src/m.pyc": file("C"), "src/sub": FOLDER, "src/sub/n.py": file("N"),
    "src/up": Entry("link", 0o777, 0, "../a.txt"),
    "to_file": Entry("link", 0o777, 0, "a.txt"), "to_src": Entry("link", 0o777, 0, "/src"),
    "loop": Entry("link", 0o777, 0, "loop"), "gone": Entry("link", 0o777, 0, "nowhere"),
    "out": Entry("link", 0o777, 0, "../../../src/sub"), "srcs": FOLDER, "srcs/z": file("Z"),
}  # fmt: skip
SRC = "src src/m.py src/m.pyc src/sub src/sub/n.py src/up"


def copying(src: str, *exclude: str, include: tuple[str, ...] = (), **more) -> dict:
    """Make the arguments of an LLB copy action, as provenance has them."""
    action = {
        "src": src,
        "dest": "/x/",
        "mode": -1,
        "followSymlink": True,
        "dirCopyContents": True,
        "allowWildcard": True,
    }
    action |= {"exclude_patterns": list(exclude)} if exclude else {}
    action |= {"include_patterns": list(include)} if include else {}
    return action | more


def with_(**edits: Entry | None) -> Snapshot:
    """TREE with some entries replaced, or removed; __ stands for /, _dot_ for a dot."""
    names = {name.replace("__", "/").replace("_dot_", "."): entry for name, entry in edits.items()}
    return Snapshot({p: e for p, e in {**TREE, **names}.items() if e is not None})


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        (copying("/"), " ".join(TREE)),
        (copying("/a.txt"), "a.txt"),
        (copying("/src"), SRC),
        (copying("/src/"), SRC),
        (copying("/src/./sub/../m.py"), "src/m.py"),
        (copying("/*.txt"), "[x].txt a.txt b.txt"),
        (copying("/src/*.py"), "src/m.py"),
        (copying("/sr?"), SRC),
        (copying("/*/m.py"), "src/m.py"),
        (copying("/src/*"), "src/m.py src/m.pyc src/sub src/sub/n.py src/up a.txt"),
        (copying(r"/\[x\].t*"), "[x].txt"),
        (copying("/[x].txt"), ""),
        (copying("/*.none"), ""),
        (copying("/nowhere"), ""),
        (copying("/to_file"), "a.txt"),
        (copying("/to_src"), SRC),
        (copying("/to_src/sub"), "src/sub src/sub/n.py"),
        (copying("/to_src/*.py"), "src/m.py"),
        (copying("/out"), "src/sub src/sub/n.py"),
        (copying("/loop"), ""),
        (copying("/gone"), ""),
        (copying("/to_*"), f"a.txt {SRC} to_file to_src"),
        (copying("/src", "**/*.pyc"), "src src/m.py src/sub src/sub/n.py src/up"),
        (copying("/src", "*.py*"), "src src/sub src/sub/n.py src/up"),
        (copying("/src", "sub"), "src src/m.py src/m.pyc src/up"),
        (copying("/src", "*", "!sub/n.py"), "src src/sub src/sub/n.py"),
        (copying("/", "src", "*.txt", "to*", "loop", "gone", "out"), "empty srcs srcs/z"),
        (copying("/a.txt", "*.txt"), "a.txt"),
        (copying("/*.txt", "a*"), "[x].txt a.txt b.txt"),
        (copying("/", include=("src/*.py",)), "src src/m.py"),
        (copying("/", include=("src/sub",)), "src src/sub src/sub/n.py"),
        (copying("/src", include=("*/n.py",)), "src src/sub src/sub/n.py"),
        (copying("/", "**/m.*", include=("src",)), "src src/sub src/sub/n.py src/up"),
        ({"src": "/src/sub"}, "src/sub src/sub/n.py"),
        ({"src": "to_src"}, SRC),
        ({}, " ".join(TREE)),
    ],
)  # fmt: skip
def test_files_of(copy, expected):
    assert sorted(files_of(Snapshot(TREE), copy)) == sorted(expected.split())


EXECUTABLE = file("M", 0o755)
CLOSED = dataclasses.replace(FOLDER, mode=0o700)
HIT, MISS = True, False
#: Each line was seen in real builds: the COPY, what changed, a hit or not, and the same where the engine holds the context.
KEYS = [
    (copying("/src"), with_(), HIT, HIT),
    (copying("/src"), with_(src__m_dot_py=file("other")), MISS, MISS),
    (copying("/src"), with_(src__m_dot_py=EXECUTABLE), MISS, MISS),
    (copying("/src"), with_(src__new=FOLDER), MISS, MISS),
    (copying("/src"), with_(src__up=Entry("link", 0o777, 0, "../b.txt")), MISS, MISS),
    (copying("/src"), with_(a_dot_txt=file("other")), HIT, HIT),  # what a link in it leads to
    (copying("/src"), with_(src=CLOSED), MISS, HIT),
    (copying("/src"), with_(src__sub=CLOSED), MISS, HIT),
    (copying("/src"), with_(src__m_dot_py=dataclasses.replace(file("M"), attributes="1")), MISS, HIT),
    (copying("/src"), with_(empty=None), HIT, HIT),
    (copying("/src/sub"), with_(src=CLOSED), HIT, HIT),
    (copying("/src/*"), with_(src=CLOSED), HIT, HIT),
    (copying("/src/*"), with_(src__sub=CLOSED), MISS, HIT),
    (copying("/src", "zzz"), with_(src=CLOSED), MISS, HIT),
    (copying("/src", "**/*.pyc"), with_(src__m_dot_pyc=file("other")), HIT, HIT),
    (copying("/to_src", "**/*.pyc"), with_(src__m_dot_pyc=file("other")), MISS, MISS),
    (copying("/to_file"), with_(a_dot_txt=file("other")), MISS, MISS),
    (copying("/to_file"), with_(to_file=Entry("link", 0o777, 0, "b.txt"), b_dot_txt=file("A")), HIT, HIT),
    (copying("/to_f*"), with_(a_dot_txt=file("other")), MISS, MISS),
    (copying("/sr?"), with_(a_dot_txt=file("other")), HIT, HIT),
    (copying("/src", "m.*"), with_(a_dot_txt=file("other")), HIT, HIT),  # unlike links in the root:
    (copying("/", "gone", "loop", "src*", "*.txt"), with_(a_dot_txt=file("other")), MISS, MISS),
    (copying("/", "gone", "loop", "src*", "*.txt", "to*"), with_(a_dot_txt=file("other")), HIT, HIT),
    (copying("/[ab].txt"), with_(c_dot_txt=file("new")), HIT, HIT),
    (copying("/*.txt"), with_(c_dot_txt=file("new")), MISS, MISS),
    (copying("/b.t*"), with_(b_dot_txt=None, b_dot_text=file("B")), MISS, MISS),
    # BuildKit's list has names without folders: it takes these for the same.
    (copying("/", "gone", "loop"), with_(src__sub__n_dot_py=None, src__n_dot_py=file("N"), src__up=None), MISS, MISS),
    (copying("/*/z"), with_(srcs__z=None, other=FOLDER, other__z=file("Z")), HIT, HIT),
]  # fmt: skip


@pytest.mark.parametrize(("copy", "now", "expected", "held"), KEYS)
def test_content_keys(copy, now, expected, held):
    before = Snapshot(TREE)
    assert (content_key(before, copy) == content_key(now, copy)) == expected
    assert (content_key(before, copy, held=True) == content_key(now, copy, held=True)) == held


def test_a_file_moved_out_of_the_last_folder_looks_the_same_to_a_list():
    # BuildKit sees a, b, x both times; a plain COPY of the folder sees the difference.
    before = Snapshot({"a": FOLDER, "a/b": FOLDER, "a/b/x": file("1")})
    now = Snapshot({"a": FOLDER, "a/b": FOLDER, "a/x": file("1")})
    assert content_key(before, copying("/", "zzz")) == content_key(now, copying("/", "zzz"))
    assert content_key(before, copying("/")) != content_key(now, copying("/"))


def test_where_there_is_no_file_there_is_no_key():
    assert content_key(Snapshot(TREE), copying("/nowhere")) is None
    assert content_key(Snapshot(TREE), copying("/loop")) is None
    assert content_key(Snapshot(TREE), copying("/*.none")) is not None
    # A link to nothing in the root fails a COPY . that excludes something else, though not a plain COPY .
    assert content_key(Snapshot(TREE), copying("/", "zzz")) is None
    assert content_key(Snapshot(TREE), copying("/")) is not None
    assert content_key(with_(loop=None, gone=None, src__gone=TREE["gone"]), copying("/", "zzz")) is not None


def test_only_line_ends_can_be_told(tmp_path):
    texts = {"unix": b"a\nb\n", "windows": b"a\r\nb\r\n", "binary": b"\0\r\n", "mixed": b"a\nb\r\n"}
    for name, content in texts.items():
        (tmp_path / name).write_bytes(content)
    snapshot = take(tmp_path)
    entries = snapshot.entries
    assert entries["windows"].unix == entries["mixed"].unix == entries["unix"].content
    assert entries["unix"].unix == entries["binary"].unix == ""
    assert Snapshot.from_json(snapshot.to_json()) == snapshot
    bare = Snapshot({"x": dataclasses.replace(entries["windows"], attributes="")})
    assert Snapshot.from_json(bare.to_json()) == bare
