"""Charts: structure of the figures, the critical path, contrast, and what they say in words. No engine, no network."""

from __future__ import annotations

import copy
import dataclasses
import gzip
import itertools
import json
import pathlib
import pickle
import struct
import sys

import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter

from layerlab.charts import chart, theme
from layerlab.charts.before_after import LOG_RATIO, before_after, scale
from layerlab.charts.chart import Chart
from layerlab.charts.critical_path import critical_path
from layerlab.charts.labels import brief
from layerlab.charts.summary import summary
from layerlab.charts.timeline import LABEL_WIDTH, LOOKS, PHASE, timeline
from layerlab.record.build import Build
from layerlab.record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from layerlab.record.step import Phase, Step
from layerlab.traces.trace import parse

PIP_LOG = (
    "".join(f"Collecting package-{n}<2 && >1\n" for n in range(30))
    + "\x1b[32mSuccessfully installed\x1b[0m <b>numpy</b>\n"
)


def step(line, text, start=0.0, seconds=0.0, state=RAN, stage="stage-0", inputs=(), **more) -> Step:
    """Make a step whose digest is its line."""
    facts = {"size_bytes": None, "downloaded_bytes": 0, "downloads_counted": True, "log": ""} | more
    instruction = text.split()[0]
    inputs = tuple(f"sha256:{i}" for i in inputs)
    return Step(
        line, line, stage, instruction, text, state, start, seconds, digest=f"sha256:{line}", inputs=inputs, **facts
    )


def build(*steps, seconds=None, phases=(), **more) -> Build:
    end = max([s.started + s.seconds for s in steps if s.started is not None], default=0.0)
    facts = {"app": "radiology_api", "variant": "before", "edit": "code", "machine": "laptop"} | more
    return Build(
        command=("docker", "buildx", "build"),
        dockerfile="",
        started_at="2025-01-01T00:00:00Z",
        seconds=end if seconds is None else seconds,
        steps=steps,
        phases=phases,
        context_bytes=1_234_567,
        image="x",
        image_bytes=None,
        warnings=(),
        trace="",
        provenance={},
        **facts,
    )


def cached_build() -> Build:
    return build(
        step(1, "FROM hub.example/library/python:3.11-slim@sha256:0123456789abcdef", 0.1, 0.0, BASE),
        step(3, "COPY requirements.txt .", 0.12, 0, CACHED, inputs=[1]),
        step(4, "RUN pip install --no-cache-dir -r requirements.txt", 0.12, 0, CACHED, inputs=[3]),
        step(5, "COPY . .", 0.12, 0, CACHED, inputs=[4]),
        phases=(
            Phase("definition", "[internal] load build definition", 0.0, 0.03, 900),
            Phase("context", "[internal] load build context", 0.1, 0.02, 0),
            Phase("export", "exporting to image", 0.2, 0.15, 0),
        ),
        seconds=0.41,
        edit="none",
    )


def cold_build() -> Build:
    return build(
        step(1, "FROM hub.example/library/python:3.11-slim", 1.2, 2.1, BASE, "build"),
        step(
            2,
            "RUN --mount=type=cache,target=/var/cache/apt apt-get update && apt-get install -y gcc",
            3.3,
            6.5,
            RAN,
            "build",
            [1],
            size_bytes=80_000_000,
            downloaded_bytes=61_000_000,
        ),
        step(4, "COPY requirements.txt /app/requirements.txt", 9.8, 0.08, RAN, "build", [2]),
        step(
            5,
            "RUN --mount=type=cache,target=/root/.cache/pip pip install -r /app/requirements.txt",
            9.9,
            20.4,
            RAN,
            "build",
            [4],
            size_bytes=312_000_000,
            downloaded_bytes=122_000_000,
            log=PIP_LOG,
        ),
        step(8, "FROM hub.example/library/node:22 AS assets", 1.2, 4.0, BASE, "assets"),
        step(9, "RUN npm ci && npm run build", 5.2, 9.7, RAN, "assets", [8], downloaded_bytes=9_000_000),
        step(12, "COPY --from=assets /web/dist /app/static", 30.3, 0.21, RAN, "final", [5, 9], size_bytes=700_000),
        step(13, "COPY . /app", 30.5, 0.4, RAN, "final", [12], size_bytes=1_200_000),
        phases=(
            Phase("definition", "[internal] load build definition", 0.0, 0.04, 900),
            Phase("metadata", "[internal] load metadata for python:3.11-slim", 0.1, 1.1, 0),
            Phase("metadata", "[internal] load metadata for node:22", 0.1, 0.9, 0),
            Phase("context", "[internal] load build context", 1.2, 0.3, 1_234_567),
            Phase("export", "exporting to image", 31.0, 8.2, 0),
        ),
        seconds=39.6,
        edit="cold",
    )


