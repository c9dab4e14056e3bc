"""The words that cases are written in: a case, and the edits a person makes between two builds of it.

A text of a case may say CASE (a name of its own, so that no case hits what another one left in the cache), SITE (a web
server that the engine reaches), GIT (a Git server) and OUTSIDE (a folder outside the app).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import http.server
import io
import os
import secrets
import shutil
import socket
import subprocess
import tarfile
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from support import wait_for

from layerlab import App, Build, BuildFailed, Machine

#: One edit: what happens between two builds.
Edit = Callable[["Scene"], None]
#: An expected root cause: line, kind (of causes.KINDS), a part of its text.
Root = tuple[int, str, str]

SALT = secrets.token_hex(3)
BASE = "python:3.11-slim"


@dataclasses.dataclass(frozen=True)
class Case:
    """A pair of builds (with `built` among the edits, more) with an edit between, and what is expected of the last.

    Attributes:
        name: what is changed.
        dockerfile: of the first build.
        edits: in order, between the first build and the last.
        states: of the last build's steps in file order, FROM left out, which is not classified.
        roots: the steps that ran for a reason of their own, one item a reason.
        still: steps that hit although something changed: line, a part of the explanation.
        files: of the app, at the first build: path to text.
        given: further edits before the first build: modes, links, what is no text.
        first: of the first build: target, args, options, service, dockerfile (the name), elsewhere (on a second machine).
        then: the same of the last build.
        fails: a part of the error, where the last build is meant to fail.
        causes: steps with a given number of causes: line, a part of one of them, the number.
        remedies: a part of each remedy, all of them; None if the case isn't about them.
        failure: a part of what is said of a build that failed before its first step.
        shows: a part of the explanation as it's printed.
        hidden: what must be nowhere in the explanation.
        alone: on a machine of its own, because the case prunes, resets or moves what others use.
    """

    name: str
    dockerfile: str
    edits: tuple[Edit, ...]
    states: str
    roots: tuple[Root, ...] = ()
    still: tuple[tuple[int, str], ...] = ()
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    given: tuple[Edit, ...] = ()
    first: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    then: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    fails: str = ""
    causes: tuple[tuple[int, str, int], ...] = ()
    remedies: tuple[str, ...] | None = None
    failure: str = ""
    shows: str = ""
    hidden: str = ""
    alone: bool = False


class Scene:
    """A case while it is played: its app, its machine, and the places outside."""

    def __init__(self, case: Case, machine: Machine, second: Machine, folder: Path, servers: Servers) -> None:
        self.case, self.machine, self.second = case, machine, second
        self.servers, self.outside = servers, folder / "outside"
        self.token = f"{SALT}-{''.join(c if c.isalnum() else '-' for c in case.name.lower())}"
        self.site = servers.folder / self.token
        self.source = folder / self.token
        self.afterwards = contextlib.ExitStack()
        for place in (self.outside, self.site, self.source):
            place.mkdir()
        for path, text in {"Dockerfile": plain(case.dockerfile), **case.files}.items():
            _put(self.source / path, self.told(text))
        self.app = App.from_path(self.source)

    def told(self, text: str) -> str:
        """`text` with the words of the module's docstring replaced."""
        words = {"CASE": self.token, "SITE": f"{self.servers.http}/{self.token}", "OUTSIDE": str(self.outside)}
        words["GIT"] = f"{self.servers.git}/{self.token}"
        return functools.reduce(lambda told, word: told.replace(word, words[word]), words, text)

    def path(self, path: str) -> Path:
        """A file of the app, or outside it."""
        return Path(self.told(path)) if path.startswith("OUTSIDE") else self.app.path / path

    def build(self, **how: Any) -> Build:
        """Build; `fails=True` where it is meant to fail."""
        how = dict(how)
        machine = self.second if how.pop("elsewhere", False) else self.machine
        fails, dockerfile = how.pop("fails", False), how.pop("dockerfile", "Dockerfile")
        options = [self.told(o) for o in how.get("options", ())]
        if not any(o.startswith("--output") for o in options):
            # To export an image takes as long as all the rest.
            options.insert(0, "--set=*.output=type=cacheonly" if "service" in how else "--output=type=cacheonly")
        how["options"] = options
        how["args"] = {key: self.told(value) for key, value in how.get("args", {}).items()}
        if not fails:
            return machine.build(self.app, dockerfile, view="none", **how)
        try:
            machine.build(self.app, dockerfile, view="none", **how)
        except BuildFailed as failure:
            return failure.build
        raise AssertionError("the build was meant to fail")

    def play(self) -> Build:
        """All of the case; gives its last build."""
        for edit in self.case.given:
            edit(self)
        self.build(**self.case.first)
        for edit in self.case.edits:
            edit(self)
        return self.build(fails=bool(self.case.fails), **self.case.then)

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *exc: object) -> None:
        self.afterwards.close()
        self.app.close()


