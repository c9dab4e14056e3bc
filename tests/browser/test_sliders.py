"""Sliders moved by keyboard in JupyterLab: what stands below follows, in sight and for a screen reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import PICTURES, Lab, cell_at, open_notebook, run_cell, show, write_notebook
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

CELLS = [
    "from layerlab.course.waiting import bandwidth\nbandwidth({'before': 30_000_000, 'after': 300_000})",
    "from layerlab.scale import Part, Recipe, explore\n"
    "install = Part(3, 'RUN pip install', (), None, (True, True, False), True, 30.0, 10**7, 5.0, 10**6, 10**7)\n"
    "explore(Recipe((install,), floor_seconds=0.5, base_bytes=70_000_000, export_rate=1e-7))",
]


@pytest.fixture
def path(folder) -> Path:
    return write_notebook(folder / "notebooks" / "sliders.ipynb", CELLS)


def test_a_slower_line_makes_the_wait_longer(page: Page, lab: Lab, path: Path):
    open_notebook(page, lab, f"notebooks/{path.name}")
    run_cell(page, 0)
    show(page, 0)
    shown = cell_at(page, 0).locator(".jp-OutputArea")
    said = shown.get_by_role("status")
    expect(said).to_contain_text("At 20 Mbit/s", timeout=20_000)
    expect(shown).to_contain_text("12 s")
    shown.get_by_role("slider").press("ArrowLeft")
    expect(said).to_contain_text("At 10 Mbit/s")
    expect(shown).to_contain_text("24 s")  # 30 MB at 10 Mbit/s
    for _ in range(9):
        shown.get_by_role("slider").press("ArrowRight")
    expect(said).to_contain_text("a data centre")
    page.screenshot(path=PICTURES / "slider-bandwidth.png")


def test_a_fleet_of_one_runner_more_is_drawn_anew(page: Page, lab: Lab, path: Path):
    open_notebook(page, lab, f"notebooks/{path.name}")
    run_cell(page, 1)
    show(page, 1)
    shown = cell_at(page, 1).locator(".jp-OutputArea")
    expect(shown.get_by_role("slider")).to_have_count(7, timeout=20_000)
    expect(shown).to_contain_text("8 runners, 60 builds", timeout=20_000)
    shown.get_by_role("slider").nth(0).press("ArrowRight")
    expect(shown).to_contain_text("9 runners, 60 builds", timeout=20_000)
    shown.get_by_role("slider").nth(1).press("ArrowRight")
    expect(shown).to_contain_text("9 runners, 70 builds", timeout=20_000)
    page.screenshot(path=PICTURES / "slider-fleet.png")