def long_build(count=40) -> Build:
    steps, now = [], 0.5
    for n in range(1, count + 1):
        took = 0.15 + (n * 7 % 11) * 0.4 if n > count // 3 else 0.0
        steps.append(
            step(
                n * 2,
                f"RUN python -m compileall -q /srv/app/some_package_{n} && echo $HOME $PATH",
                now,
                took,
                RAN if took else CACHED,
                f"stage-{n // 15}",
                [n * 2 - 2],
            )
        )
        now += took
    return build(*steps, phases=(Phase("export", "exporting", now, 6.0, 0),), seconds=now + 6.1)


def failed_build() -> Build:
    return build(
        step(1, "FROM python:3.11-slim", 0.4, 0.0, BASE),
        step(2, "COPY . .", 0.5, 0.3, RAN, inputs=[1]),
        step(3, "RUN pip install -r requirements.txt", 0.8, 3.2, FAILED, inputs=[2], log="ERROR: no <i>match</i>"),
        step(6, "RUN make docs", 0.8, 3.1, CANCELED, "docs", [2]),
        dataclasses.replace(step(4, "RUN python -m compileall .", inputs=[3], state=NOT_REACHED), started=None),
        dataclasses.replace(step(5, 'CMD ["uvicorn", "app:app"]', inputs=[4], state=NOT_REACHED), started=None),
        error='process "/bin/sh -c pip install -r requirements.txt" did not complete successfully: exit code: 1',
        seconds=4.2,
    )


def results(seconds: dict[tuple[str, str], list[float]], mb=None, context=None) -> pd.DataFrame:
    """Make a frame like `compare`'s: two steps per build."""
    rows, number = [], 0
    for (variant, edit), walls in seconds.items():
        for repeat, wall in enumerate(walls):
            number += 1
            shared = {
                "app": "diet_planner",
                "machine": "laptop",
                "variant": variant,
                "edit": edit,
                "repeat": repeat,
                "build": number,
                "wall_seconds": wall,
                "export_seconds": wall / 4,
                "context_bytes": int((context or {}).get(edit, 0.05) * 1e6),
                "image_bytes": 10**8,
                "build_downloaded_bytes": int((mb or {}).get((variant, edit), 0) * 1e6),
                "build_downloads_counted": True,
                "stage": "stage-0",
                "size_bytes": None,
                "downloaded_bytes": 0,
                "seconds": wall / 2,
            }
            rows.append({**shared, "line": 1, "instruction": "COPY", "state": CACHED, "text": "COPY a b"})
            rows.append({**shared, "line": 2, "instruction": "RUN", "state": RAN, "text": "RUN pip install"})
    return pd.DataFrame(rows)


def wide_results(repeats=5) -> pd.DataFrame:
    """Three variants, four edits, 1:80."""
    medians = {
        "before": [41.2, 0.5, 40.8, 41.9],
        "reordered": [40.3, 0.45, 1.4, 39.0],
        "after": [22.0, 0.42, 0.51, 8.3],
    }
    edits = ["cold", "none", "code", "dependency"]
    spread = [1.0, 0.96, 1.07, 1.02, 1.15][:repeats]
    mb = {("before", e): 122.0 for e in edits if e != "none"} | {
        ("reordered", "cold"): 122.0,
        ("reordered", "dependency"): 122.0,
        ("after", "cold"): 122.0,
        ("after", "dependency"): 1.4,
    }
    return results(
        {(v, e): [m * s for s in spread] for v, ms in medians.items() for e, m in zip(edits, ms, strict=True)}, mb
    )


