"""Reports of builds: what they say about recorded builds; they escape everything, hide secrets and stay small."""

from __future__ import annotations

import dataclasses
import gzip
import html
import html.parser
import itertools
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_records import builds

from layerlab import report, reporting
from layerlab.charts import theme
from layerlab.commands.main import main
from layerlab.errors import LayerLabError
from layerlab.explaining.causes import Cause, Evidence, Explanation, Remedy, StepCause
from layerlab.record.build import Build
from layerlab.record.layers import image_bytes
from layerlab.record.states import BASE, CACHED, FAILED, RAN
from layerlab.record.step import Phase, Step
from layerlab.reporting import drawing, facts, logs, markdown, words
from layerlab.system import faults
from layerlab.texts.plain import shown
from layerlab.texts.secrets import HIDDEN
from layerlab.traces.trace import parse

pytestmark = pytest.mark.usefixtures("own_home")

PACKAGE = Path(reporting.__file__).parent
TRACES = sorted((Path(__file__).parent / "traces").glob("*.json.gz"))
SCHEMA = json.loads((PACKAGE / "schema.json").read_text())


def recorded(name: str, **changes) -> Build:
    """Read a recorded build (tests/traces) as `Machine.build` would have returned it."""
    told = json.loads(gzip.decompress((Path(__file__).parent / "traces" / f"{name}.json.gz").read_bytes()))
    provenance = told["metadata"].get("buildx.build.provenance", {})
    found = parse(told["trace"], provenance, told["dockerfile"])
    fields = {
        "app": "recorded", "variant": name, "edit": "code", "machine": "laptop", "command": tuple(told["command"]),
        "dockerfile": told["dockerfile"], "started_at": "2026-11-21T04:00:00.000+00:00", "seconds": found.seconds,
        "steps": found.steps, "phases": found.phases, "context_bytes": found.context_bytes, "image": "recorded:latest",
        "image_bytes": image_bytes(provenance), "warnings": found.warnings, "trace": told["trace"],
        "provenance": provenance, "error": found.error,
    }  # fmt: skip
    return Build(**(fields | changes))


def step(line, text, state=RAN, **more) -> Step:
    fields = {
        "end_line": line, "stage": "stage-0", "instruction": text.split()[0], "started": line * 1.0, "seconds": 0.9,
        "size_bytes": 1_000_000, "downloaded_bytes": 0, "downloads_counted": True, "log": "", "digest": f"sha256:{line}",
        "inputs": (f"sha256:{line - 1}",),
    }  # fmt: skip
    return Step(line=line, text=text, state=state, **(fields | more))


def build_of(*steps: Step, **changes) -> Build:
    fields = {
        "app": "shop", "variant": "Dockerfile", "edit": "code", "machine": "laptop",
        "command": ("docker", "buildx", "build", "."), "dockerfile": "\n".join(s.text for s in steps),
        "started_at": "2026-01-02T03:04:05.678+00:00", "seconds": 12.0, "phases": (), "context_bytes": 0,
        "image": "layerlab-shop:dockerfile", "image_bytes": None, "warnings": (), "trace": "", "provenance": {},
        "undivided_bytes": 0,
    }  # fmt: skip
    return Build(**(fields | changes), steps=steps)


def explanation_of(build: Build, **causes: Cause) -> Explanation:
    """Make roots by line ("line_3=Cause(…)"); every other step that ran did so because of the first root."""
    first = min((int(key[5:]) for key in causes), default=0)
    steps = []
    for s in build.steps:
        own = causes.get(f"line_{s.line}")
        told = (own,) if own else (Cause("step above ran", f"line {first} above ran again"),) if s.state == RAN else ()
        above = (first,) if told and not own else ()
        steps.append(StepCause(s.line, s.stage, s.instruction, s.text, s.state, told, bool(own), above))
    return Explanation(build.app, build.variant, "the build before it", tuple(steps))


