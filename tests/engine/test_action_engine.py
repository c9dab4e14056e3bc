"""The GitHub Action on a stand-in of GitHub's runner, with a Docker that isn't LayerLab's; and the snippets of docs/ci.md."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from github_runner import Caches, Result, Runner
from support import borrowed_home, write_project
from test_annotating import Command, read

from layerlab.engines import images

ROOT = Path(__file__).resolve().parents[2]
LAYERLAB = str(Path(sys.executable).with_name("layerlab"))
PAGE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
BASE = images.standin_name(images.BASES[0])
DOCKERFILE = f"""FROM {BASE}
WORKDIR /app
COPY requirements.txt .
RUN cat requirements.txt > /installed
COPY main.py .
RUN python main.py
"""
BUILD = "docker buildx build --tag shop ."


@dataclasses.dataclass
class Job:
    """What came of one job: the action's result, and the runner, which has what the job's page would show."""

    result: Result
    runner: Runner

    @property
    def annotations(self) -> list[Command]:
        told = map(read, self.runner.printed.get("report", "").splitlines())
        return [command for command in told if command]


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository with one project in it, whose folder's name has a space."""
    folder = tmp_path / "repository"
    write_project(folder / "my shop", DOCKERFILE)
    for words in (["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "--quiet", "-m", "x"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def job(foreign, lab_home, tmp_path, repository) -> Callable[..., Job]:
    """Runs the action in a job: on a fresh runner each time, with a home of its own; the Docker stays, and GitHub's caches."""
    (tmp_path / "caches").mkdir()
    caches = Caches(tmp_path / "caches")
    count = 0

    def run(command: str = BUILD, ref: str = "refs/heads/main", layerlab: str = LAYERLAB, **more: str) -> Job:
        nonlocal count
        count += 1
        place = tmp_path / f"runner {count}"
        workspace = shutil.copytree(repository, place / "workspace")
        (place / "temp").mkdir()
        github = {
            "ref": ref, "ref_name": ref.removeprefix("refs/heads/").removeprefix("refs/"), "workspace": str(workspace),
            "job": "image", "run_id": str(1000 + count), "run_attempt": "1", "repository": "someone/shop",
            "head_ref": more.pop("head_ref", ""), "base_ref": more.pop("base_ref", ""),
        }  # fmt: skip
        variables = {**foreign, "LAYERLAB_HOME": str(borrowed_home(place / "home", lab_home)), "BUILDX_BUILDER": ""}
        runner = Runner(workspace, place / "temp", github, caches, variables)
        inputs = {"command": command, "working_directory": "my shop", "layerlab": layerlab, **more}
        return Job(runner.run(ROOT / "action", **inputs), runner)

    return run


def pull_request(job: Callable[..., Job], command: str = BUILD, **more: str) -> Job:
    return job(command, ref="refs/pull/7/merge", head_ref="topic", base_ref="main", **more)


def test_a_pull_request_is_compared_with_the_default_branch_and_says_why(job, repository):
    first = job()
    assert first.result.exit_code == 0, first.runner.printed
    assert first.annotations == [] and re.search(r"Built in .*: 5 steps ran|5 steps ran", first.runner.summary)
    assert "changed" not in first.runner.summary

    (repository / "my shop/main.py").write_text("print('changed')\n")
    second = pull_request(job)
    assert second.result.exit_code == 0, second.runner.printed
    assert "main.py changed" in second.runner.summary and "requirements.txt changed" not in second.runner.summary
    (told,) = second.annotations
    assert (told.name, told.properties["line"], told.properties["endLine"]) == ("notice", "5", "5")
    assert told.properties["file"] == str(second.runner.workspace / "my shop/Dockerfile")
    assert "main.py changed" in told.text
    (page,) = second.runner.artifacts["layerlab-image"].glob("*.html")
    assert "main.py changed" in page.read_text()
    assert second.result.outputs["exit-code"] == "0" and list(Path(second.result.outputs["records"]).iterdir())

    third = pull_request(job)  # the same again is compared with the pull request's own build
    assert third.annotations == [] and "no step ran" in third.runner.summary


def test_a_build_that_fails_fails_the_job_with_its_exit_code_and_tells_where(job, repository, foreign):
    assert job().result.exit_code == 0
    text = DOCKERFILE.replace("RUN python main.py", "RUN echo oh no, 100%: broken && exit 7")
    (repository / "my shop/Dockerfile").write_text(text)
    bare = subprocess.run(BUILD.split(), cwd=repository / "my shop", env={**os.environ, **foreign}, capture_output=True)
    broken = pull_request(job)
    assert broken.result.exit_code == bare.returncode != 0
    assert broken.result.outputs["exit-code"] == str(bare.returncode)
    errors = [command for command in broken.annotations if command.name == "error"]
    assert [(e.properties["line"], "oh no, 100%: broken" in e.text) for e in errors] == [("6", True)]
    assert "Failed" in broken.runner.summary and "oh no" in broken.runner.summary
    assert broken.runner.artifacts
    (repository / "my shop/Dockerfile").write_text(DOCKERFILE)
    assert pull_request(job).result.exit_code == 0  # its record was kept, and is no trouble


@pytest.mark.parametrize(
    "branch", ["$(touch${IFS}pwned)", "';touch${IFS}pwned;'", "`touch${IFS}pwned`", '"x&&touch${IFS}pwned']
)
def test_a_hostile_branch_and_a_command_with_quotes_do_nothing_but_build(job, foreign, branch, tmp_path):
    quoted = "docker buildx build --label 'title=two  words' --label \"a=$(touch pwned)\" \\\n  --tag shop ."
    done = job(quoted, ref=f"refs/heads/{branch}", head_ref=branch)
    assert done.result.exit_code == 0, done.runner.printed
    inspect = ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", "shop"]
    labels = subprocess.run(inspect, env={**os.environ, **foreign}, stdout=subprocess.PIPE, check=True).stdout
    assert json.loads(labels) == {"title": "two  words", "a": "$(touch pwned)"}
    assert done.runner.summary and list(tmp_path.rglob("pwned")) == []


def test_several_targets_have_one_summary_and_a_page_each(job, repository):
    (repository / "my shop/docker-bake.json").write_text(
        '{"group": {"default": {"targets": ["web", "worker"]}}, "target": {"web": {}, "worker": {"args": {"ROLE": "worker"}}}}'
    )
    assert job("docker buildx bake").result.exit_code == 0
    (repository / "my shop/requirements.txt").write_text("# one\n")
    done = pull_request(job, "docker buildx bake")
    assert done.result.exit_code == 0, done.runner.printed
    assert len(list(done.runner.artifacts["layerlab-image"].glob("*.html"))) == 2
    assert done.runner.summary.count("requirements.txt changed") >= 2
    assert [(a.name, a.properties["line"]) for a in done.annotations] == [("notice", "3")]


@pytest.mark.parametrize(
    ("command", "code"), [("make image", 2), ("docker version", 0), ("docker buildx build 'x", 1), ("nosuch", 127)]
)
def test_what_is_no_build_keeps_its_exit_code_and_has_no_report(job, command, code):
    done = job(command)
    assert done.result.exit_code == code, done.runner.printed
    assert not done.runner.summary and not done.runner.artifacts and not done.runner.caches.entries
    assert [(a.name, a.properties["title"]) for a in done.annotations] == [("warning", "LayerLab")]
    assert "::error" in done.runner.printed["build"] or "layerlab: " in done.runner.printed["build"]


def test_annotations_can_be_switched_off(job, repository):
    job()
    (repository / "my shop/main.py").write_text("print('other')\n")
    done = pull_request(job, annotate="false")
    assert done.annotations == [] and "main.py changed" in done.runner.summary


def test_it_installs_the_version_that_it_belongs_to(job, monkeypatch):
    """Nothing of this environment helps: neither its packages nor its variables."""
    for name in ("PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    done = job(layerlab="")
    assert done.result.exit_code == 0, done.runner.printed
    assert done.result.steps["prepare"]["outputs"]["layerlab"].startswith(str(done.runner.temp))
    assert done.runner.summary


# -- docs/ci.md --------------------------------------------------------------------------------------------------------


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(foreign, lab_home, tmp_path) -> Callable[[str, Path], str]:
    """Runs a snippet in a folder as a person's shell does, where `layerlab` is installed and Docker isn't LayerLab's."""
    home = tmp_path / "person"
    home.mkdir()
    variables = {
        **foreign, "HOME": str(home), "LAYERLAB_HOME": str(borrowed_home(tmp_path / "home", lab_home)),
        "PATH": f"{Path(LAYERLAB).parent}:{os.environ['PATH']}",
    }  # fmt: skip

    def run(text: str, folder: Path, **more: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", text], cwd=folder, env={**os.environ, **variables, **more},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


def test_the_pages_commands_work(shell, tmp_path):
    project = write_project(tmp_path / "shop", DOCKERFILE)
    (project / "compose.yaml").write_text("services:\n  web:\n    build: .\n")
    blocks = snippets("bash")
    assert len(blocks) == 3
    for block in blocks:
        shell(block, project)
    (project / "main.py").write_text("print('changed')\n")
    assert all("main.py changed" in shell(block, project) for block in blocks if "layerlab run" in block)
    files = {file.name for file in (tmp_path / "person/layerlab-reports").iterdir()}
    assert {"summary.md", "annotations.txt"} < files
    assert {Path(file).suffix for file in files} == {".md", ".txt", ".html"}


def test_the_gitlab_job_works_and_its_records_come_back(shell, tmp_path):
    """Two jobs in fresh checkouts; between them GitLab carries the folders that the job names."""
    (job,) = (data["image"] for data in map(yaml.safe_load, snippets("yaml")) if "image" in data)
    assert job.keys() == {"before_script", "script", "cache", "artifacts"}
    printed = ""
    for number, code in enumerate(("print('one')\n", "print('two')\n")):
        project = write_project(tmp_path / f"job {number}/shop", DOCKERFILE, main_py=code)
        (project / ".dockerignore").write_text(".layerlab\n")
        for path in job["cache"]["paths"] if number else ():
            shutil.copytree(tmp_path / "job 0/shop" / path, project / path)
        branch = {"CI_COMMIT_REF_NAME": "topic" if number else "main", "CI_DEFAULT_BRANCH": "main"}
        printed = shell("\n".join(job["script"]), project, CI="true", **branch)
        assert all((project / path).is_dir() for path in job["artifacts"]["paths"])
    assert "main.py changed" in printed