def small_results(repeats=1) -> pd.DataFrame:
    spread = [1.0, 0.9, 1.2, 1.05, 1.1][:repeats]
    medians = {("before", "none"): 2.0, ("after", "none"): 2.05, ("before", "code"): 6.0, ("after", "code"): 2.5}
    return results(
        {k: [m * s for s in spread] for k, m in medians.items()},
        {("before", "code"): 12.0, ("after", "code"): 3.0},
        {"code": 8.0},
    )


def traces(figure: go.Figure, name: str) -> list:
    return [trace for trace in figure.data if trace.name == name]


def texts(figure: go.Figure) -> list[str]:
    """Return the texts beside the bars, without markup."""
    plain = str.maketrans({"\u00a0": " "})
    labels = [text for trace in traces(figure, "labels") for text in trace.text]
    return [text.translate(plain).replace("<b>", "").replace("</b>", "").strip() for text in labels]


def rows(figure: go.Figure) -> list[str]:
    return [
        text.replace("\u00a0", " ").replace("<b>", "").replace("</b>", "").rstrip()
        for text in figure.layout.yaxis.ticktext
    ]


def hover(figure: go.Figure, containing: str) -> str:
    return next(t for trace in figure.data for t in (trace.hovertext or ()) if containing in t)


ALL = [cached_build, cold_build, long_build, failed_build]


# The timeline


@pytest.mark.parametrize("make", ALL)
def test_each_step_has_one_bar_or_symbol_in_its_state_and_one_row(make):
    record = make()
    figure = timeline(record)
    for state in LOOKS:
        drawn = sum(len(trace.y) for trace in traces(figure, state))
        expected = record.phases if state == PHASE else [s for s in record.steps if s.state == state]
        assert drawn == len(expected), state
    placed = [y for state in LOOKS if state != PHASE for trace in traces(figure, state) for y in trace.y]
    assert len(set(placed)) == len(record.steps)


def test_bars_start_and_last_as_the_steps_do():
    (ran,) = traces(timeline(cold_build()), RAN)
    pip = ran.hovertext.index(next(t for t in ran.hovertext if "pip install" in t))
    assert (ran.base[pip], ran.x[pip]) == (9.9, 20.4)


def test_cached_steps_are_visible_though_they_take_no_time():
    figure = timeline(cached_build())
    (cached,) = traces(figure, CACHED)
    assert cached.mode == "markers" and cached.cliponaxis is False
    assert texts(figure).count("cached") == 3


def test_a_cached_step_that_pulled_its_layer_has_a_bar_and_its_seconds():
    figure = timeline(build(step(1, "RUN pip install x", 0.2, 3.25, CACHED)))
    assert traces(figure, CACHED)[0].type == "bar"
    assert texts(figure) == ["◆ cached 3.2 s"]


def test_states_differ_without_colour():
    drawn = [(look.pattern, look.symbol, look.word) for look in LOOKS.values()]
    assert len(set(drawn)) == len(drawn)
    assert all(look.word for state, look in LOOKS.items() if state not in (RAN, PHASE))


def test_rows_are_in_file_order_under_their_stage_with_line_numbers_and_phases_below():
    assert rows(timeline(cold_build())) == [
        "stage build",
        "  1 FROM python:3.11-slim",
        "  2 RUN apt-get update && apt-get insta…".replace("&", "&amp;"),
        "  4 COPY requirements.txt /app/requirem…",
        "  5 RUN pip install -r /app/requirement…",
        "stage assets",
        "  8 FROM node:22 AS assets",
        "  9 RUN npm ci && npm run build".replace("&", "&amp;"),
        "stage final",
        " 12 COPY --from=assets /web/dist /app/s…",
        " 13 COPY . /app",
        "outside the steps",
        "    build definition",
        "    base image metadata",
        "    context transfer",
        "    export",
    ]
    assert timeline(cold_build()).layout.yaxis.range[0] > timeline(cold_build()).layout.yaxis.range[1], (
        "first at the top"
    )


