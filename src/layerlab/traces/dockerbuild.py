"""Read a .dockerbuild file, which `docker buildx history export` and Docker's build action for GitHub write.

It's a gzipped OCI layout (buildx util/desktop/bundle/export.go) with a manifest for each build: its config is the builder's
record of the build, its layers are the status events, the provenance, and what the error was about. It holds no files of the
context, so why a COPY ran stays unknown. Nothing is unpacked to the disk.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypedDict

from ..errors import RecordError
from ..record.build import Build
from ..record.hosts import IMPORTED
from ..record.layers import image_bytes
from ..record.provenance import Provenance, dockerfile_in, told
from ..record.reading import TOO_LARGE, no_number, read
from ..system.gzipped import gunzipped
from . import trace, wire

#: A file that holds more than this isn't read, bytes: the log of a long build has a few MB.
MOST = 300 * 10**6

_RECORD = "application/vnd.buildkit.historyrecord.v0"
_STATUS = "application/vnd.buildkit.status.v0"
_ERROR = "application/vnd.googeapis.google.rpc.status+proto"  # BuildKit writes it so
_PREDICATE = "in-toto.io/predicate-type"
_INDEX = "application/vnd.oci.image.index.v1+json"
_PROVENANCE = "https://slsa.dev/provenance/v"
_WRONG = "name a file that `docker buildx history export` wrote"

#: What reading raises where events or an attestation of an older layout aren't as BuildKit writes them.
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class _Descriptor(TypedDict, total=False):
    mediaType: str
    digest: str
    annotations: Mapping[str, str] | None


class _Index(TypedDict):
    manifests: tuple[_Descriptor, ...]


class _Manifest(TypedDict):
    config: _Descriptor
    layers: tuple[_Descriptor, ...]


class _Time(TypedDict, total=False):
    seconds: int
    nanos: int


class _Error(TypedDict, total=False):
    message: str


#: Provenance, whose shape is checked as far as anything reads it.
_Checked = Annotated[Mapping[str, Any], Provenance]


class _Local(TypedDict, total=False):
    """What buildx keeps of a build on the client's side: the bake target, and the context's folder or address."""

    Target: str
    LocalPath: str


class _Exporter(TypedDict, total=False):
    Attrs: Mapping[str, str] | None


class _History(TypedDict, total=False):
    """The builder's record of a build (BuildHistoryRecord of api/services/control/control.proto, as Go writes it in JSON)."""

    Ref: str
    FrontendAttrs: Mapping[str, str] | None
    Exporters: tuple[_Exporter, ...] | None
    error: _Error | None
    CreatedAt: _Time | None
    CompletedAt: _Time | None
    localState: _Local | None


def load(file: Path) -> dict[str, Build]:
    """Return the builds of a .dockerbuild file by their references, oldest first.

    Raises RecordError, which names the file, if it can't be read, isn't such a file, or is damaged.
    """
    try:
        found = [_build(manifest, blobs) for blobs in [_Blobs(gunzipped(file, MOST))] for manifest in _manifests(blobs)]
    except OSError as error:
        raise RecordError(f"{file} can't be read: {error.strerror}", _WRONG) from None
    except (tarfile.TarError, *_DAMAGE) as error:
        raise RecordError(f"{file} isn't a .dockerbuild file ({error})", _WRONG) from None
    if not found:
        raise RecordError(f"{file} holds no build", _WRONG)
    return dict(sorted(found, key=lambda one: one[1].started_at))


def is_one(file: Path) -> bool:
    """Tell whether a file may be a .dockerbuild file, from its first bytes: gzip's."""
    try:
        with file.open("rb") as opened:
            return opened.read(2) == b"\x1f\x8b"
    except OSError:
        return False


class _Blobs:
    """The blobs of an OCI layout."""

    def __init__(self, archive: bytes) -> None:
        self._tar = tarfile.TarFile(fileobj=io.BytesIO(archive))
        self._members = {member.name: member for member in self._tar if member.isreg()}

    def file(self, name: str) -> bytes:
        opened = self._tar.extractfile(self._members[name]) if name in self._members else None
        if opened is None:
            raise ValueError(f"it has no {name[:100]}")
        content = opened.read(MOST + 1)  # a sparse file may claim any size
        if len(content) > MOST:
            raise ValueError(f"{name[:100]} is larger than {MOST // 10**6} MB")
        return content

    def blob(self, descriptor: _Descriptor) -> bytes:
        kind, _, digest = descriptor.get("digest", "").partition(":")
        content = self.file(f"blobs/{kind}/{digest}")
        if kind != "sha256" or hashlib.sha256(content).hexdigest() != digest:
            raise ValueError(f"the content of blob {digest[:12]} isn't what its name says")
        return content


