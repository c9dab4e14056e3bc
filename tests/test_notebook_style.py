"""The rules of docs/notebook-style.md that a program can check, on the notebooks as they are committed."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from layerlab.engines.network import MIRROR

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
LABS = sorted(ROOT.glob("labs/*/lab.ipynb"))
CHECKED = "nbval-check-output"
OPENING = ["What you will do", "What you will learn", "What you need", "Time"]
CLOSING = ["What just happened", "Cheat sheet", "Exercise", "On your own", "Further reading"]
LAB_PARTS = ["The task", "The check", "Hints", "A solution", "What just happened", "On your own"]
#: Hosts that the notebooks may link to: the manuals they recommend.
LINKS = ("https://docs.docker.com/", "https://pip.pypa.io/", "https://docs.astral.sh/", "https://github.com/hadolint/")
VERBS = {
    "Split",
    "Mount",
    "Try",
    "Build",
    "Leave",
    "Start",
    "Order",
    "Repair",
    "Look",
    "Diagnose",
    "Drop",
    "Ignore",
    "Keep",
    "Write",
    "Share",
    "Scale",
    "Bring",
    "Move",
}
LARGEST = 1_500_000

everywhere = pytest.mark.parametrize(
    "path", [*NOTEBOOKS, *LABS], ids=lambda path: str(path.relative_to(ROOT / path.relative_to(ROOT).parts[0]))
)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def prose(path: Path) -> list[str]:
    return [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]


def code(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tagged(cell: nbformat.NotebookNode) -> bool:
    return CHECKED in cell.metadata.get("tags", [])


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`]*`|<!--.*?-->", "", text, flags=re.DOTALL)


def printed(cell: nbformat.NotebookNode) -> str:
    """Return all text in a cell's saved output, including the charts' tooltips."""
    parts = []
    for output in cell.outputs:
        data = output.get("data", {})
        parts += [
            output.get("text", ""),
            *(str(value) for kind, value in data.items() if not kind.startswith("image/")),
        ]
    return "\n".join(parts)


def test_there_are_notebooks():
    assert NOTEBOOKS and LABS


@everywhere
def test_it_is_valid_and_small(path):
    nbformat.validate(read(path))
    assert path.stat().st_size < LARGEST


@everywhere
def test_it_opens_like_the_others(path):
    first = prose(path)[0]
    assert read(path).cells[0].cell_type == "markdown"
    title = re.match(r"# (?:Lab \d+: )?(\w+)", first)
    assert title and title[1] in VERBS, "a title that begins with a verb; if it does, add the verb to VERBS"
    assert re.findall(r"^\*\*(.+?)\.\*\*", "\n".join(prose(path)[:2]), re.MULTILINE)[: len(OPENING)] == OPENING


@everywhere
def test_it_closes_like_the_others(path):
    headings = re.findall(r"^## (.+)$", "\n".join(prose(path)), re.MULTILINE)
    if path in LABS:
        assert [h for h in headings if h in LAB_PARTS] == LAB_PARTS
    else:
        assert headings[-len(CLOSING) :] == CLOSING


@everywhere
def test_cells_are_tiny(path):
    lines = [len(cell.source.splitlines()) for cell in code(path)]
    assert max(lines) <= 12
    assert sum(lines) / len(lines) <= 3.5  # "about three"
    assert max(len(line) for cell in code(path) for line in cell.source.splitlines()) <= 112, (
        "or it is cut off on a laptop"
    )


@everywhere
def test_there_is_as_much_prose_as_code(path):
    words = [sum(len(text.split()) for text in texts) for texts in (prose(path), [c.source for c in code(path)])]
    assert words[0] >= words[1]


@everywhere
def test_the_words_are_plain(path):
    for text in map(without_code, prose(path)):
        assert "!" not in text, text
        assert not re.search("[\U0001f300-\U0001faff\u2600-\u26ff]", text), text
        assert not re.search(
            r"\b(simply|obviously|awesome|blazing\w*|magic\w*|super|easy|easily|just works)\b", text, re.I
        )


@everywhere
def test_seconds_in_prose_are_of_the_saved_run_or_quoted(path):
    for paragraph in re.split(r"\n\s*\n", without_code("\n\n".join(prose(path)))):
        if re.search(r"\d[\d.]* ?(s|seconds|minutes)\b", paragraph):
            assert re.search(r"in the run saved here|Source:|minutes to (?:read|run)", paragraph), paragraph


@everywhere
def test_folded_answers_unfold(path):
    text = "\n".join(prose(path))
    assert (
        text.count("<details>")
        == text.count("</details>")
        == len(re.findall(r"<details><summary>.+</summary>\n\n", text))
    )
    assert not re.search(r"[^\n]\n</details>", text), "an empty line before </details>, or Markdown is not read in it"


@everywhere
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", "\n".join(prose(path))):
        places = [
            path.parent / target,
            path.parent / "start" / target,
        ]  # a learner's file is made from the one in start/
        assert target.startswith(LINKS) or any(place.is_file() for place in places), target


@everywhere
def test_it_was_run_from_top_to_bottom_without_errors(path):
    cells = code(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error"]


@everywhere
def test_only_what_is_worth_keeping_is_kept(path):
    notebook = read(path)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert "version" not in notebook.metadata.language_info
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        assert re.fullmatch("[0-9a-f]{8}", cell.id), "written by scripts/execute_notebooks.py"
    assert not [
        o for c in code(path) for o in c.outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
    ]


@everywhere
def test_states_are_checked_and_times_are_not(path):
    cells = code(path)
    assert [cell for cell in cells if tagged(cell)]
    for cell in cells:
        if ".states()" in cell.source or ".state(" in cell.source:
            assert tagged(cell), f"tag it {CHECKED}: {cell.source}"
        if tagged(cell):
            assert cell.outputs, f"checked, but it printed nothing: {cell.source}"
            assert not re.search(r"\d s\b|\d MB\b", printed(cell)), cell.source
            assert not re.search(r"\.seconds|\.build\(|timeline|before_after|compare\(", cell.source), cell.source


@everywhere
def test_charts_have_a_picture_for_pages_without_scripts(path):
    charts = [o.data for c in code(path) for o in c.outputs if "application/vnd.plotly.v1+json" in o.get("data", {})]
    assert charts
    assert all("image/png" in chart and len(chart["text/plain"]) > 20 for chart in charts)


@everywhere
def test_nothing_of_the_computer_shows(path):
    text = path.read_text(encoding="utf-8")
    # /tmp, and /root with a dot, are folders in an image; this computer's have names that tests and homes make.
    ours = r"/(?:root|home|Users|work)/(?!\.)[\w-]+|/tmp/(?:ll|pytest|layerlab|tmp)[\w-]*"
    assert not re.search(ours, "\n".join([*prose(path), *map(printed, code(path))]))
    addresses = set(re.findall(r"https?://[^\s\"')\\<]+", text))
    known = (
        *LINKS,
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8999",
        "http://package-index:8080/",
        f"http://{MIRROR}/",
    )
    assert not [a for a in addresses if not a.startswith(known)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_stands_alone_and_tidies_up(path):
    text = "\n".join(cell.source for cell in code(path))
    for part in (r"Machine\.start\(\)", r"machine\.reset\(\)", r"App(\.from_path)?\(", r"\.close\(\)"):
        assert re.search(part, text), part
    assert "machine.remove()" not in text


def test_the_canary_is_wrong_in_one_checked_cell():
    cells = code(ROOT / "tests/canary/wrong-output.ipynb")
    wrong = [cell for cell in cells if tagged(cell) and cell.source == "print(1 + 1)" and printed(cell).strip() != "2"]
    assert len(wrong) == 1
    assert all(cell.execution_count for cell in cells)  # nbval doesn't compare a cell that never ran


def test_a_lab_shows_its_solution():
    for path in LABS:
        shown = "\n".join(prose(path))
        for file in (path.parent / "solution").rglob("*"):
            assert not file.is_file() or file.read_text(encoding="utf-8").strip() in shown, file
