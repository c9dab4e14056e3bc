"""What the browser tests share: JupyterLab as `make lab` starts it, and driving it as a person does."""

from __future__ import annotations

import contextlib
import json
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
from http.client import HTTPResponse
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as NotInTime

ROOT = Path(__file__).resolve().parents[2]
#: Screenshots of the last run, to look at.
PICTURES = ROOT / "benchmarks" / "results" / "screenshots"
#: Width of a laptop's screen, CSS pixels.
LAPTOP = {"width": 1366, "height": 768}
#: What `make lab` does, on a folder of the test's.
OPEN = (
    "import sys, pathlib; from layerlab.commands import jupyter; "
    "jupyter.become_jupyterlab(pathlib.Path(sys.argv[1]), sys.argv[2:])"
)
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "no Chromium: scripts/install-browser.sh installs it"
    return found


def how_slow() -> float:
    """How many times as long as on a quiet computer a program takes now: 1 where it has a processor for itself."""
    wall, own = time.monotonic(), time.process_time()
    while time.process_time() - own < 1:
        pass
    return (time.monotonic() - wall) / (time.process_time() - own)


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
        ]
        self.log = folder / "jupyterlab.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", OPEN, str(folder), *arguments],
                cwd=folder,
                # The person's theme and open tabs are theirs; and two processes of the tests would restore each other's tabs.
                env={
                    **os.environ,
                    "JUPYTERLAB_SETTINGS_DIR": str(folder / ".jupyterlab" / "settings"),
                    "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".jupyterlab" / "workspaces"),
                },
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

    def end_kernels(self) -> None:
        """End all kernels, as somebody does who is done with a notebook: its machine is free for the next."""
        for session in json.load(self._ask("GET", "sessions")):
            with contextlib.suppress(urllib.error.HTTPError):  # it has ended meanwhile
                self._ask("DELETE", f"sessions/{session['id']}")

    def _ask(self, method: str, path: str) -> HTTPResponse:
        request = urllib.request.Request(f"{self.url}/api/{path}?token={self.token}", method=method)
        return urllib.request.urlopen(request, timeout=60)

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def write_notebook(path: Path, sources: list[str]) -> Path:
    """Write a notebook of code cells that has not been run."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def open_notebook(page: Page, lab: Lab, path: str) -> None:
    """End other notebooks' kernels, open this one and wait for its kernel; once more, with a new one, if the first doesn't come.

    On a computer under load JupyterLab fails to reach a new kernel about once in sixty times, and says nothing.
    """
    lab.end_kernels()
    try:
        _opened(page, lab, path)
    except NotInTime:
        lab.end_kernels()
        _opened(page, lab, path)


def _opened(page: Page, lab: Lab, path: str) -> None:
    page.goto(f"{lab.url}/lab/tree/{path}?token={lab.token}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000)
    # Until the file is loaded the page shows a notebook of one empty cell, which is soon done.
    page.wait_for_function("window.jupyterapp.shell.currentWidget?.context?.isReady", timeout=60_000)


def run_all(page: Page, minutes: float) -> None:
    """Run > Run All Cells, and wait until the kernel has nothing left to do."""
    cells = code_cells(page)
    # Every cell shows its number when it is done; a failed cell stops the run, and shows its error.
    deadline = time.monotonic() + minutes * 60
    while time.monotonic() < deadline:
        done = len(re.findall(r"\[\d+\]", " ".join(prompts(page))))
        if done >= cells or errors(page):
            return
        keep_running(page)
        page.wait_for_timeout(1000)
    page.screenshot(path=PICTURES / "not-done.png")
    raise AssertionError(f"not done after {minutes} minutes: {prompts(page)}")


def keep_running(page: Page) -> None:
    """Run > Run All Cells, unless cells run already; to be called again and again."""
    # A notebook that JupyterLab has never seen may be asked for its kernel, and is not run then.
    select = page.locator(".jp-Dialog button", has_text="Select")
    if select.count():
        select.first.click()
        return
    started = any(re.match(r"\[\d+\]", prompt) for prompt in prompts(page))
    # A kernel that still starts is not idle: what it was asked to run waits for it, and would run twice.
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").count()
    asked = page.evaluate("window.layerlabAsked || 0")
    now = page.evaluate("Date.now()")
    if not started and idle and now - asked > 10_000:
        choose_run_all(page)
        page.evaluate(f"window.layerlabAsked = {now}")


def choose_run_all(page: Page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def cell_at(page: Page, index: int) -> Locator:
    """A cell of the page; JupyterLab draws those that are out of sight late (`show`)."""
    return page.locator(f".jp-Cell[data-windowed-list-index='{index}']")


def run_cell(page: Page, index: int, seconds: float = 120) -> None:
    """Run one cell, once, as Ctrl+Enter does, and wait until it is done."""
    deadline, asked = time.monotonic() + seconds, 0.0
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    waits = cell_at(page, index).locator(".jp-InputPrompt", has_text="*")
    while not page.evaluate(MODEL + f"cells[{index}].executionCount"):
        assert time.monotonic() < deadline, page.locator(".jp-Notebook").inner_text()
        if (select := page.locator(".jp-Dialog button", has_text="Select")).count():
            select.first.click()
        elif idle.count() and not waits.count() and time.monotonic() - asked > 10:
            # Not awaited: it is done when the cell is.
            page.evaluate(
                f"window.jupyterapp.shell.currentWidget.content.activeCellIndex = {index};"
                "void window.jupyterapp.commands.execute('notebook:run-cell')"
            )
            asked = time.monotonic()
        page.wait_for_timeout(200)
    assert errors(page) == []


def show(page: Page, index: int) -> None:
    page.evaluate(f"window.jupyterapp.shell.currentWidget.content.scrollToItem({index}, 'start')")
    page.wait_for_timeout(500)


def code_cells(page: Page) -> int:
    return page.evaluate(MODEL + "cells.filter(c => c.type === 'code').length")


def prompts(page: Page) -> list[str]:
    return page.evaluate(MODEL + "cells.filter(c => c.type === 'code').map(c => `[${c.executionCount ?? ' '}]`)")


def errors(page: Page) -> list[str]:
    """Errors in outputs: tracebacks, and what JupyterLab could not render."""
    return page.evaluate(
        MODEL + "cells.flatMap(c => c.type === 'code' ? c.outputs.toJSON() : [])"
        ".filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue)"
    )


#: The notebook's model, cells that are scrolled out of sight included (JupyterLab renders those late).
MODEL = "const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells]; "


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours as the browser computes them, `rgb(r, g, b)`."""

    def luminance(colour: str) -> float:
        channels = [int(float(c)) / 255 for c in re.findall(r"[\d.]+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
