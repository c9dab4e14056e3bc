"""Write notebooks/cheat-sheets.md: the cheat sheets of all notebooks on one page, for printing.

    python scripts/cheat_sheets.py

The notebooks have the originals; `tests/test_cheat_sheets.py` checks that the page is the same as they are.
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "notebooks" / "cheat-sheets.md"
HEADING = "## Cheat sheet\n"


def cheat_sheet(notebook: Path) -> tuple[str, str]:
    """Return a notebook's title, and the text of its cheat sheet; "" if it has none."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    title = prose[0].splitlines()[0].removeprefix("# ")
    sheets = [text for text in prose if text.startswith(HEADING)]
    return title, sheets[0].removeprefix(HEADING).partition("\n## ")[0].strip() if sheets else ""


def page() -> str:
    """Return the text of the page."""
    parts = [
        "# Cheat sheets",
        "What each notebook ends with, on one page. Print it, or keep it open beside your Dockerfile. The words are in the "
        "[glossary](glossary.md).",
    ]
    for notebook in sorted(ROOT.glob("notebooks/*.ipynb")):
        title, sheet = cheat_sheet(notebook)
        if sheet:
            parts += [f"## [{notebook.name.partition('-')[0]}]({notebook.name}): {title}", sheet]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
