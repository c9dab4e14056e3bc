"""Build the image, on any system that has Docker and Python: what the team's docker-build.sh did, and a little more.

    python docker_build.py                  with the cache
    python docker_build.py --no-cache       everything afresh, the compilers too: rarely what you need
    python docker_build.py --pull           ask the registry for a newer base image first
    python docker_build.py --dry-run        say what would be run, and run nothing

What you write after `--` goes to `docker compose build` as it is, such as `-- --progress=plain`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def command(arguments: Sequence[str] | None = None) -> tuple[list[str], bool]:
    """The command that does what was asked for, and whether to run it."""
    parser = argparse.ArgumentParser(description="Build the image of the service.")
    parser.add_argument("--no-cache", action="store_true", help="everything afresh")
    parser.add_argument("--pull", action="store_true", help="ask the registry for a newer base image first")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and run nothing")
    parser.add_argument("rest", nargs="*", metavar="-- OPTION", help="further options of docker compose build")
    options = parser.parse_args(arguments)
    chosen = [name for name in ("no-cache", "pull") if getattr(options, name.replace("-", "_"))]
    build = ["docker", "compose", "build", *(f"--{name}" for name in chosen), *options.rest]
    return build, not options.dry_run


def main() -> int:
    build, run = command()
    print(shlex.join(build), flush=True)
    # Docker older than 23 asks for this; it changes nothing on a newer one.
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    return subprocess.run(build, check=False, cwd=FOLDER, env=environment).returncode if run else 0


if __name__ == "__main__":
    raise SystemExit(main())
