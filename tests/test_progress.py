"""A build while it runs: the model on recordings fed event by event, when views draw, and what they show."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from layerlab.charts.theme import DARK_PAGE, LIGHT_PAGE, contrast
from layerlab.errors import BuildCancelled, LayerLabError
from layerlab.live import notebook, settled
from layerlab.live.drawn import QUIET_UPDATES_A_SECOND, UPDATES_A_SECOND, DrawnView, fitting
from layerlab.live.model import FAILED, RUNNING, WAITING, Activity, LiveBuild, Transfer
from layerlab.live.plain import REMINDER, PlainView
from layerlab.live.terminal import TerminalView
from layerlab.machine import client_process
from layerlab.record.build import Build
from layerlab.record.states import BASE, CACHED, CANCELED, NOT_REACHED, RAN
from layerlab.record.step import Step
from layerlab.record.view import chosen
from layerlab.traces.downloads import Downloads
from layerlab.traces.events import read_events
from layerlab.traces.trace import parse

TRACES = Path(__file__).parent / "traces"
NAMES = sorted(p.name.removesuffix(".json.gz") for p in TRACES.glob("*.json.gz"))
#: How far along a step is in each state: it never goes back.
RANK = {WAITING: 0, RUNNING: 1, RAN: 2, CACHED: 2, BASE: 2, FAILED: 2, CANCELED: 2}
#: Escape sequences of a terminal.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def recording(name: str) -> tuple[str, str]:
    """(trace, Dockerfile) of one recording."""
    data = json.loads(gzip.decompress((TRACES / f"{name}.json.gz").read_bytes()))
    return data["trace"], data["dockerfile"]


def started(name: str, **more) -> tuple[LiveBuild, list[dict]]:
    trace, dockerfile = recording(name)
    return LiveBuild("shop before", dockerfile, **more), list(read_events(trace.splitlines()))


def followed(name: str, **more) -> LiveBuild:
    live, events = started(name, **more)
    for event in events:
        live.feed(event)
    return live


def vertex(number: int, name: str, **told) -> dict:
    return {"vertexes": [{"digest": f"sha256:{number}", "name": name, **told}]}


def said(number: int, text: str, stream: int = 1) -> dict:
    data = base64.b64encode(text.encode()).decode()
    return {"logs": [{"vertex": f"sha256:{number}", "stream": stream, "data": data}]}


def row(text: str, state: str, seconds: float | None = None, *tail: str, transfers=(), line: int = 1) -> Activity:
    return Activity(line, "stage-0", text, state, seconds, state == RUNNING, tail, transfers)


TWO_STEPS = "FROM base\nRUN one\nRUN two\n"


def two_steps(clock: Clock | None = None) -> LiveBuild:
    live = LiveBuild("shop before", TWO_STEPS, clock=clock or Clock())
    for number, text in enumerate(("FROM base", "RUN one", "RUN two")):
        live.feed(vertex(number, f"[{number + 1}/3] {text}"))
    return live


class TestModel:
    @pytest.mark.parametrize("name", NAMES)
    def test_states_go_forward_and_end_where_the_record_says(self, name):
        service = "web" if name == "bake_failed" else ""
        live, events = started(name, service=service)
        ranks: dict[tuple[int, str, str], int] = {}
        for event in events:
            live.feed(event)
            for step in live.steps:
                key = step.line, step.stage, step.text
                # FROM looks up the image, then starts again to pull it; COPY --link copies, then starts again to merge.
                assert re.match("FROM|COPY --link", step.text) or RANK[step.state] >= ranks.get(key, 0), (
                    f"{step} went back"
                )
                ranks[key] = RANK[step.state]
        live.end()
        trace, dockerfile = recording(name)
        record = parse(trace, {}, dockerfile, service)
        if record.steps:
            assert [(s.line, s.state) for s in live.steps] == [(s.line, s.state) for s in record.steps]
        assert not any(r.busy for r in live.rows)

    # The others build a target, of a Dockerfile or of a bake file, or for several platforms.
    @pytest.mark.parametrize(
        "name",
        [n for n in NAMES if not n.startswith("bake") and n not in ("target", "multiplatform", "failed_platforms")],
    )
    def test_the_steps_are_known_before_the_engine_tells_of_them(self, name):
        live, events = started(name)
        before = live.steps
        assert {s.state for s in before} <= {WAITING}
        for event in events:
            live.feed(event)
        assert [s.line for s in live.steps] == [s.line for s in before]

    def test_only_the_stages_of_the_target_wait(self):
        text = "FROM a AS one\nRUN x\nFROM a AS two\nRUN y\nFROM one\nRUN z\n"
        assert [s.line for s in LiveBuild("t", text).steps] == [1, 2, 6]
        assert [s.line for s in LiveBuild("t", text, target="two").steps] == [3, 4]

    def test_a_step_waits_runs_and_is_done(self):
        live, events = started("apt")
        words = []
        for event in events:
            live.feed(event)
            word = live.steps[1].word
            words += [word] if word not in words[-1:] else []
        assert words == ["waiting", "running", "done"]

    def test_a_step_that_fails_shows_its_last_lines_and_what_never_ran_waits(self):
        live = followed("failed")
        live.end()
        steps = {s.line: s for s in live.steps}
        assert (steps[10].word, steps[10].tail) == ("failed", ("boom",))
        assert steps[4].word == "cancelled"
        assert steps[14].word == "waiting"

    def test_the_clock_of_a_step_runs_without_events_whatever_the_engines_clock_says(self):
        clock = Clock()
        live = two_steps(clock)
        live.feed(vertex(1, "[2/3] RUN one", started="2001-01-01T00:00:00Z"))
        clock.now += 90
        assert live.steps[1].seconds == 90
        assert live.steps[2].seconds is None
        assert live.elapsed == 90
        live.feed(vertex(1, "[2/3] RUN one", started="2001-01-01T00:00:00Z", completed="2001-01-01T00:01:31Z"))
        clock.now += 5
        assert live.steps[1].seconds == 91
        live.end()
        clock.now += 5
        assert live.elapsed == 95

    def test_what_ran_when_the_build_ended_was_cancelled(self):
        live = two_steps()
        live.feed(vertex(1, "[2/3] RUN one", started="2026-01-01T00:00:00Z"))
        live.feed(said(1, "so far\n"))
        live.end()
        assert [s.state for s in live.steps] == [WAITING, CANCELED, WAITING]
        assert live.steps[1].tail == ("so far",)
        assert not live.steps[1].busy

    def test_the_tail_is_what_a_terminal_shows(self):
        live = two_steps()
        live.feed(vertex(1, "[2/3] RUN one", started="2026-01-01T00:00:00Z"))
        for piece in ("1\n2\n3\n", "\n\n", "\x1b[31m4", "\x1b[0m\n 10%\r", " 20%\r", " 30%\r\n", "five", " is long"):
            live.feed(said(1, piece))
        assert live.steps[1].tail == ("3", "4", " 30%", "five is long")

    def test_a_pull_in_bytes(self):
        live, events = started("base_pull")
        seen = set()
        for event in events:
            live.feed(event)
            seen |= {t for s in live.steps if s.line == 2 for t in s.transfers}
        assert Transfer("pulled", 76_417_106, 76_417_106) in seen
        assert len(seen) > 1

    @pytest.mark.parametrize(
        ("name", "line", "total"),
        [("apt", 2, 15_437_000), ("pip", 4, 206_000), ("pip", 5, 16_900_000), ("uv", 3, 16_882_074)],
    )
    def test_downloads_grow_to_what_was_announced(self, name, line, total):
        live, events = started(name)
        seen: list[Transfer] = []
        for event in events:
            live.feed(event)
            seen += [t for s in live.steps if s.line == line for t in s.transfers if t not in seen[-1:]]
        assert all(t.current <= t.total for t in seen)
        assert seen[-1].what == "downloaded"
        assert seen[-1].current == seen[-1].total == pytest.approx(total, rel=0.01)
        assert any(t.current < t.total for t in seen), "nothing was ever on its way"

    def test_phases_stand_around_the_steps(self):
        live, events = started("first_build")
        names = []
        for event in events:
            live.feed(event)
            names += [r.text for r in live.rows if not r.line and r.text not in names]
        assert "export the image" in names
        live = two_steps()
        live.feed({"vertexes": [
            {"digest": "e", "name": "exporting to image", "started": "2026-01-01T00:00:00Z"},
            {"digest": "c", "name": "[internal] load build context", "started": "2026-01-01T00:00:00Z"},
        ]})  # fmt: skip
        live.feed({"statuses": [{"id": "transferring context:", "vertex": "c", "current": 5_000_000}]})
        assert [r.text for r in live.rows] == [
            "send the build context",
            "FROM base",
            "RUN one",
            "RUN two",
            "export the image",
        ]
        assert live.rows[0].transfers == (Transfer("sent", 5_000_000, 0),)

    def test_counts(self):
        assert two_steps().counts() == "0 of 3 steps done"
        assert followed("cached").counts() == "10 of 10 steps done (8 cached)"

    @given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2), st.integers(0, 10_000))
    def test_a_trace_cut_anywhere_can_be_shown(self, names, cut):
        live, events = started(names[0])
        for event in events[: cut % (len(events) + 1)]:
            live.feed(event)
        notebook.table(live)
        live.end()
        settled.page(None, live)


class TestDownloadsOnTheirWay:
    def test_pip_goes_on_when_a_file_is_here(self):
        log = Downloads()
        log.feed("Collecting numpy\n  Downloading numpy-2.whl (16.9 MB)\n")
        assert (log.arrived, log.expected) == (0, 16_900_000)
        log.feed("Collecting six\n")
        assert (log.arrived, log.expected) == (16_900_000, 16_900_000)

    def test_uv_takes_many_at_a_time(self):
        log = Downloads()
        log.feed("Downloading numpy (2.0MiB)\nDownloading scipy (4.0MiB)\n Downloaded numpy\n")
        assert (log.arrived, log.expected) == (2 * 2**20, 6 * 2**20)
        log.feed("Prepared 2 packages in 2s\n")
        assert log.arrived == 6 * 2**20

    def test_apt_says_beforehand_what_it_needs(self):
        log = Downloads()
        log.feed("Need to get 300 kB of archives.\nGet:1 http://x bookworm a 1 [100 kB]\n")
        assert (log.arrived, log.expected) == (100_000, 300_000)
        log.feed("Fetched 300 kB in 0s (1 MB/s)\nNeed to get 0 B/300 kB of archives.\n")
        assert (log.arrived, log.expected) == (300_000, 300_000)


class Counting(DrawnView):
    drawn = 0

    def draw(self) -> None:
        self.drawn += 1
        self.live.rows  # noqa: B018  (what every view does)

    def settle(self, build) -> None:
        pass


class TestBudget:
    def test_a_flood_of_events_is_drawn_ten_times_a_second(self):
        clock = Clock()
        view = Counting(two_steps(clock), clock=clock)
        view.feed(vertex(1, "[2/3] RUN one", started="2026-01-01T00:00:00Z"))
        for number in range(100_000):
            clock.now += 2 / 100_000
            view.feed(said(1, f"line {number}\n"))
            if number % 100 == 0:
                view.tick()
        assert UPDATES_A_SECOND <= view.drawn <= 2 * UPDATES_A_SECOND + 1
        assert view.live.steps[1].tail[-1] == "line 99999"

    def test_silence_is_drawn_twice_a_second(self):
        clock = Clock()
        view = Counting(two_steps(clock), clock=clock)
        for _ in range(1000):
            clock.now += 0.01
            view.tick()
        assert view.drawn == pytest.approx(10 * QUIET_UPDATES_A_SECOND, abs=2)


class TestReading:
    """`client_process.follow`, with a program in place of the client that prints what BuildKit prints."""

    @pytest.fixture
    def client(self, tmp_path, monkeypatch):
        def write(code: str) -> None:
            program = tmp_path / "docker"
            program.write_text(f"#!{sys.executable}\n{code}")
            program.chmod(0o755)
            monkeypatch.setattr(client_process.endpoint, "docker_program", lambda: str(program))

        return write

    def test_every_line_of_a_flood_is_read_and_few_pictures_are_drawn(self, client, tmp_path):
        client(
            "import base64, sys\n"
            'print(\'{"vertexes":[{"digest":"sha256:1","name":"[2/3] RUN one","started":"2026-01-01T00:00:00Z"}]}\','
            " file=sys.stderr)\n"
            "for n in range(100_000):\n"
            "    data = base64.b64encode(b'line %d\\n' % n).decode()\n"
            '    sys.stderr.write(\'{"logs":[{"vertex":"sha256:1","stream":1,"data":"%s"}]}\\n\' % data)\n'
            "sys.stderr.write('ERROR: \\xe9 at the end')\n"
            "sys.exit(3)\n"
        )
        view = Counting(LiveBuild("shop before", TWO_STEPS))
        seconds, exit_code, lines = client_process.follow(["docker", "buildx"], tmp_path, {}, lambda: view)
        assert (exit_code, len(lines)) == (3, 100_002)
        assert lines[-1] == "ERROR: é at the end"
        assert view.live.steps[0].tail[-1] == "line 99999"
        assert view.drawn <= UPDATES_A_SECOND * seconds + 2

    def test_a_client_that_prints_nothing_does_not_stop_the_clock(self, client, tmp_path):
        client("import time; time.sleep(1.5)\n")
        view = Counting(LiveBuild("shop before", TWO_STEPS))
        client_process.follow(["docker", "buildx"], tmp_path, {}, lambda: view)
        assert view.drawn >= 2

    def test_what_a_tick_raises_ends_the_client_and_a_view_without_ticks_will_do(self, client, tmp_path):
        client(f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)\n")

        class Cancels(Counting):
            finished = None

            def tick(self) -> None:
                if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                    raise BuildCancelled("cancelled")

            def settle(self, build) -> None:
                self.finished = [build]

        view = Cancels(LiveBuild("shop before", TWO_STEPS))
        with pytest.raises(BuildCancelled):
            client_process.follow(["docker", "buildx"], tmp_path, {}, lambda: view)
        assert view.finished == [None]
        assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()

        client("pass\n")

        class Old:
            def feed(self, event) -> None: ...
            def finish(self, build) -> None: ...

        assert client_process.follow(["docker", "buildx"], tmp_path, {}, Old)[1] == 0

    def test_a_second_interrupt_does_not_leave_a_view_that_looks_alive(self, client, tmp_path, monkeypatch):
        client("import time; time.sleep(600)\n")
        end, finished = client_process._end, []

        def interrupted(process) -> None:
            end(process)
            raise KeyboardInterrupt

        class Interrupts:
            def feed(self, event) -> None: ...
            def tick(self) -> None:
                raise KeyboardInterrupt

            def finish(self, build) -> None:
                finished.append(build)

        monkeypatch.setattr(client_process, "_end", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client_process.follow(["docker", "buildx"], tmp_path, {}, Interrupts)
        assert finished == [None]


class TestChoice:
    @pytest.mark.parametrize(
        ("terminal", "kind", "view"),
        [(False, "xterm", PlainView), (True, "xterm", TerminalView), (True, "dumb", PlainView)],
    )
    def test_live_only_where_it_can_be_drawn(self, monkeypatch, terminal, kind, view):
        class Stream(io.StringIO):
            def isatty(self) -> bool:
                return terminal

        monkeypatch.setattr(sys, "stderr", Stream())
        monkeypatch.setenv("TERM", kind)
        live = chosen("auto", "shop before", TWO_STEPS, target="", args={}, service="")
        assert type(live) is view
        assert len(live.live.steps) == 3
        live.finish(None)

    def test_none_shows_nothing_and_a_view_is_taken_as_it_is(self, capsys):
        nothing, own = chosen("none", "shop before"), object()
        nothing.feed({})
        nothing.finish(None)
        assert capsys.readouterr() == ("", "")
        assert chosen(own, "shop before") is own

    def test_a_view_that_there_is_not_is_said(self):
        with pytest.raises(LayerLabError, match="there is no view 'quiet'"):
            chosen("quiet", "shop before")


class TestFitting:
    @given(st.lists(st.sampled_from([WAITING, RUNNING, RAN, CACHED, FAILED]), max_size=60), st.integers(3, 30))
    def test_what_happens_now_is_in_sight(self, states, most):
        rows = [row(f"RUN {n}", s, None if s == WAITING else 1.0, line=n) for n, s in enumerate(states)]
        above, shown, below = fitting(rows, most)
        assert len(shown) == min(len(rows), most)
        if first := next((r for r in rows if r.busy), None):
            assert first in shown
        hidden = sum(int(n) for note in (above, below) for n in re.findall(r"^… (\d+) more", note))
        assert hidden + len(shown) == len(rows)


def shown_on_terminal(name: str, width: int = 100, height: int = 30) -> list[str]:
    """Return every picture that a terminal showed, and what stayed at the end."""
    trace, dockerfile = recording(name)
    clock, screen = Clock(), io.StringIO()
    console = Console(
        file=screen, force_terminal=True, width=width, height=height, color_system=None, legacy_windows=False
    )
    view = TerminalView(LiveBuild("shop before", dockerfile, clock=clock), console, clock=clock)
    pictures = []
    for event in read_events(trace.splitlines()):
        view.feed(event)
        clock.now += 0.2
        view.tick()
        pictures.append(ESCAPES.sub("", screen.getvalue()).replace("\r", ""))
        screen.truncate(0)
        screen.seek(0)
    view.finish(None)
    return [*pictures, ESCAPES.sub("", screen.getvalue())]


class TestTerminal:
    def test_steps_log_and_bytes(self):
        pictures = shown_on_terminal("apt")
        text = "\n".join(pictures)
        assert re.search(r"^· waiting +3 RUN echo \d+ && apt-get update -qq", text, re.MULTILINE)
        assert re.search(r"^▶ running +\d+\.\d s +2 RUN echo \d+ && apt-get update", text, re.MULTILINE)
        assert re.search(r"^■ done +\d+\.\d s +2 RUN echo", text, re.MULTILINE)
        assert re.search(r"^ +\| Get:2 http", text, re.MULTILINE)
        assert re.search(r"━.* 15\.2 of 15\.4 MB downloaded", text)
        assert re.search(r"^shop before: \d+\.\d s, 1 of 3 steps done, 1 running", text, re.MULTILINE)

    @pytest.mark.parametrize(("width", "height"), [(100, 8), (40, 12), (200, 50)])
    def test_no_picture_is_taller_than_the_terminal_or_wider(self, width, height):
        for picture in shown_on_terminal("failed", width, height)[:-1]:
            lines = [line for line in picture.split("\n") if line.strip()]
            assert len(lines) <= height
            assert all(len(line) <= width for line in lines)
            running = re.findall(r"▶ running", picture)
            assert len(running) >= min(1, int((re.findall(r"(\d) running", picture) or ["0"])[0]))

    def test_text_in_brackets_is_shown_as_it_is(self):
        live = two_steps()
        live.feed(vertex(1, "[2/3] RUN pip install app[dev]", started="2026-01-01T00:00:00Z"))
        live = LiveBuild("a[b]", "FROM x\nRUN pip install app[dev]\n")
        console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
        view = TerminalView(live, console)
        view.tick()
        view.finish(None)
        assert "pip install app[dev]" in console.file.getvalue()
        assert "a[b]" in console.file.getvalue()


class TestPlain:
    def test_a_line_as_each_step_is_over(self, capsys):
        trace, dockerfile = recording("failed")
        clock = Clock()
        view = PlainView(LiveBuild("shop before", dockerfile, clock=clock), clock=clock)
        told = []
        for event in read_events(trace.splitlines()):
            view.feed(event)
            clock.now += 0.2
            view.tick()
            told.append(len(capsys.readouterr().err.splitlines()))
        assert sum(told) >= 4
        assert max(told) < sum(told), "all came at once"
        view.finish(None)
        assert capsys.readouterr().err.splitlines()[-1].startswith("shop before: cancelled")

    def test_a_step_that_takes_long_is_told_of_every_half_minute(self, capsys):
        clock = Clock()
        live = two_steps(clock)
        view = PlainView(live, clock=clock)
        view.feed(vertex(1, "[2/3] RUN one", started="2026-01-01T00:00:00Z"))
        view.feed(said(1, "thinking\n"))
        for _ in range(1000):
            clock.now += 0.1
            view.tick()
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == int(100 // REMINDER)
        assert re.fullmatch(r"still running +30\.\d s +line 2  RUN one  \| thinking", lines[0])


STEP = Step(
    3, 3, "stage-0", "RUN", "RUN <b>pip</b>", FAILED, 1.0, 2.5, None, 0, "one\n\x1b[31mtwo\x1b[0m\n", "sha256:1", ()
)


def made(*steps: Step, error: str = "") -> Build:
    return Build(
        app="shop", variant="before", edit="", machine="m", command=(), dockerfile="", started_at="", seconds=4.2,
        steps=steps, phases=(), context_bytes=0, image="", image_bytes=None, warnings=(), trace="", provenance={}, error=error,
    ).fitted()  # fmt: skip


class TestSettled:
    def test_a_build_that_went_well_is_one_line(self):
        text = settled.text(made(), LiveBuild("shop before"))
        assert text == "shop before: 0 steps ran, 0 cached, 4.2 s"

    def test_a_build_that_failed_names_the_step_and_its_last_lines(self):
        text = settled.text(made(STEP, error="exit code: 1"), LiveBuild("shop before"))
        assert text.splitlines() == [
            "shop before: 0 steps ran, 0 cached, 4.2 s, FAILED",
            "line 3, RUN <b>pip</b>: failed after 2.5 s",
            "  one",
            "  two",
        ]

    def test_a_build_that_failed_before_any_step_shows_the_error(self):
        text = settled.text(made(error="a\nERROR: no such base"), LiveBuild("shop before"))
        assert text.splitlines()[1:] == ["  a", "  ERROR: no such base"]

    def test_a_cancelled_build_says_where(self):
        clock = Clock()
        live = two_steps(clock)
        live.feed(vertex(1, "[2/3] RUN one", started="2026-01-01T00:00:00Z"))
        live.feed(said(1, "so far\n"))
        clock.now += 7
        live.end()
        assert settled.text(None, live).splitlines() == [
            "shop before: cancelled after 7.0 s, 0 of 3 steps done, 1 cancelled",
            "line 2, RUN one: cancelled after 7.0 s",
            "  so far",
        ]

    @pytest.mark.parametrize("build", [made(STEP, error="no"), None])
    def test_the_page_is_plain_html_and_nothing_of_the_build_becomes_a_tag(self, build):
        live = LiveBuild("<i>shop</i>", "FROM a\nRUN <b>pip</b>\n")
        page = settled.page(build, live)
        assert not re.search(r"<(script|style|b|i)\b|class=", page)
        assert "&lt;b&gt;pip&lt;/b&gt;" in page
        assert "✗ failed" in page if build else "not reached" in page


class TestNotebook:
    def test_the_table_says_in_words_what_it_shows(self):
        live, events = started("base_pull")
        pages = []
        for event in events:
            live.feed(event)
            pages.append(notebook.table(live))
        text = "\n".join(pages)
        assert "<th scope='col'" in text
        assert "76.4 MB pulled<progress max='76417106' value='76417106' aria-label='76.4 MB pulled'></progress>" in text
        for word in ("waiting", "running", "done", "failed"):
            assert f"</span> {word}</td>" in text

    def test_nothing_of_a_build_becomes_a_tag(self):
        live = LiveBuild("<i>shop</i>", "FROM a\nRUN echo '<b>\"x\"</b>'\n")
        live.feed(vertex(1, "[2/2] RUN echo '<b>\"x\"</b>'", started="2026-01-01T00:00:00Z"))
        live.feed(said(1, "<script>alert(1)</script>\n"))
        text = notebook.table(live) + notebook.headline(live)
        assert "<script" not in text
        assert "<i>" not in text
        assert text.count("<b>") == 1, "the title's own"

    def test_a_long_dockerfile_stays_on_a_screen(self):
        live = LiveBuild("shop", "FROM a\n" + "".join(f"RUN {n}\n" for n in range(100)))
        assert notebook.table(live).count("<tr") <= notebook.MOST_ROWS + 3

    def test_news_for_screen_readers_changes_only_with_a_step(self):
        live, events = started("apt")
        told = []
        for event in events:
            live.feed(event)
            told += [notebook.news(live)] if notebook.news(live) not in told[-1:] else []
        assert len(told) < 15
        assert any(t.startswith("Running: line 2, RUN echo") for t in told)

    @pytest.mark.parametrize("page", [LIGHT_PAGE, DARK_PAGE])
    def test_signs_can_be_seen_on_dark_and_light(self, page):
        assert all(contrast(colour, page) >= 3 for colour in notebook._COLOURS.values())

    def test_no_two_states_look_alike_without_colour(self):
        looks = {(r.sign, r.word) for r in (row("RUN x", s) for s in (WAITING, RUNNING, RAN, CACHED, FAILED, CANCELED))}
        assert len(looks) == 6
        assert WAITING == NOT_REACHED
