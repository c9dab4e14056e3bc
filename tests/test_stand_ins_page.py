"""docs/stand-ins.md tells all that docs/stand-ins.toml lists, which tests/engine/test_likeness.py tries."""

from __future__ import annotations

import tomllib
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_page_has_each_likeness():
    page = (DOCS / "stand-ins.md").read_text().lower()
    rows = tomllib.loads((DOCS / "stand-ins.toml").read_text())["alike"]
    told = [f"- {row['what'].replace('{python}', '3.X')}.".lower() for row in rows]
    assert [line for line in page.splitlines() if line.startswith("- ")] == told
