"""The workflow that comes with notebook 06 does what the notebook says."""

from __future__ import annotations

from pathlib import Path

import yaml

CI = Path(__file__).resolve().parents[1] / "sample_apps/diet_planner/ci"
WORKFLOW = yaml.safe_load((CI / "registry-cache.yml").read_text(encoding="utf-8"))


def step(action: str) -> dict:
    """Find the one step that uses `action`."""
    (found,) = [s for s in WORKFLOW["jobs"]["image"]["steps"] if s["uses"].startswith(f"{action}@")]
    return found


def test_it_runs_for_branches_and_for_pull_requests():
    events = WORKFLOW[True]  # YAML 1.1 reads "on" like that; GitHub doesn't
    assert events["push"]["branches"] == ["main", "develop"] and "pull_request" in events


def test_three_caches_are_read_and_the_branchs_own_is_written_whole():
    settings = step("docker/build-push-action")["with"]
    read = settings["cache-from"].splitlines()
    assert len(read) == 3 and all(entry.startswith("type=registry,ref=") for entry in read)
    assert [entry.rpartition(":")[2] for entry in read[1:]] == ["develop", "main"]
    assert "mode=max" in settings["cache-to"] and settings["cache-to"].count("type=") == 1
    assert "github.ref_name" in settings["cache-to"]


def test_a_pull_request_writes_nothing_and_has_no_credentials():
    settings = step("docker/build-push-action")["with"]
    only = "github.event_name == 'push'"
    assert settings["cache-to"].startswith(f"${{{{ {only} && ") and settings["cache-to"].endswith(" || '' }}")
    assert settings["push"] == f"${{{{ {only} }}}}" and step("docker/login-action")["if"] == only


def test_its_dockerfile_is_there():
    assert (CI.parent / step("docker/build-push-action")["with"]["file"]).is_file()
