"""Reading traces: every rule on recordings of real builds (tests/traces), and properties on made-up input."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlab.record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from layerlab.traces import instructions
from layerlab.traces.downloads import downloaded_bytes
from layerlab.traces.events import Progress, read_events, state
from layerlab.traces.trace import parse, resumed

TRACES = Path(__file__).parent / "traces"

#: Line and state of each step of each recording, in file order; "recording:target" for a bake.
STATES = {
    "apt": "1:BASE 2:RAN 3:RAN",
    "bake:api": "1:BASE 2:RAN 3:CACHED 6:RAN",
    "bake:web": "1:BASE 2:RAN 3:RAN 6:RAN",
    "bake_failed:api": "1:BASE 2:RAN 5:CANCELED 6:NOT_REACHED",
    "bake_failed:web": "1:BASE 2:RAN 5:FAILED 6:NOT_REACHED",
    # The steps of web's base, another target, have no line in web's Dockerfile, whatever their numbers.
    "bake_failed_above_another:web": "1:BASE 2:RAN 3:RAN 4:FAILED 0:RAN 0:RAN 0:RAN 0:RAN",
    "bake_one:api": "1:BASE 2:CACHED 3:CACHED 6:CACHED",
    "base_pull": "2:BASE 7:RAN 13:RAN 14:BASE 15:RAN 16:RAN 18:RAN 22:FAILED 23:NOT_REACHED",
    "cache_export": "1:BASE 2:RAN 3:RAN",
    "cache_missing": "1:BASE 2:CACHED 3:BASE 4:CACHED 5:CACHED 6:CACHED 7:RAN",
    "cached": "3:BASE 7:CACHED 8:CACHED 9:CACHED 10:CACHED 11:CACHED 15:BASE 16:CACHED 17:CACHED 19:CACHED",
    "cacheonly": "3:BASE 7:CACHED 8:CACHED 9:CACHED 10:CACHED 11:CACHED 15:BASE 16:CACHED 17:CACHED 19:RAN",
    "code_edit": "3:BASE 7:CACHED 8:RAN 9:RAN 10:RAN 11:RAN 15:BASE 16:CACHED 17:RAN 19:RAN",
    "comment_edit": "3:BASE 7:CACHED 8:CACHED 9:CACHED 10:CACHED 11:CACHED 15:BASE 16:CACHED 17:CACHED 21:CACHED",
    "empty_stage_error": "",
    "failed": "1:BASE 2:RAN 4:CANCELED 5:NOT_REACHED 9:RAN 10:FAILED 11:NOT_REACHED 13:NOT_REACHED 14:NOT_REACHED "
    "15:NOT_REACHED",
    "failed_copy": "1:BASE 2:CACHED 3:FAILED 4:NOT_REACHED",
    # Another build on the same engine had made two of its steps before.
    "first_build": "3:BASE 7:CACHED 8:CACHED 9:RAN 10:RAN 11:RAN 15:BASE 16:CACHED 17:CACHED 19:RAN",
    "image_from": "2:BASE 3:RAN 4:BASE 6:CACHED 7:RAN 8:RAN 9:RAN",
    "inline_pull": "1:BASE 2:CACHED 3:BASE 4:CACHED 5:CACHED 6:CACHED 7:RAN",
    "interrupted": "1:BASE 2:RAN 3:CANCELED 4:NOT_REACHED",
    "link_hit": "1:BASE 2:RAN 3:CACHED",
    "failed_named": "1:BASE 2:RAN 3:RAN 4:RAN 5:FAILED 6:NOT_REACHED",
    "failed_platforms": "1:BASE 2:RAN 2:CACHED 3:RAN 3:CACHED 4:RAN 4:CACHED 5:CANCELED 5:FAILED 6:NOT_REACHED 6:NOT_REACHED",
    "multiplatform": "2:RAN 4:RAN 5:RAN",
    "no_provenance": "3:BASE 7:CACHED 8:CACHED 9:CACHED 10:CACHED 11:CACHED 15:BASE 16:CACHED 17:CACHED 19:RAN",
    "pip": "1:BASE 2:RAN 3:RAN 4:RAN 5:RAN",
    "registry_export": "1:BASE 2:RAN 3:BASE 4:CACHED 5:RAN 6:RAN 7:RAN",
    "registry_pull": "1:BASE 2:CACHED 3:BASE 4:CACHED 5:CACHED 6:CACHED 7:RAN",
    "shared": "1:BASE 2:RAN 3:RAN 4:RAN 5:BASE 6:RAN 7:RAN 11:RAN 12:RAN 13:RAN",
    "syntax_error": "",
    "target": "3:BASE 7:CACHED 8:CACHED 9:CACHED 10:CACHED 11:CACHED",
    "unknown_base": "",
    "uv": "1:BASE 2:RAN 3:RAN 4:RAN",
    "warnings": "1:BASE 3:RAN 6:RAN",
}


def recording(name):
    """(trace, provenance, Dockerfile, target) of a recording."""
    name, _, target = name.partition(":")
    data = json.loads(gzip.decompress((TRACES / f"{name}.json.gz").read_bytes()))
    metadata = data["metadata"].get(target, {}) if target else data["metadata"]
    return data["trace"], metadata.get("buildx.build.provenance", {}), data["dockerfile"], target


def read(name):
    return parse(*recording(name))


def states(parsed):
    return " ".join(f"{s.line}:{s.state.replace(' ', '_')}" for s in parsed.steps)


def step(parsed, line):
    return next(s for s in parsed.steps if s.line == line)


@pytest.mark.parametrize("name", STATES)
def test_states_of_every_recording(name):
    assert states(read(name)) == STATES[name]


def test_every_recording_is_tested():
    assert {p.name.split(".")[0] for p in TRACES.glob("*.gz")} == {name.partition(":")[0] for name in STATES}


@pytest.mark.parametrize("name", STATES)
def test_names_place_a_step_where_the_provenance_does(name):
    trace, provenance, dockerfile, target = recording(name)
    by_name = parse(trace, {}, dockerfile, target)
    told = parse(trace, provenance, dockerfile, target)
    facts = [(s.line, s.end_line, s.stage, s.instruction, s.text, s.state) for s in told.steps]
    assert [(s.line, s.end_line, s.stage, s.instruction, s.text, s.state) for s in by_name.steps] == facts


@pytest.mark.parametrize("name", STATES)
def test_no_recording_names_a_host_or_a_path_of_the_recorder(name):
    trace, provenance, dockerfile, _ = recording(name)
    printed = "".join(v.text() for v in _followed(trace).vertices.values())
    for text in (trace, json.dumps(provenance), dockerfile, printed):
        hosts = set(re.findall(r"https?://([\w.-]+)", text))
        assert hosts <= {"example.invalid", "nobody.invalid", "registry.invalid", "docs.docker.com", "mobyproject.org"}
        assert not re.search(r"(?<!\w)/(tmp|work|home)/", text)


def times(*told: tuple[str, str, bool]) -> dict:
    """Make an event with one vertex's times: started, completed, cached."""
    return {
        "vertexes": [
            {"digest": "sha256:a", "name": "[1/1] COPY a .", "started": s, "completed": c, "cached": hit}
            for s, c, hit in told
        ]
    }


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("2026-01-01T00:00:01.5Z", "2026-01-01T00:00:01.6Z", True)], CACHED),
        # A registry hit: found first, pulled later.
        (
            [
                ("2026-01-01T00:00:01.5Z", "2026-01-01T00:00:01.6Z", True),
                ("2026-01-01T00:00:01.65Z", "2026-01-01T00:00:02Z", False),
            ],
            CACHED,
        ),
        # It ran, and a step that needed its result loaded it from the cache: seen once in a notebook on a busy computer.
        (
            [
                ("2026-01-01T00:00:01.5Z", "2026-01-01T00:00:01.6Z", False),
                ("2026-01-01T00:00:01.65Z", "2026-01-01T00:00:02Z", True),
            ],
            RAN,
        ),
    ],
)
def test_the_first_time_says_whether_it_was_a_hit(told, expected):
    progress = Progress()
    progress.absorb(times(*told))
    assert state(list(progress.vertices.values())) == expected