def shop(**changes) -> tuple[Build, Build, Explanation]:
    """Return a project's build after a change to its code, the build before that, and why its steps ran."""
    texts = (
        "FROM python:3.11-slim",
        "WORKDIR /app",
        "COPY . .",
        "RUN pip install -r requirements.txt",
        "RUN pytest -q",
    )
    before = build_of(
        step(1, texts[0], BASE, size_bytes=50_000_000),
        *(step(n, t, CACHED, seconds=0.0) for n, t in enumerate(texts[1:4], 2)),
        seconds=2.0,
        image_bytes=53_000_000,
    )
    now = build_of(
        step(1, texts[0], BASE, size_bytes=50_000_000),
        step(2, texts[1], CACHED, seconds=0.0),
        step(3, texts[2], seconds=0.3),
        step(4, texts[3], seconds=61.5, downloaded_bytes=75_000_000, log="Downloading numpy (75.0 MB)\ndone\n"),
        step(5, texts[4], started=66.0, seconds=4.0, size_bytes=2_000),
        phases=(Phase("context", "[internal] load build context", 0.1, 0.1, 2_000_000),
                Phase("export", "exporting to image", 70.0, 8.0, 0)),
        seconds=78.2, context_bytes=2_000_000, image_bytes=55_002_000, warnings=("JSONArgsRecommended: CMD",),
        **changes,
    )  # fmt: skip
    cause = Cause("file changed", "app/main.py changed", (Evidence("app/main.py", "sha256:aaa", "sha256:bbb"),))
    added = Cause("instruction added", "it is new")
    return now, before, explanation_of(now, line_3=cause, line_5=added)


class Page(html.parser.HTMLParser):
    """A page as a browser would read it: elements, texts, ids, links."""

    VOID = ("meta", "link", "br")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()
        if tag in ("td", "th"):
            self.texts.append((tag, " "))  # so that cells stay apart

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        """The text that a user can read."""
        return "".join(data for tag, data in self.texts if tag not in ("style", "script"))


def rendered(build, previous=None, explanation=None) -> Page:
    return Page(reporting.render(build, previous, "html", explanation or explanation_of(build)))


def cells(text: str) -> list[list[str]]:
    """Find the rows of all tables in a Markdown text, as a reader sees them."""
    rows, inside = [], False
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        if token.type in ("table_open", "table_close"):
            inside = token.type == "table_open"
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and inside:
            rows[-1].append(
                "".join(t.content for t in token.children if t.type in ("text", "text_special", "code_inline"))
            )
    return rows


# -- every recorded build ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [p.name.removesuffix(".json.gz") for p in TRACES])
def test_every_recorded_build_has_a_report_in_every_format(name):
    build = recorded(name)
    page = rendered(build)
    for s in build.steps:
        assert words.brief(s.text, 60)[:40] in " ".join(page.text.split())
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a")} <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in itertools.pairwise(levels))
    for text in (build.error, *build.warnings):
        assert " ".join(text.split())[:80] in " ".join(page.text.split())
    data = json.loads(reporting.render(build, None, "json", explanation_of(build)))
    jsonschema.validate(data, strict(SCHEMA))
    assert [(s["line"], s["state"]) for s in data["steps"]] == [(s.line, s.state) for s in build.steps]
    text = reporting.render(build, None, "markdown", explanation_of(build))
    shown = [row for row in cells(text) if len(row) == 7][1:]
    assert [row[2].split(" ", 1)[1] for row in shown] == [s.state for s in build.steps]


def strict(schema):
    """Forbid fields that the schema doesn't name: what's written must be documented."""
    if isinstance(schema, dict):
        changed = {key: strict(value) for key, value in schema.items()}
        return {"additionalProperties": False, **changed} if "properties" in schema else changed
    return [strict(one) for one in schema] if isinstance(schema, list) else schema


def test_the_schema_itself_is_valid_and_describes_every_field():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert (SCHEMA["properties"]["schema"]["const"], SCHEMA["properties"]["version"]["const"]) == (
        facts.SCHEMA,
        facts.VERSION,
    )
    for place in (SCHEMA, *SCHEMA["$defs"].values()):
        for name, told in place.get("properties", {}).items():
            assert "$ref" in told or told.get("description"), name


def test_a_page_loads_nothing_and_lets_nothing_run_but_its_own_script():
    now, before, why = shop()
    page = rendered(now, before, why)
    assert not [a for _, a in page.elements for key in ("src", "srcset", "poster", "data") if key in a]
    assert [a["href"] for a in page.all("link")] == ["data:,"]
    assert all(a["href"].startswith("#") for a in page.all("a"))
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    style = (PACKAGE / "templates/style.css").read_text()
    assert "@import" not in style and not re.search(r"url\((?!#)", style)


def in_order(build: Build) -> Build:
    """Give the record possible digests: no step depends on itself."""
    steps = [
        dataclasses.replace(s, digest=f"sha256:{n}", inputs=(f"sha256:{n - 1}",)) for n, s in enumerate(build.steps)
    ]
    return dataclasses.replace(build, steps=tuple(steps))


