"""Why a step without any difference ran on an engine that didn't make the earlier build: what the caches can say."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest
from test_explain import build as plain_build

from layerlab.explaining.against import explain_against as explain
from layerlab.explaining.causes import KINDS
from layerlab.record.build import Build
from layerlab.record.hosts import IMPORTED, builder_label
from layerlab.record.snapshot import Snapshot
from layerlab.record.step import Phase
from layerlab.traces.trace import parse

TEXT = "FROM python AS deps\nCOPY a /\nRUN one\nFROM python AS app\nCOPY --from=deps /a /\nRUN two\n"
REF = "registry.example/shop:cache"
IMPORTING = f"importing cache manifest from {REF}"
HERE, THERE = builder_label("default", "1f0e3dad"), builder_label("remote", "2a2b2c2d")


def made(*words: str, machine: str = "runner", cache: str = "one", **more) -> Build:
    return plain_build(TEXT, command=("docker", "buildx", "build", *words, "."), machine=machine, cache=cache, **more)


def importing(*warnings: str, name: str = IMPORTING, **more) -> Build:
    """A build on another engine that imported the cache, or tried to, if there's a warning."""
    return made(cache="two", phases=(Phase("cache import", name, 0.0, 0.1, 0),), warnings=warnings, **more)


def told(now: Build, before: Build) -> dict[int, tuple[str, str]]:
    """Kind and sentence of each step that ran, by line."""
    found = explain(now, [before])
    assert {c.kind for s in found.steps for c in s.causes} <= set(KINDS)
    return {s.line: (s.causes[0].kind, s.causes[0].text) for s in found.steps if s.causes}


@pytest.mark.parametrize("cache", ["one", ""])  # an earlier LayerLab's records have no id
def test_on_one_engine_its_record_is_gone(cache):
    assert {kind for kind, _ in told(made(), made(cache=cache)).values()} == {"record gone"}


@pytest.mark.parametrize(
    ("now", "before", "kind", "sentence"),
    [
        (made(cache="two"), made(), "another machine", "before this one was reset"),
        (made(cache="two"), made(cache="unknown"), "another machine", "before this one was reset"),
        (made(cache=""), made(), "another machine", "before this one was reset"),
        (made(machine="other"), made(), "another machine", "on machine runner; other doesn't have its cache"),
        (made(machine=HERE, cache="two"), made(machine=HERE), "another machine", "on another computer"),
        (made(machine=THERE, cache="two"), made(machine=HERE), "unknown", "isn't known"),
        (made(machine="runner"), made(machine=HERE), "another machine", "on builder default"),
        (
            made(machine="runner"),
            made(machine=IMPORTED),
            "unknown",
            "whether both builds had the same cache isn't known",
        ),
        (
            made(machine=IMPORTED, cache=""),
            made(machine=IMPORTED, cache=""),
            "unknown",
            "had the same cache isn't known",
        ),
    ],
)
def test_without_an_imported_cache_it_is_another_engine(now, before, kind, sentence):
    found, text = told(now, before)[2]
    assert found == kind and sentence in text


def test_a_cache_that_could_not_be_imported_is_named():
    now = importing(f"{IMPORTING}: failed to configure registry cache importer: {REF}: not found", "other: warning")
    assert set(told(now, made()).values()) == {
        ("cache not imported", f"no cache could be imported from {REF} (not found)")
    }


def test_one_of_two_caches_that_could_be_imported_counts():
    other = Phase("cache import", "importing cache manifest from b", 0.0, 0.1, 0)
    now = importing(f"{IMPORTING}: not found")
    now = dataclasses.replace(now, phases=(*now.phases, other))
    (found,) = set(told(now, made("--cache-to=type=registry,ref=b,mode=max")).values())
    assert found == ("not in imported cache", "the cache imported from b doesn't have it")


