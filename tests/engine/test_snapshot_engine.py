"""Snapshots against the real engine: which files a context has, which a COPY takes, and which changes its cache sees.

Hypothesis makes small contexts, ignore files and edits; one real build each says what BuildKit makes of them. What once
differed is a fixed case in tests/test_snapshot.py. More examples: LAYERLAB_EXAMPLES=500.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from test_snapshot import KEYS, RULES, TREE
from test_snapshot import plant as plant_table

from layerlab.contexts.patterns import BadPattern, Patterns
from layerlab.contexts.selection import content_key, files_of
from layerlab.contexts.taking import _hash, take
from layerlab.engines.endpoint import docker_program
from layerlab.record.snapshot import Entry, Snapshot
from layerlab.system.shell import environment

EXAMPLES = int(os.environ.get("LAYERLAB_EXAMPLES", "40"))
real_builds = settings(
    # An example is small as it is; shrinking one by real builds takes minutes.
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 40, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
TAR_KINDS = {tarfile.REGTYPE: "file", tarfile.LNKTYPE: "file", tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link"}


@dataclasses.dataclass
class Built:
    """A real build: what arrived, and the arguments of each COPY from a context and whether it was a hit; or the error."""

    files: dict[str, Entry] = dataclasses.field(default_factory=dict)
    copies: list[tuple[dict, bool]] = dataclasses.field(default_factory=list)
    error: str = ""

    @property
    def copy(self) -> dict:
        return self.copies[0][0]

    @property
    def hit(self) -> bool:
        return self.copies[0][1]


class Bench:
    """A folder for contexts, and builds of them."""

    def __init__(self, machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder
        self.numbers = itertools.count()

    def context(self) -> Path:
        """A new, empty context."""
        place = self.folder / f"context-{next(self.numbers)}"
        place.mkdir()
        place.chmod(0o755)
        return place

    def build(self, context: Path, dockerfile: Path, *options: str) -> Built:
        metadata = self.folder / "metadata.json"
        command = [docker_program(), "buildx", "build", "--progress=rawjson", "--output=type=tar,dest=-"]
        command += [f"--metadata-file={metadata}", f"--file={dockerfile}", *options, str(context)]
        variables = {**environment(self.machine.environment), "BUILDX_METADATA_PROVENANCE": "max"}
        done = subprocess.run(command, env=variables, capture_output=True)
        lines = done.stderr.decode().splitlines()
        if done.returncode:
            return Built(error="\n".join(line for line in lines if not line.startswith("{")))
        cached: dict[str, bool] = {}
        for line in lines:
            for vertex in (json.loads(line).get("vertexes") or ()) if line.startswith("{") else ():
                if vertex.get("completed"):
                    cached[vertex["digest"]] = cached.get(vertex["digest"], False) or bool(vertex.get("cached"))
        return Built(self._unpacked(done.stdout), list(self._copies(metadata, cached)))

    def _copies(self, metadata: Path, cached: dict[str, bool]) -> Iterator[tuple[dict, bool]]:
        config = json.loads(metadata.read_text())["buildx.build.provenance"]["buildConfig"]
        vertices = {step: digest for digest, step in config["digestMapping"].items()}
        sources = {step["id"]: step["op"]["Op"].get("source", {}) for step in config["llbDefinition"]}
        contexts = {step for step, source in sources.items() if source.get("identifier", "").startswith("local://")}
        for step in config["llbDefinition"]:
            inputs = [i.partition(":")[0] for i in step.get("inputs", ())]
            for action in step["op"]["Op"].get("file", {}).get("actions", ()):
                if contexts & set(inputs):
                    yield action["Action"]["copy"], cached[vertices[step["id"]]]
            for mount in step["op"]["Op"].get("exec", {}).get("mounts", ()):
                if mount["dest"] == "/mounted":
                    yield {"src": mount.get("selector", "")}, cached[vertices[step["id"]]]

    def _unpacked(self, archive: bytes) -> dict[str, Entry]:
        files = {}
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                kind = TAR_KINDS.get(member.type, "other")
                content = {"file": self._content(tar, member), "link": member.linkname}.get(kind, "")
                size = tar.getmember(member.linkname).size if member.islnk() else member.size
                files[member.name.rstrip("/")] = Entry(kind, member.mode, size, content)
        return files

    def _content(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
        if not (member.isfile() or member.islnk()):
            return ""
        copy = self.folder / "content"
        copy.write_bytes(tar.extractfile(member).read())
        return _hash(str(copy))[1]


@pytest.fixture(scope="module")
def bench(machine, tmp_path_factory) -> Bench:
    return Bench(machine, tmp_path_factory.mktemp("contexts"))


# -- contexts ---------------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "ab", "c.py", "d.txt", "sub", "x y", "é", "[x]", ".hid", "b.py")
names = st.sampled_from(NAMES)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
file_modes = st.sampled_from([0o644, 0o644, 0o600, 0o755, 0o4755])
folder_modes = st.sampled_from([0o755, 0o755, 0o700, 0o1777])
# Where a link leads to a name with a wildcard in it, the client takes the name for a pattern and sends something else.
targets = paths.map(lambda path: path.replace("[x]", "x"))
nodes = st.one_of(
    st.tuples(st.just("file"), st.sampled_from(["", "one", "two", "three"]), file_modes),
    st.tuples(st.just("file"), st.sampled_from(["one", "two"]), file_modes),
    st.tuples(st.just("folder"), st.just(""), folder_modes),
    st.tuples(st.just("link"), st.one_of(targets, targets.map("../".__add__), targets.map("/".__add__)), st.just(0)),
)
trees = st.dictionaries(paths, nodes, min_size=2, max_size=9)


def plant(context: Path, tree: dict[str, tuple[str, str, int]]) -> None:
    """Make the files of a tree; what cannot be, as a file below a file, is left out."""
    modes = {}
    for path, (kind, text, mode) in tree.items():
        place = context / path
        if any(above.is_symlink() or above.is_file() for above in [place, *place.parents]) or place.is_dir():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "file":
            place.write_text(text)
        elif kind == "folder":
            place.mkdir()
        else:
            place.symlink_to(text)
        if kind != "link":
            modes[place] = mode
    for place, mode in modes.items():
        place.chmod(mode)


# -- the ignore rules -------------------------------------------------------------------------------------------------

pieces = st.one_of(
    names, names,
    st.sampled_from(["*", "**", "*.py", "?", "a*", "[ab]", "[^a]", "[a-c]*", r"\a", "**b", "b**", "*.*", ".", "..", r"\[x\]",
                     "[x]", "[", "a[b", "[]a]", r"\d", "[!a]", "^a", "a+", "(b)", "{a,b}", "$", "[a-]", "[z-a]", "**.py"]),
)  # fmt: skip
patterns = st.lists(pieces, min_size=1, max_size=3).map("/".join)
lines = st.one_of(
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(["", "", "", "!", "!", "! ", "  "]), st.sampled_from(["", "", "", "/", "./", "//"]), patterns,
        st.sampled_from(["", "", "", "/", "/**", "/*", "/."]), st.sampled_from(["", "", " ", "\r", "\t"]),
    ),
    st.sampled_from(["", "#a", " #a", "*", "**", "!", "/", "!**/c.py", "Dockerfile*", "**/*.py", "!Dockerfile"]),
)  # fmt: skip
ignore_files = st.builds(
    lambda bom, rules, end: (bom + "\n".join(rules) + end).encode(),
    st.sampled_from(["", "", "", "\ufeff"]), st.lists(lines, max_size=5), st.sampled_from(["\n", ""]),
)  # fmt: skip


@real_builds
@given(trees, ignore_files, st.one_of(st.none(), st.none(), ignore_files))
def test_a_snapshot_has_what_the_engine_gets(bench, tree, ignore_file, beside):
    context = bench.context()
    plant(context, tree)
    dockerfile = context / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    (context / ".dockerignore").write_bytes(ignore_file)
    if beside is not None:
        (context / "Dockerfile.dockerignore").write_bytes(beside)
    built = bench.build(context, dockerfile)
    snapshot = take(context)
    if built.error:
        event("the engine refuses the rules")
        with pytest.raises(BadPattern):
            Patterns(snapshot.rules)
        return
    assert snapshot.entries == built.files
    everything = take_without_rules(context)
    assert set(everything) == set(snapshot.entries) | {
        p for p in everything if any(p == out or p.startswith(out + "/") for out in snapshot.ignored)
    }
    assert take(context, previous=snapshot) == snapshot


def test_the_table_of_ignore_rules(bench):
    """One build for all that the engine does not refuse, each a context of its own, and one for each of the others."""
    contexts = {name: plant_table(bench.context(), rules) for name, (rules, _) in RULES.items()}
    good = {f"c{n}": name for n, (name, (_, out)) in enumerate(RULES.items()) if out is not None}
    dockerfile = bench.folder / "Dockerfile"
    dockerfile.write_text("FROM scratch\n" + "".join(f"COPY --from={c} . /{c}/\n" for c in good))
    built = bench.build(bench.context(), dockerfile, *(f"--build-context={c}={contexts[n]}" for c, n in good.items()))
    assert not built.error
    for context, name in good.items():
        arrived = {p.removeprefix(f"{context}/"): e for p, e in built.files.items() if p.startswith(f"{context}/")}
        assert take(contexts[name], "").entries == arrived, name
    for name in RULES.keys() - set(good.values()):
        own = contexts[name] / "Dockerfile"
        own.write_text("FROM scratch\nCOPY . /\n")
        assert bench.build(contexts[name], own).error, name


def take_without_rules(context: Path) -> set[str]:
    found = set()
    for place, folders, files in os.walk(context):
        found |= {os.path.relpath(os.path.join(place, name), context) for name in folders + files}
    return found


# -- what a COPY selects, and when it is a hit ------------------------------------------------------------------------

globs = st.one_of(
    paths, st.just("."), st.just("*"), st.just("*/*"), st.just("a*"), st.just("*.py"), st.just("sub/*"),
    st.lists(st.one_of(names, st.sampled_from(["*", "?", "[ab]*", "*.*", "[^a]"])), min_size=1, max_size=3).map("/".join),
)  # fmt: skip


@st.composite
def cases(draw) -> tuple[dict[str, tuple[str, str, int]], str]:
    """A tree and a source of a COPY, which mostly is there: a path of it, or one with a wildcard for a part of it."""
    tree = draw(trees)
    if draw(st.integers(0, 3)) == 0:
        return tree, draw(globs)
    parts = draw(st.sampled_from(sorted(tree))).split("/")
    parts = parts[: draw(st.integers(1, len(parts)))]
    if draw(st.booleans()):
        parts[draw(st.integers(0, len(parts) - 1))] = draw(st.sampled_from(["*", "?*", "[a-s]*"]))
    return tree, "/".join(parts).replace("[x]", r"\[x\]" if "*" in "".join(parts) else "[x]")


excluded = st.lists(
    st.one_of(paths, st.sampled_from(["*", "**", "*.py", "**/*.py", "!a", "!**/a", "a/*", "zzz"])), max_size=2
)

Edit = Callable[[Path, "st.DataObject"], None]


def _some(context: Path, data, *, kinds: str = "fdl") -> Path | None:
    """One of the files (f), folders (d) or links (l) of a context."""
    found = []
    for place in sorted(context.rglob("*")):
        kind = "l" if place.is_symlink() else "d" if place.is_dir() else "f"
        if kind in kinds:
            found.append(place)
    return data.draw(st.sampled_from(found)) if found else None


def _free(context: Path, data) -> Path | None:
    place = context / data.draw(paths)
    return None if any(p.is_symlink() or p.is_file() for p in [place, *place.parents]) or place.exists() else place


def content(context, data):
    if place := _some(context, data, kinds="f"):
        place.write_text(place.read_text() + "more")


def mode(context, data):
    if place := _some(context, data, kinds="f"):
        place.chmod(data.draw(file_modes))


def folder_mode(context, data):
    if place := _some(context, data, kinds="d"):
        place.chmod(data.draw(folder_modes))


def root_mode(context, data):
    context.chmod(data.draw(folder_modes))


def touch(context, data):
    if place := _some(context, data, kinds="f"):
        os.utime(place)


def added(context, data):
    if place := _free(context, data):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("new")


def folder_added(context, data):
    if place := _free(context, data):
        place.mkdir(parents=True)


def removed(context, data):
    if place := _some(context, data):
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()


def moved(context, data):
    place, target = _some(context, data), _free(context, data)
    if place and target and not target.is_relative_to(place):
        target.parent.mkdir(parents=True, exist_ok=True)
        place.rename(target)


def moved_up(context, data):
    place = _some(context, data)
    if place and place.parent != context and not os.path.lexists(place.parent.parent / place.name):
        place.rename(place.parent.parent / place.name)


def retargeted(context, data):
    if place := _some(context, data, kinds="l"):
        place.unlink()
        place.symlink_to(data.draw(targets))


def attribute(context, data):
    if place := _some(context, data, kinds="fd"):
        os.setxattr(place, "user.layerlab", data.draw(st.sampled_from([b"one", b"two"])))


def hard_linked(context, data):
    place, target = _some(context, data, kinds="f"), _free(context, data)
    if place and target:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(place, target)


#: Why the engine refuses a COPY whose key it has computed: two files for one name, or nothing at all to copy.
NO_MATTER_OF_KEYS = ("cannot copy to non-directory", "cannot replace to directory", "no such file or directory")
EDITS = [
    content, mode, folder_mode, root_mode, touch, added, folder_added, removed, moved, moved_up, retargeted, attribute,
    hard_linked,
]  # fmt: skip


@real_builds
@given(cases(), excluded, st.sampled_from(EDITS), st.booleans(), st.data())
def test_a_copy_is_a_hit_as_its_content_key_says(bench, case, exclude, edit, in_place, data):
    tree, source = case
    context = bench.context()
    plant(context, tree)
    dockerfile = bench.folder / "Dockerfile"
    flags = "".join(f" --exclude={json.dumps(pattern)}" for pattern in exclude)
    # A target of its own, so that no other example's record can be hit.
    target = f"/{context.name}/"
    dockerfile.write_text(f"FROM scratch\nCOPY{flags} {json.dumps([source, target])}\n")
    before = take(context)
    first = bench.build(context, dockerfile)
    if first.error:
        event("the engine refuses the first build")
        copy = {"src": source, "allowWildcard": True, "followSymlink": True, "exclude_patterns": exclude}
        refused_for_another_reason = any(reason in first.error for reason in NO_MATTER_OF_KEYS)
        # Behind a wildcard in the middle the client follows no links, so what they lead to may not be sent at all.
        refused_for_another_reason |= any(c in source.rpartition("/")[0] for c in "*?[")
        assert refused_for_another_reason or content_key(before, copy) is None, (source, exclude, first.error)
        return
    assert content_key(before, first.copy) is not None
    assert first.hit is False
    check_arrival(before, first, target.strip("/"))
    if not in_place:
        other = bench.context()
        other.rmdir()
        shutil.copytree(context, other, symlinks=True)
        context = other
    edit(context, data)
    now = take(context)
    second = bench.build(context, dockerfile)
    if second.error:
        event("the engine refuses the second build")
        return
    assert second.copy == first.copy
    keys = [content_key(snapshot, first.copy, held=in_place) for snapshot in (before, now)]
    event(f"{edit.__name__}: {'hit' if second.hit else 'miss'}")
    assert second.hit == (keys[0] == keys[1]), (source, exclude, edit.__name__, in_place, keys)
    files = [{p: s.entries[p] for p in files_of(s, first.copy)} for s in (before, now)]
    if not second.hit:
        assert files[0] != files[1]


def plant_entries(context: Path, entries: dict[str, Entry]) -> Path:
    """Real files as the entries of tests/test_snapshot.py say, whose content is the text itself."""
    for path, entry in entries.items():
        place = context / path
        if entry.kind == "folder":
            place.mkdir(exist_ok=True, parents=True)
        elif entry.kind == "link":
            place.symlink_to(entry.content)
        else:
            place.parent.mkdir(exist_ok=True, parents=True)
            place.write_text(entry.content)
        if entry.attributes:
            os.setxattr(place, "user.layerlab", entry.attributes.encode())
    for path, entry in entries.items():
        if entry.kind != "link":
            (context / path).chmod(entry.mode)
    return context


def test_every_copy_of_the_table_with_every_edit_of_the_table(bench):
    """One build an edit, of a new folder, with each COPY in a stage of its own: a hit if such a key was seen before."""
    copies = {json.dumps(copy) for copy, *_ in KEYS}
    dockerfile, stages, final = bench.folder / "Dockerfile", "", "FROM scratch\n"
    for number, copy in enumerate(map(json.loads, sorted(copies))):
        flags = "".join(f" --exclude={pattern}" for pattern in copy.get("exclude_patterns", ()))
        stages += f"FROM scratch AS s{number}\nCOPY{flags} {json.dumps([copy['src'], f'/to{number}/'])}\n"
        final += f"COPY --from=s{number} / /\n"
    dockerfile.write_text(stages + final)
    seen: dict[str, list] = {}
    edits = {repr(now): now for now in (Snapshot(TREE), *(now for _, now, *_ in KEYS))}
    for now in edits.values():
        context = plant_entries(bench.context(), dict(now.entries))
        snapshot = take(context)
        built = bench.build(context, dockerfile)
        assert not built.error
        for copy, hit in built.copies:
            key, keys = content_key(snapshot, copy), seen.setdefault(copy["dest"], [])
            assert hit == (key in keys), (copy, now.entries.items() ^ TREE.items())
            keys.append(key)
    assert len(seen) == len(copies)


def test_what_a_bind_mount_looks_at(bench):
    selectors = ("src", "to_src", "to_file", "src/m.py", ".")
    stages, final = "", "FROM scratch\n"
    for number, selector in enumerate(selectors):
        mount = f"--mount=type=bind,source={selector},target=/mounted"
        stages += f"FROM python:3.11-slim AS m{number}\nRUN {mount} touch /done{number}\n"
        final += f"COPY --from=m{number} /done{number} /\n"
    dockerfile = bench.folder / "Dockerfile"
    dockerfile.write_text(stages + final)
    base = [f"--build-context={name}={where}" for name, where in bench.machine.named_contexts().items()]
    seen: list[tuple[str, object]] = []
    changed = Entry("file", 0o644, 0, "changed")
    for edit in (
        {},
        {"a.txt": changed},
        {"src/m.py": changed},
        {"src": Entry("folder", 0o700, 0, "")},
        {"b.txt": changed},
    ):
        context = plant_entries(bench.context(), {**TREE, **edit})
        snapshot = take(context)
        built = bench.build(context, dockerfile, *base)
        assert not built.error
        assert {copy["src"].strip("/") for copy, _ in built.copies} == {s.strip(".") for s in selectors}
        for copy, hit in built.copies:
            key = (copy["src"], content_key(snapshot, copy))
            assert hit == (key in seen), (copy, edit)
            seen.append(key)


def test_special_files(bench):
    context = bench.context()
    (context / "line\nbreak").write_text("x")
    (context / "file").write_text("x" * 5)
    os.link(context / "file", context / "hard")
    os.mkfifo(context / "pipe", 0o600)
    dockerfile = bench.folder / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(context / "socket"))
        built = bench.build(context, dockerfile)
    entries = dict(take(context).entries)
    assert (entries["pipe"].kind, entries["pipe"].mode) == (built.files["pipe"].kind, built.files["pipe"].mode)
    del entries["pipe"], built.files["pipe"]
    assert entries == built.files
    Path(os.fsdecode(os.fsencode(context) + b"/\xff")).write_text("x")
    assert "UTF-8" in bench.build(context, dockerfile).error


def check_arrival(snapshot: Snapshot, built: Built, target: str) -> None:
    """Compare what `files_of` says with what arrived, where no link stands for something else."""
    source = built.copy["src"].removeprefix("/")
    selected = files_of(snapshot, built.copy)
    if Patterns(built.copy.get("exclude_patterns", ())).matches("")[0]:
        return  # --exclude=* hides the source itself from the key, but not from the copy
    wild = any(c in source for c in "*?[")
    depth = len(source.split("/")) if source else 0
    expected: dict[str, Entry] = {}
    for path in selected:
        parts = path.split("/")
        top = "/".join(parts[:depth])
        if any(snapshot.entries["/".join(parts[: n + 1])].kind == "link" for n in range(min(depth, len(parts)))):
            return
        if not wild and source and path != source and not path.startswith(source + "/"):
            return
        if depth and snapshot.entries[top].kind != "folder":
            expected[f"{target}/{parts[depth - 1]}"] = snapshot.entries[path]
        elif len(parts) > depth:
            expected[f"{target}/{'/'.join(parts[depth:])}"] = snapshot.entries[path]
    arrived = {path: entry for path, entry in built.files.items() if path != target}
    assert set(expected) == set(arrived)
    if not wild:
        assert {p: e.content for p, e in expected.items()} == {p: e.content for p, e in arrived.items()}
