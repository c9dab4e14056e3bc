"""Read a .dockerbuild file, which `docker buildx history export` and Docker's build action for GitHub write.

It's a gzipped OCI layout (buildx util/desktop/bundle/export.go) with a manifest for each build: its config is the builder's record
of the build, its layers are the status events, the provenance, and what the error was about. It holds no files of the context, so why
a COPY ran stays unknown. Nothing is unpacked to the disk.
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
from ..record.layers import image_bytes
from ..record.provenance import Provenance, dockerfile_in, told
from ..record.reading import TOO_LARGE, no_number, read
from ..system.gzipped import gunzipped
from . import trace, wire

#: A file that holds more than this isn't read, bytes: the log of a long build has a few MB.
MOST = 300 * 10**6
#: Stands for the engine that made the build: no machine has such a name.
MACHINE = "(imported)"

_RECORD = "application/vnd.buildkit.historyrecord.v0"
_STATUS = "application/vnd.buildkit.status.v0"
_ATTESTATION = "application/vnd.in-toto+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_PROVENANCE = "https://slsa.dev/provenance/v"
_WRONG = "name a file that `docker buildx history export` wrote"

#: What reading raises where events or an attestation of an older layout aren't as BuildKit writes them.
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class _Descriptor(TypedDict, total=False):
    mediaType: str
    digest: str


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


class _Statement(TypedDict, total=False):
    """An attestation, as in-toto defines it."""

    predicateType: str
    predicate: Any


class _History(TypedDict, total=False):
    """The builder's record of a build (BuildHistoryRecord of api/services/control/control.proto, as Go writes it in JSON)."""

    Ref: str
    FrontendAttrs: Mapping[str, str] | None
    ExporterResponse: Mapping[str, str] | None
    error: _Error | None
    CreatedAt: _Time | None
    CompletedAt: _Time | None


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
        self._tar = tarfile.open(fileobj=io.BytesIO(archive), mode="r:")
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
    layers = {kind: [blobs.blob(d) for d in manifest["layers"] if d.get("mediaType") == kind] for kind in _kinds(manifest)}
    provenance = next(_provenances(layers.get(_ATTESTATION, [])), {})
    attributes = record.get("FrontendAttrs") or {}
    dockerfile = dockerfile_in(provenance) or next(filter(None, map(wire.failed_source, _errors(layers))), "")
    error = (record.get("error") or {}).get("message", "")
    lines = [json.dumps(event) for data in layers.get(_STATUS, ()) for event in wire.events(data)]
    raw = "\n".join([*lines, *([f"ERROR: {error}"] if error else [])])
    parsed = trace.parse(raw, provenance, dockerfile)
    started, ended = _seconds(record.get("CreatedAt")), _seconds(record.get("CompletedAt"))
    response = record.get("ExporterResponse") or {}
    build = Build(
        app=_app(attributes), variant=attributes.get("filename", "Dockerfile"), edit="unknown", machine=MACHINE, command=(),
        dockerfile=dockerfile, started_at=_moment(started), seconds=max(0.0, ended - started), steps=parsed.steps,
        phases=parsed.phases, context_bytes=parsed.context_bytes,
        image=response.get("image.name", "").split(",")[0].removeprefix("docker.io/library/"),
        image_bytes=image_bytes(provenance), warnings=parsed.warnings, trace="", provenance=provenance, error=parsed.error,
        args={k.removeprefix("build-arg:"): v for k, v in attributes.items() if k.startswith("build-arg:")},
    )  # fmt: skip
    # The same checks as for a record that was saved: the events, too, may say anything.
    return record.get("Ref", ""), Build.from_json(build.to_json())


def _kinds(manifest: _Manifest) -> set[str]:
    return {d.get("mediaType", "") for d in manifest["layers"]} - {"application/json"}


def _provenances(attestations: list[bytes]) -> Iterator[Mapping[str, Any]]:
    for data in attestations:
        statement: _Statement = read(_Statement, _json(data), "an attestation")
        if statement.get("predicateType", "").startswith(_PROVENANCE):
            yield read(_Checked, told(read(Mapping[str, Any], statement.get("predicate"), "the provenance")), "the provenance")


def _errors(layers: Mapping[str, list[bytes]]) -> list[bytes]:
    return [data for kind, found in layers.items() if "google.rpc.status" in kind for data in found]


def _app(attributes: Mapping[str, str]) -> str:
    """Return the name of what was built: the repository's, where the client knew it, or the folder's."""
    place = attributes.get("vcs:source") or attributes.get("context") or "build"
    return place.rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git") or "build"


def _seconds(time: _Time | None) -> float:
    return (time or {}).get("seconds", 0) + (time or {}).get("nanos", 0) / 1e9


def _moment(seconds: float) -> str:
    if not 0 <= seconds < TOO_LARGE:
        raise ValueError("it has an impossible date")
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")
