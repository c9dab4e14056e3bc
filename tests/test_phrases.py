"""What the course once said and must not say again: statements that were false, and phrases that tired readers.

They come from a review of the first edition. A statement is here with the words that made it false, so that a corrected one
may use the rest of them.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: False, or true only with a condition that was missing: pattern → what's right.
FALSE = {
    r"(?:rule|DL3042) (?:does not|doesn't) look at mounts": "hadolint does from 2.14 on",
    r"only if the server says that it may be kept, in a header called": "Cache-Control, Expires or ETag",
    r"`docker compose` knows nothing else": "with DOCKER_BUILDKIT=0 it builds without BuildKit",
    r"All three guides with a troubleshooting section": "all five have one",
    r"Most claims hold on a condition": "the largest group does, not most",
    r"too little cache, never too much": "there are break-evens",
    r"under a better name": "`unused-for` is a deprecated synonym of `until`",
    r'"defaultKeepStorage":': "deprecated: defaultReservedSpace",
    r"Two days without a build, and a mount may be gone": "only once the cache is over its limit",
    r"neither `sharing=` nor an explicit `id=` is part of the cache key": "adding one runs the step once",
    r"it survives images, and neither": "reads the wrong way round",
    r"Contents count, dates do not": "names and permission bits count too",
    r"\| planned \|": "notebooks 03, 06 and 07 exist",
    r"hardly works": "reads as if it were broken: hardly any work",
    r"a short timeout does not speed up": "300 seconds is long: delete the line",
    r"leave it short": "300 seconds is long: delete the line",
    r"one that is not there is not even that": "contradicts itself",
    r"weights[^.|]{0,60}lie above it": "the weights come after the code",
    r"as new installations (?:have|do)\b": "fresh installations of Docker 29 and later",
    r"takes a minute or two": "it takes longer",
    r"Nothing of yours is touched": "a report may be written into a project",
    r"docker/(?:build-push-action@v[1-6]|setup-buildx-action@v[1-3]|login-action@v[1-3])\b": "since March 2026: v7, v4, v4",
}

#: Phrases of the first edition, and their kind. Whole words; upper and lower case are the same.
TIRING = (
    "has the say", "fine, or what mends it", "makes a broken image is none", "None of this was told by", "can be reckoned",
    "It is no sharing", "one hash a file", "that shall", "does not serve", "reckon", "reckoned", "suppose a line",
    "of what weighs most", "only copies, and packs, the accident", "stands above", "which is well", "the higher, the rarer",
    "is taken again while", "What is another", "as they shall be", "any way is right that gets there", "is none either",
    "stands what is no step", "of after the edits", "Why, we only have", "anew", "thereof", "whereof", "is to be had",
    "are to be had", "none of them is to be had", "as ever", "stand below", "stands below", "stands on it", "and no more, a",
    "wait for each other no more", "Your prediction first, then look", "for want of it", "in the old words",
)  # fmt: skip
_TIRING = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, TIRING))})(?!\w)", re.IGNORECASE)


def strings(source: str) -> str:
    """Return the strings in Python code: messages, hints and docstrings."""
    found = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return "\n".join(found)


def texts() -> dict[str, str]:
    """Return what readers read, by file: prose and code of notebooks, pages, Dockerfiles, hints and messages."""
    found = {}
    for notebook in (*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("labs/*/lab.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        found[notebook] = "\n\n".join("".join(cell["source"]) for cell in cells)
    pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "notebooks/*.md", "sample_apps/*/README.md"]
    files = ["sample_apps/**/*ockerfile*", "sample_apps/**/*.y*ml", "labs/*/s*/*", "labs/*/patients/*/*"]
    claims = ["notebooks/claims.toml", "notebooks/trials/*"]
    for path in (path for pattern in [*pages, *files, *claims] for path in ROOT.glob(pattern)):
        if path.is_file():
            found[path] = path.read_text(encoding="utf-8")
    for module in ROOT.glob("src/layerlab/**/*.py"):
        found[module] = strings(module.read_text(encoding="utf-8"))
    return {str(path.relative_to(ROOT)): " ".join(text.split()) for path, text in found.items()}


TEXTS = texts()


@pytest.mark.parametrize("pattern", FALSE)
def test_what_was_false_is_said_nowhere(pattern):
    found = [(file, match[0]) for file, text in TEXTS.items() if (match := re.search(pattern, text, re.IGNORECASE))]
    assert found == [], FALSE[pattern]


def test_tiring_phrases_are_gone():
    found = [(file, match[0]) for file, text in TEXTS.items() for match in _TIRING.finditer(text)]
    assert found == []


def test_the_lists_find_what_they_are_for():
    assert _TIRING.search("Now the build has the say.") and _TIRING.search("It stands above the code, which is well.")
    assert not _TIRING.search("It understands the canewood.")
    assert re.search(next(iter(FALSE)), "the rule does not look at mounts")
    assert "layerlab" in TEXTS["README.md"] and TEXTS["notebooks/00-start-here.ipynb"]
    assert strings("def f():\n    '''Say it.'''\n    return 'anew'") == "Say it.\nanew"
