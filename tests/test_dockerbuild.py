"""Files that `docker buildx history export` writes: read as builds, or refused by name if they're damaged or made to do harm."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hostile_records import NESTED

from layerlab.charts.timeline import timeline
from layerlab.commands.main import main
from layerlab.errors import RecordError
from layerlab.explaining.why import explain
from layerlab.record.build import Build
from layerlab.reporting import render
from layerlab.traces import dockerbuild, wire

TRACES = Path(__file__).parent / "traces"
ONE, THREE = TRACES / "shop.dockerbuild", TRACES / "shop-three.dockerbuild"


@pytest.fixture(autouse=True)
def home(own_home):
    """None of these tests uses another's home."""


def invoke(*words: object):
    return CliRunner().invoke(main, list(map(str, words)))


def states(build: Build) -> str:
    return " ".join(f"{s.line}:{s.state.replace(' ', '_')}" for s in build.steps)


# -- what is in it -----------------------------------------------------------------------------------------------------


def test_steps_states_times_logs_and_sizes():
    cold, edited, failed = dockerbuild.load(THREE).values()
    assert states(cold) == "1:BASE 3:RAN 4:RAN 5:BASE 6:RAN 7:RAN 8:RAN"
    assert states(edited) == "1:BASE 3:CACHED 4:CACHED 5:BASE 6:CACHED 7:CACHED 8:RAN"
    assert states(failed) == "1:BASE 2:RAN 3:FAILED 4:NOT_REACHED"
    assert (cold.app, cold.variant, cold.args) == ("shop", "Dockerfile", {"VERSION": "2"})
    assert cold.steps[2].log == "installed 2\ndone\n" and failed.steps[2].log == "trying\n"
    assert 0 < cold.steps[2].seconds < cold.seconds and cold.export_seconds > 0 and cold.context_bytes > 0
    assert cold.image_bytes and cold.image_bytes > 10_000_000 and edited.image_name == "shop:1"
    assert cold.dockerfile.startswith("FROM python:3.11-slim AS deps") and "echo trying" in failed.dockerfile
    assert not cold.error and "exit code: 1" in failed.error
    assert cold.started_at < edited.started_at < failed.started_at


def test_a_file_with_one_build_has_what_the_other_has_of_it():
    ((name, build),) = dockerbuild.load(ONE).items()
    assert dockerbuild.load(THREE)[name] == build


def test_why_files_count_is_unknown_and_two_builds_can_be_compared():
    cold, edited, _ = dockerbuild.load(THREE).values()
    assert {c.kind for s in explain(edited).steps for c in s.causes} == {"unknown"}
    found = explain(edited, cold)
    assert found.against == "the previous build of shop Dockerfile on an engine that isn't known here"
    step = found.of("COPY main.py")
    assert [c.kind for c in step.causes] == [
        "unknown"
    ] and "the files of context 'context' couldn't be compared" in step.why


@pytest.mark.parametrize("number", range(3))
def test_it_has_a_report_and_a_timeline(number):
    build = list(dockerbuild.load(THREE).values())[number]
    for form in ("html", "markdown", "json"):
        assert render(build, format=form)
    assert f"timeline of shop {build.variant}" in repr(timeline(build))


def test_the_command_shows_saves_and_chooses(tmp_path):
    shown = invoke("import", THREE)
    assert shown.exit_code == 0 and shown.output.count("shop Dockerfile:") == 2 and "FAILED" in shown.output
    refs = list(dockerbuild.load(THREE))
    assert all(ref in shown.output for ref in refs)
    told = json.loads(invoke("import", THREE, "--json").output)
    assert [Build.from_json(one) for one in told] == list(dockerbuild.load(THREE).values())
    saved = invoke("import", THREE, "--ref", refs[1][:6], "--output", tmp_path / "record.json")
    assert saved.exit_code == 0 and Build.load(tmp_path / "record.json") == dockerbuild.load(THREE)[refs[1]]


def test_where_one_build_is_meant_several_are_named(tmp_path):
    refs = list(dockerbuild.load(THREE))
    for words in (["import", THREE, "--output", tmp_path / "x"], ["import", THREE, "--ref", "zzz"], ["report", THREE]):
        told = invoke(*words)
        assert told.exit_code == 1 and all(ref in told.output for ref in refs) and len(told.output.splitlines()) <= 2


@pytest.mark.parametrize("command", [["explain"], ["report", "--format", "markdown"]])
def test_other_commands_take_such_a_file(command):
    told = invoke(*command, ONE)
    assert told.exit_code == 0 and "COPY main.py" in told.output


def test_secrets_are_hidden():
    file = changed(lambda files: record(files).update(FrontendAttrs={"build-arg:API_TOKEN": "hunter2hunter2"}))
    build = load(file)
    assert "hunter2" not in json.dumps(build.to_json()) and build.key


