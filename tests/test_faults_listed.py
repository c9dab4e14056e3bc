"""The table of faults is true: each of its tests exists, and there are enough causes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fault_table import FAULTS, TESTS

HERE = Path(__file__).parent
NAMED = [test for faults in FAULTS.values() for test in faults.values()]


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """Collect the tests of all modules in the table, named from `tests/` on."""
    modules = sorted({str(HERE / name.partition("::")[0]) for name in TESTS})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *modules]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.removeprefix("tests/") for line in done.stdout.splitlines() if "::" in line}


def test_every_test_of_the_table_exists(collected):
    assert [name for name in NAMED if not any(f"{test}[".startswith(f"{name}[") for test in collected)] == []


def test_there_are_50_distinct_causes():
    causes = [cause for faults in FAULTS.values() for cause in faults]
    assert len(causes) == len(set(causes)) >= 50
    assert len(set(NAMED)) == len(NAMED), "a test shows one cause"
