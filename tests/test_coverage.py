"""What the guides teach is taught: docs/coverage.toml accounts for all of it, and each item is in its notebook."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import guide_coverage as course  # noqa: E402 - scripts/guide_coverage.py, which isn't part of the package

sys.path.remove(str(ROOT / "scripts"))

ITEMS = course.items()
LITERALS = tomllib.loads(course.LITERALS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("guide", course.TITLES)
def test_everything_that_a_guide_names_is_accounted_for(guide):
    accounted = {word for item in ITEMS if item["guide"] == guide for word in item["literals"]}
    assert LITERALS[guide] and not set(LITERALS[guide]) - accounted


def test_items_are_complete_and_of_known_guides():
    for item in ITEMS:
        assert set(item) == {"guide", "section", "item", "find", "where", "literals"}, item
        assert item["guide"] in course.TITLES and item["find"] and item["where"], item
    keys = [(item["guide"], item["section"], item["item"]) for item in ITEMS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item['guide']}-{item['item'][:50]}")
def test_each_item_is_in_a_notebook(item):
    assert course.taught(item), f"none of {item['where']} contains {item['find']!r}"


def test_the_table_is_made_from_the_file():
    assert course.TABLE.read_text(encoding="utf-8") == course.table(), "run: python scripts/guide_coverage.py"


GUIDE = """# A guide
Read `one.md`.
```bash
# a comment with --flag
export DOCKER_BUILDKIT=1
docker-compose -f compose.essential.yml build --no-cache api  # and a remark
time docker buildx prune --filter until=168h
```
```yaml
services:
  api: x
```
```
=> CACHED [2/5] COPY secret.txt .
```
"""


def test_literals_of_a_guide():
    assert course.literals(GUIDE) == sorted(
        ["one.md", "DOCKER_BUILDKIT", "-f", "--no-cache", "essential.yml", "time", "docker buildx prune", "--filter",
         "until=168h", "services", "api"]
    )  # fmt: skip


def test_patterns_are_looked_for_across_backticks_and_line_breaks():
    assert course.plain("Use `docker builder\ndu`, Now") == "use docker builder du, now"