# -- files that were damaged or made to do harm ------------------------------------------------------------------------

Files = dict[str, bytes]


@functools.cache
def _files(file: Path) -> Files:
    with tarfile.open(file) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isreg()}


def packed(files: Files, *more: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return gzip.compress(out.getvalue())


class Layout:
    """The JSON documents of ONE: the index, the manifest and the record; and the blobs of its layers by the kind's last part."""

    def __init__(self) -> None:
        self.files = dict(_files(ONE))
        self.index = json.loads(self.files["index.json"])
        self.manifest = json.loads(self.blob(self.index["manifests"][0]))
        self.record = json.loads(self.blob(self.manifest["config"]))
        self.extra: list[tarfile.TarInfo] = []

    def blob(self, descriptor: dict) -> bytes:
        return self.files["blobs/" + descriptor["digest"].replace(":", "/")]

    def layer(self, kind: str) -> dict:
        return next(layer for layer in self.manifest["layers"] if kind in layer["mediaType"])

    def put(self, descriptor: dict, content: bytes) -> None:
        """Write a blob, and make the descriptor name it."""
        descriptor["digest"] = "sha256:" + hashlib.sha256(content).hexdigest()
        self.files["blobs/" + descriptor["digest"].replace(":", "/")] = content

    def packed(self) -> bytes:
        self.put(self.manifest["config"], json.dumps(self.record).encode())
        if isinstance(self.index["manifests"], list) and self.index["manifests"]:
            self.put(self.index["manifests"][0], json.dumps(self.manifest).encode())
        return packed({**self.files, "index.json": json.dumps(self.index).encode()}, *self.extra)


def record(layout: Layout) -> dict:
    return layout.record


def changed(change: Callable[[Layout], object]) -> bytes:
    layout = Layout()
    change(layout)
    return layout.packed()


def load(content: bytes, place: Path | None = None) -> Build:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(place or folder) / "bad.dockerbuild"
        file.write_bytes(content)
        (build,) = dockerbuild.load(file).values()
    return build


def status(content: bytes) -> Callable[[Layout], None]:
    return lambda layout: layout.put(layout.layer("status"), content)


def event(number: int, data: bytes) -> bytes:
    """A StatusResponse with one field."""
    message = field(number, data)
    return len(message).to_bytes(4, "little") + message


def field(number: int, data: bytes | int) -> bytes:
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def entry(name: str, kind: bytes, target: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def without(content: dict, name: str) -> None:
    del content[name]


GOOD = ONE.read_bytes()
VERTEX = field(1, b"sha256:aa") + field(3, b"[1/1] RUN x")
#: What the file is, and what is said of it.
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "isn't a .dockerbuild file"),
    "not gzip": (lambda: b"hello", "isn't a whole gzip file"),
    "cut off": (lambda: GOOD[:-500], "isn't a whole gzip file"),
    "a bomb": (lambda: gzip.compress(bytes(3 * 10**6)), "holds more than 2 MB"),
    "not a tar": (lambda: gzip.compress(b"hello" * 500), "isn't a .dockerbuild file"),
    "a tar that was cut off": (lambda: gzip.compress(gzip.decompress(GOOD)[:3000]), "isn't a .dockerbuild file"),
    "another tar": (lambda: packed({"a": b"b"}), "no index.json"),
    "an index that's no JSON": (lambda: packed({"index.json": b"x"}), "Expecting value"),
    "a million brackets": (lambda: packed({"index.json": NESTED.encode()}), "isn't a .dockerbuild file"),
    "an index without builds": (lambda: changed(lambda x: x.index.update(manifests=[])), "holds no build"),
    "an index of another shape": (lambda: changed(lambda x: x.index.update(manifests=3)), "index.json.manifests is 3"),
    "an image": (lambda: changed(lambda x: x.manifest["config"].update(mediaType="image")), "not the record of a build"),
    "a manifest without layers": (lambda: changed(lambda x: without(x.manifest, "layers")), "a manifest has no 'layers'"),
    "a blob that's not there": (
        lambda: changed(lambda x: x.layer("status").update(digest="sha256:" + "0" * 64)), "it has no"),
    "a blob named like a path": (
        lambda: changed(lambda x: x.layer("status").update(digest="sha256:../../index.json")), "it has no blobs/sha256/../.."),
    "an absolute path": (lambda: changed(lambda x: x.layer("status").update(digest="/etc/passwd")), "it has no"),
    "a blob with other content": (
        lambda: changed(lambda x: x.files.update({k: v + b" " for k, v in x.files.items() if "blobs" in k})), "its name"),
    "a blob that's a link": (
        lambda: packed({}, entry("index.json", tarfile.SYMTYPE, "/etc/passwd")), "no index.json"),
    "a pipe in the archive": (lambda: packed({}, entry("index.json", tarfile.FIFOTYPE)), "no index.json"),
    "a record that's a list": (lambda: changed(lambda x: setattr(x, "record", [])), "the record is a list"),
    "a date that's text": (lambda: changed(lambda x: x.record.update(CreatedAt="now")), "the record.CreatedAt is 'now'"),
    "a date in the year 300000": (lambda: changed(lambda x: x.record.update(CreatedAt={"seconds": 2**43})), "isn't a"),
    "attributes that are numbers": (
        lambda: changed(lambda x: x.record.update(FrontendAttrs={"a": 1})), "FrontendAttrs['a'] is 1"),
    "provenance that's a list": (lambda: changed(lambda x: x.put(x.layer("in-toto"), b"[]")), "the provenance is a list"),
    "provenance of another shape": (
        lambda: changed(lambda x: x.put(x.layer("in-toto"), b'{"buildConfig": [1]}')), "the provenance.buildConfig is a list"),
    "provenance as in SLSA v1, of another shape": (
        lambda: changed(lambda x: x.put(x.layer("in-toto"), b'{"buildDefinition": [1]}')), "isn't a .dockerbuild file"),
    "events cut off": (lambda: changed(status((99).to_bytes(4, "little") + b"abc")), "events are cut off"),
    "an event cut off": (lambda: changed(status(b"\3\0\0\0\x0a\x7fa")), "an event is cut off"),
    "a number without end": (lambda: changed(status(b"\x0b\0\0\0" + b"\xff" * 11)), "a number of an event is cut off"),
    "a group, which protobuf had once": (lambda: changed(status(b"\1\0\0\0\x0b")), "a kind that protobuf doesn't have"),
    "text where a number is due": (lambda: changed(status(event(2, field(4, b"many")))), "current of an event isn't a number"),
    "a number where text is due": (lambda: changed(status(event(1, field(3, 7)))), "name of an event is a number"),
    "an event of no vertex": (lambda: changed(status(event(1, field(3, b"x")))), "isn't a .dockerbuild file"),
    "a time that can't be": (lambda: changed(status(event(1, VERTEX + field(5, field(1, 2**62))))), "no event happens"),
    "a negative number of bytes": (
        lambda: changed(status(event(1, field(1, b"v") + field(3, b"[internal] load build context") + field(5, b"")) +
        event(2, field(1, b"transferring context:") + field(2, b"v") + field(4, 2**64 - 5)))), "which can't be"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_refused_by_name(fault, tmp_path, monkeypatch):
    monkeypatch.setattr(dockerbuild, "MOST", 2 * 10**6)
    content, told = BAD[fault]
    file = tmp_path / "bad.dockerbuild"
    file.write_bytes(content())
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RecordError) as caught:
        dockerbuild.load(file)
    assert str(file) in caught.value.message and told in caught.value.message
    assert "docker buildx history export" in caught.value.remedy
    done = invoke("import", file)
    assert done.exit_code == 1 and len(done.output.splitlines()) == 2 and "bug" not in done.output
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sparse_file_takes_no_memory(tmp_path, monkeypatch):
    """A tar may hold a file of a terabyte that is all hole."""
    monkeypatch.setattr(dockerbuild, "MOST", 2 * 10**6)
    info = entry("index.json", tarfile.GNUTYPE_SPARSE)
    file = tmp_path / "sparse.dockerbuild"
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"\x80" + (10**12).to_bytes(11, "big")  # the size with the holes
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    file.write_bytes(gzip.compress(bytes(header) + bytes(1024)))
    tracemalloc.start()
    with pytest.raises(RecordError, match="larger than 2 MB"):
        dockerbuild.load(file)
    assert tracemalloc.get_traced_memory()[1] < 40 * 10**6
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_what_is_no_file_is_named(kind, tmp_path):
    file = tmp_path / "bad.dockerbuild"
    if kind == "folder":
        file.mkdir()
    with pytest.raises(RecordError, match=r"bad\.dockerbuild"):
        dockerbuild.load(file)


@settings(max_examples=80)
@given(st.data())
def test_whatever_bytes_are_changed_it_is_refused_or_can_be_read(data):
    """Of the tar, so that gzip's checksum fits."""
    content = bytearray(gzip.decompress(GOOD))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        build = load(gzip.compress(bytes(content), 1))
    except RecordError:
        return
    assert render(build, format="markdown")


@settings(max_examples=80)
@given(st.data())
def test_whatever_an_event_says_it_is_refused_or_can_be_read(data):
    """With blobs named by their content, as a forger would."""
    content = bytearray(Layout().blob(Layout().layer("status")))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        build = load(changed(status(bytes(content))))
    except RecordError:
        return
    assert render(build, format="markdown")


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**29 - 1))
def test_numbers_are_read_as_they_are_written(value, number):
    assert list(wire._fields(field(number, value))) == [(number, value)]
