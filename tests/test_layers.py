"""Layers of images: which step made which, and the chart of them. No engine."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest

from layerlab.charts import theme
from layerlab.charts.layers import LOOKS, layers
from layerlab.record.build import Build
from layerlab.record.layers import image_bytes, image_layers
from layerlab.record.states import BASE, RAN
from layerlab.record.step import Step
from layerlab.traces.trace import parse

TRACES = Path(__file__).parent / "traces"
METADATA = "https://mobyproject.org/buildkit@v1#metadata"
FILE = [
    (1, "builder", "FROM python:3.11-slim AS builder", [("base", 70), ("more", 5)]),
    (2, "builder", "RUN apt-get install gcc", [("base", 70), ("more", 5), ("gcc", 110)]),
    (3, "production", "FROM python:3.11-slim AS production", [("base", 70), ("more", 5)]),
    (4, "production", "COPY --from=builder /opt/venv /opt/venv", [("base", 70), ("more", 5), ("venv", 30)]),
    (5, "production", "WORKDIR /app", [("base", 70), ("more", 5), ("venv", 30), ("app", 0.0001)]),
    (6, "production", "COPY --link . .", [("code", 0.002)]),
]
RESULT = [("base", 70), ("more", 5), ("venv", 30), ("app", 0.0001), ("code", 0.002)]


def chain(*layers):
    return [[{"digest": digest, "size": round(mb * 1e6)} for digest, mb in layers]]


def build(file=FILE, result=RESULT, variant="after") -> Build:
    """Make a build of a Dockerfile whose second stage leaves the compiler of the first behind."""
    steps = tuple(
        Step(line, line, stage, text.split()[0], text, BASE if "FROM" in text.split()[0] else RAN, 0.0, 0.1, 1, 0, "",
             f"sha256:{line}", ())
        for line, stage, text, _ in file
    )  # fmt: skip
    told = {f"step{line}:0": chain(*layers) for line, _, _, layers in file} | {"step9:0": chain(*result)}
    provenance = {
        "buildConfig": {
            "digestMapping": {f"sha256:{line}": f"step{line}" for line, *_ in file},
            "llbDefinition": [{"id": "step9"}, {"id": "step10", "inputs": ["step9:0"]}],
        },
        "metadata": {METADATA: {"layers": told}},
    }
    return Build(
        "venv_service", variant, "none", "laptop", (), "", "", 1.0, steps, (), 0, "x", None, (), "", provenance
    )


def test_layers_are_those_of_the_image_each_with_the_step_that_made_it():
    found = image_layers(build())
    assert [(layer.line, layer.instruction, layer.size_bytes) for layer in found] == [
        (3, "FROM", 75_000_000),
        (4, "COPY", 30_000_000),
        (5, "WORKDIR", 100),
        (6, "COPY", 2000),
    ]


def test_a_layer_that_no_step_made_is_of_the_base_image():
    unknown = dataclasses.replace(build(), steps=())
    assert [(layer.line, layer.instruction) for layer in image_layers(unknown)] == [(0, "FROM")]


def test_without_provenance_there_are_none_and_no_chart():
    failed = dataclasses.replace(build(), provenance={})
    assert image_layers(failed) == ()
    with pytest.raises(ValueError, match="not known"):
        layers(failed)
    with pytest.raises(ValueError, match="no builds"):
        layers()


@pytest.mark.parametrize("name", ["apt", "link_hit", "pip", "cache_export", "code_edit", "cached", "uv"])
def test_in_recorded_builds_every_layer_has_its_step_and_they_add_up_to_the_image(name):
    recorded = json.loads(gzip.decompress((TRACES / f"{name}.json.gz").read_bytes()))
    provenance = recorded["metadata"]["buildx.build.provenance"]
    parsed = parse(recorded["trace"], provenance, recorded["dockerfile"])
    found = image_layers(dataclasses.replace(build(), provenance=provenance, steps=parsed.steps))
    assert sum(layer.size_bytes for layer in found) == image_bytes(provenance)
    assert all(layer.line for layer in found) and found[0].instruction == "FROM"


def test_a_bar_begins_where_the_one_before_it_ends_and_small_ones_share_a_row():
    figure = layers(build(), build(result=[*RESULT, ("second", 50)], variant="fat"))
    bars = sorted(
        (row, start, length)
        for trace in figure.data
        if trace.type == "bar" and trace.name != "image"
        for row, start, length in zip(trace.y, trace.base, trace.x, strict=True)
    )
    first = [bar for bar in bars if bar[0] < 4]
    assert [start for _, start, _ in first] == pytest.approx([0, 75, 105])
    assert sum(length for *_, length in first) == pytest.approx(105.0021)
    ticks = [text.replace("\u00a0", " ").strip() for text in figure.layout.yaxis.ticktext]
    assert ticks[3] == "2 smaller layers" and ticks[1].startswith("3 FROM python"), ticks
    labels = next(trace for trace in figure.data if trace.name == "labels").text
    assert any("148% of after" in text for text in labels), labels


def test_kinds_differ_without_colour_and_the_words_say_what_is_heaviest():
    patterns = [pattern for _, pattern in LOOKS.values()]
    assert len(set(patterns)) == len(patterns)
    for colour, _ in LOOKS.values():
        assert min(theme.contrast(colour, page) for page in (theme.LIGHT_PAGE, theme.DARK_PAGE)) >= 3
    assert "after 105 MB" in repr(layers(build())) and "30.0 MB" in repr(layers(build()))
