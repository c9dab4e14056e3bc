"""A prediction made by mouse and by keyboard in JupyterLab, graded by a real build; and two variants side by side."""

from __future__ import annotations

import re
import time
from pathlib import Path

import nbformat
import pytest
from driving import MODEL, PICTURES, Lab, cell_at, contrast, open_notebook, run_cell, show, write_notebook
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SLOW = """FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN echo packages && sleep 1
COPY . .
RUN echo code; : a long line that does not fit into half of a notebook cell && echo so it has to wrap and must not overflow
"""
FAST = """FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN echo packages && sleep 1
RUN echo code; : a long line that does not fit into half of a notebook cell && echo so it has to wrap and must not overflow
COPY . .
"""
CELLS = [
    "from layerlab import App, Machine, diff, predict\nmachine = Machine.start()\napp = App.from_path('predict-project')\n"
    "first = machine.build(app, 'slow.Dockerfile', view='none')\nedit = app.edit('code')",
    "guess = predict(app, 'slow.Dockerfile')\nguess",
    "build = machine.build(app, 'slow.Dockerfile')",
    "guess.grade(build)",
    "fast = machine.build(app, 'fast.Dockerfile', view='none')\nedit = app.edit('code')\n"
    "fast = machine.build(app, 'fast.Dockerfile', view='none')\n"
    "diff(app, 'slow.Dockerfile', 'fast.Dockerfile', [build, fast])",
]  # fmt: skip


@pytest.fixture
def path(folder) -> Path:
    project = folder / "notebooks" / "predict-project"
    project.mkdir(exist_ok=True)
    for name, text in (("slow", SLOW), ("fast", FAST)):
        (project / f"{name}.Dockerfile").write_text(text)
    (project / "main.py").write_text(f"print({time.time()})\n")
    (project / "requirements.txt").write_text("")
    return write_notebook(folder / "notebooks" / "predict.ipynb", CELLS)


def radio(page: Page, label: str):
    return page.get_by_role("radio", name=label, exact=True)


def photograph(page: Page, name: str, index: int) -> None:
    """The output of a cell in both themes; its text must stand out from the page, and not be wider than it."""
    for theme in ("Light", "Dark"):
        page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
        page.wait_for_timeout(1500)
        show(page, index)
        output = cell_at(page, index).locator(".jp-OutputArea-output").last
        page.screenshot(path=PICTURES / f"{name}-{theme.lower()}.png")
        assert output.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "it is wider than its cell"
        ground = page.evaluate("getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor")
        if ground.replace(" ", "") == "rgba(0,0,0,0)":
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for ink in output.locator("b, code, td").evaluate_all("all => all.map(e => getComputedStyle(e).color)"):
            assert contrast(ink, ground) >= 4, f"{theme}: {ink} on {ground}"


def saved_output(page: Page, path: Path, cell: int) -> dict:
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(1500)
    return nbformat.read(path, as_version=4).cells[cell].outputs[-1].data


def test_a_prediction_by_mouse_and_keyboard_is_graded_by_the_build(page: Page, lab: Lab, path: Path):
    open_notebook(page, lab, "notebooks/predict.ipynb")
    run_cell(page, 0)
    run_cell(page, 1)
    show(page, 1)
    radio(page, "line 2 will be cached").wait_for(timeout=20_000)
    assert page.get_by_role("radio").count() == 10
    assert page.locator("input[type=radio]:checked").count() == 0, "nothing is chosen at first"
    assert "0 of 5 predicted" in page.get_by_role("status").last.inner_text()

    radio(page, "line 2 will be cached").click()
    radio(page, "line 3 will run").click()  # wrong
    for key in ("Tab", "Tab", "Tab", "Space"):  # to line 4, will be cached
        page.keyboard.press(key)
    assert radio(page, "line 4 will be cached").is_checked()
    for key in ("Tab", "Space"):
        page.keyboard.press(key)
    assert radio(page, "line 5 will run").is_checked()
    assert not page.locator("input[type=radio]").nth(8).is_checked(), "line 6 is left open"
    page.locator("[role=status]", has_text="4 of 5 predicted").wait_for(timeout=10_000)
    assert page.evaluate(MODEL + "cells.length") == len(CELLS), "a key reached the notebook"
    photograph(page, "predict", 1)

    run_cell(page, 2)
    run_cell(page, 3)
    photograph(page, "grade", 3)
    text = cell_at(page, 3).locator(".jp-OutputArea-output").inner_text()
    assert "3 of 4 right, 1 not predicted" in text
    rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    assert re.search(r"Over the course: \d+ of \d+ steps right", text)  # other tests of this home count, too
    marks = (
        cell_at(page, 3)
        .locator("tbody tr")
        .evaluate_all("rows => rows.map(r => [r.cells[0], r.cells[2], r.cells[3]].map(c => c.innerText.trim()))")
    )
    assert marks == [
        ["2", "✓ cached", "cached"], ["3", "✗ run", "cached"], ["4", "✓ cached", "cached"], ["5", "✓ run", "ran"],
        ["6", "· no prediction", "ran"],
    ], rows  # fmt: skip
    assert "nothing that it depends on has changed" in text, "the cause stands beside the wrong one"

    show(page, 1)
    assert page.get_by_role("radio").count() == 0, "after the grade there is nothing to choose"
    settled = saved_output(page, path, 1)
    assert set(settled) == {"text/plain", "text/html"}, "a saved notebook needs no widget"
    assert "3 of 4 right" in settled["text/html"]

    run_cell(page, 4)
    photograph(page, "diff", 4)
    shown = cell_at(page, 4).locator(".jp-OutputArea-output").inner_text()
    assert "line 5 → 6" in shown and "now below" in shown
    assert "○ CACHED" in shown and "■ RAN" in shown


def test_run_all_without_a_click_settles_too(page: Page, lab: Lab, path: Path):
    open_notebook(page, lab, "notebooks/predict.ipynb")
    for cell in range(4):
        run_cell(page, cell)
    show(page, 3)
    assert "no prediction was made" in cell_at(page, 3).inner_text()
    settled = saved_output(page, path, 1)
    assert set(settled) == {"text/plain", "text/html"}
    assert "cached" not in settled["text/html"], "it gives the answers away"
