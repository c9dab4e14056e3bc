"""What is cited is there: tests and notebooks that show a fact about BuildKit, and every file that a comment or a page names."""

from __future__ import annotations

import ast
import functools
import io
import json
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path

import pytest
from test_docs import PACKAGE, ROOT

# -- what shows a fact -------------------------------------------------------------------------------------------------

#: A test, a further parameter of the test before it, or a heading of a notebook.
SHOWS = re.compile(
    r"`(?P<file>tests/[\w/]+\.py)::(?P<test>[\w:]+)(?:\[(?P<row>.*?)\])?`"
    r"|`\[(?P<further>.*?)\]`"
    r"|\[notebook (?P<number>\d\d[a-z]?): (?P<heading>.+?)\]\(\.\./(?P<notebook>notebooks/[\w.-]+)\)"
)


def facts() -> list[str]:
    """Return the facts on the page, each with what shows it, on one line."""
    text = (ROOT / "docs/buildkit-facts.md").read_text()
    return [" ".join(fact.split()) for fact in re.findall(r"^- .+\n(?:  .+\n)*", text, re.MULTILINE)]


def unshown(fact: str) -> list[str]:
    """Return what a fact cites that doesn't exist, or that it cites nothing."""
    shown = fact.partition("Shown by:")[2]
    if not shown:
        return [] if "Not shown here: " in fact else ["nothing that shows it"]
    found, file = list(SHOWS.finditer(shown)), ""
    left_over = SHOWS.sub("", shown.partition("Not shown here: ")[0])
    wrong = [] if found and not re.search(r"::|\.ipynb", left_over) else [f"what can't be read: {left_over}"]
    for one in found:
        file = one["file"] or file
        if one["file"] and one["test"] not in defined_in(file):
            wrong.append(f"{file}::{one['test']}")
        if (row := one["row"] or one["further"]) and not has_row(file, row):
            wrong.append(f"{file}[{row}]")
        if one["notebook"] and not (
            one["notebook"].startswith(f"notebooks/{one['number']}-") and one["heading"] in headings(one["notebook"])
        ):
            wrong.append(f"{one['notebook']}: {one['heading']}")
    return wrong


@functools.cache
def defined_in(file: str) -> set[str]:
    """Return the tests that a module defines, those of a class as `Class::test`."""
    if not (ROOT / file).is_file():
        return set()
    body = ast.parse((ROOT / file).read_text()).body
    inside = {f"{c.name}::{f.name}" for c in body if isinstance(c, ast.ClassDef) for f in c.body if hasattr(f, "name")}
    return inside | {f.name for f in body if isinstance(f, ast.FunctionDef)}


def has_row(file: str, row: str) -> bool:
    """Whether a test's parameter is a text in its module or, for `theme: name`, a case in the table of that theme."""
    theme, _, case = row.partition(": ")
    table = ROOT / "tests/engine/cases" / f"{theme}.py"
    place, name = (table, case) if case and table.is_file() else (ROOT / file, row)
    return place.is_file() and f'"{name}"' in place.read_text()