def plain(text: str) -> str:
    """A Dockerfile as it stands in a case, without the indentation."""
    return textwrap.dedent(text).lstrip("\n")


# -- edits -------------------------------------------------------------------------------------------------------------


def write(path: str, text: str) -> Edit:
    return lambda scene: _put(scene.path(path), scene.told(text))


def append(path: str, text: str) -> Edit:
    def edit(scene: Scene) -> None:
        with scene.path(path).open("a") as file:
            file.write(text)

    return edit


def replace(old: str, new: str, path: str = "Dockerfile") -> Edit:
    """Replace the one place where a file says `old`."""

    def edit(scene: Scene) -> None:
        text = scene.path(path).read_text()
        assert text.count(scene.told(old)) == 1, f"{path} has {old!r} {text.count(scene.told(old))} times"
        scene.path(path).write_text(text.replace(scene.told(old), scene.told(new)))

    return edit


def dockerfile(text: str) -> Edit:
    """Write the Dockerfile anew."""
    return write("Dockerfile", plain(text))


def remove(path: str) -> Edit:
    return lambda scene: scene.path(path).unlink()


def rename(old: str, new: str) -> Edit:
    return lambda scene: _rename(scene.path(old), scene.path(new))


def folder(path: str) -> Edit:
    return lambda scene: scene.path(path).mkdir(parents=True)


def chmod(path: str, mode: int) -> Edit:
    return lambda scene: scene.path(path).chmod(mode)


def chown(path: str) -> Edit:
    """Another owner, where we may."""
    return lambda scene: os.chown(scene.path(path), 1234 if os.geteuid() == 0 else os.geteuid(), -1)


def link(path: str, target: str) -> Edit:
    """A symbolic link, in place of what is there."""

    def edit(scene: Scene) -> None:
        scene.path(path).unlink(missing_ok=True)
        scene.path(path).symlink_to(target)

    return edit


def touch(path: str, when: float = 1_000_000_000) -> Edit:
    """Only another time of modification; a folder's with all that is in it."""

    def edit(scene: Scene) -> None:
        for place in [*scene.path(path).rglob("*"), scene.path(path)]:
            os.utime(place, (when, when), follow_symlinks=False)

    return edit


def keeping_times(path: str, text: str) -> Edit:
    """Other content of the same length, with the old time of modification."""

    def edit(scene: Scene) -> None:
        before = scene.path(path).stat()
        scene.path(path).write_text(text)
        assert scene.path(path).stat().st_size == before.st_size
        os.utime(scene.path(path), ns=(before.st_atime_ns, before.st_mtime_ns))

    return edit


def tar(path: str, date: int = 0, **texts: str) -> Edit:
    """A gzipped tar of files `name`.txt, the same bytes each time for the same texts and date (seconds since 1970)."""

    def edit(scene: Scene) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, text in texts.items():
                entry = tarfile.TarInfo(f"{name}.txt")
                entry.size, entry.mtime = len(text), date
                archive.addfile(entry, io.BytesIO(text.encode()))
        scene.path(path).write_bytes(gzip.compress(packed.getvalue(), mtime=0))

    return edit


def fresh_copy(scene: Scene) -> None:
    """As a fresh clone: the same files, in another folder of the same name, all times new."""
    again = scene.source.parent / "clone" / scene.source.name
    shutil.copytree(scene.app.path, again, symlinks=True, copy_function=shutil.copy)
    scene.app.close()
    scene.app = App.from_path(again)
    touch("", 1_500_000_000)(scene)


def built(**how: Any) -> Edit:
    """A further build in between."""
    return lambda scene: scene.build(**how) and None


def nothing(_: Scene) -> None:
    """For what changes in the arguments of the last build only."""


# -- edits of what is outside the app ----------------------------------------------------------------------------------


