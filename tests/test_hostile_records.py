"""Records that were truncated, changed by hand or made to do harm: each is refused, with its file and the place in it."""

from __future__ import annotations

import functools
import gzip
import json
import random
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlab.commands.main import main
from layerlab.contexts.taking import take
from layerlab.errors import LayerLabError, RecordError
from layerlab.explaining.why import explain
from layerlab.record.build import Build
from layerlab.reporting import render
from layerlab.traces.trace import parse

TRACES = Path(__file__).parent / "traces"
#: Between them: cache mounts, several stages, a failed step, COPY --link.
RECORDED = ("uv", "code_edit", "failed", "link_hit")


@functools.cache
def recorded(name: str) -> Build:
    """A recorded build with a context of one file and one folder."""
    told = json.loads(gzip.decompress((TRACES / f"{name}.json.gz").read_bytes()))
    provenance = told["metadata"].get("buildx.build.provenance", {})
    parsed = parse(told["trace"], provenance, told["dockerfile"])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "app").mkdir()
        (Path(folder) / "app" / "main.py").write_text("print()\n")
        context = take(folder)
    return Build(
        app="shop", variant="Dockerfile", edit="code", machine="laptop", command=tuple(told["command"]),
        dockerfile=told["dockerfile"], started_at="2026-11-28T10:00:00.000+00:00", seconds=parsed.seconds,
        steps=parsed.steps, phases=parsed.phases, context_bytes=parsed.context_bytes, image="layerlab-shop:dockerfile",
        image_bytes=None, warnings=parsed.warnings, trace="", provenance=provenance, error=parsed.error,
        project="/home/someone/shop", args={"VERSION": "1"}, contexts={"context": context},
    ).fitted()  # fmt: skip


def plain(name: str = RECORDED[0]) -> dict:
    return json.loads(json.dumps(recorded(name).to_json()))


def changed(path: str, value: object) -> str:
    """The text of a record in which the value at `path` ("steps.0.seconds") is another."""
    data = plain()
    *above, last = (int(word) if word.isdigit() else word for word in path.split("."))
    place = functools.reduce(lambda at, key: at[key], above, data)
    place[last] = value
    return json.dumps(data)


def without(path: str) -> str:
    data = plain()
    *above, last = (int(word) if word.isdigit() else word for word in path.split("."))
    del functools.reduce(lambda at, key: at[key], above, data)[last]
    return json.dumps(data)


METADATA = "https://mobyproject.org/buildkit@v1#metadata"
NESTED = "[" * 100_000
#: What was done to the record: its text now, and what the message has to name.
TAMPERED = {
    "text for seconds": (lambda: changed("steps.0.seconds", "soon"), "steps[0].seconds is 'soon', not a number"),
    "true for a number": (lambda: changed("steps.0.line", True), "steps[0].line is True, not a whole number"),
    "an unknown state": (lambda: changed("steps.0.state", "MAYBE"), "steps[0].state is 'MAYBE', not one of BASE, CACHED"),
    "a state that is a list": (lambda: changed("steps.0.state", ["RAN"]), "steps[0].state is a list, not text"),
    "NaN": (lambda: changed("seconds", float("nan")), "NaN isn't a number"),
    "infinity": (lambda: changed("phases.0.seconds", float("inf")), "Infinity isn't a number"),
    "a number that overflows": (lambda: changed("seconds", 777).replace("777", "1e999"), "seconds is inf, which can't be"),
    "negative seconds": (lambda: changed("steps.0.started", -1.5), "steps[0].started is -1.5, which can't be"),
    "a huge number": (lambda: changed("steps.0.downloaded_bytes", 10**40), "steps[0].downloaded_bytes is a huge number"),
    "a number of 5,000 digits": (lambda: changed("seconds", 777).replace("777", "7" * 5000), "digits"),
    "a step without a field": (lambda: without("steps.0.digest"), "steps[0] has no 'digest'"),
    "a field nobody knows": (lambda: changed("steps.0.mood", "good"), "steps[0] has an unknown field 'mood'"),
    "a step that is a number": (lambda: changed("steps.0", 3), "steps[0] is 3, not an object"),
    "no steps": (lambda: without("steps"), "the whole has no 'steps'"),
    "null for text": (lambda: changed("app", None), "app is None, not text"),
    "a context without entries": (lambda: without("contexts.context.entries"), "contexts['context'] can't be read"),
    "an entry of another kind": (lambda: changed("contexts.context.entries.0.1", 0), "contexts['context'] can't be read"),
    "an entry with huge bits": (lambda: changed("contexts.context.entries.0.1", 2**80), "contexts['context'] can't be read"),
    "an entry with too few columns": (lambda: changed("contexts.context.entries.0", ["a"]), "an entry is ['a']"),
    "provenance of another shape": (lambda: changed("provenance.buildConfig", [1]), "provenance.buildConfig is a list"),
    "layers without a size": (lambda: changed("provenance.metadata", {METADATA: {"layers": {"a": [[{}]]}}}), "has no 'digest'"),
    "another format": (lambda: changed("format", 99), "reads records of format"),
    "another program's JSON": (lambda: '{"version": 2}', "reads records of format"),
    "a list": (lambda: "[]", "reads records of format"),
    "truncated": (lambda: json.dumps(plain())[:-400], "isn't the record of a build"),
    "empty": (lambda: "", "isn't the record of a build"),
    "a million brackets": (lambda: NESTED, "isn't the record of a build"),
}  # fmt: skip