SECOND = "2026-01-01T00:00:0{}Z"


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        # First it's asked for its cache key; that's all, because the step built on it was a hit.
        ([(1, 2, False)], CACHED),
        ([(1, 2, False), (3, 4, True)], CACHED),
        ([(1, 2, False), (3, 4, False)], RAN),
    ],
)
def test_a_step_on_nothing_is_asked_for_its_key_first(times, expected):
    dockerfile = "FROM scratch\nWORKDIR /x\n"
    told = [
        {"digest": "sha256:a", "name": "[1/1] WORKDIR /x", "cached": hit}
        | {"started": SECOND.format(start), "completed": SECOND.format(end)}
        for start, end, hit in times
    ]
    parsed = parse(json.dumps({"vertexes": told}), {}, dockerfile)
    assert states(parsed) == f"2:{expected}"


def test_what_add_fetches_belongs_to_the_add():
    """The fetch is a vertex of the same name without inputs, and it's never reported as cached."""
    name = "[1/1] ADD https://example.invalid/data ."
    fetch = {"digest": "sha256:f", "name": name, "started": SECOND.format(1), "completed": SECOND.format(2)}
    add = {"digest": "sha256:a", "name": name, "inputs": ["sha256:f"], "started": SECOND.format(3)}
    add |= {"completed": SECOND.format(4), "cached": True}
    parsed = parse(json.dumps({"vertexes": [add, fetch]}), {}, "FROM scratch\nADD https://example.invalid/data .\n")
    assert states(parsed) == "2:CACHED"
    add["cached"] = False
    parsed = parse(json.dumps({"vertexes": [add, fetch]}), {}, "FROM scratch\nADD https://example.invalid/data .\n")
    assert states(parsed) == "2:RAN"


