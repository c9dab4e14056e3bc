"""Build the backend: one command for Linux, macOS and Windows, in place of a shell script and a PowerShell script.

    python build.py                      with fresh base images
    python build.py --skip-base-images   with the base images that are here (no network needed for them)
    python build.py --clean-cache        first remove this project's images and cache mounts, and nothing else
    python build.py --no-cache           run every step; the cache mounts that they name are emptied, too
    python build.py --dry-run            say which commands would run

`docker builder prune` and `docker system prune -a` would clean the cache of every other project, too.
So --clean-cache looks for what has this project's name: its images, and cache mounts whose id begins with "amas-".
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: What the ids of this project's cache mounts begin with (backend/*.Dockerfile). BuildKit puts a slash before an id.
OWN_IDS = ('with id "amas-', 'with id "/amas-')


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the backend.", allow_abbrev=False)
    parser.add_argument("--compose-file", default="docker-compose.essential.yml", help="default: %(default)s")
    parser.add_argument("--skip-base-images", action="store_true", help="do not ask a registry for newer base images")
    parser.add_argument(
        "--clean-cache", action="store_true", help="first remove this project's images and cache mounts"
    )
    parser.add_argument("--no-cache", action="store_true", help="run every step again")
    parser.add_argument("--dry-run", action="store_true", help="print the commands only")
    options = parser.parse_args()
    commands = clean_commands(options.compose_file) if options.clean_cache else []
    commands.append(build_command(options.compose_file, pull=not options.skip_base_images, no_cache=options.no_cache))
    for command in commands:
        print("$", shlex.join(command), flush=True)
        if not options.dry_run and (code := subprocess.run(command, check=False, cwd=HERE).returncode):
            return code
    return 0


def build_command(compose_file: str, *, pull: bool, no_cache: bool) -> list[str]:
    switches = ["--pull"] * pull + ["--no-cache"] * no_cache
    return ["docker", "compose", "--file", compose_file, "build", *switches]


def clean_commands(compose_file: str) -> list[list[str]]:
    """The commands that remove the images this Compose file names, where they exist, and the project's cache mounts."""
    named = asked("compose", "--file", compose_file, "config", "--images").split()
    there = [image for image in named if asked("image", "ls", "--quiet", image).strip()]
    commands = [["docker", "image", "rm", image] for image in there]
    return commands + [["docker", "buildx", "prune", "--force", "--all", "--filter", f"id={i}"] for i in own_mounts()]


def own_mounts() -> list[str]:
    """The cache records, by id, that are cache mounts of this project."""
    lines = asked("buildx", "du", "--filter", "type=exec.cachemount", "--format", "{{json .}}").splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    return [record["ID"] for record in records if any(own in record["Description"] for own in OWN_IDS)]


def asked(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=False, cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"docker {shlex.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
