"""Print what CHANGELOG.md says of a release: `python scripts/release_notes.py v1.2.3`.

Fails if the tag isn't the version in pyproject.toml, or if the changelog has no section of that version.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str]) -> int:
    """Print the section of the tag named first; return the exit code."""
    tag = arguments[0]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if tag != f"v{version}":
        print(f"the tag is {tag}, and pyproject.toml has version {version}", file=sys.stderr)
        return 1
    notes = section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if not notes:
        print(f"CHANGELOG.md has no section that begins with: ## {version} (", file=sys.stderr)
        return 1
    print(notes)
    return 0


def section(changelog: str, version: str) -> str:
    """Return what's under the heading "## VERSION (date)"; "" if there's no such heading."""
    found = re.search(rf"^## {re.escape(version)} \([^)\n]*\)\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
