"""Our own workflows: actions that can't change under us, every supported Python, every test, and only tested files released."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(".github/workflows/*"))}
TEXT = TEXTS["ci.yml"]
JOBS = yaml.safe_load(TEXT)["jobs"]
RELEASE = yaml.safe_load(TEXTS["release.yml"])


def commands(job: str, jobs: dict = JOBS) -> list[str]:
    return [step["run"] for step in jobs[job]["steps"] if "run" in step]


def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it():
    texts = [*TEXTS.values(), (ROOT / "action/action.yml").read_text(encoding="utf-8")]
    used = [line for text in texts for line in re.findall(r"uses: (.+)$", text, re.MULTILINE)]
    assert used and all("uses:" in text for text in texts)
    assert all(re.fullmatch(r"[\w-]+(/[\w-]+){1,2}@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)
    assert len({line.partition("@")[0] for line in used}) == len(set(used)), "one action in two versions"


def test_the_fast_tests_run_on_each_python_and_all_tests_in_parts_that_add_up():
    assert JOBS["fast"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert commands("fast") == ["make test PYTHON=python${{ matrix.python }}"]
    parts = JOBS["full"]["strategy"]["matrix"]["shard"]
    assert parts == [f"{n}/{len(parts)}" for n in range(1, len(parts) + 1)]
    assert commands("full") == ["make test-all PYTHON=python3.12 SHARD=${{ matrix.shard }}"]


def test_the_oldest_libraries_that_are_allowed_are_tried_and_the_docs_are_built():
    assert commands("lowest") == ["make lowest PYTHON=python3.11"]
    assert commands("docs") == ["make docs PYTHON=python3.12"]


def test_it_may_only_read():
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    assert all(not job.get("permissions") for job in JOBS.values())


# -- the release -------------------------------------------------------------------------------------------------------


def test_only_a_tag_releases_and_one_release_at_a_time():
    assert RELEASE[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads "on" as true
    assert RELEASE["concurrency"] == {"group": "release"}


def test_what_is_published_is_the_very_files_that_were_tested():
    jobs = RELEASE["jobs"]
    assert [(name, job.get("needs")) for name, job in jobs.items()] == [
        ("build", None), ("test", "build"), ("publish", "test"), ("announce", "publish"),
    ]  # fmt: skip
    built = [command for command in commands("build", jobs) if "uv build" in command]
    assert len(built) == 1 and "--no-build-isolation" in built[0], "the build tools are those of the lock"
    assert not any("build" in command for name in jobs if name != "build" for command in commands(name, jobs))
    for name in ("test", "publish"):
        files = [step["with"] for step in jobs[name]["steps"] if "download-artifact@" in step.get("uses", "")]
        assert files == [{"name": "dist", "path": "dist"}]
    (test,) = commands("test", jobs)
    assert re.fullmatch(r'LAYERLAB_WHEEL="\$\(echo dist/\*\.whl\)" make wheel-test PYTHON=python3\.\d+', test)
    assert re.search(r"^wheel-test:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_only_the_jobs_that_run_nothing_of_ours_may_write():
    assert RELEASE["permissions"] == {"contents": "read"}
    allowed = {name: job["permissions"] for name, job in RELEASE["jobs"].items() if "permissions" in job}
    assert allowed == {"publish": {"id-token": "write"}, "announce": {"contents": "write"}}
    for name in allowed:
        steps = RELEASE["jobs"][name]["steps"]
        assert not any("checkout@" in step.get("uses", "") for step in steps)
        assert all(step["run"].startswith("gh release create") for step in steps if "run" in step)
    assert RELEASE["jobs"]["publish"]["environment"] == "pypi"
    assert "secrets." not in TEXTS["release.yml"], "trusted publishing needs none"
