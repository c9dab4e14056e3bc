"""A build seen live in a notebook: states change, the log shows, Cancel cancels, and a static summary is what is saved."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbclient
import nbformat
import psutil
import pytest
from driving import MODEL, PICTURES, Lab, contrast, errors, keep_running, open_notebook, prompts, write_notebook
from playwright.sync_api import Page

from layerlab.live.notebook import WIDGET

pytestmark = pytest.mark.browser

START = """
from layerlab import App, Machine
machine = Machine.start()
app = App.from_path("{folder}")
"""
BUILD = "build = machine.build(app, 'Dockerfile')"
#: A step that prints, one that prints nothing, and one that is over at once.
TALKATIVE = """FROM python:3.11-slim
COPY . .
RUN for i in $(seq 1 40); do echo "tick $i"; sleep 0.1; done
RUN sleep 4
RUN echo last
"""
FAILING = """FROM python:3.11-slim
RUN sleep 2
RUN echo one; echo two >&2; exit 7
RUN echo never
"""
ENDLESS = """FROM python:3.11-slim
RUN echo before
RUN echo "about to sleep" && sleep {seconds}
RUN echo never
"""


def notebook(folder: Path, name: str, dockerfile: str) -> Path:
    """A notebook of three cells that builds a project of its own, which no cache knows."""
    project = folder / "notebooks" / f"{name}-project"
    project.mkdir()
    (project / "Dockerfile").write_text(dockerfile)
    (project / "salt").write_text(str(time.time()))
    (project / "weights").write_bytes(b"w" * 2_000_000)
    sources = [START.format(folder=project.name).strip(), BUILD, "print('after')"]
    return write_notebook(folder / "notebooks" / f"{name}.ipynb", sources)


def run(page: Page, lab: Lab, path: Path) -> None:
    open_notebook(page, lab, f"notebooks/{path.name}")
    table = page.locator(".layerlab-live table")
    wait_until(page, lambda: keep_running(page) or table.count() or errors(page), 90)
    assert not errors(page)


def wait_until(page: Page, condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, page.locator(".jp-Notebook").inner_text()
        page.wait_for_timeout(50)


def seen(page: Page) -> dict[str, list[str]]:
    """The rows of the live view by their step's text: state, time, line."""
    rows = page.evaluate(
        "[...document.querySelectorAll('.layerlab-live tbody tr')].filter(r => r.querySelector('code'))"
        ".map(r => [r.querySelector('code').innerText, ...[...r.cells].slice(0, 3).map(c => c.innerText)])"
    )
    return {text: rest for text, *rest in rows}


def log(page: Page) -> str:
    return page.evaluate("[...document.querySelectorAll('.layerlab-live pre')].map(p => p.innerText).join('\\n')")


def outputs(page: Page, cell: int) -> list[dict]:
    return page.evaluate(MODEL + f"cells[{cell}].outputs.toJSON()")


def saved(page: Page, path: Path) -> nbformat.NotebookNode:
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(1000)
    return nbformat.read(path, as_version=4)


def clients(home: Path) -> list[psutil.Process]:
    """Docker clients that build an app of this LayerLab home."""
    found = [(p, " ".join(p.info["cmdline"] or ())) for p in psutil.process_iter(["cmdline"])]
    return [p for p, line in found if "buildx build --progress=rawjson" in line and str(home) in line]


def sleeping(seconds: int) -> list[psutil.Process]:
    """The step's process in the engine."""
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", str(seconds)]]


def test_states_change_the_log_shows_and_a_static_summary_stays(page, lab, folder):
    path = notebook(folder, "live", TALKATIVE)
    run(page, lab, path)
    states: dict[str, list[str]] = {}
    ticks: set[str] = set()
    clock: set[str] = set()
    pictures = 0
    while page.locator(".layerlab-live table").count():
        rows = seen(page)
        for text, (state, seconds, _) in rows.items():
            states.setdefault(text, [])
            if state not in states[text][-1:]:
                states[text].append(state)
            if text == "RUN sleep 4" and "running" in state:
                clock.add(seconds)
        ticks |= set(re.findall(r"tick (\d+)", log(page)))
        if len(ticks) > 5 and not pictures:
            photograph(page, "live-running")
            pictures = 1
    silent, talking = states["RUN sleep 4"], next(v for k, v in states.items() if k.startswith("RUN for"))
    assert [s.split()[-1] for s in silent][:2] == ["waiting", "running"]
    assert [s.split()[-1] for s in talking][-2:] == ["running", "done"]
    assert states["RUN echo last"][0].endswith("waiting")
    assert len(ticks) > 10, "the log's tail did not move"
    assert len(clock) > 3, "the clock of a step that prints nothing stood still"

    wait_until(page, lambda: "[3]" in prompts(page))
    assert errors(page) == []
    page.locator("details summary").wait_for()
    photograph(page, "live-settled")
    [output] = outputs(page, 1)
    assert re.match(r"live-project Dockerfile: 4 steps ran, 0 cached, [\d.]+ s", output["data"]["text/plain"])
    book = saved(page, path)
    assert "widgets" not in book.metadata
    assert set(book.cells[1].outputs[0].data) == {"text/plain", "text/html"}
    assert "<details><summary>live-project Dockerfile: 4 steps ran" in book.cells[1].outputs[0].data["text/html"]
    assert WIDGET not in json.dumps(book)


