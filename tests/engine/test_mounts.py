"""Looking at cache mounts: which there are, and what is in them."""

from __future__ import annotations

import secrets

import pytest

from layerlab import App
from layerlab.machine.mounts import inside, mounts


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    with App.from_path(folder) as app:
        yield app


def fill(machine, app, mount: str, **more) -> None:
    """A build that puts a file of 5 bytes and one of 2 in the mount."""
    # What an explicit id says is no part of the cache key: a RUN with the same text would be a hit and write nothing.
    write = (
        f": {secrets.token_hex(4)}; mkdir -p /kept/sub && printf 12345 > /kept/sub/five && printf 12 > '/kept/a two'"
    )
    app.write("Dockerfile", f"FROM python:3.11-slim\nRUN --mount=type=cache,target=/kept{mount} {write}\n")
    machine.build(app, "Dockerfile", view="none", **more)


def test_the_files_of_a_mount_and_their_sizes(machine, project):
    name = f"test-{secrets.token_hex(4)}"
    assert inside(machine, name).empty
    fill(machine, project, f",id={name}")
    for _ in range(2):  # a look leaves it as it was, and sees it as it is
        assert inside(machine, name).to_dict("records") == [
            {"file": "sub/five", "bytes": 5},
            {"file": "a two", "bytes": 2},
        ]


def test_a_mount_of_another_owner_is_another_mount(machine, project):
    name = f"test-{secrets.token_hex(4)}"
    fill(machine, project, f",id={name},uid=10001")
    assert inside(machine, name).empty
    assert list(inside(machine, name, "uid=10001").file) == ["sub/five", "a two"]


def test_mounts_are_listed_with_their_ids(machine, project):
    name = f"test-{secrets.token_hex(4)}"
    fill(machine, project, f",id={name}")
    found = mounts(machine).query(f"id == '/{name}'")
    assert list(found.target) == ["/kept"] and found.bytes.iloc[0] > 0


def test_no_cache_empties_the_mount(machine, project):
    name = f"test-{secrets.token_hex(4)}"
    fill(machine, project, f",id={name}")
    project.write("Dockerfile", f"FROM python:3.11-slim\nRUN --mount=type=cache,target=/kept,id={name} true\n")
    machine.build(project, "Dockerfile", view="none", options=["--no-cache"])
    assert inside(machine, name).empty
