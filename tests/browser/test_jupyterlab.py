"""What a person sees: JupyterLab as `make lab` starts it, in headless Chromium, Run All on notebook 00."""

from __future__ import annotations

import pytest
from driving import (
    LAPTOP,
    MODEL,
    PICTURES,
    Lab,
    cell_at,
    contrast,
    errors,
    how_slow,
    open_notebook,
    prompts,
    run_all,
    show,
    write_notebook,
)
from playwright.sync_api import Locator, Page

#: A chart and an ipywidgets progress bar, in half a minute less than a whole notebook.
WIDGET_CELL = """
from layerlab import App, Machine, before_after, compare
machine = Machine.start()
with App.from_path("small") as app:
    results = compare(machine, app, ["a.Dockerfile", "b.Dockerfile"], ["none", "code"], repeats=1)
before_after(results)
"""

pytestmark = pytest.mark.browser


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
    index = page.evaluate(MODEL + f"cells.findIndex(c => c.sharedModel.getSource().trim() === {source!r})")
    assert index >= 0, f"no cell says {source!r}"
    show(page, index)
    chart = cell_at(page, index).locator(".js-plotly-plot")
    chart.wait_for(timeout=20_000)
    page.wait_for_timeout(1000)
    box = chart.bounding_box()
    seen = min(box["y"] + box["height"], LAPTOP["height"]) - max(box["y"], 0)
    assert seen > 300, f"of the chart {seen:.0f} pixels are in sight"
    return chart


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
    text = page.evaluate(MODEL + "JSON.stringify(cells.map(c => c.sharedModel.toJSON()))")
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
    write_notebook(folder / "notebooks" / "widgets.ipynb", [WIDGET_CELL.strip()])
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
    open_notebook(page, lab, "notebooks/00-start-here.ipynb")
    answer = page.evaluate(
        """async () => { const s = window.jupyterapp.serviceManager.terminals, t = await s.startNew();
        return await new Promise(done => { let text = '';
            t.messageReceived.connect((_, m) => { text += (m.content || []).join('');
                if (/machine=[a-z]/.test(text)) done(text); });
            setTimeout(() => done(text), 20000);
            t.send({type: 'stdin', content: ["docker info --format '{{json .Labels}}'\\r"]}); }); }"""
    )
    assert "layerlab.machine=laptop" in answer


def test_what_jupyterlab_remembers_is_not_written_to_the_persons_folder(page, lab, folder):
    """Themes and open tabs of the tests went to the person's JupyterLab, and to that of the other test process."""
    open_notebook(page, lab, "notebooks/00-start-here.ipynb")
    for _ in range(60):
        if any((folder / ".jupyterlab" / "workspaces").glob("*")):
            break
        page.wait_for_timeout(500)
    assert any((folder / ".jupyterlab" / "workspaces").glob("*"))


def test_the_second_start_has_the_server_up_in_ten_seconds(lab, folder):
    """The promise of `make lab`; measured with the machine of the first start still there, and beside whatever runs here too."""
    slowness = how_slow()
    second = Lab(folder)
    try:
        assert second.wait(300) < 10 * max(slowness, how_slow())
    finally:
        second.stop()
