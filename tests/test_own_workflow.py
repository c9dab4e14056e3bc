"""Our own CI: actions that can't change under us, every Python that the project says it supports, and no test left out."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
JOBS = yaml.safe_load(TEXT)["jobs"]


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it():
    used = re.findall(r"uses: (.+)$", TEXT, re.MULTILINE)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)
    assert len({line.partition("@")[0] for line in used}) == len(set(used)), "one action in two versions"


def test_the_fast_tests_run_on_each_python_and_all_tests_in_parts_that_add_up():
    assert JOBS["fast"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert commands("fast") == ["make test PYTHON=python${{ matrix.python }}"]
    parts = JOBS["full"]["strategy"]["matrix"]["shard"]
    assert parts == [f"{n}/{len(parts)}" for n in range(1, len(parts) + 1)]
    assert commands("full") == ["make test-all PYTHON=python3.12 SHARD=${{ matrix.shard }}"]


def test_it_may_only_read():
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    assert all(not job.get("permissions") for job in JOBS.values())
