"""A repository's history, as git tells it: the service needs the git program when it runs."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile

SECONDS = 20
#: One commit: author and time of the commit, between characters that no name has.
FORMAT = "%x1e%aN%x1f%at"


class UnreadableHistory(Exception):
    """A stream that git cannot read."""


@dataclasses.dataclass(frozen=True)
class Commit:
    """One commit: who, when (seconds since 1970), and how many lines came and went."""

    author: str
    time: int
    added: int
    removed: int


def git(*arguments: str, folder: str, stream: bytes = b"") -> str:
    """Run git in `folder` and return what it prints. Raises UnreadableHistory with git's own words."""
    # A home of its own: no configuration of anybody's is read, and none needs to be there.
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    command = ["git", "-C", folder, *arguments]
    try:
        done = subprocess.run(command, check=False, input=stream, capture_output=True, env=environment, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise UnreadableHistory(f"git {arguments[0]} took more than {SECONDS} s") from None
    if done.returncode:
        raise UnreadableHistory(done.stderr.decode("utf-8", "replace").strip()[-400:])
    return done.stdout.decode("utf-8", "replace")


def version() -> str:
    """Of the git program in this image: "2.39.5"."""
    return git("--version", folder=tempfile.gettempdir()).split()[2]


def commits(stream: bytes) -> list[Commit]:
    """The commits of all branches in what `git fast-export --all` wrote, newest first.

    Raises UnreadableHistory for what is no such stream, or for one without commits.
    """
    with tempfile.TemporaryDirectory(prefix="chronicle-") as folder:
        git("init", "--quiet", "--bare", folder=folder)
        git("fast-import", "--quiet", folder=folder, stream=stream)
        log = git("log", "--all", "--no-merges", "--numstat", f"--format={FORMAT}", folder=folder)
    found = [_commit(part) for part in log.split("\x1e")[1:]]
    if not found:
        raise UnreadableHistory("there are no commits in it")
    return found


def _commit(part: str) -> Commit:
    head, *files = part.splitlines()
    author, _, time = head.partition("\x1f")
    counts = [line.split("\t")[:2] for line in files if line]
    added, removed = (sum(int(n[i]) for n in counts if n[i] != "-") for i in (0, 1))  # "-": a binary file
    return Commit(author, int(time), added, removed)