def test_what_onbuild_adds_stands_below_its_from():
    """BuildKit counts it, but not in the number of FROM: "[1/2]", then "[2/3]" and "[3/3]"."""
    names = ["[1/2] FROM docker.io/library/base", "[2/3] ONBUILD RUN echo one", "[3/3] RUN false"]
    told = [
        {"digest": f"sha256:{n}", "name": name, "inputs": [f"sha256:{n - 1}"], "started": SECOND.format(n)}
        for n, name in enumerate(names, 1)
    ]
    for vertex in told:
        vertex["completed"] = vertex["started"]
    parsed = parse(json.dumps({"vertexes": told}), {}, "FROM base\nRUN false\n")
    assert [(s.line, s.instruction, s.state) for s in parsed.steps] == [
        (1, "FROM", BASE), (1, "ONBUILD", RAN), (2, "RUN", RAN),
    ]  # fmt: skip


class TestSteps:
    def test_stage_text_and_lines(self):
        parsed = read("code_edit")
        heredoc, last = step(parsed, 11), step(parsed, 19)
        assert (heredoc.end_line, heredoc.stage, heredoc.instruction) == (14, "build", "RUN")
        assert (last.end_line, last.stage) == (21, "stage-1")
        assert step(parsed, 9).text.startswith("RUN echo tr-")  # $WHO is replaced

    def test_from_is_written_as_in_the_dockerfile_with_its_arguments(self):
        assert step(read("code_edit"), 3).text == "FROM python:3.11-slim AS build"

    def test_layer_sizes(self):
        parsed = read("registry_export")
        assert [s.size_bytes for s in parsed.steps] == [76417106, 5001765, 76417106, 29, 5002285, 2001745, 134]
        assert step(read("code_edit"), 8).size_bytes is None  # a stage that is not in the image

    def test_log_and_times(self):
        ran = step(read("code_edit"), 9)
        assert ran.log.startswith("tr-")
        assert ran.log.endswith("\n")
        assert 0.2 < ran.seconds < 5
        assert ran.started > 0
        assert step(read("cached"), 9).seconds < 0.01

    def test_inputs_lead_to_the_steps_below(self):
        parsed = read("shared")
        merged, after = step(parsed, 12), step(parsed, 13)
        assert merged.digest in after.inputs
        assert step(parsed, 11).digest in merged.inputs
        assert merged.digest not in merged.inputs

    def test_two_lines_of_one_vertex(self):
        parsed = read("shared")
        assert step(parsed, 2).digest == step(parsed, 6).digest != step(parsed, 3).digest
        assert [s.stage for s in parsed.steps][:6] == ["a", "a", "a", "a", "b", "b"]

    def test_link_is_a_hit_when_only_the_merge_is_new(self):
        parsed = read("link_hit")
        assert step(parsed, 2).state == RAN
        assert step(parsed, 3).state == CACHED
        assert step(parsed, 3).text == "COPY --link app.py /srv/"
        assert step(parsed, 3).size_bytes == 146

    def test_the_image_of_a_copy_is_no_step_of_its_own(self):
        parsed = read("image_from")
        assert [s.instruction for s in parsed.steps if s.line == 8] == ["COPY"]

    def test_platforms_are_told_in_the_stage(self):
        assert [s.stage for s in read("multiplatform").steps] == ["linux/amd64 a"] + ["linux/amd64 stage-1"] * 2

    def test_base_given_by_a_build_argument(self):
        trace, _, dockerfile, _ = recording("code_edit")
        other = parse(trace, {}, dockerfile.replace("PY=3.11-slim", "PY"), "")
        assert [s.line for s in other.steps if s.state == BASE] == [3, 15]


