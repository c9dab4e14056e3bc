"""Nothing of the person's is touched: all notebooks and labs run inside a Docker that holds things of somebody else, and a build
on that Docker itself leaves what the person's own command leaves, no more.

This is also the suite's one run of the notebooks under nbval: what they show must still be true, and doing so must leave
the foreign Docker, and the computer, as they were. They run in some parts, which may run at the same time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support import SMALL, firewall, interfaces, mounts, write_project

from layerlab.engines.network import BRIDGES

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("labs/*/lab.ipynb")])
BASE = "layerlab-standin/python:3.11-slim"
PARTS = 4
#: The notebooks that the fast tier runs, a part of their own.
FIRST = {"00": ROOT / "notebooks/00-start-here.ipynb", "01": ROOT / "notebooks/01-order-your-layers.ipynb"}
#: Where a notebook says how long its cells took when it was saved.
TOOK = re.compile(r"ran for ([\d.]+) (seconds|minutes)")
#: A build that leaves something precious in the default pip cache mount: the one a careless `--no-cache` empties.
PRECIOUS = f"""FROM {BASE}
RUN --mount=type=cache,target=/root/.cache/pip \
    mkdir -p /root/.cache/pip/wheels && head -c 500000 /dev/urandom > /root/.cache/pip/wheels/precious.whl
"""
#: Looks into the same mount. LOOK makes it run each time.
LOOK = f"""FROM {BASE}
ARG LOOK
RUN --mount=type=cache,target=/root/.cache/pip echo look $LOOK && \
    find /root/.cache/pip -type f -exec sha256sum {{}} + | sed 's/^/found /'
"""


def docker(foreign: dict[str, str], *arguments: str, stdin: str = "") -> str:
    """The person's own docker command on their own engine; what it prints, errors included, because BuildKit uses those."""
    done = subprocess.run(["docker", *arguments], env=foreign, input=stdin, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def fill(foreign: dict[str, str]) -> None:
    """Give the person's Docker one of each thing that people have there."""
    docker(foreign, "build", "--tag", "mine/service:1", "-", stdin=PRECIOUS)
    docker(foreign, "tag", "mine/service:1", "python:3.11-slim")  # a name that LayerLab itself uses, but theirs
    docker(foreign, "volume", "create", "my-data")
    docker(foreign, "run", "--rm", "--volume", "my-data:/data", BASE, "sh", "-c", "echo years of work > /data/file")
    docker(foreign, "network", "create", "my-network")
    docker(foreign, "run", "--detach", "--name", "my-database", "--network", "my-network", BASE, "sleep", "86400")
    docker(foreign, "create", "--name", "my-stopped", BASE, "true")
    docker(foreign, "context", "create", "my-server", "--docker", "host=unix:///nowhere/docker.sock")
    docker(foreign, "buildx", "create", "--name", "my-builder", "--driver", "docker-container")


def cache_mount(foreign: dict[str, str], look: str) -> list[str]:
    """Names and hashes of what is in the default pip cache mount."""
    told = docker(foreign, "build", "--progress=plain", f"--build-arg=LOOK={look}", "-", stdin=LOOK)
    return sorted(line.partition("found ")[2] for line in told.splitlines() if " found " in line and "sed" not in line)


def of_other_engines(text: str, networks: str) -> bool:
    """Whether an interface or a firewall rule is that of a network which this engine doesn't have: another test process's."""
    return any(bridge not in networks for bridge in re.findall(r"br-([0-9a-f]{12})", text))


def snapshot(foreign: dict[str, str]) -> dict[str, object]:
    """All that could be changed of the person's, on their engine and on the computer."""
    config = Path(foreign["DOCKER_CONFIG"])
    networks = docker(foreign, "network", "ls", "--no-trunc")
    return {
        "images": sorted(
            docker(
                foreign, "images", "--all", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Digest}}"
            ).splitlines()
        ),
        "containers": docker(
            foreign, "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}} {{.Labels}}"
        ),
        "started": docker(foreign, "inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}", "my-database"),
        "volumes": docker(foreign, "volume", "ls"),
        "data": docker(foreign, "run", "--rm", "--volume", "my-data:/data:ro", BASE, "sha256sum", "/data/file"),
        "networks": networks,
        "contexts": docker(foreign, "context", "ls"),
        "build cache": sorted(
            line for line in docker(foreign, "buildx", "du", "--verbose").splitlines() if "ID:" in line
        ),
        "configuration": tree(config),
        "home": tree(Path.home() / ".docker"),
        # Machines that are private processes, such as another lab's or the foreign one itself, may come and go meanwhile.
        "interfaces": {
            name for name in interfaces() if not name.startswith(BRIDGES) and not of_other_engines(name, networks)
        },
        "firewall": [
            rule for rule in firewall() if f"layerlab {BRIDGES}" not in rule and not of_other_engines(rule, networks)
        ],
        "mounts": mounts(),
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "apps": tree(ROOT / "sample_apps"),
    }


