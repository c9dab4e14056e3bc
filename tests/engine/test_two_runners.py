"""Two fresh computers of a CI service that pass records on, and a registry cache: the second says rightly why its steps ran.

A row of SITUATIONS is a job on the first runner, what happened since, and a job on the second. Each has a name of its own in its
Dockerfile (CASE), so it finds in no cache what another one left.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cases.scene import append, chmod, link, plain, remove, rename, replace, write

from layerlab import App, Build, BuildFailed, Machine, explain
from layerlab.commands.options import Saving
from layerlab.commands.saving import kept
from layerlab.explaining.causes import CONSEQUENCES, Explanation
from layerlab.machine.registry import Registry
from layerlab.record import marks
from layerlab.record.states import BASE
from layerlab.system.home import home

SALT = secrets.token_hex(3)
#: A job's app: dependencies in a stage of their own, then the code.
APP = plain("""
    FROM python:3.11-slim AS deps
    WORKDIR /CASE
    COPY requirements.txt .
    RUN echo installed > /CASE/installed
    COPY main.py .
    RUN cat main.py >> /CASE/installed
    FROM python:3.11-slim AS app
    WORKDIR /CASE/app
    COPY --from=deps /CASE/installed .
    COPY . .
    RUN echo checked
    """)
SIMPLE = plain("""
    FROM python:3.11-slim
    WORKDIR /CASE
    COPY . .
    RUN echo built
    """)
FILES = {"main.py": "print(1)\n", "requirements.txt": "flask\n", ".dockerignore": ".git\n**/*.log\nDockerfile\n"}
#: What both jobs of a row do, unless it says otherwise.
JOB: Mapping[str, Any] = {
    "branch": "main",
    "exports": "mode=max",
    "imports": True,
    "options": (),
    "args": {},
    "target": "",
}


class Runners:
    """The two machines, the registry, and one project, of which each job has its own checkout."""

    def __init__(self, first: Machine, second: Machine, registry: Registry, folder: Path, name: str) -> None:
        self.first, self.second, self.registry, self.folder = first, second, registry, folder
        self.token = f"{SALT}-{''.join(c if c.isalnum() else '-' for c in name.lower())}"
        self.cache = registry.ref(f"ci:{self.token}")
        self.outside = folder / "outside"
        self.project = folder / "one" / "shop"
        self.afterwards = contextlib.ExitStack()
        self.outside.mkdir()

    def told(self, text: str) -> str:
        words = {"CASE": self.token, "OUTSIDE": str(self.outside), "REGISTRY": self.registry.ref("ci")}
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text

    def path(self, path: str) -> Path:
        return Path(self.told(path)) if path.startswith("OUTSIDE") else self.project / path

    def check_out(self) -> None:
        """A checkout of the same commit on the other runner: in another folder, and every date new."""
        copy = self.folder / "two" / self.project.name
        shutil.copytree(self.project, copy, symlinks=True, copy_function=shutil.copy)
        self.project = copy

    def job(self, machine: Machine, **how: Any) -> tuple[Build, Explanation]:
        """Build, keep the record, and explain it with those that were kept."""
        how = {**JOB, **how}
        options = [f"--output={how.get('output', 'type=cacheonly')}", *map(self.told, how["options"])]
        if how["exports"]:
            ref = self.told(how.get("to", self.cache))
            options.append(f"--cache-to=type=registry,ref={ref},{how['exports']}")
        if how["imports"]:
            options.append(f"--cache-from=type=registry,ref={self.told(how.get('from', self.cache))}")
        args = {name: self.told(value) for name, value in how["args"].items()}
        with App.at(self.project) as app:
            try:
                build = machine.build(app, "Dockerfile", options=options, args=args, target=how["target"], view="none")
            except BuildFailed as error:
                build = error.build
                assert how.get("fails"), build.error
        build, earlier = kept(build, Saving(self.folder / "records", how["branch"], "main"))
        return build, explain(build, earlier)


@dataclasses.dataclass(frozen=True)
class Situation:
    """A row of the table.

    Attributes:
        name: what happened between the two jobs.
        states: of the second job's steps, FROM left out.
        roots: steps that ran for a reason of their own: line, kind, a part of the sentence.
        edits: what was done between the jobs, in the second one's checkout.
        dockerfile: of the first job.
        files: of the first job: path → text.
        given: done before the first job.
        first: what the first job does otherwise than JOB.
        then: the same of the second.
        between: further jobs on the first runner, as `first`, each with the edits before it.
        against: a part of what it's said to be compared with.
        still: steps that hit although something changed: line, a part of the sentence.
    """

    name: str
    states: str
    roots: tuple[tuple[int, str, str], ...] = ()
    edits: tuple[Callable[[Any], None], ...] = ()
    dockerfile: str = APP
    files: Mapping[str, str] = dataclasses.field(default_factory=lambda: FILES)
    given: tuple[Callable[[Any], None], ...] = ()
    first: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    then: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    between: tuple[tuple[tuple[Callable[[Any], None], ...], Mapping[str, Any]], ...] = ()
    against: str = "on machine runner-1"
    still: tuple[tuple[int, str], ...] = ()


def git(folder: Path, *words: str) -> None:
    who = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@localhost",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "protocol.file.allow=always",
    ]
    subprocess.run(["git", "-C", folder, *who, *words], check=True, capture_output=True)


def repository(commits: int) -> Callable[[Runners], None]:
    """The project is a repository with that many commits."""

    def edit(runners: Runners) -> None:
        git(runners.project, "init", "--quiet", "--initial-branch=main")
        for number in range(commits):
            git(runners.project, "add", ".")
            git(runners.project, "commit", "--quiet", "--allow-empty", f"--message={number}")

    return edit


def shallow_clone(runners: Runners) -> None:
    """The checkout is one of depth 1, as actions/checkout makes it."""
    shutil.rmtree(runners.project)
    git(runners.folder, "clone", "--quiet", "--depth=1", f"file://{runners.folder}/one/shop", str(runners.project))


def other_computer(runners: Runners) -> None:
    """The second runner has a key of its own, as every computer has: marks of the first one's say nothing to it."""
    (home() / marks.FILE).unlink()
    marks._key.cache_clear()