class TestRegistry:
    def test_a_hit_that_was_pulled(self):
        pulled = step(read("registry_pull"), 6)
        assert pulled.state == CACHED
        assert pulled.seconds > 1
        assert pulled.downloaded_bytes == 83_421_165

    def test_the_base_is_pulled_once_for_two_stages(self):
        parsed = read("base_pull")
        assert [s.downloaded_bytes for s in parsed.steps if s.instruction == "FROM"] == [76_417_106, 0]

    def test_a_missing_cache_is_a_warning(self):
        parsed = read("cache_missing")
        assert parsed.error == ""
        assert len(parsed.warnings) == 1
        assert "importing cache manifest" in parsed.warnings[0]
        assert "not found" in parsed.warnings[0]


class TestFailures:
    def test_the_step_that_failed(self):
        parsed = read("failed")
        assert (parsed.failed.line, parsed.failed_line) == (10, 10)
        assert parsed.failed.log == "boom\n"
        assert parsed.error.splitlines()[0] == "Dockerfile:10"
        assert parsed.error.splitlines()[-1].endswith("exit code: 3")

    @pytest.mark.parametrize(("name", "line"), [("syntax_error", 2), ("unknown_base", 1), ("empty_stage_error", 2)])
    def test_failure_before_any_step(self, name, line):
        parsed = read(name)
        assert parsed.steps == ()
        assert parsed.failed is None
        assert parsed.failed_line == line
        assert "ERROR: failed to build" in parsed.error

    def test_interrupted(self):
        parsed = read("interrupted")
        assert parsed.failed is None
        assert "context canceled" in parsed.error

    def test_one_target_of_a_bake(self):
        trace, _, dockerfile, _ = recording("bake_failed:web")
        assert states(parse(trace, {}, dockerfile)) == STATES["bake_failed:web"]
        assert read("bake_failed:api").failed is None

    @pytest.mark.parametrize("name", ["failed", "registry_pull", "bake_failed:api", "shared"])
    def test_a_trace_cut_anywhere_can_be_read(self, name):
        trace, _, dockerfile, target = recording(name)
        for end in range(0, len(trace), 997):
            parsed = parse(trace[:end], {}, dockerfile, target)
            assert {s.state for s in parsed.steps} <= {RAN, CACHED, BASE, FAILED, CANCELED, NOT_REACHED}

    def test_a_step_that_was_running_when_the_trace_ends(self):
        trace, _, dockerfile, _ = recording("interrupted")
        cut = trace[: trace.rindex('{"vertexes"')]
        parsed = parse(cut, {}, dockerfile)
        assert (step(parsed, 3).state, step(parsed, 4).state) == (CANCELED, NOT_REACHED)
        assert step(parsed, 4).started is None

    def test_a_dockerfile_that_does_not_match(self):
        trace, _, _, _ = recording("failed")
        parsed = parse(trace, {}, "")
        assert {s.line for s in parsed.steps} == {0}
        assert "[" not in parsed.steps[0].text
        assert parsed.failed.state == FAILED