@given(st.text(max_size=200))
def test_an_instruction_is_shortened_to_one_line_that_fits(text):
    assert len(brief("RUN " + text, LABEL_WIDTH)) <= LABEL_WIDTH
    assert "\n" not in brief("RUN " + text, LABEL_WIDTH)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN --mount=type=cache,target=/root/.cache/pip --network=none pip install x", "RUN pip install x"),
        ("COPY --link --chown=1000:1000 --from=build /venv /venv", "COPY --from=build /venv /venv"),
        ("RUN pip install --no-cache-dir x", "RUN pip install --no-cache-dir x"),
        ("FROM --platform=linux/amd64 hub.example/library/python:3.11@sha256:0123 AS b", "FROM python:3.11 AS b"),
        ("RUN <<EOF\n  make /a/b:c\nEOF", "RUN <<EOF make /a/b:c EOF"),
    ],
)
def test_what_goes_first_when_an_instruction_is_shortened(text, expected):
    assert brief(text, 60) == expected


def test_overlapping_phases_count_once():
    assert "1.1 s" in texts(timeline(cold_build()))  # two lookups of metadata at the same time, 1.1 s and 0.9 s


def test_the_tooltip_has_everything_and_the_log_cannot_inject_markup():
    told = hover(timeline(cold_build()), "pip install")
    assert "--mount=type=cache" in told
    assert "line 5, RAN, 20.4 s, layer 312 MB, downloaded 122 MB" in told
    assert "&lt;b&gt;numpy&lt;/b&gt;" in told and "<b>numpy" not in told
    assert "\x1b" not in told and "Successfully installed" in told
    assert "package-29&lt;2 &amp;&amp; &gt;1" in told and "package-20" not in told, "the tail only"


def test_logs_are_limited_in_width_and_progress_bars_to_their_last_state():
    told = hover(timeline(build(step(1, "RUN x", 0, 1, log="10%\r50%\r100%\r\n" + "y" * 500))), "RUN x")
    assert "100%" in told and "50%" not in told
    assert max(map(len, told.split("<br>"))) <= 80


def test_dollars_do_not_become_formulas():
    record = build(step(1, "RUN echo $HOME $PATH", 0, 1, log="$a$"), app="$x$", error="$y$")
    figure = timeline(record)
    shown = [figure.layout.title.text, *figure.layout.yaxis.ticktext, hover(figure, "echo")]
    assert not any("$" in text for text in shown)


def test_titles_and_axes():
    figure = timeline(cold_build())
    assert "radiology_api · before · edit: cold · 39.6 s" in figure.layout.title.text
    assert "critical path 29.7 s" in figure.layout.title.text and "export 8.2 s" in figure.layout.title.text
    assert "seconds" in figure.layout.xaxis.title.text
    failed = timeline(failed_build())
    assert "failed after 4.2 s" in failed.layout.title.text and "exit code: 1" in failed.layout.title.text


def test_failed_builds_say_what_happened_to_each_step():
    shown = texts(timeline(failed_build()))
    assert shown.count("not reached") == 2
    assert "◆ failed 3.2 s" in shown and "canceled 3.1 s" in shown


def test_the_critical_path_is_marked():
    figure = timeline(cold_build())
    assert {t for t in texts(figure) if t.startswith("◆")} == {
        "◆ base 2.1 s",
        "◆ 6.5 s",
        "◆ 0.08 s",
        "◆ 20.4 s",
        "◆ 0.21 s",
        "◆ 0.40 s",
    }
    (ran,) = traces(figure, RAN)
    npm = next(n for n, text in enumerate(ran.hovertext) if "npm ci" in text)
    solid = [n for n, colour in enumerate(ran.marker.color) if colour == LOOKS[RAN].colour]
    assert npm not in solid and len(solid) == 5


@pytest.mark.parametrize(
    "record",
    [
        build(),
        build(seconds=1.0, error="failed to solve"),
        build(step(1, "FROM x", 0, 0, BASE)),
        build(*failed_build().steps[4:]),
    ],
    ids=["empty", "failed at once", "one step", "nothing started"],
)
def test_small_builds(record):
    assert timeline(record).to_json()
    assert len(str(timeline(record)).splitlines()) == 1


@pytest.mark.parametrize("count", [3, 20, 60])
def test_height_grows_with_the_steps(count):
    figure = timeline(long_build(count))
    assert figure.layout.height / len(figure.layout.yaxis.ticktext) >= 20
    assert figure.layout.width is None, "the page decides"


def test_a_long_timeline_stays_small_enough_for_a_notebook():
    assert len(timeline(long_build(60)).to_json()) < 100_000