def move_base(runners: Runners) -> None:
    runners.second.move_base()
    runners.afterwards.callback(runners.second.restore_bases)


def crlf(path: str) -> Callable[[Runners], None]:
    """A checkout with core.autocrlf."""
    return lambda runners: (
        runners.path(path).write_bytes(runners.path(path).read_bytes().replace(b"\n", b"\r\n")) and None
    )


def umask(runners: Runners) -> None:
    """A checkout under umask 077."""
    for file in runners.project.rglob("*"):
        file.chmod(file.stat().st_mode & 0o700)


def empty(path: str) -> Callable[[Runners], None]:
    """The folder of a submodule that wasn't checked out."""

    def edit(runners: Runners) -> None:
        shutil.rmtree(runners.path(path))
        runners.path(path).mkdir()

    return edit


def stopped_registry() -> str:
    """An address where a registry was, and nothing is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}/ci:cache"


HIT = "CACHED"
ALL = " ".join([HIT] * 9)
POINTER = (
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2\n"
)
ARGUMENT = SIMPLE.replace("WORKDIR", "ARG VERSION=1\nWORKDIR")
TOKEN = SIMPLE.replace("WORKDIR", "ARG API_TOKEN\nWORKDIR")
SECRET = SIMPLE.replace("RUN", "RUN --mount=type=secret,id=pip")
SMALL = {"main.py": "print(1)\n", ".dockerignore": "Dockerfile\n.dockerignore\n"}


def small(name: str, *edits, states: str, roots=(), dockerfile: str = SIMPLE, **more) -> Situation:
    return Situation(name, states, tuple(roots), edits, dockerfile, **{"files": SMALL, **more})


SITUATIONS = (
    # -- the checkout ------------------------------------------------------------------------------------------------
    Situation("the same commit, checked out again", ALL),
    small("only dates", lambda r: r.path("main.py").touch(), states="CACHED CACHED CACHED"),
    Situation("a code edit", "CACHED CACHED CACHED RAN RAN CACHED RAN RAN RAN", (
        (5, "file changed", "main.py changed"), (10, "file changed", "main.py changed"),
    ), (write("main.py", "print(2)\n"),)),
    Situation("a new dependency", "CACHED RAN RAN RAN RAN CACHED CACHED RAN RAN", (
        (3, "file changed", "requirements.txt changed"), (10, "file changed", "requirements.txt changed"),
    ), (append("requirements.txt", "numpy\n"),)),
    small("a new file", write("more.py", "1"), states="CACHED RAN RAN", roots=((3, "file added", "more.py is new"),)),
    small("a renamed file", rename("main.py", "app.py"), states="CACHED RAN RAN",
          roots=((3, "file renamed", "main.py → app.py"),)),
    small("a removed file", remove("main.py"), states="CACHED RAN RAN", files={**SMALL, "b.py": "1"},
          roots=((3, "file removed", "main.py is gone"),)),
    small("another umask", umask, states="CACHED RAN RAN", roots=((3, "mode changed", "permissions"),)),
    small("a script that lost its x", chmod("main.py", 0o644), states="CACHED RAN RAN",
          given=(chmod("main.py", 0o755),), roots=((3, "mode changed", "main.py has different permissions: 0755 → 0644"),)),
    small("a checkout with CRLF", crlf("main.py"), states="CACHED RAN RAN",
          roots=((3, "file changed", "line ends only (LF → CRLF)"),)),
    small("a link in place of a file", link("main.py", "other.py"), states="CACHED RAN RAN",
          files={**SMALL, "other.py": "1"}, roots=((3, "file changed", "is a link now, not a file"),)),
    small("a pointer of Git LFS in place of the file", write("weights.bin", POINTER), states="CACHED RAN RAN",
          files={**SMALL, "weights.bin": "w" * 5000}, roots=((3, "file changed", "weights.bin changed"),)),
    small("a submodule that wasn't checked out", empty("vendor"), states="CACHED RAN RAN",
          files={**SMALL, "vendor/lib.py": "1"}, roots=((3, "file removed", "vendor/lib.py is gone"),)),
    small("a shallow clone, with .git in the context", shallow_clone, states="CACHED RAN RAN", given=(repository(3),),
          roots=((3, "file added", ".git"), (3, "file removed", ".git"), (3, "file changed", ".git"))),
    small("a shallow clone, with .git ignored", shallow_clone, states="CACHED CACHED CACHED", given=(repository(3),),
          files={**SMALL, ".dockerignore": ".git\n"}),
    small("a changed .dockerignore", append(".dockerignore", "notes.md\n"), states="CACHED RAN RAN",
          files={**SMALL, "notes.md": "x"}, roots=((3, "ignore rules changed", "notes.md"),)),
    # -- branches ----------------------------------------------------------------------------------------------------
    small("a new branch", write("main.py", "print(2)\n"), states="CACHED RAN RAN", then={"branch": "feature"},
          against="of branch main on machine runner-1", roots=((3, "file changed", "main.py"),)),
    small("a branch with records of its own", append("main.py", "3\n"), states="CACHED RAN RAN",
          between=(((write("more.py", "2"),), {"branch": "feature"}),), then={"branch": "feature"},
          against="the previous build of shop Dockerfile on machine runner-1", roots=((3, "file changed", "main.py"),)),
    small("a switch to another branch's files", remove("more.py"), states="CACHED CACHED CACHED",
          between=(((write("more.py", "2"),), {"branch": "feature", "to": "REGISTRY:CASE-feature"}),), then={"branch": "feature"},
          still=((3, "has it from a build of branch main"),)),
    small("rebased: another commit of the same files", states="CACHED CACHED RAN", dockerfile=ARGUMENT,
          first={"args": {"VERSION": "1f0e3da"}}, then={"args": {"VERSION": "5f3a2c1"}, "branch": "feature"},
          roots=((5, "argument changed", "ARG VERSION: 1f0e3da → 5f3a2c1"),)),
    # -- the build ---------------------------------------------------------------------------------------------------
    small("another build argument", states="CACHED CACHED RAN", dockerfile=ARGUMENT, then={"args": {"VERSION": "2"}},
          roots=((5, "argument changed", "ARG VERSION: 1 → 2"),)),
    small("a new ARG", replace("WORKDIR", "ARG VERSION=1\nWORKDIR"), states="CACHED CACHED RAN",
          roots=((5, "argument changed", "VERSION"),)),
    small("a new instruction", replace("RUN echo built", "RUN echo more\nRUN echo built"), states="CACHED CACHED RAN RAN",
          roots=((4, "instruction added", "it is new"),)),
    small("another command", replace("built", "made"), states="CACHED CACHED RAN", roots=((4, "text changed", "built → made"),)),
    Situation("another target", "CACHED CACHED CACHED CACHED CACHED", then={"target": "deps"}, against="of its last stage"),
    Situation("a stage that no job built", "CACHED CACHED CACHED CACHED CACHED RAN RAN RAN RAN", (
        (8, "first build", "stage app wasn't built before"), (9, "first build", "stage app"), (10, "first build", "stage app"),
        (11, "first build", "stage app"),
    ), first={"target": "deps"}, against="of target deps"),
    small("--no-cache", states="CACHED RAN RAN", then={"options": ("--no-cache",)},
          roots=((3, "no cache", "--no-cache"), (4, "no cache", "--no-cache"))),
    small("another value of a secret", write("OUTSIDE/pip", "two"), states="CACHED CACHED CACHED", dockerfile=SECRET,
          given=(write("OUTSIDE/pip", "one"),), first={"options": ("--secret=id=pip,src=OUTSIDE/pip",)},
          then={"options": ("--secret=id=pip,src=OUTSIDE/pip",)}, still=((4, "what secret pip holds isn't in the cache key"),)),
    small("another token, on a computer with the same key", states="CACHED CACHED RAN", dockerfile=TOKEN,
          first={"args": {"API_TOKEN": "hunter2hunter2"}}, then={"args": {"API_TOKEN": "xyzzyxyzzy"}},
          roots=((5, "argument changed", "API_TOKEN"),)),
    small("another token, on another computer", other_computer, states="CACHED CACHED RAN", dockerfile=TOKEN,
          first={"args": {"API_TOKEN": "hunter2hunter2"}}, then={"args": {"API_TOKEN": "xyzzyxyzzy"}},
          roots=((5, "unknown", "the hidden value of API_TOKEN couldn't be compared"),)),
    small("another base", move_base, states="RAN RAN RAN", roots=((2, "base moved", "python:3.11-slim moved"),)),
    Situation("another platform", "CACHED", dockerfile="FROM scratch\nCOPY main.py /CASE\n",
              then={"options": ("--platform=linux/arm64",)}),
    small("a failed build before", replace("false", "echo mended"), states="CACHED CACHED RAN",
          between=(((replace("echo built", "false"),), {"fails": True, "exports": ""}),),
          roots=((4, "text changed", "built → mended"),), against="which failed"),
    small("a build that fails now", replace("echo built", "false"), states="CACHED CACHED FAILED", then={"fails": True},
          roots=((4, "text changed", "false"),)),
    # -- the cache ---------------------------------------------------------------------------------------------------
    small("no cache is imported", states="RAN RAN RAN", then={"imports": False}, roots=(
        (2, "another machine", "runner-2 doesn't have its cache"), (3, "another machine", ""), (4, "another machine", ""))),
    small("no cache, and a code edit", write("main.py", "print(2)\n"), states="RAN RAN RAN", then={"imports": False},
          roots=((2, "another machine", "runner-2 doesn't have its cache"), (3, "file changed", "main.py changed"))),
    small("a wrong name of the cache", states="RAN RAN RAN", then={"from": "REGISTRY:CASE-no"}, roots=(
        (2, "cache not imported", "CASE-no (not found)"), (3, "cache not imported", ""), (4, "cache not imported", ""))),
    small("the registry is gone", states="RAN RAN RAN", then={"from": stopped_registry(), "exports": ""}, roots=(
        (2, "cache not imported", "connection refused"), (3, "cache not imported", ""), (4, "cache not imported", ""))),
    small("the registry is gone, and the build fails", replace("echo built", "false"), states="RAN RAN FAILED",
          then={"from": stopped_registry(), "exports": "", "fails": True}, roots=(
        (2, "cache not imported", "connection refused"), (3, "cache not imported", ""), (4, "text changed", "false"))),
    small("another job's cache", states="RAN RAN RAN", then={"from": "REGISTRY:OTHER"}, roots=(
        (2, "not in imported cache", "the previous build exported its own to"), (3, "not in imported cache", ""),
        (4, "not in imported cache", ""))),
    small("the job before exported no cache", states="RAN RAN RAN", first={"exports": ""}, then={"from": "REGISTRY:OTHER"},
          roots=((2, "not in imported cache", "the previous build exported none"), (3, "not in imported cache", ""),
        (4, "not in imported cache", ""))),
    Situation("mode=min, nothing changed", ALL, first={"exports": "mode=min", "output": "type=image"}),
    Situation("mode=min, and a code edit", "RAN RAN RAN RAN RAN CACHED RAN RAN RAN", (
        (2, "not in imported cache", "with mode=min"), (3, "not in imported cache", "with mode=min"),
        (4, "not in imported cache", "with mode=min"), (5, "file changed", "main.py"), (10, "file changed", "main.py"),
    ), (write("main.py", "print(2)\n"),), first={"exports": "mode=min", "output": "type=image"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def computers(lab_home) -> Iterator[tuple[Machine, Machine, Registry]]:
    """Two fresh runners, and a registry that both reach, with the cache of some other project in it."""
    with Registry.start("ci") as registry, Machine.start("runner-1") as first, Machine.start("runner-2") as second:
        yield first, second, registry


@pytest.fixture
def runners(computers, tmp_path):
    with contextlib.ExitStack() as stack:

        def play(situation: Situation) -> tuple[Build, Explanation, Runners]:
            found = Runners(*computers, tmp_path, situation.name)
            stack.push(found.afterwards)
            return *played(found, situation), found

        yield play


def played(runners: Runners, situation: Situation) -> tuple[Build, Explanation]:
    for path, text in {"Dockerfile": situation.dockerfile, **situation.files}.items():
        write(path, text)(runners)
    for edit in situation.given:
        edit(runners)
    runners.job(runners.first, **situation.first)
    for edits, how in situation.between:
        for edit in edits:
            edit(runners)
        runners.job(runners.first, **{**situation.first, **how})
    runners.check_out()
    for edit in situation.edits:
        edit(runners)
    return runners.job(runners.second, **situation.then)


@pytest.fixture(scope="module")
def others_cache(computers, tmp_path_factory) -> str:
    """The cache of another project, which holds none of the steps here."""
    first, _, registry = computers
    other = Runners(*computers, tmp_path_factory.mktemp("other"), "other")
    for path, text in {"Dockerfile": SIMPLE, **SMALL}.items():
        write(path, text)(other)
    other.job(first, to=registry.ref("ci:OTHER"))
    return registry.ref("ci:OTHER")


@pytest.mark.parametrize("situation", [pytest.param(s, id=s.name) for s in SITUATIONS])
def test_the_second_runner_says_why(situation, runners, others_cache):
    build, explanation, found = runners(situation)
    shown = f"{explanation.against}\n{explanation}\n\n{explanation.evidence()}"
    states = " ".join(s.state.replace(" ", "_") for s in build.steps if s.state != BASE)
    assert states == situation.states, shown
    reasons = [(s.line, c) for s in explanation.roots for c in s.causes if c.kind not in CONSEQUENCES]
    assert {(line, c.kind) for line, c in reasons} == {(line, kind) for line, kind, _ in situation.roots}, shown
    for line, kind, part in situation.roots:
        told = found.told(part)
        assert any((line, kind) == (at, c.kind) and told in c.text for at, c in reasons), (line, kind, part, shown)
    for line, part in situation.still:
        assert any(s.line == line and part in s.still_hit for s in explanation.steps), (line, part, shown)
    assert situation.against in explanation.against, shown
    assert "hunter2" not in shown and "xyzzy" not in shown


def test_names_are_unique_and_enough():
    names = [s.name for s in SITUATIONS]
    assert len(names) == len(set(names)) >= 20


def test_a_fresh_computer_of_the_same_name(computers, tmp_path):
    """As a CI service has it: every job gets a computer that was never used, and all are called alike."""
    first = computers[0]
    found = Runners(*computers, tmp_path, "reset")
    for path, text in {"Dockerfile": SIMPLE, **SMALL}.items():
        write(path, text)(found)
    found.job(first, exports="")
    first.reset()
    _, explanation = found.job(first, imports=False, exports="")
    assert {c.kind for s in explanation.roots for c in s.causes} == {"another machine"}, explanation
    assert (
        "on another engine" in explanation.against and "before this one was reset" in explanation.of("echo built").why
    )
    _, explained = found.job(first, imports=False, exports="")
    assert not explained.roots and "another engine" not in explained.against