@settings(max_examples=50, deadline=None)
@given(builds.map(in_order), st.none() | builds.map(in_order))
def test_whatever_a_record_holds_it_has_a_report(build, previous):
    for form in reporting.FORMATS:
        assert reporting.render(build, previous, form, explanation_of(build)) or form == "annotations"


# -- what it says ------------------------------------------------------------------------------------------------------


def test_the_summary_says_what_somebody_who_reads_nothing_else_should_know():
    now, before, why = shop()
    page = rendered(now, before, why)
    text = " ".join(page.text.split())
    for sentence in (
        "Built in 78.2 s: 3 steps ran, 1 cached",
        "Slowest step: 61.5 s, 79 % of the build (line 4, RUN pip install -r requirements.txt).",
        "Root cause: app/main.py changed (line 3, COPY . .), and 1 more root cause.",
        "76.2 s slower than the previous build (2.0 s).",
        "78.2 s before: 2.0 s",
        "JSONArgsRecommended: CMD",
    ):
        assert sentence in text, sentence


def test_a_file_that_several_steps_copy_is_one_root_cause():
    now, before, _ = shop()
    cause = Cause("file changed", "app/main.py changed", (Evidence("app/main.py", "sha256:aaa", "sha256:bbb"),))
    why = explanation_of(now, line_3=cause, line_5=cause)
    assert "Root cause: app/main.py changed (lines 3, 5)." in " ".join(rendered(now, before, why).text.split())
    (told,) = json.loads(reporting.render(now, before, "json", why))["root_causes"]
    assert told == {"kind": "file changed", "text": "app/main.py changed", "lines": [3, 5]}


def test_every_form_says_what_to_do():
    now, before, why = shop()
    remedy = Remedy(4, "move `ARG GIT_SHA` below line 4", "08-split-what-is-heavy")
    why = dataclasses.replace(why, remedies=(remedy,))
    for form in reporting.FORMATS:
        text = html.unescape(reporting.render(now, before, form, why))
        assert "move `ARG GIT_SHA` below line 4" in text, form
        assert "08-split-what-is-heavy" in text or form == "annotations", form
    (told,) = json.loads(reporting.render(now, before, "json", why))["remedies"]
    assert told["line"] == 4


def test_the_remedy_of_an_error_is_told_once_on_the_page():
    now = recorded("failed", error="ERROR: no space left on device")
    remedy = faults.known("no-space").remedy
    page = rendered(now, None, Explanation("a", "v", "", (), (Remedy(0, remedy),))).text
    assert page.count(remedy) == 1


@pytest.mark.parametrize(("edit", "told"), [("code", True), ("none", False)])
def test_an_edit_is_told_only_if_layerlab_made_one(edit, told):
    """A project of your own has your own edits, which LayerLab doesn't know of."""
    now, before, why = shop(edit=edit)
    before = dataclasses.replace(before, edit=edit)
    text = " ".join(rendered(now, before, why).text.split())
    assert ("Edit just before" in text) is told and (f"edit {edit}" in text) is told


def test_an_image_without_a_name_is_not_shown():
    now, before, why = shop(image="moby-dangling@sha256:0123")
    assert all("moby-dangling" not in reporting.render(now, before, form, why) for form in reporting.FORMATS)


def test_root_causes_are_marked_and_consequences_name_the_step():
    now, before, why = shop()
    text = " ".join(rendered(now, before, why).text.split())
    assert text.count("▸ root cause") == 2
    assert "line 3 above ran again" in text
    assert "app/main.pysha256:aaasha256:bbb" in text.replace(" ", "")


def test_without_evidence_the_section_says_why(monkeypatch):
    def fails(build, previous=None):
        raise LayerLabError("the snapshot of the context is missing", "build again")

    monkeypatch.setattr("layerlab.reporting.writing.explain", fails)
    text = Page(reporting.render(build_of(step(1, "RUN true")))).text
    assert "Not explained: the snapshot of the context is missing." in text
    assert "No causes: the snapshot of the context is missing." in reporting.render(
        build_of(step(1, "RUN true")), None, "markdown"
    )


def test_a_first_build_has_nothing_to_compare_with():
    now, _, _ = shop()
    causes = [
        StepCause(s.line, s.stage, s.instruction, s.text, s.state, (Cause("first build", "the first"),), True)
        for s in now.steps
    ]
    why = Explanation(now.app, now.variant, "", tuple(causes))
    text = rendered(now, None, why).text
    assert "No earlier build to compare with" in text and "oot cause" not in text.split("How this was")[0]
    summary = reporting.render(now, None, "markdown", why)
    assert "No earlier build" in summary and "the first" not in summary