@functools.cache
def headings(notebook: str) -> set[str]:
    if not (ROOT / notebook).is_file():
        return set()
    cells = json.loads((ROOT / notebook).read_text())["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    without_code = [re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL) for text in texts]
    return {line.lstrip("#").strip() for text in without_code for line in text.splitlines() if line.startswith("#")}


def test_every_fact_is_shown_by_what_exists():
    assert len(facts()) > 100
    assert {fact: wrong for fact in facts() if (wrong := unshown(fact))} == {}


@pytest.mark.parametrize(
    ("fact", "wrong"),
    [
        ("Water is wet.", "nothing that shows it"),
        ("Shown by: hearsay.", "what can't be read"),
        ("Shown by: `tests/test_nowhere.py::test_a`.", "test_nowhere.py::test_a"),
        ("Shown by: `tests/test_trace.py::test_no_such_test`.", "test_no_such_test"),
        ("Shown by: `tests/test_trace.py::TestSteps::test_no_such_test`.", "TestSteps::test_no_such_test"),
        ("Shown by: `tests/engine/test_cases.py::test_case[files: a flood]`.", "[files: a flood]"),
        ("Shown by: `tests/engine/test_cases.py::test_case[files: content]`, `[files: fire]`.", "[files: fire]"),
        ("Shown by: [notebook 01: No such heading](../notebooks/01-order-your-layers.ipynb).", "No such heading"),
        ("Shown by: [notebook 02: Build it, slow](../notebooks/01-order-your-layers.ipynb).", "Build it, slow"),
        ("Shown by: `tests/test_trace.py::TestSteps::test_layer_sizes`, notebooks/01.ipynb.", "what can't be read"),
    ],
)
def test_a_made_up_fact_is_noticed(fact, wrong):
    assert any(wrong in said for said in unshown(fact))


# -- what the threat table cites ---------------------------------------------------------------------------------------


def threats() -> list[str]:
    """Return the rows of the table of who might try what, without its head."""
    table = (ROOT / "docs/security.md").read_text().partition("## Who might try what\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (?!who |---).*", table, re.MULTILINE)


def uncovered(threat: str) -> list[str]:
    """Return the tests in a row's last cell that don't exist, or that it has none."""
    return unshown(f"Shown by: {threat.strip('| ').rpartition(' | ')[2]}")


def test_every_threat_has_a_test_that_exists():
    assert len(threats()) > 10
    assert {threat: wrong for threat in threats() if (wrong := uncovered(threat))} == {}


@pytest.mark.parametrize(
    "shown", ["we promise", "`tests/test_nowhere.py::test_a`", "`tests/test_home.py::test_no_such_test`"]
)
def test_a_made_up_threat_is_noticed(shown):
    assert uncovered(f"| a hostile project | win | magic | {shown} |")


# -- files that are cited ----------------------------------------------------------------------------------------------

#: A path from one of the repository's folders on, or a page in capitals.
CITED = re.compile(
    r"(?<![\w./~-])(?:(?:src|docs|tests|notebooks|labs|sample_apps|scripts|benchmarks|\.github|\.ci)/[\w./*<>{}-]*"
    r"|(?:[\w-]+/)*[A-Z][A-Z_]+\.md\b)"
)
#: Where tests and benchmarks write: it isn't there before they have.
WRITTEN_LATER = "benchmarks/results/"


def prose(python: str) -> str:
    """Return the comments and docstrings of a Python file."""
    comments = [t.string for t in tokenize.generate_tokens(io.StringIO(python).readline) if t.type == tokenize.COMMENT]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(python)) if isinstance(node, documented)]
    return "\n".join([*comments, *(ast.get_docstring(node) or "" for node in nodes)])


def cited(text: str) -> set[str]:
    """Return the files that a text cites: `<theme>` and NAME stand for anything, and names with braces are left out."""
    paths = {re.sub(r"<\w+>|\bNAME\b", "*", path.rstrip(".-")) for path in CITED.findall(text)}
    return {path for path in paths if "{" not in path and not path.startswith(WRITTEN_LATER)}


def missing(paths: Iterable[str], beside: Path) -> list[str]:
    """Those that aren't in the repository, nor in the package, nor (a page in capitals) beside the file that cites them."""
    places = (ROOT, PACKAGE, beside)
    return [path for path in sorted(paths) if not any(next(place.glob(path), None) for place in places)]


def test_every_file_that_a_comment_or_a_page_cites_exists():
    programs = [file for folder in ("src", "tests", "scripts", "benchmarks") for file in ROOT.glob(f"{folder}/**/*.py")]
    texts = {file: prose(file.read_text()) for file in programs}
    texts |= {
        page: page.read_text() for page in (*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    }
    assert sum(len(cited(text)) for text in texts.values()) > 100
    assert {file: lost for file, text in texts.items() if (lost := missing(cited(text), file.parent))} == {}


def test_a_made_up_file_is_noticed():
    text = "See docs/nowhere.md, tests/engine/cases/<theme>.py, SECRETS.md, away/SECRETS.md and docs/{this,that}.md."
    assert missing(cited(text), ROOT) == ["SECRETS.md", "away/SECRETS.md", "docs/nowhere.md"]
    program = '"""As docs/a.md says."""\nx = "docs/b.md"  # and docs/c.md\n'
    assert cited(prose(program)) == {"docs/a.md", "docs/c.md"}
