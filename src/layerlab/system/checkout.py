"""What git and a CI service say about a project's folder: its name on any computer, and its branches. Nothing is written.

A CI service checks out a commit, not a branch, so its variables come first: those of GitHub Actions, GitLab CI, Bitbucket,
Buildkite, CircleCI and Jenkins, as their documentation has them. A pull request's variables come before a push's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

from ..errors import CommandFailed
from .shell import run

_BRANCH = (
    "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME", "BITBUCKET_BRANCH",
    "BUILDKITE_BRANCH", "CIRCLE_BRANCH", "CHANGE_BRANCH", "BRANCH_NAME",
)  # fmt: skip
_DEFAULT = ("GITHUB_BASE_REF", "CI_DEFAULT_BRANCH", "BUILDKITE_PIPELINE_DEFAULT_BRANCH", "CHANGE_TARGET")
#: What a default branch is called where nobody says.
_USUAL = ("main", "master")


@dataclasses.dataclass(frozen=True)
class Checkout:
    """A project's folder, as far as other computers know it too.

    Attributes:
        project: the repository's name, and the folder in it: "shop/services/api".
        branch: the branch that is built; "" if unknown.
        default: the branch that others start from; "" if unknown.
    """

    project: str
    branch: str = ""
    default: str = ""

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches whose builds this one is compared with, the most telling first."""
        return tuple(dict.fromkeys((self.branch, *([self.default] if self.default else _USUAL))))


def checkout(folder: Path, branch: str = "", default: str = "") -> Checkout:
    """Return what is known about a project's folder; without git, its name.

    Args:
        folder: the project's folder.
        branch: the branch, if the user said so.
        default: the default branch, if the user said so.
    """
    folder = folder.resolve()
    top = Path(_git(folder, "rev-parse", "--show-toplevel") or folder)
    address = _git(folder, "config", "--get", "remote.origin.url")
    name = address.rstrip("/").replace(":", "/").rpartition("/")[2].removesuffix(".git") or top.name
    inside = folder.relative_to(top).parts if folder.is_relative_to(top) else ()
    return Checkout(
        "/".join((name, *inside)),
        branch or _variable(_BRANCH) or _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD"),
        default
        or _variable(_DEFAULT)
        or _git(folder, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/"),
    )


def _variable(names: tuple[str, ...]) -> str:
    return next(filter(None, map(os.environ.get, names)), "")


def _git(folder: Path, *words: str) -> str:
    """Return what git says; "" if it isn't installed, or knows nothing."""
    with contextlib.suppress(CommandFailed):
        return run("git", "-C", str(folder), *words, timeout=10).strip()
    return ""