def _json(data: bytes) -> Any:
    return json.loads(data, parse_constant=no_number)


def _manifests(blobs: _Blobs) -> Iterator[_Manifest]:
    index: _Index = read(_Index, _json(blobs.file("index.json")), "index.json")
    for descriptor in index["manifests"]:
        if descriptor.get("mediaType") != _INDEX:
            yield read(_Manifest, _json(blobs.blob(descriptor)), "a manifest")
            continue
        inner: _Index = read(_Index, _json(blobs.blob(descriptor)), "the list of builds")
        for one in inner["manifests"]:
            yield read(_Manifest, _json(blobs.blob(one)), "a manifest")


def _build(manifest: _Manifest, blobs: _Blobs) -> tuple[str, Build]:
    if manifest["config"].get("mediaType") != _RECORD:
        raise ValueError("an image, not the record of a build")
    record: _History = read(_History, _json(blobs.blob(manifest["config"])), "the record")
    provenance = next(_provenances(manifest, blobs), {})
    attributes, local = record.get("FrontendAttrs") or {}, record.get("localState") or {}
    sources = map(wire.failed_source, _layers(manifest, blobs, _ERROR))
    dockerfile = dockerfile_in(provenance) or next(filter(None, sources), "")
    error = (record.get("error") or {}).get("message", "")
    lines = [json.dumps(event) for data in _layers(manifest, blobs, _STATUS) for event in wire.events(data)]
    raw = "\n".join([*lines, *([f"ERROR: {error}"] if error else [])])
    parsed = trace.parse(raw, provenance, dockerfile)
    started, ended = _seconds(record.get("CreatedAt")), _seconds(record.get("CompletedAt"))
    names = [(exporter.get("Attrs") or {}).get("name", "") for exporter in record.get("Exporters") or ()]
    build = Build(
        app=_app(attributes, local), variant=attributes.get("filename", "Dockerfile"), edit="unknown", machine=IMPORTED,
        command=(), dockerfile=dockerfile, started_at=_moment(started), seconds=max(0.0, ended - started), steps=parsed.steps,
        phases=parsed.phases, context_bytes=parsed.context_bytes,
        image=next(filter(None, names), "").split(",")[0].removeprefix("docker.io/library/"),
        image_bytes=image_bytes(provenance), warnings=parsed.warnings, trace="", provenance=provenance, error=parsed.error,
        args={k.removeprefix("build-arg:"): v for k, v in attributes.items() if k.startswith("build-arg:")},
        service="" if local.get("Target") in (None, "default") else local["Target"],
    )  # fmt: skip
    # The same checks as for a record that was saved: the events, too, may say anything.
    return record.get("Ref", ""), Build.from_json(json.loads(json.dumps(build.to_json())))


def _layers(manifest: _Manifest, blobs: _Blobs, kind: str) -> Iterator[bytes]:
    return (blobs.blob(descriptor) for descriptor in manifest["layers"] if descriptor.get("mediaType") == kind)


def _provenances(manifest: _Manifest, blobs: _Blobs) -> Iterator[Mapping[str, Any]]:
    for descriptor in manifest["layers"]:
        if (descriptor.get("annotations") or {}).get(_PREDICATE, "").startswith(_PROVENANCE):
            predicate = read(Mapping[str, Any], _json(blobs.blob(descriptor)), "the provenance")
            yield read(_Checked, told(predicate), "the provenance")


def _app(attributes: Mapping[str, str], local: _Local) -> str:
    """Return the name of what was built: the repository's, where the client knew it, or the folder's."""
    place = attributes.get("vcs:source") or local.get("LocalPath") or ""
    return place.rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git") or "build"


def _seconds(time: _Time | None) -> float:
    return (time or {}).get("seconds", 0) + (time or {}).get("nanos", 0) / 1e9


def _moment(seconds: float) -> str:
    if not 0 <= seconds < TOO_LARGE:
        raise ValueError("it has an impossible date")
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")