def photograph(page: Page, name: str) -> None:
    """The view in light and dark; its text must be readable on both."""
    for theme in ("Dark", "Light"):
        page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
        page.wait_for_timeout(700)
        page.screenshot(path=PICTURES / f"{name}-{theme.lower()}.png")
        ink = page.evaluate("getComputedStyle(document.querySelector('.layerlab-live td, details summary')).color")
        ground = page.evaluate("getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor")
        if ground.replace(" ", "") == "rgba(0,0,0,0)":
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert contrast(ink, ground) >= 4.5, f"{theme}: {ink} on {ground}"


@pytest.mark.parametrize(("way", "seconds"), [("click", 311), ("keyboard", 312), ("interrupt", 313)])
def test_cancel_ends_the_build_and_stops_run_all(page, lab, folder, lab_home, way, seconds):
    path = notebook(folder, f"cancel-{way}", ENDLESS.format(seconds=seconds))
    run(page, lab, path)
    wait_until(page, lambda: "about to sleep" in log(page))
    assert clients(lab_home)
    assert sleeping(seconds)
    if way == "click":
        # Other frontends than JupyterLab's do not send widgets' messages to a thread of their own.
        page.evaluate("window.jupyterapp.serviceManager.kernels.commsOverSubshells = 'disabled'")
        page.get_by_role("button", name="Cancel build").click()
    elif way == "keyboard":
        page.locator(".jp-Notebook").focus()
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText") == "Cancel build":
                break
        page.keyboard.press("Enter")
    else:
        page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    wait_until(page, lambda: errors(page))
    assert errors(page)[0].startswith("KeyboardInterrupt" if way == "interrupt" else "BuildCancelled")
    wait_until(page, lambda: not clients(lab_home) and not sleeping(seconds))
    page.wait_for_timeout(500)
    page.screenshot(path=PICTURES / f"cancelled-{way}.png")
    summary, error = (o for o in outputs(page, 1))
    assert re.search(r"cancelled after [\d.]+ s", summary["data"]["text/plain"])
    assert f"sleep {seconds}: cancelled after" in summary["data"]["text/plain"]
    assert error["output_type"] == "error"
    assert outputs(page, 2) == [], "Run All went on"
    assert not page.locator(".layerlab-live").count()


def test_a_failed_build_names_the_step_and_its_last_lines(page, lab, folder):
    path = notebook(folder, "failing", FAILING)
    run(page, lab, path)
    wait_until(page, lambda: errors(page), 60)
    page.locator("details summary").wait_for()
    page.locator("details summary").click()
    photograph(page, "live-failed")
    text = outputs(page, 1)[0]["data"]["text/plain"]
    assert re.search(r"^line 3, RUN echo one.*: failed after [\d.]+ s$", text, re.MULTILINE)
    assert {"  one", "  two"} <= set(text.splitlines())


def test_a_program_that_executes_notebooks_gets_the_summary_alone(lab_home, tmp_path):
    (tmp_path / "notebooks").mkdir()
    path = notebook(tmp_path, "program", "FROM python:3.11-slim\nRUN echo hello\n")
    book = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(book, resources={"metadata": {"path": str(tmp_path / "notebooks")}}).execute()
    [output] = book.cells[1].outputs
    assert output.output_type == "display_data"
    assert set(output.data) == {"text/plain", "text/html"}
    assert output.data["text/plain"].startswith("program-project Dockerfile: ")
    assert "widgets" not in book.metadata

    nbformat.write(book, path)
    checked = [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", path]
    done = subprocess.run(checked, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
