"""The records: equal after saving and loading, whatever they hold, and shown the same everywhere."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlab.errors import RecordError
from layerlab.record.build import Build
from layerlab.record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from layerlab.record.step import Phase, Step

pytestmark = pytest.mark.usefixtures("own_home")

texts = st.text(max_size=20)
counts = st.integers(0, 2**62)
seconds = st.floats(0, 1e9)
steps = st.builds(
    Step, line=counts, end_line=counts, stage=texts, instruction=texts, text=texts,
    state=st.sampled_from([RAN, CACHED, BASE, FAILED, CANCELED, NOT_REACHED]), started=st.none() | seconds,
    seconds=seconds, size_bytes=st.none() | counts, downloaded_bytes=counts, log=texts, digest=texts,
    inputs=st.lists(texts, max_size=3).map(tuple),
)  # fmt: skip
phases = st.builds(Phase, kind=texts, name=texts, started=seconds, seconds=seconds, bytes=counts)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
builds = st.builds(
    Build, app=texts, variant=texts, edit=texts, machine=texts, command=st.lists(texts, max_size=3).map(tuple),
    dockerfile=texts, started_at=texts, seconds=seconds, steps=st.lists(steps, max_size=3).map(tuple),
    phases=st.lists(phases, max_size=3).map(tuple), context_bytes=counts, image=texts, image_bytes=st.none() | counts,
    warnings=st.lists(texts, max_size=3).map(tuple), trace=texts,
    provenance=st.dictionaries(texts, json_values, max_size=3), error=texts,
)  # fmt: skip


def build_of(*steps, **changes):
    fields = {
        "app": "a", "variant": "before", "edit": "none", "machine": "m", "command": (), "dockerfile": "",
        "started_at": "", "seconds": 1.0, "phases": (), "context_bytes": 0, "image": "", "image_bytes": None,
        "warnings": (), "trace": "", "provenance": {},
    }  # fmt: skip
    return Build(**(fields | changes), steps=steps)


def step_of(text="RUN x", **changes):
    fields = {
        "line": 1, "end_line": 1, "stage": "stage-0", "instruction": text.split()[0], "state": RAN, "started": 0.0,
        "seconds": 1.5, "size_bytes": None, "downloaded_bytes": 10, "log": "", "digest": "", "inputs": (),
    }  # fmt: skip
    return Step(**(fields | changes), text=text)


@settings(max_examples=50, deadline=None)
@given(builds)
def test_saved_and_loaded_is_equal(build):
    with tempfile.TemporaryDirectory() as folder:
        fitted = build.fitted()
        assert Build.load(fitted.save(Path(folder) / "build.json")) == fitted
        # One that an earlier LayerLab saved, before secrets were hidden in records.
        assert Build.load(build.save(Path(folder) / "old.json")) == fitted


@pytest.mark.parametrize("content", ["{}", '{"format": 0}', json.dumps({"format": 999})])
def test_another_format_is_refused(tmp_path, content):
    path = tmp_path / "build.json"
    path.write_text(content)
    with pytest.raises(RecordError, match="isn't the record of a build"):
        Build.load(path)


def test_steps_are_a_table():
    frame = build_of(step_of(size_bytes=5), step_of("FROM x", line=2, state=BASE)).steps_frame()
    assert list(frame) == [
        "line",
        "stage",
        "instruction",
        "state",
        "seconds",
        "size_bytes",
        "downloaded_bytes",
        "downloads_counted",
        "text",
    ]
    assert frame["size_bytes"].dtype == "Int64"
    assert frame["size_bytes"].isna().tolist() == [False, True]


@pytest.mark.parametrize("steps", [(), (step_of(),)])
def test_a_table_without_sizes(steps):
    assert build_of(*steps).steps_frame()["size_bytes"].dtype == "Int64"


def test_states_are_plain_text():
    base, long = step_of("FROM python:3.11-slim", state=BASE), step_of("RUN " + "word  " * 40, line=12, state=CACHED)
    build = build_of(base, long, step_of(line=0))
    first, second, third = build.states().splitlines()
    assert first == "  line 1  BASE    FROM python:3.11-slim"
    assert second.startswith(" line 12  CACHED  RUN word word")
    assert second.endswith("…")
    assert len(second) < 92
    assert third == "          RAN     RUN x"


def test_state_of_one_step():
    build = build_of(step_of("RUN pip install", state=CACHED), step_of("COPY a b"), step_of("COPY a c"))
    assert build.state("pip") == CACHED
    for fragment in ("COPY a", "nowhere"):
        with pytest.raises(KeyError, match="steps contain"):
            build.state(fragment)


def test_sums():
    phases_ = (Phase("export", "", 0.0, 1.5, 0), Phase("export", "", 2.0, 0.5, 0), Phase("context", "", 0.0, 9.0, 7))
    build = build_of(step_of(), step_of(), phases=phases_)
    assert build.export_seconds == 2.0
    assert build.seconds_in("context") == 9.0
    assert build.downloaded_bytes == 20


def test_a_build_and_a_step_print_as_a_few_readable_lines():
    step = step_of("RUN pip install  \\\n  numpy", line=4, seconds=17.44, digest="sha256:" + "a" * 64)
    build = build_of(step, step_of("FROM python", line=1, state=BASE), variant="before", trace="x" * 1000)
    first, *states = repr(build).splitlines()
    assert first.startswith(f"a before: 1 step ran, 0 cached, {build.seconds:.1f} s")
    assert "\n".join(states) == build.states()
    assert repr(step) == "<Step line 4, stage-0: RAN, 17.4 s, RUN pip install \\ numpy>"
    page = build_of(step_of("RUN echo '<b>'"))._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page and page.count("<tr>") == 1
