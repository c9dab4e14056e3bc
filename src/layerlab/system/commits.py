"""The files of a commit, as a checkout of it has them. The repository and the user's files stay as they are."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..errors import CommandFailed, FileError
from .shell import run


def checked_out(folder: Path, revision: str, target: Path) -> Path:
    """Write the files of a commit below `target`, and return the folder in there that stands for `folder`.

    Git gets an index of its own for it, so no file, branch, index or list of work trees of the repository changes. Submodules
    stay empty folders.

    Args:
        folder: a project's folder, in a repository.
        revision: the commit, as git takes it: "main", "HEAD~2", a hash.
        target: a folder, which needn't exist.

    Raises CommandFailed if `folder` isn't in a git repository or there's no such commit, FileError if the commit hasn't the
    project's folder.
    """
    folder = folder.resolve()
    top = Path(_git(folder, "rev-parse", "--show-toplevel", what=f"{folder} isn't in a git repository").strip())
    commit = _git(
        top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}",
        what=f"{top} has no commit {revision!r}",
    ).strip()  # fmt: skip
    # The last part of its name is the app's, if layerlab.toml names none.
    root = target / top.name
    with tempfile.TemporaryDirectory(prefix="layerlab-") as own:
        index = {"GIT_INDEX_FILE": str(Path(own) / "index")}
        _git(top, "read-tree", commit, env=index)
        _git(top, "checkout-index", "--all", "--quiet", f"--prefix={root}/", env=index)
    found = root / folder.relative_to(top)
    if not found.is_dir():
        raise FileError(f"commit {revision!r} has no folder {folder.relative_to(top)}", "name a commit that has it")
    return found


def _git(folder: Path, *words: str, what: str = "", env: dict[str, str] | None = None) -> str:
    try:
        return run("git", "-C", str(folder), *words, what=what, env=env)
    except CommandFailed as error:
        if error.exit_code == 127:
            raise CommandFailed("git isn't installed", error.command, 127, "", "install git") from None
        raise