def tree(folder: Path) -> dict[str, str]:
    """Files below a folder with their hashes, without what `docker` itself writes whenever it is used."""
    files = (
        p for p in folder.rglob("*") if p.is_file() and not {"activity", "__pycache__", ".pytest_cache"} & set(p.parts)
    )
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def nbval(*notebooks: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run notebooks and compare the outputs of their tagged cells, as CI does."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "-q",
        "-o",
        "addopts=",
        "-o",
        "timeout=0",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.run(
        [*command, *map(str, notebooks)], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )


def seconds_of(notebook: Path) -> float:
    """How long it took when it was saved."""
    told = TOOK.search(notebook.read_text(encoding="utf-8"))
    number, unit = told.groups() if told else ("60", "seconds")
    return float(number) * (60 if unit == "minutes" else 1)


def part(number: int | str) -> list[Path]:
    """The notebooks of one part: the longest first, each to the part that has least to do so far."""
    if number in FIRST:
        return [FIRST[number]]
    parts: list[list[Path]] = [[] for _ in range(PARTS)]
    for notebook in sorted(set(NOTEBOOKS) - set(FIRST.values()), key=seconds_of, reverse=True):
        min(parts, key=lambda some: sum(map(seconds_of, some))).append(notebook)
    return parts[number]


@pytest.fixture(scope="session")
def filled(foreign) -> dict[str, str]:
    """The person's Docker with things of theirs in it."""
    fill(foreign)
    return foreign


def test_every_notebook_is_in_one_part():
    assert sorted(notebook for n in (*FIRST, *range(PARTS)) for notebook in part(n)) == NOTEBOOKS


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("number", [*FIRST, *range(PARTS)])
def test_notebooks_hold_and_leave_everything_of_the_persons_as_it_was(number, guest, filled):
    foreign = filled
    precious = cache_mount(foreign, f"before {number}")
    assert any("precious.whl" in line for line in precious)
    before = snapshot(foreign)

    run = nbval(*part(number), LAYERLAB_REPEATS="1", **guest)
    assert run.returncode == 0, run.stdout[-6000:]
    assert "layerlab-" in docker(foreign, "ps", "--format", "{{.Names}}"), "the machine was not in the person's Docker"
    cleaned = subprocess.run(
        [Path(sys.executable).with_name("layerlab"), "clean", "--yes", "--json"],
        env={**os.environ, **guest},
        capture_output=True,
        text=True,
    )
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr
    assert json.loads(cleaned.stdout)["problems"] == []

    after = snapshot(foreign)
    for what, was in before.items():
        assert after[what] == was, what
    assert cache_mount(foreign, f"after {number}") == precious


#: What a build adds to: images, records of the build cache, entries of the history, and a file of buildx about each build.
GROWS = ("images", "build cache", "history", "configuration")


def gained(before: dict[str, object], after: dict[str, object], folder: Path) -> dict[str, object]:
    """How many images of each name, records, entries and files a build of `folder` left. Nothing else may differ, or be gone."""
    assert {what for what in before if before[what] != after[what]} <= {*GROWS}
    was, now = ({**there, "configuration": there["configuration"].items()} for there in (before, after))
    new = {what: Counter(now[what]) - Counter(was[what]) for what in GROWS}
    assert not any(Counter(was[what]) - Counter(now[what]) for what in GROWS)
    return {
        **{what: sum(new[what].values()) for what in ("build cache", "history")},
        "images": Counter(line.split()[0].replace(folder.name, "FOLDER") for line in new["images"].elements()),
        "configuration": Counter(str(Path(file).parent) for file, _ in new["configuration"]),
    }


@pytest.mark.timeout(600)
def test_a_build_on_the_persons_builder_leaves_what_the_bare_command_leaves(guest, filled, tmp_path):
    """A first build, one with a name, and one by bake after an edit: bare, and then through LayerLab."""
    foreign = filled
    layerlab = [sys.executable, "-m", "layerlab"]
    texts = SMALL.replace("python:3.11-slim", BASE)
    bare, ours = (write_project(tmp_path / name, texts.replace("/app", f"/{name}")) for name in ("bare", "ours"))
    for folder in (bare, ours):
        (folder / "docker-bake.json").write_text(json.dumps({"target": {"web": {"tags": [f"{folder.name}/web"]}}}))
    precious = cache_mount(foreign, "before builds")

    def seen() -> dict[str, object]:
        history = docker(foreign, "buildx", "history", "ls", "--format", "{{.Ref}}").splitlines()
        return {**snapshot(foreign), "history": history}

    def left_by(folder: Path, *command: str | Path) -> dict[str, object]:
        done = subprocess.run(command, env={**os.environ, **guest}, capture_output=True, text=True, cwd=folder)
        assert done.returncode == 0, done.stderr
        states.append(seen())
        return gained(*states[-2:], folder)

    states = [seen()]
    for tags in ([], ["--tag", "{}/shop:1"]):
        theirs = left_by(bare, "docker", "build", *(tag.format("bare") for tag in tags), ".")
        assert theirs["history"] == 1
        mine = left_by(ours, *layerlab, "build", "--here", *(tag.format("ours") for tag in tags), ".")
        assert mine == theirs, tags
    for folder in (bare, ours):
        (folder / "main.py").write_text(f"print({folder.name!r})")
    theirs = left_by(bare, "docker", "buildx", "bake", "web")
    theirs["configuration"].pop("buildx/refs", None)  # what the first bake ever leaves
    assert left_by(ours, *layerlab, "build", "--here", "--service", "web", ".") == theirs
    assert cache_mount(foreign, "after builds") == precious


def test_nbval_can_fail():
    """The canary: a notebook with one wrong output. If this one passes, the others prove nothing."""
    run = nbval(ROOT / "tests/canary/wrong-output.ipynb")
    assert run.returncode == 1, run.stdout
    assert "1 failed" in run.stdout
