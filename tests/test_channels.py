"""Everything that shows or keeps a build, a project or an error: none shows a secret or anything that a terminal would obey."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from test_masking import FORMS, SECRET, base64_of

from layerlab import diff, reporting
from layerlab.charts.timeline import timeline
from layerlab.commands.build_command import record_text
from layerlab.commands.main import main
from layerlab.commands.printing import dump, echo, print_table
from layerlab.contexts.listing import list_context
from layerlab.errors import AppError, CommandFailed, LayerLabError
from layerlab.explaining.against import explain_against
from layerlab.explaining.causes import Cause, Evidence
from layerlab.live import notebook, settled
from layerlab.live.model import LiveBuild
from layerlab.live.plain import PlainView
from layerlab.live.terminal import picture
from layerlab.machine.building import BuildFailed
from layerlab.machine.resolving import resolve
from layerlab.predicting.predict import Prediction
from layerlab.project.app import App
from layerlab.record import history
from layerlab.record.build import Build
from layerlab.record.masked_view import MaskedView
from layerlab.system.home import machine_dir
from layerlab.texts.plain import as_json, named, plain, shown
from layerlab.texts.secrets import HIDDEN, marked
from layerlab.traces.events import read_events
from layerlab.traces.trace import parse

pytestmark = pytest.mark.usefixtures("own_home")


# -- safe text --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "left"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("10%\r50%\r100%\nnext\r\n", "100%\nnext\n"),
        ("\x1b]0;title\x07text \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "text link"),
        ("\x1b]0;never ended\nnext", "0;never ended\nnext"),
        ("\x9b31mred\x9dtitle\x9c\x1bPq1\x1b\\", "red"),
        ("a\x00b\x07c\td\x7f\x85", "abc\td"),
        ("\x1bcreset \x1b(Bset", "reset set"),
        ("abc\u202ecba\u2066x\u2069", "abccbax"),
        ("\udcff", "\N{REPLACEMENT CHARACTER}"),
        ("Grüße, שלום, 你好, e\u0301, 👩‍🚀", "Grüße, שלום, 你好, e\u0301, 👩‍🚀"),
    ],
)
def test_what_a_program_printed_is_as_a_terminal_leaves_it(log, left):
    assert plain(log) == left


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("RUN a \\\n\tb", "RUN a \\\n\tb"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\r\nb\rc", "a\nb\\x0dc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udce9t\udce9", "\\xe9t\\xe9"),
        ("\ud800", "\\ud800"),
        (f"ENV TOKEN={marked('0' * 64)}", f"ENV TOKEN={HIDDEN}"),
    ],
)
def test_what_somebody_wrote_is_spelled_out(text, spelled):
    assert shown(text) == spelled


def test_a_name_is_one_line():
    assert named("a\nline 2  CACHED\tx\udcff") == "a\\nline 2  CACHED\\tx\\xff"


def harmless(text: str) -> bool:
    """Tell whether a terminal or a page would only show the text."""
    odd = [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    return not odd and not re.search("[\u202a-\u202e\u2066-\u2069]", text)


anything = st.text(st.characters(codec=None) | st.sampled_from("\x1b[]m\x07\r\n\x9b\x9c\u202e\udcff;0"), max_size=60)


@settings(max_examples=300)
@given(anything)
def test_any_text_is_made_harmless_once_and_for_all(text):
    for safe in (plain, shown, named):
        once = safe(text)
        assert harmless(once) and safe(once) == once


@settings(max_examples=200)
@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "M"]), max_size=60))
def test_text_with_nothing_odd_stays(text):
    assert plain(text) == shown(text) == named(text) == text


@settings(max_examples=100)
@given(st.dictionaries(anything, st.lists(anything, max_size=3), max_size=3))
def test_json_is_harmless_and_means_the_same(data):
    assert harmless(as_json(data)) and json.loads(as_json(data)) == data


# -- every channel ----------------------------------------------------------------------------------------------------

#: A name, a text or a message of somebody who wants more than to be read.
HOSTILE = "a\x1b[2J\x1b]0;owned\x07\x9b31m\rb\u202ec\u2066d[red]e[/nothing]<img src=x>f\x08\x7f\udcff"


def trace_of(text: str, log: str) -> str:
    """Write the trace of a build whose only step, on line 2, fails; it printed `log` in two pieces."""
    vertex = {"digest": "sha256:1", "name": f"[2/2] {text}", "inputs": []}
    times = {"started": "2026-01-01T00:00:00Z", "completed": "2026-01-01T00:00:05Z"}
    data = log.encode("utf-8", "surrogatepass")
    pieces = [base64.b64encode(part).decode() for part in (data[: len(data) // 2], data[len(data) // 2 :])]
    events = [
        {"vertexes": [vertex]},
        {"vertexes": [{**vertex, "started": times["started"]}]},
        *({"logs": [{"vertex": "sha256:1", "stream": 1, "data": piece}]} for piece in pieces),
        {"warnings": [{"vertex": "sha256:1", "short": base64_of(log.encode(errors="replace").decode()), "detail": []}]},
        {"vertexes": [{**vertex, **times, "error": f"process did not complete: {text}"}]},
    ]
    return "".join(json.dumps(event) + "\n" for event in events) + f"ERROR: failed to solve: {text}\n{log}"


class Case:
    """A failing build of a project, from its definition to its record, with `text` in a step, its log and the error."""

    def __init__(
        self, folder: Path, text: str, log: str, name: str = "shop", args: dict[str, str] | None = None
    ) -> None:
        project = folder / name
        project.mkdir()
        self.dockerfile = f"FROM python\n{text}\n"
        for file in ("Dockerfile", "Other.Dockerfile"):
            (project / file).write_text(self.dockerfile, errors="surrogateescape")
        (project / "Other.Dockerfile").open("a").write("RUN more\n")
        self.app = App.from_path(project)
        self.definition = resolve(self.app, "Dockerfile", args=args or {})
        self.trace = trace_of(text, log)
        self.build = self._record(text, log)
        self.before = self._record(text.replace("RUN", "RUN true;", 1), log)
        self.explanation = explain_against(self.build, [self.before])
        self.failure = BuildFailed(self.build, self.build.steps[-1], 1, log)

    def _record(self, text: str, log: str) -> Build:
        d = self.definition
        source = f"FROM python\n{text}\n"
        parsed = parse(trace_of(text, log), {}, source)
        build = Build(
            app=d.app, variant=d.variant, edit=self.app.name, machine="laptop", dockerfile=source,
            started_at="2026-01-01T00:00:00Z",
            command=("docker", "buildx", "build", *(f"--build-arg={k}={v}" for k, v in d.given_args.items()), f"--x={text}", "."),
            seconds=5.0, steps=parsed.steps, phases=parsed.phases, context_bytes=0, image="", image_bytes=None,
            warnings=parsed.warnings, trace=trace_of(text, log), provenance={}, error=parsed.error, project=str(d.project),
            args=d.given_args,
        )  # fmt: skip
        return build.fitted(d.masker)

    def live(self) -> Iterator[LiveBuild]:
        """Yield the running build after each event, as its views get it."""
        live = LiveBuild(self.definition.title, self.definition.dockerfile, args=self.definition.args)
        view = MaskedView(Fed(live), self.definition.masker)
        for event in read_events(self.trace.splitlines()):
            view.feed(event)
            yield live


class Fed:
    """A view that only feeds a model."""

    def __init__(self, live: LiveBuild) -> None:
        self.feed = live.feed

    def finish(self, build: Build | None) -> None:
        pass


def on_terminal(case: Case) -> str:
    console = Console(file=io.StringIO(), width=500, force_terminal=False)
    for live in case.live():
        console.print(picture(live, 40))
    return console.file.getvalue()


def on_stderr(case: Case) -> str:
    with contextlib.redirect_stderr(io.StringIO()) as printed:
        view = PlainView(LiveBuild(case.definition.title, case.definition.dockerfile))
        masked = MaskedView(view, case.definition.masker)
        for event in read_events(case.trace.splitlines()):
            masked.feed(event)
            view.draw()
        masked.finish(case.build)
    return printed.getvalue()


def in_notebook(case: Case) -> str:
    pages = [notebook.headline(live) + notebook.news(live) + notebook.table(live) for live in case.live()]
    *_, live = case.live()
    return "".join([*pages, settled.text(case.build, live), settled.page(case.build, live), settled.page(None, live)])


def saved(case: Case) -> str:
    """Return a record's file, and its trace's logs and warnings as they are."""
    logs = [log for event in read_events(case.build.trace.splitlines()) for log in event.get("logs") or ()]
    told = [w for event in read_events(case.build.trace.splitlines()) for w in event.get("warnings") or ()]
    coded = [log["data"] for log in logs] + [w["short"] for w in told]
    return record_text(case.build) + plain("".join(base64.b64decode(text).decode(errors="replace") for text in coded))


def remembered(case: Case) -> str:
    machine_dir("laptop").mkdir(parents=True, exist_ok=True)
    history.remember(case.build)
    files = (machine_dir("laptop") / "history").glob("*/*.json")
    return "".join(file.read_text() for file in files)


def in_table(case: Case) -> str:
    from layerlab.commands.build_table import show_build

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        show_build(case.build)
    return printed.getvalue()


def as_diff(case: Case) -> str:
    found = diff(case.app, "Dockerfile", "Other.Dockerfile")
    return str(found) + found._repr_html_() + found.to_frame().to_string()


def as_prediction(case: Case) -> str:
    found = Prediction(case.definition, ["" for _ in case.definition.steps])
    return str(found) + found._repr_html_()


CHANNELS: dict[str, Callable[[Case], str]] = {
    "a terminal's live view": on_terminal,
    "the lines of a log": on_stderr,
    "a notebook's live view": in_notebook,
    "the table of steps": in_table,
    "the error": lambda case: f"{case.failure}{case.failure!r}{case.failure.message}{case.failure.remedy}",
    "explain": lambda case: str(case.explanation) + case.explanation._repr_html_(),
    "explain --evidence": lambda case: case.explanation.evidence(),
    "explain --json": lambda case: dump(case.explanation.to_json()),
    "explain's frame": lambda case: case.explanation.to_frame().to_string(),
    "a record's repr": lambda case: repr(case.build) + repr(case.build.steps) + case.build._repr_html_(),
    "a frame": lambda case: case.build.steps_frame().to_string(),
    "build --json": lambda case: record_text(case.build),
    "a saved record": saved,
    "the history": remembered,
    "a page": lambda case: reporting.render(case.build, case.before, "html", case.explanation),
    "a summary": lambda case: reporting.render(case.build, case.before, "markdown", case.explanation),
    "a report as JSON": lambda case: reporting.render(case.build, case.before, "json", case.explanation),
    "a chart": lambda case: timeline(case.build).to_json(),
    "a diff": as_diff,
    "a prediction": as_prediction,
    "a definition": lambda case: ascii(case.definition.dockerfile) + ascii(dict(case.definition.args)),
}  # fmt: skip


@pytest.fixture(scope="module", params=range(len(FORMS)), ids=[text[:24] for text, _ in FORMS])
def leaking(request, tmp_path_factory) -> Iterator[Case]:
    text, _ = FORMS[request.param]
    instruction = f"RUN {text}" if "\n" not in text else f"RUN <<EOF\n{text}\nEOF"
    case = Case(tmp_path_factory.mktemp("leak"), instruction, f"+ {text}\n")
    yield case
    case.app.close()


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_channel_shows_a_secret_in_any_form(leaking, channel):
    text = CHANNELS[channel](leaking)
    assert not [s for s in (SECRET, "hunter2", "ghp_0123", "abc.def", "MIIabc", "xyz012", "xyz_abc") if s in text]
    if channel not in ("a saved record", "build --json", "the history", "a definition"):
        assert "(hidden:" not in text


@pytest.fixture(scope="module")
def given_secret(tmp_path_factory) -> Iterator[Case]:
    args = {"API_TOKEN": SECRET, "DB_PW": "a b c d 1", "PIP_NO_CACHE_DIR": "1"}
    text = 'ENV PIP_NO_CACHE_DIR=1\nARG API_TOKEN\nRUN deploy --to "$API_TOKEN"'
    case = Case(
        tmp_path_factory.mktemp("given"), text, f"connecting with {SECRET}, a b c d 1\nPIP_NO_CACHE_DIR=1\n", args=args
    )
    yield case
    case.app.close()


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_channel_shows_a_secret_build_argument(given_secret, channel):
    text = CHANNELS[channel](given_secret)
    assert "hunter2" not in text and "a b c d 1" not in text
    if channel in ("the error", "a page", "a saved record"):
        assert "PIP_NO_CACHE_DIR=1" in text


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Iterator[Case]:
    # A Dockerfile is UTF-8, and a carriage return isn't part of a line.
    text, name = HOSTILE.replace("\r", "").replace("\udcff", ""), HOSTILE.replace("/", "").replace("\udcff", "")
    case = Case(
        tmp_path_factory.mktemp("hostile"),
        f"RUN echo {text}",
        f"{HOSTILE}\nlast\n",
        name,
        {"A": text},
    )
    yield case
    case.app.close()


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_channel_lets_a_terminal_obey(hostile, channel):
    text = CHANNELS[channel](hostile)
    assert harmless(text)
    text.encode()  # no half characters


# -- names and messages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LayerLabError, AppError])
@settings(max_examples=50)
@given(anything, anything)
def test_an_error_is_harmless(kind, message, remedy):
    assert harmless(str(kind(message, remedy)))


@settings(max_examples=50)
@given(anything, anything)
def test_so_is_what_a_failed_command_printed(word, output):
    error = CommandFailed("it failed", ["docker", word], 1, output)
    assert harmless(str(error)) and error.command == ("docker", word) and error.output == output


@settings(max_examples=50)
@given(anything, anything, anything)
def test_so_are_causes(what, before, now):
    evidence = Evidence(what, before, now)
    assert harmless(evidence.what + evidence.before + evidence.now + Cause("file changed", what).text)


def test_files_of_a_context_are_named_on_one_line(tmp_path):
    (tmp_path / "a\nb\x1b[2J").write_text("")
    with contextlib.suppress(OSError):
        (tmp_path / "\udcff").write_text("")
    frame = list_context(tmp_path)
    assert "a\\nb\\x1b[2J" in frame["path"].tolist() and harmless(frame.to_html())


@settings(max_examples=50)
@given(anything)
def test_what_a_command_prints_is_harmless_and_never_markup(text):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        echo(text)
        print_table(["x"], [[f"[red]{text}"]])
    assert harmless(printed.getvalue()) and "[red]" in printed.getvalue()


@pytest.mark.parametrize(
    "words",
    [["explain"], ["build"], [], ["down"], ["lab", "check"], ["build", ".", "--build-arg"], ["report", "--format"]],
)
def test_wrong_usage_is_told_without_obeying(words):
    result = CliRunner().invoke(main, [*words, f"={HOSTILE}"])
    assert result.exit_code in (1, 2) and isinstance(result.exception, SystemExit)
    assert harmless(result.output) and "owned" in result.output


def test_a_hostile_record_is_shown_harmlessly(hostile, tmp_path):
    told = hostile.build.to_json() | {"app": HOSTILE, "variant": HOSTILE, "machine": HOSTILE, "error": HOSTILE}
    told |= {
        "warnings": [HOSTILE],
        "dockerfile": f"FROM python\nRUN {HOSTILE}\n",
        "command": [HOSTILE],
        "image": HOSTILE,
    }
    step = told["steps"][-1] | {"stage": HOSTILE, "text": HOSTILE, "log": HOSTILE, "instruction": HOSTILE}
    (tmp_path / "record.json").write_text(json.dumps(told | {"steps": [step]}))
    record = Build.load(tmp_path / "record.json")
    for form in reporting.FORMATS:
        assert harmless(reporting.render(record, None, form, explain_against(record, [])))
    for words in (["explain"], ["explain", "--evidence"], ["explain", "--json"], ["report", "--format", "markdown"]):
        result = CliRunner().invoke(main, [*words, str(tmp_path / "record.json")])
        assert result.exit_code == 0 and harmless(result.output)
