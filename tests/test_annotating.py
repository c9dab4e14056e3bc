"""Annotations of a Dockerfile on GitHub: what they say of builds, and that nothing in a build can write one of its own."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_report import build_of as built
from test_report import explanation_of, recorded, shop, step

from layerlab.explaining.causes import Cause, Remedy
from layerlab.record.states import FAILED, RAN
from layerlab.reporting import annotating, facts
from layerlab.reporting.annotating import LENGTH, LIMIT, Annotation

pytestmark = pytest.mark.usefixtures("own_home")


@dataclasses.dataclass(frozen=True)
class Command:
    """A workflow command as the runner reads it."""

    name: str
    properties: dict[str, str]
    text: str


def read(line: str) -> Command | None:
    """Read a line as the runner does (ActionCommand.TryParseV2), None if it's no command."""
    line = line.lstrip()
    if not line.startswith("::") or (end := line.find("::", 2)) < 0:
        return None
    name, _, given = line[2:end].partition(" ")
    properties = {}
    for pair in filter(None, given.strip().split(",")):
        key, _, value = pair.partition("=")
        if key and value:
            properties[key] = unescaped(value, {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"})
    return Command(name, properties, unescaped(line[end + 2 :], {"%0D": "\r", "%0A": "\n", "%25": "%"}))


def unescaped(text: str, mapping: dict[str, str]) -> str:
    for token, meant in mapping.items():  # the runner's order: %25 last
        text = text.replace(token, meant)
    return text


def told(build, explanation=None, **changes) -> list[Command]:
    """What annotations of a build say, each read back; every line must be a command."""
    gathered = facts.gather(build, None, explanation)
    lines = annotating.annotated(dataclasses.replace(gathered, file="/src/shop/Dockerfile", **changes)).splitlines()
    commands = [read(line) for line in lines]
    assert None not in commands, lines
    return commands


def test_a_step_with_a_reason_of_its_own_has_a_notice_on_its_lines_and_the_others_have_none():
    now, _, why = shop()
    found = told(now, why)
    assert [(c.name, c.properties["file"], c.properties["line"], c.properties["endLine"]) for c in found] == [
        ("notice", "/src/shop/Dockerfile", "5", "5"), ("notice", "/src/shop/Dockerfile", "3", "3"),
    ]  # fmt: skip
    assert [c.text for c in found] == [
        "RUN pytest -q: it is new. It took 4.0 s.", "COPY . .: app/main.py changed. It took 0.30 s."
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["first build", "another machine", "no cache"])
def test_what_is_true_of_every_step_is_no_news_about_one(kind):
    now, _, _ = shop()
    assert told(now, explanation_of(now, line_3=Cause(kind, "whatever"))) == []


def test_without_an_explanation_or_a_build_to_compare_with_there_is_nothing_to_say():
    now, _, why = shop()
    assert told(now) == told(now, dataclasses.replace(why, against="")) == []


def test_advice_is_a_warning_on_its_line_and_advice_on_no_line_is_for_the_summary():
    now, _, why = shop()
    remedies = (Remedy(3, "copy requirements.txt first", "01"), Remedy(0, "build twice"))
    found = [c for c in told(now, dataclasses.replace(why, remedies=remedies)) if c.name == "warning"]
    assert [(c.properties["line"], c.text) for c in found] == [("3", "copy requirements.txt first")]


def test_a_failed_step_is_an_error_with_the_end_of_its_log():
    log = "\n".join(f"line {n}" for n in range(5000)) + "\nE: it broke\n"
    build = built(step(1, "FROM x"), step(2, "RUN make \\\n all", FAILED, end_line=3, log=log), error="exit code: 2")
    (found,) = told(build)
    assert (found.name, found.properties["line"], found.properties["endLine"]) == ("error", "2", "3")
    assert found.text.startswith("RUN make") and found.text.endswith("E: it broke") and len(found.text) <= LENGTH


def test_a_failed_step_without_output_has_the_builders_error():
    build = built(step(1, "FROM x"), step(2, "COPY nosuch .", FAILED), error='"/nosuch": not found')
    assert told(build)[0].text.endswith('"/nosuch": not found')


@pytest.mark.parametrize("name", ["failed", "failed_copy"])
def test_recorded_failures_have_one_error_each(name):
    build = recorded(name)
    (line,) = [s.line for s in build.steps if s.state == FAILED]
    assert [(c.name, c.properties["line"]) for c in told(build)] == [("error", str(line))]


def many(count: int):
    """A build of that many steps, each with a reason of its own, the later the slower."""
    build = built(*(step(n, f"RUN make {n}", RAN, seconds=float(n)) for n in range(1, count + 1)))
    return build, explanation_of(
        build, **{f"line_{n}": Cause("text changed", f"reason {n}") for n in range(1, count + 1)}
    )


def test_the_slowest_come_first_and_what_github_would_drop_is_counted():
    assert len(told(*many(LIMIT))) == LIMIT
    found = told(*many(25))
    assert [c.properties.get("line") for c in found] == [*map(str, range(25, 16, -1)), None]
    assert found[-1].text == "16 more steps ran for reasons of their own: see the job's summary."
    build, why = many(25)
    advised = dataclasses.replace(why, remedies=tuple(Remedy(n, f"do {n}") for n in range(1, 25)))
    counts = [c.name for c in told(build, advised)]
    assert (counts.count("notice"), counts.count("warning")) == (LIMIT, LIMIT)


def test_the_targets_of_a_bake_file_share_what_they_have_in_common():
    now, _, why = shop()
    gathered = [facts.gather(now, None, why), facts.gather(dataclasses.replace(now, variant="other"), None, why)]
    assert annotating.annotated(*gathered) == annotating.annotated(gathered[0])
    several, why = many(8)
    build, other = (dataclasses.replace(facts.gather(several, None, why), file=name) for name in ("a", "b"))
    assert annotating.annotated(build, other).count("::notice") == LIMIT


def test_where_the_dockerfile_is_unknown_the_text_has_the_line():
    now, _, why = shop()
    found = told(now, why)[0]
    gathered = dataclasses.replace(facts.gather(now, None, why), file="")
    command = read(annotating.annotated(gathered).splitlines()[0])
    assert (command.properties.keys(), command.text) == ({"title"}, f"line 5: {found.text}")


HOSTILE = st.text(st.sampled_from(list("a:,%\r\n\\= ]#[;\x1b\u202e\u2028\ud800ü")), max_size=40) | st.sampled_from(
    ["::error::x", "\n::add-mask::a", "%0A::stop-commands::x", "x::error file=a::b", "##[error]x", "a,line=7"]
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_text_of_a_build_becomes_a_command_or_a_property(file, title, text):
    """The runner finds one command on one line, with our properties, whatever the texts are."""
    written = Annotation("notice", f"f{file}", 3, 4, f"t{title}", f"m{text}").command()
    assert len(re.split(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", written)) == 1
    command = read(written)
    assert command.name == "notice" and command.properties.keys() == {"file", "line", "endLine", "title"}
    assert (command.properties["line"], command.properties["endLine"]) == ("3", "4")
    assert command.text.startswith("m") and command.properties["file"].startswith("f")


@given(st.text(st.sampled_from(list("ab:,%02DAC5\n"))))
def test_what_github_shows_is_what_was_said(text):
    command = read(Annotation("notice", f"f{text}", 3, 4, f"t{text}", f"m{text}").command())
    assert (command.properties["file"], command.properties["title"], command.text) == (
        f"f{text}",
        f"t{text}",
        f"m{text}",
    )
