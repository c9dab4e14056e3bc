"""A change to a text file that changes its bytes, and nothing that it means."""

from __future__ import annotations

from pathlib import PurePath

#: How a comment of one line begins, by the file's ending; `#` for all others (Python, TOML, YAML, requirements, shell).
_SLASHES = (
    ".c", ".cc", ".cpp", ".cs", ".go", ".h", ".java", ".js", ".jsx", ".kt", ".mjs", ".php", ".rs", ".swift", ".ts", ".tsx",
)  # fmt: skip
#: Files that know no comments, but white space at the end: lock files of npm and Pipenv, for two.
_JSON = (".json", ".ipynb")
_JSON_NAMES = ("Pipfile.lock", "composer.lock")


def comment(path: str, text: str) -> str:
    """Return a line to add to the file at `path`: a comment with `text`, or white space that stands for it."""
    name = PurePath(path)
    if name.suffix in _JSON or name.name in _JSON_NAMES:
        return "".join(f"{byte:08b}" for byte in text.encode()).translate({ord("0"): " ", ord("1"): "\t"}) + "\n"
    return f"{'//' if name.suffix in _SLASHES else '#'} {text}\n"
