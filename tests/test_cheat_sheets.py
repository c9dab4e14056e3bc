"""The pages that belong to the notebooks: cheat sheets, glossary, checked versions, and the table of paths through the course."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import cheat_sheets  # noqa: E402 - scripts/cheat_sheets.py, which isn't part of the package

sys.path.remove(str(ROOT / "scripts"))

NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
GLOSSARY = (ROOT / "notebooks/glossary.md").read_text(encoding="utf-8")
VERSIONS = (ROOT / "docs/checked-versions.md").read_text(encoding="utf-8")
FACTS = (ROOT / "docs/buildkit-facts.md").read_text(encoding="utf-8")
#: Lines of a cheat sheet that fit a screen.
SCREEN = 24


def prose(path: Path) -> str:
    return "\n\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_cheat_sheet_has_a_cell_of_its_own_and_fits_a_screen(path):
    cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.source.startswith("## Cheat sheet")]
    assert len(cells) == 1 and cells[0].count("\n## ") == 0
    assert len(cells[0].splitlines()) <= SCREEN and "|---|" in cells[0]


def test_the_page_of_cheat_sheets_is_made_from_the_notebooks():
    assert cheat_sheets.PAGE.read_text(encoding="utf-8") == cheat_sheets.page(), "run: python scripts/cheat_sheets.py"


# -- glossary ----------------------------------------------------------------------------------------------------------


def terms() -> list[str]:
    return re.findall(r"^## (.+)$", GLOSSARY, re.MULTILINE)


def anchor(heading: str) -> str:
    """Return the anchor that GitHub, JupyterLab and MkDocs give a heading of words."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_terms_are_sorted_and_each_is_explained():
    assert terms() == sorted(terms(), key=str.lower)
    assert all(len(text.split()) >= 8 for text in re.split(r"^## .+$", GLOSSARY, flags=re.MULTILINE)[1:])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_links_to_the_glossary_lead_to_a_term(path):
    linked = re.findall(r"\]\(glossary\.md#([\w-]+)\)", prose(path))
    assert set(linked) <= set(map(anchor, terms()))


def test_the_notebooks_of_the_course_link_to_the_glossary():
    without = [p.name for p in NOTEBOOKS if "(glossary.md" not in prose(p)]
    assert without == []


# -- checked versions --------------------------------------------------------------------------------------------------


def test_each_section_of_facts_has_a_row_of_versions():
    headings = re.findall(r"^(##+) (.+)$", FACTS, re.MULTILINE)
    following = [*(level for level, _ in headings[1:]), "##"]
    leaves = [name for (level, name), after in zip(headings, following, strict=True) if len(after) <= len(level)]
    table = VERSIONS.partition("## Shown by builds")[2].partition("\n## ")[0]
    assert re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)[1:] == leaves


def test_the_versions_are_those_that_the_facts_and_the_dockerfiles_name():
    for name, version in re.findall(r"\*\*(Docker|buildx|Compose)\s+(\d[\d.]*\d)\*\*", FACTS.replace("\n", " ")):
        assert version in VERSIONS, name
    dockerfiles = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.glob("sample_apps/**/*Dockerfile"))
    for version in set(re.findall(r"(?:UV_VERSION=|PIP_VERSION=|pip==)(\d[\d.]*\d)", dockerfiles)):
        assert version in VERSIONS, version


# -- paths -------------------------------------------------------------------------------------------------------------


def paths(text: str) -> dict[str, tuple[list[str], str]]:
    """Return the rows of the table of paths: time → what it links to, and the minutes to read."""
    rows = re.findall(r"^\| (15 minutes|an hour|half a day|two days) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    return {time: (re.findall(r"\]\(([^)]+)\)", path), minutes) for time, path, minutes in rows}


def minutes(path: Path) -> int:
    found = re.search(r"About (\d+) minutes to read", prose(path))
    assert found, path
    return int(found[1])


def test_the_paths_through_the_course_take_as_long_to_read_as_they_say():
    start = ROOT / "notebooks/00-start-here.ipynb"
    table = paths(prose(start))
    assert list(table) == ["15 minutes", "an hour", "half a day", "two days"]
    steps = [[start]]
    for links, _ in list(table.values())[1:3]:
        steps.append([*steps[-1], *(start.parent / link for link in links)])
    assert [str(sum(map(minutes, path))) for path in steps] == [said for _, said in list(table.values())[:3]]


def test_the_readme_has_the_same_paths():
    here, there = (
        [said for _, said in paths(text).values()]
        for text in (prose(ROOT / "notebooks/00-start-here.ipynb"), (ROOT / "README.md").read_text(encoding="utf-8"))
    )
    assert here == there