TRACES = sorted((pathlib.Path(__file__).parent / "traces").glob("*.json.gz"))


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.name.split(".")[0])
def test_recorded_builds(path):
    """Real traces: every step and phase is drawn, within the time of the build."""
    recorded = json.loads(gzip.decompress(path.read_bytes()))
    parsed = parse(recorded["trace"], recorded["metadata"].get("buildx.build.provenance", {}), recorded["dockerfile"])
    record = build(*parsed.steps, phases=parsed.phases, seconds=parsed.seconds, error=parsed.error)
    figure = timeline(record)
    assert sum(len(t.y) for state in LOOKS for t in traces(figure, state)) == len(parsed.steps) + len(parsed.phases)
    assert len(rows(figure)) == len(set(rows(figure))) or path.name.startswith(("bake", "failed_platforms")), (
        "a row each"
    )
    assert set(critical_path(record)) <= {s.digest for s in parsed.steps}
    assert bool(parsed.error) == ("failed after" in figure.layout.title.text)
    assert figure.layout.xaxis.range[1] < parsed.seconds * 1.2 + 0.2


# The critical path


@st.composite
def dags(draw) -> Build:
    """Draw builds whose steps depend on earlier ones, some of them cached, never started, or not steps at all."""
    steps = []
    for n in range(draw(st.integers(0, 12))):
        inputs = draw(st.sets(st.integers(-2, n - 1), max_size=4))
        ends = [s.started + s.seconds for s in steps if s.line in inputs and s.started is not None]
        start = max(ends, default=0.0) + draw(st.sampled_from([0.0, 0.01, 1.5]))
        took = draw(st.sampled_from([0.0, 0.3, 1.0, 7.0]))
        one = step(n, f"RUN {n}", start, took, RAN if took else CACHED, inputs=inputs)
        never = draw(st.integers(0, 5)) == 0
        steps.append(dataclasses.replace(one, started=None, seconds=0.0, state=NOT_REACHED) if never else one)
    return build(*steps)


@given(dags())
def test_the_critical_path_is_a_chain_of_inputs_that_ends_last(record):
    path = critical_path(record)
    steps = {s.digest: s for s in record.steps if s.started is not None}
    assert bool(path) == bool(steps)
    assert len(set(path)) == len(path)
    for one, other in itertools.pairwise(path):
        assert one in steps[other].inputs
        inputs = [steps[i] for i in steps[other].inputs if i in steps]
        worked = [s for s in inputs if s.state not in (BASE, CACHED) or s.seconds >= 0.05]
        assert steps[one].started + steps[one].seconds == max(s.started + s.seconds for s in worked or inputs)
    if path:
        assert steps[path[-1]].started + steps[path[-1]].seconds == max(s.started + s.seconds for s in steps.values())
        assert not set(steps[path[0]].inputs) & set(steps)


@given(dags())
def test_any_build_can_be_drawn(record):
    figure = timeline(record)
    assert sum(len(trace.y) for state in LOOKS for trace in traces(figure, state)) == len(record.steps)


def test_the_critical_path_of_parallel_stages():
    assert critical_path(cold_build()) == tuple(f"sha256:{line}" for line in (1, 2, 4, 5, 12, 13))


def test_a_cached_step_that_is_reported_late_did_not_hold_the_build_up():
    # COPY --link: the weights' layer is looked up when the code's is ready.
    code = step(1, "COPY radiassist/ /app/", 0.05, 0.26)
    weights = step(2, "COPY --link --from=models /models/ models/", 0.33, 0, CACHED)
    link = step(3, "COPY --link --from=code /app/ ./", 0.33, 0.02, inputs=(1, 2))
    assert critical_path(build(code, weights, link)) == (code.digest, link.digest)


def test_a_failure_ends_the_build_though_another_step_is_canceled_a_little_later():
    steps = failed_build().steps
    late = [dataclasses.replace(s, seconds=3.3) if s.state == CANCELED else s for s in steps]
    assert critical_path(build(*late)) == ("sha256:1", "sha256:2", "sha256:3")


# Before and after