@pytest.mark.parametrize(
    ("words", "args", "stage", "image"),
    [
        ([f"--cache-to=type=registry,ref={REF},mode=max"], {}, "", ""),
        ([f"--cache-to=type=registry,ref={REF},mode=min"], {}, "with mode=min", ""),
        ([f"--cache-to=type=registry,ref={REF}"], {}, "with mode=min", ""),
        ([f"--cache-to={REF}"], {}, "with mode=min", ""),
        (["--cache-to", REF], {}, "with mode=min", ""),
        (["--cache-to=type=inline"], {}, "inline", ""),
        ([], {"BUILDKIT_INLINE_CACHE": "1"}, "inline", ""),
        ([], {}, "exported none", "exported none"),
        (["--cache-to=type=registry,ref=other:1,mode=max"], {}, "its own to other:1", "its own to other:1"),
        ([f"--cache-to={REF}", "--cache-to=type=registry,ref=other:1,mode=max"], {}, "", ""),
        (["--cache-to=type=gha,mode=max"], {}, "", ""),
    ],
)
def test_why_an_imported_cache_lacks_a_step_is_said_as_far_as_the_command_tells(words, args, stage, image):
    found = told(importing(args=args), made(*words, args=args))
    for lines, part in (((2, 3), stage), ((5, 6), image)):
        for line in lines:
            kind, text = found[line]
            start = f"the cache imported from {REF} doesn't have it"
            assert kind == "not in imported cache" and text.startswith(start)
            assert part in text if part else text == start


def test_what_a_bake_file_exports_is_not_guessed():
    command = ("docker", "buildx", "bake", "web")
    found = told(dataclasses.replace(importing(), command=command), dataclasses.replace(made(), command=command))
    assert set(found.values()) == {("not in imported cache", f"the cache imported from {REF} doesn't have it")}


def test_where_something_could_not_be_compared_an_imported_cache_decides_nothing():
    now, before = importing(contexts={"context": Snapshot({})}), made("--cache-to=x", contexts={})
    kind, text = told(now, before)[2]
    assert kind == "unknown" and "couldn't be compared" in text and "; or the cache imported from" in text
    # Without one, the step had to run, whatever the files are.
    assert told(made(cache="two", contexts={"context": Snapshot({})}), before)[2][0] == "another machine"
    # On another computer's builder, which may be the same one, it needn't be that.
    now = made(machine=HERE, cache="two", contexts={"context": Snapshot({})})
    assert told(now, made(machine=HERE, contexts={}))[2][0] == "unknown"


def test_a_difference_is_the_cause_whatever_the_caches():
    before = dataclasses.replace(made(), dockerfile=TEXT.replace("one", "1"))
    assert told(importing(), before)[3][0] == "text changed" and told(made(cache="two"), before)[3][0] == "text changed"


def test_a_failed_import_is_told_of_a_build_that_failed_too():
    data = json.loads(gzip.decompress((Path(__file__).parent / "traces" / "cache_missing.json.gz").read_bytes()))
    text = f"{data['trace']}\nERROR: failed to build: failed to solve: no\n"
    found = parse(text, {}, data["dockerfile"])
    assert found.error and any(w.startswith("importing cache manifest from ") for w in found.warnings)


def test_what_it_is_compared_with_names_branch_and_engine():
    def against(now: Build, before: Build) -> str:
        return explain(now, [before]).against

    assert against(made(branch="x"), made(branch="main")) == "the previous build of a v of branch main"
    assert against(made(branch="main"), made(branch="main")) == "the previous build of a v"
    assert against(made(cache="two"), made()) == "the previous build of a v on another engine"
    assert (
        against(made(machine=HERE, cache="two"), made(machine=HERE)) == "the previous build of a v on another computer"
    )


def test_a_hit_from_another_branchs_build_says_so():
    now = dataclasses.replace(plain_build(TEXT, "CACHED CACHED CACHED CACHED"), branch="x")
    changed = dataclasses.replace(made(branch="x"), dockerfile=TEXT.replace("one", "1"))
    found = explain(now, [changed, made(branch="main")]).of("RUN one")
    assert found.still_hit.endswith("but the cache has it from a build of branch main")