def test_a_failed_build_leads_with_the_error_and_what_the_step_printed():
    page = rendered(recorded("failed"))
    text = page.text
    assert "✗ Failed after" in text and "Failed at line 10" in " ".join(text.split())
    assert "boom" in text.split("Why steps ran")[1]
    assert "NOT REACHED" in text
    assert "⊘ Canceled after" in rendered(recorded("interrupted")).text
    for name in ("failed", "interrupted", "syntax_error"):
        assert "Sizes are not known" in rendered(recorded(name)).text


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("failed", "failed"), ("interrupted", "canceled"), ("syntax_error", "failed"), ("code_edit", "succeeded")],
)
def test_outcome(name, outcome):
    assert facts.outcome(recorded(name)) == outcome


def test_layers_add_up_to_the_image_and_what_is_not_in_it_stands_apart():
    told = facts.gather(recorded("registry_export"))
    inside = [s for s in told.steps if s.in_image and s.size_bytes]
    assert sum(s.size_bytes for s in inside) == told.totals.image_bytes
    assert [s.line for s in told.steps if s.size_bytes and not s.in_image] == [1, 2]
    assert "in the image: line 1" in " ".join(rendered(recorded("registry_export")).text.split())
    # For a base image from a registry cache, only the total is known.
    assert "base image, and bytes that no step accounts for" in rendered(recorded("registry_pull")).text


def test_stages_that_are_the_base_of_the_last_one_are_in_the_image():
    told = facts.gather(recorded("shared"))
    sized = {s.line: s.in_image for s in told.steps if s.size_bytes}
    assert sum(s.size_bytes for s in told.steps if s.in_image and s.size_bytes) == told.totals.image_bytes, sized


def test_downloads_are_reckoned_for_other_networks():
    told = facts.gather(shop()[0])
    assert told.transfer_seconds == pytest.approx({"10": 61.6, "100": 6.16, "1000": 0.616})
    assert "Total 77.0 MB 61.6 s 6.2 s 0.62 s" in " ".join(rendered(shop()[0]).text.split())


def test_steps_are_compared_with_those_they_were():
    now, before, _ = shop()
    pairs = facts.gather(now, before).comparison.steps
    assert [(p.before and p.before.state, p.now and p.now.state) for p in pairs] == [
        (BASE, BASE), (CACHED, CACHED), (CACHED, RAN), (CACHED, RAN), (None, RAN),
    ]  # fmt: skip
    backwards = facts.gather(before, now).comparison.steps
    assert (backwards[-1].before.text, backwards[-1].now) == ("RUN pytest -q", None)


def test_another_machine_is_named_in_a_comparison():
    now, before, _ = shop()
    elsewhere = dataclasses.replace(before, machine="ci")
    assert "Another machine" in rendered(now, elsewhere).text
    assert "another machine" in reporting.render(now, elsewhere, "markdown", explanation_of(now))


def test_the_previous_build_is_found_in_the_history_of_the_machine(monkeypatch):
    now, before, why = shop()
    other = dataclasses.replace(before, variant="other", app="not this one")
    monkeypatch.setattr("layerlab.record.history.before", lambda build: [other, before])
    data = json.loads(reporting.render(now, None, "json", why))
    assert (data["comparison"]["app"], data["comparison"]["variant"]) == ("shop", "Dockerfile")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.45, "0.45 s"), (41.23, "41.2 s"), (99.6, "1 min 40 s"), (3725, "1 h 2 min")],
)
def test_durations(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (29, "29 B"), (2_500, "2.5 kB"), (12_345_678, "12.3 MB"), (None, "unknown")]
)
def test_sizes(count, text):
    assert words.megabytes(count) == text


def test_differences_have_a_sign():
    assert [words.difference(v) for v in (3.2, -3.2, 0, 0.001)] == ["+3.2 s", "−3.2 s", "±0", "±0"]


# -- timeline ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["code_edit", "failed", "registry_pull", "multiplatform", "syntax_error"])
def test_every_step_and_phase_is_drawn_within_the_picture(name):
    told = facts.gather(recorded(name))
    drawn = drawing.draw(told)
    bars = [bar for row in drawn.rows for bar in row.bars]
    assert len(bars) == len(told.steps) + len(told.phases)
    assert all(b.x >= 0 and b.x + b.width <= 100.001 and 0 < b.y < drawn.height for b in bars)
    heights = [row.y for row in drawn.rows]
    assert heights == sorted(set(heights))
    assert len(drawn.ticks) <= drawing.TICKS + 1 and all(0 <= x <= 100 for x, _ in drawn.ticks)