class TestPhases:
    def test_kinds(self):
        kinds = [p.kind for p in read("registry_pull").phases]
        assert kinds == ["definition", "metadata", "definition", "cache import", "context", "export", "other"]
        assert [p.kind for p in read("cache_export").phases][-3:] == ["export", "cache export", "other"]
        assert "export" not in [p.kind for p in read("cacheonly").phases]

    def test_context_is_the_last_transferred(self):
        parsed = read("code_edit")
        assert parsed.context_bytes == 42
        assert sum(p.bytes for p in parsed.phases if p.kind == "context") == 42

    def test_bake_phases_are_the_targets_own(self):
        parsed = read("bake:api")
        assert [p.name for p in parsed.phases if p.kind == "export"] == ["exporting to image"]
        assert parsed.context_bytes == 38

    def test_target_is_found(self):
        trace, provenance, dockerfile, target = recording("bake:web")
        assert parse(trace, provenance, dockerfile) == parse(trace, provenance, dockerfile, target)

    def test_warnings(self):
        warnings = read("warnings").warnings
        assert len(warnings) == 5
        assert warnings[0].startswith("MaintainerDeprecated: ")

    def test_seconds(self):
        parsed = read("cached")
        assert 0 < parsed.seconds < 1
        assert all(p.started + p.seconds <= parsed.seconds + 1e-6 for p in parsed.phases)


