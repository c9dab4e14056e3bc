"""Provenance as SLSA v0.2 and v1: the same build reads the same, whichever BuildKit wrote."""

from __future__ import annotations

import pytest
from test_trace import STATES, recording

from layerlab.record.layers import image_bytes
from layerlab.record.provenance import details, told
from layerlab.traces.trace import parse

BUILDKIT = "https://mobyproject.org/buildkit@v1#metadata"


def as_v1(old):
    """The same as SLSA v1, as BuildKit converts it (solver/llbsolver/provenance/types, ConvertSLSA02ToSLSA1)."""
    invocation, metadata = old["invocation"], old["metadata"]
    source = {"entryPoint": "path"}
    return {
        "buildDefinition": {
            "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
            "externalParameters": {
                "configSource": {source.get(k, k): v for k, v in invocation.get("configSource", {}).items()},
                "request": invocation.get("parameters"),
            },
            "internalParameters": {
                "buildConfig": old.get("buildConfig"),
                "builderPlatform": invocation.get("environment", {}).get("platform"),
            },
            "resolvedDependencies": old.get("materials"),
        },
        "runDetails": {
            "builder": old.get("builder"),
            "metadata": {
                "invocationId": metadata.get("buildInvocationID"),
                "startedOn": metadata.get("buildStartedOn"),
                "finishedOn": metadata.get("buildFinishedOn"),
                "buildkit_metadata": metadata.get(BUILDKIT),
            },
        },
    }


@pytest.mark.parametrize("name", [name for name in STATES if recording(name)[1]])
def test_both_say_the_same(name):
    trace, old, dockerfile, target = recording(name)
    new = told(as_v1(old))
    assert parse(trace, new, dockerfile, target) == parse(trace, old, dockerfile, target)
    assert (image_bytes(new), details(new)) == (image_bytes(old), details(told(old)))
    assert [new[key] for key in ("buildConfig", "materials")] == [old.get(key) for key in ("buildConfig", "materials")]
    assert new["invocation"]["parameters"] == old["invocation"]["parameters"]


def test_what_nothing_reads_is_left_out_and_nothing_stays_nothing():
    assert told({}) == {}
    for metadata in (None, {}, {BUILDKIT: None}):
        assert details(told({"metadata": metadata})) == {}
        assert details(told({"buildDefinition": None, "runDetails": {"metadata": metadata}})) == {}
    long = {"metadata": {BUILDKIT: {"sysUsage": [1], "layers": {"a": []}}}}
    assert details(told(long)) == {"layers": {"a": []}}
    assert long["metadata"][BUILDKIT]["sysUsage"], "the original stays as it is"
