import subprocess
import sys

import pytest

import docker_build


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ([], ["docker", "compose", "build"]),
        (["--no-cache"], ["docker", "compose", "build", "--no-cache"]),
        (["--pull", "--", "--progress=plain"], ["docker", "compose", "build", "--pull", "--progress=plain"]),
    ],
)
def test_the_command_is_what_was_asked_for(arguments, expected):
    assert docker_build.command(arguments) == (expected, True)


def test_a_dry_run_says_it_and_runs_nothing(monkeypatch):
    command = [sys.executable, docker_build.__file__, "--no-cache", "--dry-run"]
    done = subprocess.run(
        command, env={"PATH": ""}, check=True, capture_output=True, text=True
    )  # with no docker to run
    assert done.stdout == "docker compose build --no-cache\n"


def test_an_unknown_option_is_refused():
    with pytest.raises(SystemExit):
        docker_build.command(["--no-cash"])