class TestDownloads:
    @pytest.mark.parametrize(
        ("name", "downloads"),
        [("pip", [0, 206_000, 206_000, 16_900_000]), ("uv", [0, 16_882_074, 0]), ("apt", [15_387_000, 0])],
    )
    def test_recorded(self, name, downloads):
        assert [s.downloaded_bytes for s in read(name).steps if s.state != BASE] == downloads

    @pytest.mark.parametrize(
        ("log", "expected"),
        [
            ("  Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)\n", 11_000),
            ("Downloading a-1.tar.gz (900 bytes)\n", 900),
            ("  Downloading six-1.17.0-py2.py3-none-any.whl.metadata (1.7 kB)\n", 1_700),
            ("  Using cached six-1.17.0-py2.py3-none-any.whl (11 kB)\n", 0),
            ("Downloading a.whl (1.2 MB)\n   ━━━ 0.5/1.2 MB 3.0 MB/s\r   ━━━ 1.2/1.2 MB 5.0 MB/s\n", 1_200_000),
            ("Downloading https://example.invalid/a.zip\n     \x1b[32m━━━━━━\x1b[0m 1.2/1.2 MB 5.0 MB/s\n", 1_200_000),
            ("Downloading numpy (16.1MiB)\n Downloaded numpy\n", round(16.1 * 1024**2)),
            ("Downloading cpython-3.12.8-linux-x86_64-gnu (download) (20.0MiB)\n", 20 * 1024**2),
            ("Need to get 387 kB.\nGet:1 http://m a b [188 kB]\nFetched 387 kB in 0s (29.2 MB/s)\n", 387_000),
            ("Need to get 1,234 kB of archives.\nGet:1 http://m a b [1,188 kB]\n", 1_188_000),
            ("Fetched 1.2 GB in 1min 3s (9 MB/s)\nFetched 0 B in 0s (0 B/s)\n", 1_200_000_000),
            ("echo Downloading the internet\nDownloading\n10/20 MB\n", 0),
            ("", 0),
        ],
    )
    def test_told(self, log, expected):
        assert downloaded_bytes(log) == expected

    @given(
        st.lists(
            st.sampled_from(
                [
                    "Collecting näme\n",
                    "  Downloading six-1.whl (11 kB)\n     ━━━━ 11.3/11.3 kB 2.0 MB/s eta 0:00:00\n",
                    "Downloading numpy (1.5MiB)\n",
                    "Get:1 http://m a [5 kB]\nFetched 5 kB in 0s\n",
                    "Reading… 5%\rReading… 9%\r\n",
                ]
            )
        ),
        st.integers(),
    )
    def test_how_a_log_is_cut_makes_no_difference(self, lines, seed):
        data, chance = "".join(lines).encode(), random.Random(seed)
        cuts = sorted(chance.randrange(len(data) + 1) for _ in range(10))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        progress = Progress()
        for piece in pieces:
            # Something may come on the other stream between any two pieces.
            for stream, said in ((2, b"x\xe2"), (1, piece)):
                log = {"vertex": "v", "stream": stream, "data": base64.b64encode(said).decode()}
                progress.absorb({"logs": [log]})
        vertex = progress.vertices["v"]
        assert vertex.text(1) == "".join(lines)
        assert vertex.announced == downloaded_bytes("".join(lines))

    @given(st.text())
    def test_any_log_can_be_read(self, log):
        assert downloaded_bytes(log) >= 0


def test_lines_that_are_not_json():
    rest = []
    assert list(read_events(['{"a":1}\n', "ERROR: no\n", "{broken\n", "[1]\n"], rest)) == [{"a": 1}]
    assert rest == ["ERROR: no", "{broken", "[1]"]


class TestDockerfile:
    def test_heredocs_continuations_and_comments(self):
        text = (
            "# escape=`\nARG V=1\nFROM a:${V} AS Build\nRUN one `\n  # why\n  two\nRUN <<A cat <<-'B'\nFROM no\n"
            "A\nCOPY no\n\tB\nCOPY <<C /x\nC\nRUN echo $((1<<2)) <<<word\nFROM build\nENTRYPOINT x\n"
        )
        read = instructions.read(text)
        found = [(i.line, i.end_line, i.keyword, i.stage_name) for i in read]
        assert found == [
            (2, 2, "ARG", ""), (3, 3, "FROM", "build"), (4, 6, "RUN", "build"), (7, 11, "RUN", "build"),
            (12, 13, "COPY", "build"), (14, 14, "RUN", "build"), (15, 15, "FROM", "stage-1"),
            (16, 16, "ENTRYPOINT", "stage-1"),
        ]  # fmt: skip
        assert read[1].base == "a:1"

    def test_build_arguments_replace_defaults(self):
        text = "ARG A=1\nARG B=${A}-slim\nFROM --platform=linux/amd64 python:${B}\n"
        bases = [instructions.read(text, args)[-1].base for args in ({}, {"A": "2"})]
        assert bases == ["python:1-slim", "python:2-slim"]

    def test_used_stages(self):
        read = instructions.read("FROM x AS a\nFROM x AS b\nFROM x AS c\nFROM a\nCOPY --from=1 /x /x\n")
        assert instructions.used_stages(read, set()) == {0, 1, 3}
        assert instructions.used_stages(read, {2}) == {2}

    @given(st.text())
    def test_any_text_can_be_read(self, text):
        instructions.read(text)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["shared", "failed", "registry_pull", "bake:api"]), st.randoms(use_true_random=False))
