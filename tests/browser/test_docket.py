"""The table of all claims in JupyterLab: the menus filter it, a screen reader hears how many are left, and nothing is cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import LAPTOP, PICTURES, ROOT, Lab, cell_at, open_notebook, run_cell, show, write_notebook
from playwright.sync_api import Page, expect

from layerlab.course import claims

pytestmark = pytest.mark.browser

CLAIMS = claims.read(ROOT / "notebooks/claims.toml").claims
CELLS = [
    "from layerlab.course import Court, verdicts\ncourt = Court.open('claims.toml')\ncourt.filed()",
    "verdicts(court.expected())",
    "verdicts(Court.open('claims.toml', 'radiology').expected())",
]
#: Texts of a chart that reach over its edges.
CUT = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
  const box = plot.getBoundingClientRect();
  return [...plot.querySelectorAll('text')].filter(text => {
    const r = text.getBoundingClientRect();
    return r.width && (r.right > box.right + 1 || r.left < box.left - 1 || r.bottom > box.bottom + 1);
  }).map(text => text.textContent);
})"""


@pytest.fixture(scope="module")
def path(folder) -> Path:
    return write_notebook(folder / "notebooks" / "docket.ipynb", CELLS)


def test_the_menus_filter_the_table(page: Page, lab: Lab, path: Path):
    open_notebook(page, lab, f"notebooks/{path.name}")
    run_cell(page, 0)
    show(page, 0)
    shown = cell_at(page, 0).locator(".jp-OutputArea")
    said, rows = shown.get_by_role("status"), shown.locator("tbody tr:has(td)")
    expect(said).to_have_text(f"{len(CLAIMS)} of {len(CLAIMS)} claims", timeout=20_000)
    shown.get_by_label("verdict").select_option("outdated")
    outdated = [c for c in CLAIMS if c.verdict == "outdated"]
    expect(said).to_have_text(f"{len(outdated)} of {len(CLAIMS)} claims")
    expect(rows).to_have_count(len(outdated))
    shown.get_by_label("guide").select_option("003")
    expect(rows).to_have_count(len([c for c in outdated if "003" in c.guides]))
    shown.get_by_label("text").fill("COMPOSE_DOCKER_CLI_BUILD")
    expect(rows).to_have_count(1)
    page.screenshot(path=PICTURES / "docket-filtered.png")


@pytest.mark.parametrize("width", [LAPTOP["width"], 768])
def test_charts_and_table_fit_the_screen(page: Page, lab: Lab, path: Path, width: int):
    open_notebook(page, lab, f"notebooks/{path.name}")
    for cell in range(3):
        run_cell(page, cell)
    page.set_viewport_size({"width": width, "height": 768})  # a narrow JupyterLab hides whether the kernel is idle
    page.evaluate("window.jupyterapp.shell.collapseLeft()")
    try:
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=20_000)
        for cell in range(3):
            show(page, cell)
            page.wait_for_timeout(1000)
            page.screenshot(path=PICTURES / f"docket-{width}-{cell}.png")
            assert page.evaluate(CUT) == []
        area = cell_at(page, 0).locator(".jp-OutputArea-output").first
        assert area.evaluate("area => area.scrollWidth <= area.clientWidth + 1")
    finally:
        page.evaluate("window.jupyterapp.shell.expandLeft()")
        page.set_viewport_size(LAPTOP)
