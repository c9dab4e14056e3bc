"""Every notebook and lab as it was committed, after Run All, in JupyterLab at a laptop's width, light and dark.

With LAYERLAB_PICTURES=1 there are pictures in benchmarks/results/screenshots/saved, to look at; they double the time.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from driving import LAPTOP, PICTURES, ROOT, contrast, open_notebook

NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("labs/*/lab.ipynb")])
#: A window so high that JupyterLab draws some dozens of cells at once, CSS pixels; Chromium draws no more than 16384.
HIGH = 14_000
#: WCAG 2 AA for text of usual size, and for the marks of a chart.
READABLE = 4.5

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def saved(folder) -> Path:
    """The notebooks with their outputs, beside those that the other tests run."""
    for name in ("notebooks", "labs"):
        shutil.copytree(ROOT / name, folder / "saved" / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    (PICTURES / "saved").mkdir(parents=True, exist_ok=True)
    return folder / "saved"


@pytest.fixture(scope="module")
def high(lab, browser):
    return browser.new_page(viewport={"width": LAPTOP["width"], "height": HIGH})


#: What is wrong with the outputs that are drawn now: wider than their cell, a repr nobody wants to read, a widget with no model.
WRONG = """() => {
  const found = [];
  for (const out of document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output')) {
    const text = out.innerText || '', cell = out.closest('.jp-Cell')?.dataset.windowedListIndex;
    const edge = out.closest('.jp-OutputArea').getBoundingClientRect().right;
    for (const part of [out, ...out.querySelectorAll('table, .js-plotly-plot, pre, img:not(.plot-img)')])
      if (part.getBoundingClientRect().right > edge + 1)
        { found.push(`cell ${cell}: ${part.className || part.tagName} is wider: ${text.slice(0, 80)}`); break; }
    if (/ object at 0x|^Figure\\(\\{|^\\w+\\(children=|Error displaying widget|Javascript Error/.test(text))
      found.push(`cell ${cell}: ${text.slice(0, 80)}`);
  }
  return found;
}"""
#: Text of charts and the ground that it stands on.
INK = """() => [...document.querySelectorAll('.jp-OutputArea .js-plotly-plot .main-svg text')]
  .filter(t => t.textContent.trim() && t.closest('.bartext, .annotation, .slice') === null)
  .map(t => [getComputedStyle(t).fill, t.textContent])"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem if p.stem != "lab" else f"lab-{p.parent.name}")
def test_it_reads_well_after_run_all(path, saved, high, lab):
    page, name = high, path.stem if path.stem != "lab" else f"lab-{path.parent.name}"
    open_notebook(page, lab, f"saved/{path.relative_to(ROOT)}")
    count = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}})")
        page.wait_for_timeout(1000)
        ground = page.evaluate("getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor")
        shown, part = 0, 0
        while shown < count:
            page.evaluate(f"window.jupyterapp.shell.currentWidget.content.scrollToItem({shown}, 'start')")
            page.wait_for_timeout(900)
            if os.environ.get("LAYERLAB_PICTURES"):
                page.screenshot(path=PICTURES / "saved" / f"{name}-{theme.split()[1].lower()}-{part}.png")
            assert page.evaluate(WRONG) == []
            faint = [text for ink, text in page.evaluate(INK) if contrast(ink, ground) < READABLE]
            assert not faint, f"hardly to be read in {theme}: {faint[:5]}"
            last = page.evaluate(
                """() => Math.max(...[...document.querySelectorAll('.jp-Cell')]
                   .filter(c => { const r = c.getBoundingClientRect(); return r.height > 0 && r.bottom <= innerHeight; })
                   .map(c => +c.dataset.windowedListIndex).filter(n => n >= 0))"""
            )
            shown, part = max(shown + 1, last + 1), part + 1
