"""What a person sees: JupyterLab as `make lab` starts it, in headless Chromium, Run All on notebook 00."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
#: Screenshots of the last run, to look at.
PICTURES = ROOT / "benchmarks" / "results" / "screenshots"
#: Width of a laptop's screen, CSS pixels.
LAPTOP = {"width": 1366, "height": 768}
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: A chart and an ipywidgets progress bar, in half a minute less than a whole notebook.
WIDGET_CELL = """
from layerlab import App, Machine, before_after, compare
machine = Machine.start()
with App.from_path("small") as app:
    results = compare(machine, app, ["a.Dockerfile", "b.Dockerfile"], ["none", "code"], repeats=1)
before_after(results)
"""

pytestmark = pytest.mark.browser


def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "no Chromium: scripts/install-browser.sh installs it"
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A checkout of its own for JupyterLab, so that a run does not change the committed notebooks."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("notebooks", "labs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for path in folder.glob("**/*.ipynb"):  # what the tests see must come from the run, not from the committed outputs
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)
    small = folder / "notebooks" / "small"
    small.mkdir()
    (small / "main.py").write_text("print('hello')\n")
    (small / "a.Dockerfile").write_text("FROM python:3.11-slim\nCOPY . .\nRUN sleep 1\n")
    (small / "b.Dockerfile").write_text("FROM python:3.11-slim\nRUN sleep 1\nCOPY . .\n")
    return folder


class Lab:
    """JupyterLab as `make lab` starts it."""

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.started = time.monotonic()
        # LAB_ARGS come last on JupyterLab's command line, as a person's do.
        arguments = [
            "--no-browser",
            "--expose-app-in-browser",  # the tests look at the notebook's model
            f"--port={self.port}",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={folder}",
        ]
        self.log = folder / "jupyterlab.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "layerlab.jupyter", *arguments],
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, seconds: float) -> float:
        """Wait until the server answers; returns the seconds it took since the start."""
        while time.monotonic() - self.started < seconds:
            try:
                urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=2)
                return time.monotonic() - self.started
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
        raise AssertionError(f"no answer in {seconds} s\n{self.log.read_text()}")

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def lab(lab_home, folder):
    lab = Lab(folder)
    lab.wait(120)
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def page(lab):
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM)
        page = browser.new_page(viewport=LAPTOP)
        yield page
        browser.close()


def open_notebook(page: Page, lab: Lab, path: str) -> None:
    page.goto(f"{lab.url}/lab/tree/{path}?token={lab.token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000)


def run_all(page: Page, minutes: float) -> None:
    """Run > Run All Cells, and wait until the kernel has nothing left to do."""
    cells, asked = code_cells(page), 0.0
    select = page.locator(".jp-Dialog button", has_text="Select")
    busy = page.locator(".jp-Notebook-ExecutionIndicator[data-status=busy]")
    # Every cell shows its number when it is done; a failed cell stops the run, and shows its error.
    deadline = time.monotonic() + minutes * 60
    while time.monotonic() < deadline:
        done = len(re.findall(r"\[\d+\]", " ".join(prompts(page))))
        if done >= cells or errors(page):
            return
        if select.count():  # a notebook that JupyterLab has never seen may be asked for its kernel, and is not run then
            select.first.click()
        elif not done and not busy.count() and time.monotonic() - asked > 10:
            choose_run_all(page)
            asked = time.monotonic()
        page.wait_for_timeout(1000)
    page.screenshot(path=PICTURES / "not-done.png")
    raise AssertionError(f"not done after {minutes} minutes: {prompts(page)}")


def choose_run_all(page: Page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def code_cells(page: Page) -> int:
    return page.evaluate(_MODEL + "cells.filter(c => c.type === 'code').length")


def prompts(page: Page) -> list[str]:
    return page.evaluate(_MODEL + "cells.filter(c => c.type === 'code').map(c => `[${c.executionCount ?? ' '}]`)")


def errors(page: Page) -> list[str]:
    """Errors in outputs: tracebacks, and what JupyterLab could not render."""
    return page.evaluate(
        _MODEL + "cells.flatMap(c => c.type === 'code' ? c.outputs.toJSON() : [])"
        ".filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue)"
    )


#: The notebook's model, cells that are scrolled out of sight included (JupyterLab renders those late).
_MODEL = "const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells]; "


def show_charts(page: Page) -> list[dict[str, float]]:
    """Scroll to each chart in turn, and measure it and the cell it is in."""
    count = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
    found = []
    for index in range(count):
        page.evaluate(f"window.jupyterapp.shell.currentWidget.content.scrollToItem({index}, 'center')")
        page.wait_for_timeout(150)
    for chart in page.locator(".jp-OutputArea .js-plotly-plot").all():
        chart.scroll_into_view_if_needed()
        page.wait_for_timeout(200)
        found.append(
            chart.evaluate(
                """e => { const r = e.getBoundingClientRect(), o = e.closest('.jp-OutputArea').getBoundingClientRect();
                return { width: r.width, height: r.height, right: r.right, edge: o.right,
                         marks: e.querySelectorAll('.main-svg .point, .main-svg .bars path').length } }"""
            )
        )
    return found


def bring_into_view(page: Page, source: str) -> Locator:
    """The chart of the cell with this code, scrolled to as a person would: JupyterLab draws cells out of sight late."""
    index = page.evaluate(_MODEL + f"cells.findIndex(c => c.sharedModel.getSource().trim() === {source!r})")
    assert index >= 0, f"no cell says {source!r}"
    page.evaluate(f"window.jupyterapp.shell.currentWidget.content.scrollToItem({index}, 'start')")
    chart = page.locator(f".jp-Cell[data-windowed-list-index='{index}'] .js-plotly-plot")
    chart.wait_for(timeout=20_000)
    page.wait_for_timeout(1000)
    box = chart.bounding_box()
    seen = min(box["y"] + box["height"], LAPTOP["height"]) - max(box["y"], 0)
    assert seen > 300, f"of the chart {seen:.0f} pixels are in sight"
    return chart


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours as the browser computes them, `rgb(r, g, b)`."""

    def luminance(colour: str) -> float:
        channels = [int(float(c)) / 255 for c in re.findall(r"[\d.]+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_notebook_00_runs_to_the_bottom_and_shows_its_charts(page, lab):
    open_notebook(page, lab, "notebooks/00-start-here.ipynb")
    assert not page.locator(".jp-toast, .Toastify__toast").count(), "a pop-up greets the person"
    run_all(page, minutes=8)
    assert errors(page) == []
    assert "[ ]" not in prompts(page)

    charts = show_charts(page)
    assert len(charts) >= 2
    for chart in charts:
        assert chart["width"] > 500
        assert chart["height"] > 150
        assert chart["right"] <= chart["edge"] + 1, "it is wider than its cell"
        assert chart["marks"] >= 3
    text = page.evaluate(_MODEL + "JSON.stringify(cells.map(c => c.sharedModel.toJSON()))")
    assert "cached" in text
    assert "Javascript Error" not in page.content()

    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
        page.wait_for_timeout(1500)
        chart = bring_into_view(page, "timeline(first)")
        page.screenshot(path=PICTURES / f"notebook-00-{theme.split()[1].lower()}.png")
        ink = chart.locator(".main-svg text").first.evaluate("e => getComputedStyle(e).fill")
        ground = page.evaluate("getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor")
        if ground.replace(" ", "") == "rgba(0,0,0,0)":
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert contrast(ink, ground) >= 3, f"{theme}: {ink} on {ground}"


def test_compare_shows_a_progress_bar_and_a_chart(page, lab, folder):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(WIDGET_CELL.strip())],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, folder / "notebooks" / "widgets.ipynb")
    open_notebook(page, lab, "notebooks/widgets.ipynb")
    run_all(page, minutes=3)
    assert errors(page) == []
    bar = page.locator(".jupyter-widgets .progress, .jupyter-widgets [role=progressbar], .widget-hprogress").first
    bar.wait_for(timeout=20_000)
    assert bar.bounding_box()["width"] > 50
    assert len(show_charts(page)) == 1
    page.screenshot(path=PICTURES / "widgets.png")


def test_a_terminal_in_jupyterlab_reaches_the_machine(page, lab):
    """`docker` there is the lab's: its engine says which machine it is."""
    answer = page.evaluate(
        """async () => { const s = window.jupyterapp.serviceManager.terminals, t = await s.startNew();
        return await new Promise(done => { let text = '';
            t.messageReceived.connect((_, m) => { text += (m.content || []).join('');
                if (/machine=[a-z]/.test(text)) done(text); });
            setTimeout(() => done(text), 20000);
            t.send({type: 'stdin', content: ["docker info --format '{{json .Labels}}'\\r"]}); }); }"""
    )
    assert "layerlab.machine=laptop" in answer


def test_the_second_start_has_the_server_up_in_ten_seconds(lab, folder):
    """The promise of `make lab`; measured with the machine of the first start still there."""
    second = Lab(folder)
    try:
        assert second.wait(60) < 10
    finally:
        second.stop()