def test_summary():
    table = summary(wide_results()).set_index(["variant", "edit"])
    assert len(table) == 12
    row = table.loc["before", "code"]
    assert row["repeats"] == 5
    assert row["median_seconds"] == pytest.approx(40.8 * 1.02)
    assert (row["min_seconds"], row["max_seconds"]) == pytest.approx((40.8 * 0.96, 40.8 * 1.15))
    assert row["export_seconds"] == pytest.approx(row["median_seconds"] / 4)
    assert (row["downloaded_mb"], row["context_mb"]) == (122.0, 0.05)
    assert (row["steps_ran"], row["steps_cached"]) == (1, 1)
    assert list(summary(wide_results())["edit"].unique()) == ["cold", "none", "code", "dependency"], "in order"


@pytest.mark.parametrize("column", ["app", "machine"])
def test_medians_over_different_things_are_refused(column):
    mixed = pd.concat([small_results(), small_results().assign(**{column: "other"})])
    with pytest.raises(ValueError, match=column):
        before_after(mixed)


def test_no_builds_are_refused():
    with pytest.raises(ValueError, match="no builds"):
        before_after(small_results().iloc[:0])


@given(st.lists(st.floats(0.01, 10_000), min_size=1, max_size=9))
def test_the_axis_is_logarithmic_just_where_a_linear_one_would_hide_a_bar(values):
    axis = scale(values)
    assert axis.log == (max(values) / min(values) > LOG_RATIO)
    assert axis.low < min(values) <= max(values) <= axis.longest
    assert ("log" in axis.axis("seconds")["title"]["text"]) == axis.log


def test_zeros_do_not_break_a_logarithmic_axis():
    assert scale([0.0, 1.0, 100.0]).log
    assert not scale([0.0, 0.0]).log
    assert not scale([0.0, 5.0]).log
    assert not scale([0.004, 5.0], least=0.1).log, "next to nothing is nothing"


def test_panels_choose_their_axis_by_their_own_bars_and_say_so():
    wide, small = before_after(wide_results()).layout, before_after(small_results()).layout
    assert wide.xaxis.type == wide.xaxis2.type == "log"
    assert "log scale" in wide.xaxis.title.text and "log scale" in wide.xaxis2.title.text
    assert small.xaxis.type is None and small.xaxis2.type is None
    assert "second" in small.xaxis.title.text and "MB" in small.xaxis2.title.text


def test_factors_are_told_against_the_first_variant():
    shown = texts(before_after(wide_results()))
    assert "0.52 s · 80× faster" in shown
    assert "41.6 s" in shown, "the first variant has nothing to be compared with"
    assert sum("about the same" in text for text in shown) == 2
    assert sum("no clear change" in text for text in shown) == 2, "repeats overlap"
    slower = results({("before", "code"): [2.0], ("after", "code"): [5.0]})
    assert "5.0 s · 2.5× slower" in texts(before_after(slower))


def test_a_comparison_may_have_holes():
    holes = results({("before", "code"): [2.0], ("after", "code"): [1.0], ("after", "none"): [0.5]})
    assert texts(before_after(holes))[:3] == ["2.0 s", "1.0 s · 2.0× faster", "0.50 s"]


def test_spread_is_shown_as_whiskers_and_single_builds():
    five, one = before_after(wide_results()), before_after(wide_results(1))
    (before, _) = traces(five, "before")
    assert before.error_x.visible and before.error_x.array[0] == pytest.approx(41.2 * (1.15 - 1.02))
    assert before.error_x.arrayminus[0] == pytest.approx(41.2 * (1.02 - 0.96))
    assert len(traces(five, "single builds")[0].x) == 60
    assert not traces(one, "before")[0].error_x.visible and not len(traces(one, "single builds")[0].x)
    assert "one build each" in one.layout.title.text and "median of 5" in five.layout.title.text


def test_bars_are_medians_on_the_row_of_their_name():
    figure = before_after(wide_results())
    (seconds, mb) = traces(figure, "after")
    assert seconds.x[2] == pytest.approx(0.51 * 1.02)
    assert rows(figure)[int(seconds.y[2])].strip() == "after"
    assert mb.x[3] == pytest.approx(1.4)
    assert len({(trace.marker.pattern.shape) for trace in figure.data if trace.type == "bar"}) == 3


def test_context_is_shown_where_it_matters():
    figure = before_after(small_results())
    assert "12.0 MB, ◇ 8.0" in texts(figure)
    assert len(traces(figure, "context")[0].x) == 2
    assert not any("◇" in text for text in texts(before_after(wide_results()))), "50 kB is nothing"