def serve(name: str, text: str, modified: int = 1_000_000_000) -> Edit:
    """Put a file on the web site; `modified` is what it says as Last-Modified."""

    def edit(scene: Scene) -> None:
        (scene.site / name).write_text(scene.told(text))
        os.utime(scene.site / name, (modified, modified))

    return edit


def commit(name: str, text: str) -> Edit:
    """Commit a file to the case's repository on the Git server, branch main."""

    def edit(scene: Scene) -> None:
        if not (scene.site / ".git").exists():
            _git(scene, "init", "--quiet", "--initial-branch=main")
        (scene.site / name).write_text(text)
        _git(scene, "add", name)
        _git(scene, "commit", "--quiet", "--allow-empty", "--message=more")

    return edit


def git_commit(message: str, files: int) -> Edit:
    """Commit `files` new files in the app's own folder, a repository."""

    def edit(scene: Scene) -> None:
        if not scene.path(".git").exists():
            _git_in(scene.app.path, "init", "--quiet", "--initial-branch=main")
        for number in range(files):
            _put(scene.path(f".git/more/{number}"), f"{message} {number}")
            _git_in(scene.app.path, "hash-object", "-w", f".git/more/{number}")
        _git_in(scene.app.path, "add", ".")
        _git_in(scene.app.path, "commit", "--quiet", "--allow-empty", f"--message={message}")

    return edit


def image(tag: str, text: str) -> Edit:
    """Make image `tag` on the case's machine anew: the base and a file /note that says `text`."""
    return image_of(tag, f"FROM {BASE}\nRUN echo '{text}' > /note\n")


def image_of(tag: str, text: str) -> Edit:
    """Make image `tag` on the case's machine from this Dockerfile."""

    def edit(scene: Scene) -> None:
        with App.from_path(_project(scene, scene.told(text))) as other:
            made = scene.machine.build(other, "Dockerfile", view="none")
        scene.machine.docker("tag", made.image, scene.told(tag))

    return edit


def move_base(instruction: str) -> Edit:
    """The base with one more instruction, under the base's name; put back at the end."""
    return lambda scene: _move_base(scene, scene.told(instruction))


def _move_base(scene: Scene, instruction: str) -> None:
    name = scene.machine.named_contexts().get(BASE, f"docker-image://{BASE}").removeprefix("docker-image://")
    was = scene.machine.docker("image", "inspect", "--format", "{{.Id}}", name).strip()
    scene.machine.docker("tag", name, f"{scene.token}:was")
    with App.from_path(_project(scene, f"FROM {BASE}\n{instruction}\n")) as other:
        made = scene.machine.build(other, "Dockerfile", view="none")
    scene.machine.docker("tag", made.image, name)
    assert scene.machine.docker("image", "inspect", "--format", "{{.Id}}", name).strip() != was
    scene.afterwards.callback(scene.machine.docker, "tag", f"{scene.token}:was", name)


def docker(*arguments: str) -> Edit:
    """A docker command on the case's machine."""
    return lambda scene: scene.machine.docker(*map(scene.told, arguments)) and None


def reset(scene: Scene) -> None:
    scene.machine.reset()


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _rename(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    old.rename(new)


def _project(scene: Scene, text: str) -> Path:
    place = scene.source.parent / f"other-{secrets.token_hex(3)}"
    _put(place / "Dockerfile", text)
    return place


def _git(scene: Scene, *arguments: str) -> None:
    _git_in(scene.site, *arguments)


def _git_in(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=LayerLab", "-c", "user.email=layerlab@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


# -- servers -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Servers:
    """A web server and a Git server over one folder, at addresses that the engine reaches."""

    folder: Path
    http: str
    git: str


@contextlib.contextmanager
def serving(folder: Path, address: str) -> Iterator[Servers]:
    handler = functools.partial(_Quiet, directory=str(folder))
    web = http.server.ThreadingHTTPServer(("", 0), handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    programs = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    port = _free_port()
    git = subprocess.Popen(
        # Not `git daemon`, whose child would outlive it.
        [f"{programs}/git-daemon", "--export-all", f"--port={port}", f"--base-path={folder}", "--reuseaddr", folder],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        assert wait_for(lambda: _listens(port)), "git-daemon does not answer"
        yield Servers(folder, f"http://{address}:{web.server_port}", f"git://{address}:{port}")
    finally:
        git.terminate()
        git.wait()
        web.shutdown()
        web.server_close()


def _free_port() -> int:
    with socket.create_server(("", 0)) as taken:
        return taken.getsockname()[1]


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
