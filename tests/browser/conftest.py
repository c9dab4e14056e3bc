"""Every test in this folder looks at JupyterLab, or at a page that LayerLab wrote, in headless Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from driving import CHROMIUM, LAPTOP, PICTURES, ROOT, Lab, chromium
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def lab(lab_home, folder):
    lab = Lab(folder)
    lab.wait(120)
    yield lab
    lab.stop()


@pytest.fixture(scope="session")
def browser():
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page(lab, browser):
    return browser.new_page(viewport=LAPTOP)