def test_the_critical_path_is_told_in_words_and_by_a_sign():
    told = facts.gather(recorded("failed"))
    drawn = drawing.draw(told)
    assert "Critical path: line 1 then line 2 then line 9 then line 10" in drawn.words
    assert [row.label for row in drawn.rows if row.text.startswith("10 ")] == ["◆ failed 1.1 s"]
    (svg,) = [a for a in rendered(recorded("failed")).all("svg") if a.get("role") == "img"]
    assert svg["aria-labelledby"] == "timeline-title timeline-words"


# -- escaping ----------------------------------------------------------------------------------------------------------

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)></style></pre></details>"
    "{{ 7*7 }}{% raw %} &lt;b&gt; | `x` ``` <!-- --> ]]> *a* _b_ [l](javascript:alert(4)) $m$ @someone #12 :tada:"
)


def hostile_build() -> Build:
    hostile = step(
        2,
        f"RUN echo {HOSTILE}",
        stage=HOSTILE,
        log=f"\x1b[31m{HOSTILE}\x1b[0m\n",
        downloaded_bytes=5_000_000,
        seconds=3.0,
    )
    return build_of(
        step(1, "FROM python", BASE), hostile, step(3, f"COPY {HOSTILE} .", FAILED, log=HOSTILE),
        app=HOSTILE, variant=HOSTILE, edit=HOSTILE, machine=HOSTILE, command=("docker", HOSTILE), image=HOSTILE,
        dockerfile=f"FROM python\nRUN echo {HOSTILE}\nCOPY {HOSTILE} .\n", warnings=(HOSTILE,), error=f"ERROR: {HOSTILE}",
        started_at=HOSTILE, phases=(Phase("context", HOSTILE, 0.0, 0.5, 9), Phase(HOSTILE, HOSTILE, 0.0, 0.5, 9)),
    )  # fmt: skip


def hostile_explanation(build: Build) -> Explanation:
    cause = Cause(HOSTILE, HOSTILE, (Evidence(HOSTILE, HOSTILE, HOSTILE),))
    steps = [
        StepCause(s.line, s.stage, s.instruction, s.text, s.state, (cause,), True, (2,), HOSTILE, (HOSTILE,))
        for s in build.steps
    ]
    return Explanation(build.app, build.variant, HOSTILE, tuple(steps))


def test_hostile_texts_stay_texts():
    build = hostile_build()
    page = rendered(build, build, hostile_explanation(build))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 1 and tags.count("style") == 1 and "img" not in tags
    assert not [a for _, a in page.elements for key in a if key.startswith("on")]
    assert all(re.fullmatch(r"#(L\d+|log-\d+|[a-z]+)", a["href"]) for a in page.all("a"))
    assert page.text.count("</script><script>alert(1)</script>") > 12
    assert "{{ 7*7 }}{% raw %} &lt;b&gt;" in page.text and "49" not in re.findall(r"\b\d+\b", page.text)


def test_hostile_texts_stay_texts_in_markdown():
    build = hostile_build()
    text = reporting.render(build, build, "markdown", hostile_explanation(build))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens if token.children for child in token.children]
    assert {c.content for c in inline if c.type == "html_inline"} <= {"<code>", "</code>", "<sub>", "</sub>"}
    assert {c.type for c in inline} <= {
        "text",
        "text_special",
        "html_inline",
        "strong_open",
        "strong_close",
        "softbreak",
    }
    blocks = re.findall(r"<(\w+)", " ".join(t.content for t in tokens if t.type == "html_block"))
    assert set(blocks) <= {"details", "summary"}
    assert all(len(row) in (4, 5, 7) for row in cells(text))


def test_the_command_keeps_its_spaces():
    command = ("docker", "build", "--build-arg=T=two  spaces\n and a line", "--label=x=" + "y" * 3000, ".")
    text = reporting.render(build_of(step(1, "RUN x"), command=command), None, "markdown", explanation_of(build_of()))
    assert "docker build '--build-arg=T=two  spaces\n and a line' --label=x=yyy" in text and "y" * 2100 not in text


