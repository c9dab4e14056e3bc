"""Write docs/coverage.md from docs/coverage.toml, which says where the course teaches each item of the guides.

    python scripts/guide_coverage.py                    write docs/coverage.md
    python scripts/guide_coverage.py --guides FOLDER    also extract the guides' commands, flags, variables, keys and paths

The guides themselves are not in this repository. The names extracted from them are, in docs/guide-literals.toml, so that a
test can check that docs/coverage.toml accounts for every one.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ITEMS, TABLE, LITERALS = (ROOT / "docs" / name for name in ("coverage.toml", "coverage.md", "guide-literals.toml"))
TITLES = {"000": "RadiAssist API", "001": "FastAPI search", "002": "SmartDiet", "003": "AMAS", "004": "venv service"}

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
#: Patterns of the literals in a block of commands or a Dockerfile.
_WORDS = (
    r"docker(?:-compose| compose| buildx| builder| system)? [a-z]+",
    r"(?<![\w-])--?[A-Za-z][\w-]*",
    r"\b[A-Z][A-Z0-9_]{3,}(?==)",
    r"\b(?:type|sharing|target|src|dest|id|until)=[\w/.~-]*",
    r"(?<![\w:/])(?:~|\.)?(?:/[\w.*-]+){2,}/?",
    r"\b[\w-]+\.(?:txt|sh|ps1|yml|json|Dockerfile|py)\b",
    r"^ *(?:time|grep|git diff|chmod|echo|pip install)\b",
)
#: Output shown in a guide, as opposed to input for the reader to type.
_OUTPUT = re.compile(r"=> CACHED|^# (?:ID|xyz)", re.MULTILINE)


def literals(guide: str) -> list[str]:
    """Extract a guide's literals: its code spans, and the commands, flags, variables, keys and paths in its blocks."""
    found: set[str] = set()
    for language, block in _FENCE.findall(guide):
        lines = [line for line in block.splitlines() if not _OUTPUT.search(line)]
        if language == "yaml":
            found |= set(re.findall(r"^ *(\w+):", "\n".join(lines), re.MULTILINE))
        if language == "json" or "{" in lines:
            found |= set(re.findall(r'"(\w+)":', "\n".join(lines)))
        code = "\n".join(line.split(" #")[0] for line in lines if not line.lstrip().startswith("#"))
        for pattern in _WORDS if language else ():
            found |= {match.strip() for match in re.findall(pattern, code, re.MULTILINE)}
    found |= set(re.findall(r"`([^`\n]+)`", _FENCE.sub("", guide)))
    return sorted(found)


def items() -> list[dict[str, Any]]:
    """Read the items of docs/coverage.toml."""
    return tomllib.loads(ITEMS.read_text(encoding="utf-8"))["item"]


def plain(text: str) -> str:
    """Return the text in a form to search in: one line, lower case, no backticks."""
    return " ".join(text.replace("`", "").split()).lower()


def cells(notebook: Path) -> str:
    """Return all prose and code of a notebook, as `plain` text."""
    return plain("\n".join("".join(c["source"]) for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"]))


def notebooks() -> dict[str, Path]:
    """Return the course's notebooks by number."""
    return {path.name.partition("-")[0]: path for path in sorted(ROOT.glob("notebooks/[0-9][0-9]*-*.ipynb"))}


def taught(item: dict[str, Any]) -> list[str]:
    """Return the numbers of those of the item's notebooks that contain its search text."""
    there = notebooks()
    return [n for n in item["where"] if n in there and plain(item["find"]) in cells(there[n])]


def table() -> str:
    """Return the text of docs/coverage.md."""
    lines = [
        "# Where each item of the guides is taught",
        "",
        "What the five teams' guides say, item by item, and the notebooks that teach it. The guides' claims and the verdicts on",
        "them are in [notebook 10](../notebooks/10-claims-on-trial.ipynb) and those that follow it.",
        "",
        "`python scripts/guide_coverage.py` makes this page from [coverage.toml](coverage.toml). `tests/test_coverage.py` checks",
        "that a notebook of each item contains the text under *found by*.",
    ]
    there = notebooks()
    for guide, title in TITLES.items():
        lines += ["", f"## {guide}: {title}", "", "| section | item | found by | notebook |", "|---|---|---|---|"]
        for item in (item for item in items() if item["guide"] == guide):
            links = ", ".join(f"[{n}](../notebooks/{there[n].name})" for n in item["where"] if n in there)
            found = item["find"].replace("|", "\\|")
            lines.append(f"| {item['section']} | {item['item']} | `{found}` | {links} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guides", type=Path, metavar="FOLDER")
    folder = parser.parse_args().guides
    if folder:
        lines = [
            "# Literal names in the guides, extracted by `python scripts/guide_coverage.py --guides FOLDER`.",
            "",
        ]
        for path in sorted(folder.glob("0*.md")):
            lines.append(f'"{path.name[:3]}" = [')
            lines += [f"  {json.dumps(word)}," for word in literals(path.read_text(encoding="utf-8"))]
            lines.append("]")
        LITERALS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    TABLE.write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main()
