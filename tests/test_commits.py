"""Files of a commit beside the user's own, with nothing changed in the repository."""

from __future__ import annotations

import subprocess

import pytest

from layerlab.errors import CommandFailed, FileError
from layerlab.system.commits import checked_out


def git(folder, *words):
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *user, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path):
    top = tmp_path / "shop"
    (top / "services/api").mkdir(parents=True)
    git(top, "init", "--quiet", "--initial-branch=main")
    (top / ".gitattributes").write_text("secret.txt export-ignore\n")
    (top / "secret.txt").write_text("kept in builds\n")
    (top / "services/api/main.py").write_text("first\n")
    (top / "services/api/run.sh").write_text("#!/bin/sh\n")
    (top / "services/api/run.sh").chmod(0o755)
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "first")
    (top / "services/api/main.py").write_text("second\n")
    git(top, "commit", "--quiet", "-am", "second")
    (top / "services/api/main.py").write_text("not committed\n")
    (top / "staged.py").write_text("staged\n")
    git(top, "add", "staged.py")
    return top


def state(top):
    files = {path: path.read_bytes() for path in top.rglob("*") if path.is_file()}
    return files, git(top, "status", "--porcelain"), git(top, "worktree", "list")


def test_a_commit_s_files_are_written_elsewhere_and_nothing_else_changes(repository, tmp_path):
    before = state(repository)
    found = checked_out(repository / "services/api", "HEAD~1", tmp_path / "copy")
    assert found == tmp_path / "copy/shop/services/api"
    assert (found / "main.py").read_text() == "first\n"
    assert (found / "run.sh").stat().st_mode & 0o111
    assert (tmp_path / "copy/shop/secret.txt").exists()  # unlike in an archive of git's
    assert not (tmp_path / "copy/shop/staged.py").exists()
    assert state(repository) == before


@pytest.mark.parametrize("revision", ["nosuch", "--all", "HEAD:services"])
def test_a_commit_that_is_not_there(revision, repository, tmp_path):
    with pytest.raises(CommandFailed, match="has no commit"):
        checked_out(repository, revision, tmp_path / "copy")


def test_a_folder_that_is_not_in_a_repository(tmp_path):
    with pytest.raises(CommandFailed, match="isn't in a git repository"):
        checked_out(tmp_path, "HEAD", tmp_path / "copy")


def test_a_commit_without_the_project(repository, tmp_path):
    (repository / "new").mkdir()
    with pytest.raises(FileError, match="has no folder new"):
        checked_out(repository / "new", "HEAD", tmp_path / "copy")