@given(st.text(max_size=60))
def test_markdown_shows_any_text_as_it_is(text):
    source = markdown._table(["what", "else"], [[markdown.escaped(text), "x"]])
    assert cells(source)[-1] == [" ".join(shown(text).split()), "x"]


# -- secrets -----------------------------------------------------------------------------------------------------------

SECRET = "hunter2-xyzzy-4711"


def with_secret(**changes) -> Build:
    """Make a build whose log, error and steps show the secret, given in the way that `changes` says."""
    log = f"connecting with {SECRET}\nok\n"
    steps = (step(1, "FROM python", BASE), step(2, "RUN deploy", log=log), step(3, "COPY . .", CACHED))
    return build_of(*steps, **({"error": f"ERROR: cannot use {SECRET}"} | changes))


PROVENANCE = {"invocation": {"parameters": {"args": {"build-arg:NPM_AUTHTOKEN": SECRET}}}}
OPERATION = {"op": {"Op": {"exec": {"meta": {"env": ["PATH=/bin", f"dbPassword={SECRET}"]}}}}}


@pytest.mark.parametrize(
    "given",
    [
        {"command": ("docker", "buildx", "build", f"--build-arg=API_TOKEN={SECRET}", ".")},
        {"command": ("docker", "buildx", "build", "--build-arg", f"API_TOKEN={SECRET}", ".")},
        {"command": ("docker", "buildx", "bake", f"--set=web.args.DB_PASSWORD={SECRET}", "web")},
        {"command": ("docker", "buildx", "bake", "--set", f"web.args.DB_PASSWORD={SECRET}", "web")},
        {"args": {"AWS_SECRET_ACCESS_KEY": SECRET}},
        {"dockerfile": f"FROM python\nARG SIGNING_KEY={SECRET}\nRUN deploy\nCOPY . .\n"},
        {"dockerfile": f"FROM python\nENV A=1 SIGNING_KEY='{SECRET}'\nRUN deploy\nCOPY . .\n"},
        {"dockerfile": f"FROM python\nENV CLIENT_SECRET {SECRET}\nRUN deploy\nCOPY . .\n"},
        {"dockerfile": f"FROM python\nRUN export PIP_PASS={SECRET} && deploy\nCOPY . .\n"},
        {"provenance": PROVENANCE},
        {"provenance": {"buildConfig": {"llbDefinition": [OPERATION]}}},
    ],
    ids=lambda given: str(given)[:60],
)
@pytest.mark.parametrize("form", list(reporting.FORMATS))
def test_values_whose_names_look_like_secrets_are_nowhere(given, form):
    build = with_secret(**given)
    text = reporting.render(build, None, form, explanation_of(build))
    assert SECRET not in text and "hunter2" not in text
    assert HIDDEN in text or form == "annotations"  # which say nothing of steps that had no reason of their own


@pytest.mark.parametrize("form", list(reporting.FORMATS))
def test_what_secret_options_name_is_hidden_where_a_step_printed_it(form, monkeypatch, tmp_path):
    monkeypatch.setenv("DEPLOY_THING", SECRET)
    (tmp_path / "netrc").write_text("machine example.org\npassword-line-of-a-file\n")
    log = f"connecting with {SECRET}\npassword-line-of-a-file\n"
    secrets = ("--secret", f"id=b,src={tmp_path / 'netrc'}", "--set=web.secrets=type=env,id=a,env=DEPLOY_THING")
    command = ("docker", "build", *secrets, "--ssh=default", ".")
    text = reporting.render(
        build_of(step(1, "RUN x", log=log), command=command, error=log), None, form, explanation_of(build_of())
    )
    assert SECRET not in text and "password-line-of-a-file" not in text


@pytest.mark.parametrize("option", ['id=b,"src={}"', '"src={}",id=b', '"source={}",id=b,type=file'])
def test_a_secrets_file_may_have_spaces_commas_and_equals_signs_in_its_path(option, tmp_path):
    file = tmp_path / "my secrets, v=2"
    file.write_text("password-line-of-a-file\n")
    for option_words in (["--secret", option.format(file)], [f"--set=web.secrets={option.format(file)}"]):
        build = build_of(
            step(1, "RUN x", log="password-line-of-a-file\n"), command=("docker", "build", *option_words, ".")
        )
        assert "password-line-of-a-file" not in reporting.render(build, None, "json", explanation_of(build_of()))


def test_the_report_says_what_it_hides():
    assert HIDDEN in rendered(shop()[0]).text


# -- size and logs -----------------------------------------------------------------------------------------------------