@pytest.mark.parametrize("fault", TAMPERED)
def test_a_tampered_record_is_refused_with_file_and_place(fault, tmp_path):
    make, named = TAMPERED[fault]
    file = tmp_path / "tampered.json"
    file.write_text(make())
    with pytest.raises(RecordError) as caught:
        Build.load(file)
    assert str(file) in caught.value.message and named in caught.value.message
    assert "layerlab build" in caught.value.remedy


@pytest.mark.parametrize("command", [["explain"], ["report", "--format", "markdown"], ["explain", "--previous"]])
def test_commands_refuse_it_in_two_lines(command, tmp_path):
    bad, good = tmp_path / "bad.json", recorded("code_edit").save(tmp_path / "good.json")
    bad.write_text(changed("steps.0.state", "MAYBE"))
    done = CliRunner().invoke(main, [*command, str(bad), *([str(good)] if command[-1] == "--previous" else [])])
    assert done.exit_code == 1
    assert f"{bad} isn't the record of a build (steps[0].state is 'MAYBE'" in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("kind", ["bytes", "folder", "missing"])
def test_a_file_that_cannot_be_a_record_is_named(kind, tmp_path):
    file = tmp_path / "record.json"
    if kind == "bytes":
        file.write_bytes(random.Random(0).randbytes(5000))
    if kind == "folder":
        file.mkdir()
    with pytest.raises(RecordError, match=r"record\.json (isn't the record|can't be read)"):
        Build.load(file)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_build_is_loaded_back_equal(name, tmp_path):
    assert Build.load(recorded(name).save(tmp_path / "build.json")) == recorded(name)


def test_operations_in_a_circle_are_refused():
    data = plain("code_edit")
    config = data["provenance"]["buildConfig"]
    for op in config["llbDefinition"]:
        if op["id"] not in config["digestMapping"].values() or "source" in op["op"]["Op"]:
            op["inputs"], op["op"] = [f"{op['id']}:0"], {"Op": {}}
    with pytest.raises(RecordError, match="isn't as BuildKit writes it"):
        explain(Build.from_json(data), recorded("code_edit"))


hostile = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1.5,
        -0.0,
        2**63,
        10**40,
        "",
        "x",
        "\0",
        "\ud800",
        "../../..",
        "a" * 3000,
        [],
        [None],
        [[]],
        {},
        {"a": 1},
    ]
)


@st.composite
def tampered(draw) -> tuple[str, object]:
    """A recorded build in which one value, anywhere, is another or gone."""
    data = plain(draw(st.sampled_from(RECORDED)))
    place, key = data, draw(st.sampled_from(sorted(data)))
    while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 9)):
        place = place[key]
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    if draw(st.booleans()):
        place[key] = draw(hostile)
    else:
        del place[key]
    return data


@settings(max_examples=200)
@given(tampered())
def test_whatever_is_changed_it_is_refused_or_can_be_read(data):
    """No value makes a report or an explanation break in another way than with a message."""
    try:
        build = Build.from_json(data)
    except ValueError:
        return
    try:
        told = explain(build, recorded("code_edit"))
        assert str(told) and told.evidence() is not None and told.to_json()
        for form in ("html", "markdown", "json"):
            assert render(build, recorded("code_edit"), form)
    except LayerLabError as error:
        assert error.remedy