def test_the_order_of_events_of_different_vertices_makes_no_difference(name, chance):
    trace, provenance, dockerfile, target = recording(name)
    queues: dict[str, list[dict]] = {}
    for event in read_events(trace.splitlines()):
        for kind, items in event.items():
            for item in items:
                key = item["digest"] if kind == "vertexes" else item["vertex"]
                queues.setdefault(key, []).append({kind: [item]})
    mixed = []
    while queues:
        key = chance.choice(sorted(queues))
        mixed.append(json.dumps(queues[key].pop(0)))
        if not queues[key]:
            del queues[key]
    parsed, expected = parse("\n".join(mixed), provenance, dockerfile, target), read(name)
    assert parsed.steps == expected.steps
    assert sorted(parsed.phases, key=str) == sorted(expected.phases, key=str)
    assert (parsed.context_bytes, parsed.seconds) == (expected.context_bytes, expected.seconds)


def _followed(trace):
    progress = Progress()
    for event in read_events(trace.split("\n")):
        progress.absorb(event)
    return progress


# -- a build tried twice -----------------------------------------------------------------------------------------------


def test_what_ran_before_a_failed_export_ran_although_the_second_try_found_it_cached():
    raw, _, dockerfile, _ = recording("first_build")
    # A build whose export fails writes no provenance.
    first, second = parse(raw, {}, dockerfile), read("cached")
    both = resumed(first, second, 100.0)
    assert states(both) == STATES["first_build"]
    ran, cached = step(both, 11), step(both, 7)
    assert (ran.started, ran.seconds, ran.log) == (
        step(first, 11).started,
        step(first, 11).seconds,
        step(first, 11).log,
    )
    assert (ran.digest, ran.inputs, ran.size_bytes) == (
        step(second, 11).digest, step(second, 11).inputs, step(second, 11).size_bytes)  # fmt: skip
    assert cached.started == pytest.approx(100 + step(second, 7).started)
    assert sum(s.downloaded_bytes for s in both.steps) == sum(s.downloaded_bytes for s in (*first.steps, *second.steps))
    assert both.seconds == 100 + second.seconds
    assert [p.started for p in both.phases] == sorted(p.started for p in both.phases)
    assert len(both.phases) == len(first.phases) + len(second.phases)
    assert both.error == ""


class TestOneStage:
    """A Dockerfile with one stage: BuildKit leaves its name out, "[2/6]" or "[linux/amd64 2/6]", whether it has one or not."""

    def test_a_failed_build_of_a_named_stage_has_its_lines(self):
        parsed = read("failed_named")
        assert {s.stage for s in parsed.steps} == {"only"}
        assert parsed.failed and parsed.failed.line == parsed.failed_line == 5

    def test_and_so_has_one_for_two_platforms(self):
        stages = {s.stage for s in read("failed_platforms").steps if s.instruction != "FROM"}
        assert stages == {"linux/amd64 only", "linux/arm64 only"}


def test_what_another_build_canceled_is_not_canceled_here():
    """Builds share a vertex; the one that's killed cancels it for both, and the other one tries again and succeeds."""
    trace, provenance, *rest = recording("uv")
    states = [step.state for step in parse(trace, provenance, *rest).steps]
    events = [json.loads(line) for line in trace.splitlines() if line.startswith("{")]
    for event in events:
        for vertex in event.get("vertexes") or ():
            if vertex.get("completed"):
                vertex["error"] = "context canceled: context canceled"
    canceled = "\n".join(map(json.dumps, events))
    assert [step.state for step in parse(canceled, provenance, *rest).steps] == states
    assert CANCELED in {step.state for step in parse(canceled, {}, *rest).steps}