def test_sixty_steps_with_a_megabyte_of_log_each_stay_under_two_megabytes():
    line = 'x < y && "quoted" \x1b[32mgreen\x1b[0m & more {n}\n'
    log = "first line\n" + "".join(line.format(n=n) for n in range(22_000)) + "last line\n"
    assert len(log) > 1_000_000
    steps = [step(n, f"RUN make part-{n} --depth={n * 7}", log=f"{log}step {n}") for n in range(1, 61)]
    build = build_of(*steps, seconds=61.0)
    page = reporting.render(build, build, "html", explanation_of(build, line_1=Cause("file changed", "a.py changed")))
    assert len(page.encode()) < 2_000_000
    text = Page(page).text
    assert text.count("first line") == 60 and all(f"last line\nstep {n}" in text for n in range(1, 61))
    assert text.count("lines left out") == 60
    assert "\x1b" not in page


@given(st.text(max_size=3000), st.integers(200, 1000))
def test_a_cut_log_weighs_no_more_than_asked(text, limit):
    assert logs.weight(logs.cut(text, limit)) <= limit + 60


@given(st.lists(st.integers(0, 1000)), st.integers(0, 5000))
def test_shares_keep_to_the_budget_and_waste_none(weights, budget):
    granted = logs.shares(weights, budget)
    assert all(0 <= g <= w for g, w in zip(granted, weights, strict=True))
    assert sum(granted) <= budget and (sum(granted) == sum(weights) or sum(granted) == budget)


def test_markdown_of_a_thousand_steps_fits_into_a_comment_and_keeps_what_matters():
    steps = [step(n, f"RUN part|{n} {'<b>' * 30}", seconds=0.5, log="x|" * 5000) for n in range(1, 1001)]
    steps[500] = dataclasses.replace(steps[500], state=FAILED)
    steps[600] = dataclasses.replace(steps[600], seconds=99.0)
    build = build_of(*steps, error="ERROR: " + "x" * 100_000)
    root = Cause("file changed", "a|b.py changed " * 30)
    text = reporting.render(build, None, "markdown", explanation_of(build, line_700=root))
    assert len(text.encode()) < 64_000
    shown = [row for row in cells(text) if len(row) == 7][1:]
    assert {"501", "601", "700"} <= {row[0] for row in shown}
    assert "shorter steps left out" in text


def test_fences_are_longer_than_what_they_hold():
    text = reporting.render(
        build_of(step(1, "RUN x", FAILED, log="````\n<b>\n```"), error="```\nx"), None, "markdown", None
    )
    fences = [t.content for t in MarkdownIt("commonmark").parse(text) if t.type == "fence"]
    assert "````\n<b>\n```\n" in fences and "```\nx\n" in fences


# -- look --------------------------------------------------------------------------------------------------------------


def palettes() -> list[dict[str, str]]:
    style = (PACKAGE / "templates/style.css").read_text()
    return [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]


def test_contrast_of_texts_and_marks_on_every_page():
    assert len(palettes()) == 3
    for colours in palettes():
        for background in (colours["page"], colours["panel"]):
            for name in ("ink", "soft", "link"):
                assert theme.contrast(colours[name], background) >= 4.5, name
            for name in ("ran", "cached", "base", "failed", "canceled", "phase"):
                assert theme.contrast(colours[name], background) >= 3 or background == colours["panel"], name


def test_states_differ_in_shape():
    assert len(set(words.SIGNS.values())) == len(words.SIGNS)


# -- the ways in -------------------------------------------------------------------------------------------------------


def test_a_build_writes_its_report(tmp_path, monkeypatch):
    monkeypatch.setattr("layerlab.record.history.before", lambda build: [])
    now, before, _ = shop()
    path = report(now, tmp_path / "build.html", before)
    assert path == tmp_path / "build.html" and "Compared with the previous build" in path.read_text()
    assert json.loads(report(now, tmp_path / "b.json", format="json").read_text())["comparison"] is None
    with pytest.raises(LayerLabError, match="pdf"):
        report(now, tmp_path / "x", format="pdf")
    with pytest.raises(LayerLabError, match="can't write"):
        report(now, tmp_path / "no" / "such" / "folder.html")


def layerlab_(*words):
    return CliRunner().invoke(main, [str(w) for w in words])


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERLAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    now, before, _ = shop()
    return now.save(tmp_path / "now.json"), before.save(tmp_path / "before.json")


