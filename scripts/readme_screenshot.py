"""Photograph the README's notebook: `python scripts/readme_screenshot.py` writes docs/notebook.png.

It runs a notebook in JupyterLab in headless Chromium, as the browser tests do: a build, an edit, a prediction, the same build
again, and its timeline. The builds are real, on a machine called "lab-screenshot" that's removed at the end. Takes two minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from layerlab import Machine
from layerlab.commands.jupyter import FIRST_NOTEBOOK
from layerlab.system.home import cache_dir, claim

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
from driving import CHROMIUM, Lab, chromium, open_notebook, run_cell, write_notebook  # noqa: E402 - of the tests

PICTURE = ROOT / "docs" / "notebook.png"
MACHINE = "lab-screenshot"
#: CSS pixels: as wide as a laptop's window with the file browser closed, and high enough for all of its cells.
VIEW = {"width": 1180, "height": 1100}
#: What a newcomer expects of an edit in the code: one step. Lines of before.Dockerfile.
GUESS = '{4: "cached", 6: "run", 8: "cached", 14: "cached", 16: "cached"}'
CELLS = [
    f"""from layerlab import App, Machine, predict, timeline

machine, app = Machine.start("{MACHINE}"), App("radiology_api")
first = machine.build(app, "before", view="none")""",
    f"""app.edit("code")
guess = predict(app, "before", {GUESS})""",
    """build = machine.build(app, "before")""",
    """guess.grade(build)""",
    """timeline(build)""",
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=PICTURE, help="the file to write (default docs/notebook.png)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="layerlab-screenshot-") as folder, sync_playwright() as playwright:
        # A home of its own, for the prediction isn't the user's; what's been fetched already is borrowed.
        kept = cache_dir()
        os.environ["LAYERLAB_HOME"] = f"{folder}/home"
        claim()
        (Path(folder) / "home/cache").symlink_to(kept)
        (Path(folder) / "notebooks").mkdir()
        write_notebook(Path(folder) / FIRST_NOTEBOOK, CELLS)
        lab = Lab(Path(folder))
        try:
            lab.wait(120)
            browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM)
            page = browser.new_page(viewport=VIEW, device_scale_factor=1.5)
            photograph(page, lab, options.to)
        finally:
            lab.stop()
            for machine in Machine.all():
                machine.remove()
    print(f"written to {options.to}")
    return 0


def photograph(page: Page, lab: Lab, picture: Path) -> None:
    """Run the notebook and save a picture of its cells from the second on."""
    open_notebook(page, lab, FIRST_NOTEBOOK)
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    for index in range(len(CELLS)):
        run_cell(page, index, seconds=600)
    page.evaluate("window.jupyterapp.shell.currentWidget.content.scrollToItem(0, 'start')")
    page.mouse.move(1, 1)
    page.wait_for_timeout(2000)
    page.screenshot(path=picture)


if __name__ == "__main__":
    raise SystemExit(main())
