"""The shape of a build's provenance, as far as anything here reads it (SLSA v0.2 with BuildKit's additions).

BuildKit writes null for what's empty. What an operation holds inside is read by `explaining.operations`, which knows BuildKit's
own format (solver/pb/ops.proto as JSON). Newer BuildKits write SLSA v1, which says the same in other places: `told` puts it back.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypedDict

_BUILDKIT = "https://mobyproject.org/buildkit@v1#metadata"


class Descriptor(TypedDict):
    """A layer, as far as it's used here."""

    digest: str
    size: int


class _Meta(TypedDict, total=False):
    env: tuple[str, ...] | None


class _Exec(TypedDict, total=False):
    meta: _Meta | None


class _Kind(TypedDict, total=False):
    exec: _Exec | None


class _Op(TypedDict, total=False):
    Op: _Kind | None


class _Identified(TypedDict):
    id: str


class _Operation(_Identified, total=False):
    inputs: tuple[str, ...] | None
    op: _Op | None


class _BuildConfig(TypedDict, total=False):
    llbDefinition: tuple[_Operation, ...] | None
    digestMapping: Mapping[str, str] | None


class _Details(TypedDict, total=False):
    layers: Mapping[str, tuple[tuple[Descriptor, ...], ...]] | None
    source: Mapping[str, Any] | None


class _Material(TypedDict, total=False):
    uri: str
    digest: Mapping[str, str] | None


class _Parameters(TypedDict, total=False):
    args: Mapping[str, str] | None
    frontend: str


class _Invocation(TypedDict, total=False):
    parameters: _Parameters | None


#: Under the name in _BUILDKIT; a type's keys have to be written out.
_Metadata = TypedDict("_Metadata", {"https://mobyproject.org/buildkit@v1#metadata": _Details | None}, total=False)


class Provenance(TypedDict, total=False):
    """`buildx.build.provenance` of the metadata file."""

    buildConfig: _BuildConfig | None
    metadata: _Metadata | None
    materials: tuple[_Material, ...] | None
    invocation: _Invocation | None


def details(provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what BuildKit adds: layers by step, and where in the Dockerfile each step is; {} if it added nothing."""
    found: Mapping[str, Any] = (provenance.get("metadata") or {}).get(_BUILDKIT) or {}
    return found


def dockerfile_in(provenance: Mapping[str, Any]) -> str:
    """Return the Dockerfile's text that the provenance has; "" if it has none."""
    for info in (details(provenance).get("source") or {}).get("infos") or ():
        try:
            return base64.b64decode(info.get("data") or "", validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            continue
    return ""


def told(predicate: Mapping[str, Any]) -> dict[str, Any]:
    """Return provenance as records have it, from what BuildKit wrote as SLSA v0.2 or v1; {} from {}.

    Samples of the engine's CPU and memory are left out: they're long, and nothing reads them. Where v1 has what v0.2 says is
    in BuildKit's documentation, "SLSA definitions".
    """
    found = _from_v1(predicate) if "buildDefinition" in predicate else dict(predicate)
    if extra := details(found):
        metadata = {**found["metadata"], _BUILDKIT: {k: v for k, v in extra.items() if k != "sysUsage"}}
        found["metadata"] = metadata
    return found


def _from_v1(predicate: Mapping[str, Any]) -> dict[str, Any]:
    definition, run = predicate.get("buildDefinition") or {}, predicate.get("runDetails") or {}
    return {
        "invocation": {"parameters": (definition.get("externalParameters") or {}).get("request")},
        "buildConfig": (definition.get("internalParameters") or {}).get("buildConfig"),
        "materials": definition.get("resolvedDependencies"),
        "metadata": {_BUILDKIT: (run.get("metadata") or {}).get("buildkit_metadata")},
    }