def test_the_command_writes_a_page(saved, tmp_path):
    result = layerlab_("report", saved[0], "--previous", saved[1])
    assert result.exit_code == 0, result.output
    assert "home/reports/shop-Dockerfile.html" in result.stderr and not result.stdout
    assert "Compared with the previous build" in (tmp_path / "home/reports/shop-Dockerfile.html").read_text()


def test_nothing_is_written_into_a_project_that_named_no_file(saved, tmp_path, monkeypatch):
    """A page in the project changed the context, so the next `COPY . .` ran because of it."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert layerlab_("report", saved[0]).exit_code == 0
    assert list((tmp_path / "project").iterdir()) == []


def test_the_command_prints_markdown_and_json(saved, tmp_path):
    assert layerlab_("report", saved[0], "--format", "markdown").stdout.startswith("### shop Dockerfile")
    assert json.loads(layerlab_("report", saved[0], "--format", "json").stdout)["schema"] == "layerlab-report"
    assert layerlab_("report", saved[0], "-o", "-").stdout.startswith("<!doctype html>")
    assert layerlab_("report", saved[0], "-o", tmp_path / "s.md").exit_code == 0
    assert (tmp_path / "s.md").read_text().startswith("### shop")


def test_the_command_prints_annotations(saved):
    printed = layerlab_("report", saved[0], "--previous", saved[1], "--format", "annotations").stdout
    assert all(line.startswith(("::notice ", "::warning ")) for line in printed.splitlines())


# -- several builds together -------------------------------------------------------------------------------------------


def test_builds_of_one_command_have_a_page_each_and_one_summary(tmp_path):
    now, before, _ = shop()
    worker, ready = (dataclasses.replace(now, variant="docker-bake.hcl", service=name) for name in ("worker", "ready"))
    reporting.report_together([(now, before), (worker, [before]), (ready, None)], tmp_path / "new" / "folder")
    files = {file.name: file.read_text() for file in (tmp_path / "new/folder").iterdir()}
    assert files.keys() == {
        "summary.md",
        "annotations.txt",
        "shop-Dockerfile.html",
        "shop-worker.html",
        "shop-ready.html",
    }
    assert files["summary.md"].count("### shop ") == 3


def test_pages_of_the_same_name_are_kept_apart(tmp_path):
    now, before, _ = shop()
    reporting.report_together([(now, before)] * 3, tmp_path)
    pages = sorted(file.name for file in tmp_path.glob("*.html"))
    assert pages == ["shop-Dockerfile-2.html", "shop-Dockerfile-3.html", "shop-Dockerfile.html"]


def test_a_summary_of_many_builds_is_no_longer_than_github_takes(tmp_path):
    steps = [step(n, f"RUN make {'x' * 300} {n}") for n in range(1, 300)]
    builds_ = [(dataclasses.replace(build_of(*steps), service=f"s{n}"), None) for n in range(40)]
    reporting.report_together(builds_, tmp_path)
    assert 100_000 < (tmp_path / "summary.md").stat().st_size <= 1_024_000


def test_reports_that_cannot_be_written_are_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LayerLabError, match="can't make the folder"):
        reporting.report_together([], tmp_path / "file")


@pytest.mark.parametrize(
    ("file", "told"), [("", ""), ("docker/Dockerfile", "/src/shop/docker/Dockerfile"), ("/x/D", "/x/D")]
)
def test_the_dockerfiles_place_is_told_in_full(file, told):
    assert facts.gather(build_of(step(1, "FROM x"), project="/src/shop", file=file)).file == told


def test_the_command_opens_what_it_wrote(saved, monkeypatch):
    opened = []
    monkeypatch.setattr(click, "launch", opened.append)
    assert layerlab_("report", saved[0], "--open", "-o", "r.html").exit_code == 0
    assert opened == ["r.html"]
    assert layerlab_("report", saved[0], "--open", "--format", "json").exit_code == 2


def test_the_command_says_what_is_wrong(saved, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    result = layerlab_("report", tmp_path / "other.json")
    assert result.exit_code == 1 and "Error" in result.stderr and "Traceback" not in result.output
    result = layerlab_("report", tmp_path)
    assert result.exit_code == 1 and "layerlab build" in result.stderr


def test_the_wheel_has_the_templates_and_the_schema(tmp_path):
    root = Path(__file__).resolve().parents[1]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=root,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    there = {
        p.relative_to(PACKAGE.parents[1]).as_posix() for p in PACKAGE.rglob("*") if p.is_file() and p.suffix != ".pyc"
    }
    assert {n for n in there if not n.endswith(".py")} and there <= set(names)