# What is shared: words, colours, display


def test_charts_say_in_words_what_they_show():
    assert str(timeline(cold_build())) == (
        "timeline of radiology_api before, edit cold: 39.6 s; 6 ran; "
        "slowest: line 5 RUN pip install -r /app/requirements.txt 20.4 s; export 8.2 s"
    )
    assert "1 failed, 1 canceled, 2 not reached" in str(timeline(failed_build()))
    assert str(before_after(small_results())) == (
        "before and after of diet_planner: edit none: before 2.0 s, after 2.0 s (about the same); "
        "edit code: before 6.0 s, after 2.5 s (2.4× faster)"
    )


def test_contrast_is_as_wcag_defines_it():
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WebAIM's well-known example


def test_text_has_nearly_the_most_contrast_possible_on_both_pages():
    most = theme.contrast(theme.LIGHT_PAGE, theme.DARK_PAGE) ** 0.5
    assert most < 4.5, "otherwise level AA could be had on both"
    for page in (theme.LIGHT_PAGE, theme.DARK_PAGE):
        assert theme.contrast(theme.INK, page) > most - 0.05
    assert theme.contrast(theme.INK_ON_WHITE, theme.LIGHT_PAGE) > 7


def test_marks_have_a_contrast_of_3_on_both_pages():
    for colour in (theme.BLUE, theme.VERMILLION, theme.GREEN, theme.PURPLE, theme.ORANGE, theme.INK):
        for page in (theme.LIGHT_PAGE, theme.DARK_PAGE):
            assert theme.contrast(colour, page) >= 3, (colour, page)


def test_backgrounds_are_transparent():
    for figure in (timeline(cold_build()), before_after(small_results())):
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        assert figure.layout.template.layout.paper_bgcolor is None


def displayed(figure: Chart) -> dict:
    """Return what a kernel sends for a chart at the end of a cell."""
    data, _ = DisplayFormatter().format(figure)
    return data


def test_shown_interactively_and_in_words_with_nothing_from_the_network(monkeypatch):
    monkeypatch.delenv(chart.STATIC, raising=False)
    monkeypatch.setattr("plotly.io.renderers.default", "plotly_mimetype")  # what plotly chooses in a kernel
    shown = displayed(timeline(cold_build()))
    assert set(shown) == {"application/vnd.plotly.v1+json", "text/plain"}
    assert shown["text/plain"].startswith("timeline of radiology_api before")
    # Older plotlys name the address of a button that isn't shown. Nothing is fetched from it.
    assert "http" not in json.dumps(shown).replace('"plotlyServerURL": "https://plot.ly"', "")


@pytest.mark.parametrize("missing", ["kaleido", "browser"])
def test_without_kaleido_or_a_browser_there_is_no_picture_and_no_error(monkeypatch, missing):
    monkeypatch.setenv(chart.STATIC, "1")
    monkeypatch.setattr("plotly.io.renderers.default", "plotly_mimetype")
    if missing == "kaleido":
        monkeypatch.setitem(sys.modules, "kaleido", None)
    else:
        monkeypatch.setenv("BROWSER_PATH", "/nowhere/chromium")
    chart._browser.cache_clear()
    try:
        assert set(displayed(timeline(cold_build()))) == {"application/vnd.plotly.v1+json", "text/plain"}
    finally:
        chart._browser.cache_clear()


@pytest.mark.timeout(180)
def test_static_picture(monkeypatch):
    monkeypatch.setenv(chart.STATIC, "1")
    figure = before_after(small_results())
    data, metadata = figure._repr_mimebundle_()
    assert "image/png" in data, "no picture: this test needs kaleido and Chromium (`make test` installs both)"
    png = figure.picture()
    assert struct.unpack(">II", png[16:24]) == (1000, figure.layout.height)
    assert metadata["image/png"] == {"width": 1000, "alt": str(figure)}
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)", "the chart itself stays as it was"


def test_a_chart_is_a_plotly_figure():
    figure = timeline(cold_build())
    assert figure.update_layout(height=300) is figure
    assert isinstance(copy.deepcopy(figure), Chart) and str(copy.deepcopy(figure)) == str(figure)
    assert str(pickle.loads(pickle.dumps(figure))) == str(figure)
    assert type(go.Figure(figure)) is go.Figure
