"""The clinic: eight broken set-ups of one small service, to examine, diagnose and cure.

A patient is a scratch copy of the app `front_desk` with a team's own files in it: a Dockerfile, a `build.sh`, sometimes a
`nightly.sh`, on a computer that may have something wrong with it. A visit plays two days of that team's life: something
happens, then `build.sh` runs, and its `docker` commands are carried out on one of LayerLab's machines.

No answers are written down here. A diagnosis is tried out: two more days, the same except for the named cause. If the
trouble is gone, that was it.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import textwrap
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..engines import endpoint, images
from ..errors import CommandFailed, LayerLabError
from ..machine.building import BuildFailed
from ..project.app import App
from ..project.course_files import labs_folder, sample_apps
from ..record.build import Build
from ..record.states import RAN
from ..system.docker_words import assignments
from ..system.shell import run

if TYPE_CHECKING:
    from ..machine.machine import Machine

LAB, APP = "09-look-after-your-cache", "front_desk"
#: What can go wrong with a build's cache: name → description.
CAUSES = {
    "buildkit-off": "an environment variable turns BuildKit off",
    "buildx-missing": "the buildx component is missing or broken",
    "no-cache": "the build command says --no-cache",
    "base-moved": "the base image has changed under the same name",
    "argument-too-high": "a build argument that changes comes before the packages",
    "file-changes": "a file that each build rewrites is copied before the packages",
    "mount-elsewhere": "the cache mount isn't where pip puts its downloads",
    "pruned": "something deletes the build cache between builds",
    "junk-in-context": "files that nobody needs are in the build context",
}
#: Bytes. A build after a new package may download that one and the index's page of each package, about 130 kB here; if it
#: downloads more than this, it's other packages again: all of them are 500 kB more.
ONE_PACKAGE = 300_000
#: Nobody knows whether there's trouble if other traffic on the machine kept us from counting.
UNCOUNTED = "nothing tells how much was downloaded, because something else used the machine's network: visit again"
#: Stands in for `docker` while a script runs: notes each command, with the variable that decides who builds.
_NOTE = """#!/bin/sh
printf '%s\\037' "$DOCKER_BUILDKIT" "$@" >> "$CLINIC_NOTES"
printf '\\036' >> "$CLINIC_NOTES"
"""


@dataclasses.dataclass(frozen=True)
class Day:
    """One day in a team's life.

    Attributes:
        events: what happened before the build: "nothing", "code", "commit", "dependency", "base", "night".
        asked: the docker commands that the team's scripts ran, each as its arguments.
        build: the build's record; None if there is none.
        error: what docker said if it failed; "" otherwise.
    """

    events: tuple[str, ...]
    asked: tuple[tuple[str, ...], ...]
    build: Build | None
    error: str = ""

    def __str__(self) -> str:
        lines = [f"before the build: {', '.join(self.events)}"]
        lines += [f"$ docker {' '.join(command)}" for command in self.asked]
        return "\n".join([*lines, self.build.states() if self.build else self.error or "BuildKit built nothing"])


@dataclasses.dataclass(frozen=True)
class Visit:
    """Two days, and what's wrong with the second.

    Attributes:
        days: both.
        trouble: what's wrong, in words; "" if all is well: the packages stay cached, or only the new one is downloaded.
    """

    days: tuple[Day, Day]

    @property
    def trouble(self) -> str:
        last = self.days[1]
        if last.build is None:
            return "it does not build" if last.error else "BuildKit built nothing"
        packages = [s for s in last.build.steps if s.instruction == "RUN" and "requirements.txt" in s.text]
        if "dependency" in last.events:
            if last.build.downloaded_bytes > ONE_PACKAGE:
                return "all packages were downloaded, though only one was new"
            return "" if last.build.downloads_counted else UNCOUNTED
        return "the packages were installed again" if any(s.state == RAN for s in packages) else ""

    def __str__(self) -> str:
        first, second = map(str, self.days)
        end = f"Trouble: {self.trouble}." if self.trouble else "No trouble."
        return f"First day, {first}\n\nSecond day, {second}\n\n{end}"

    __repr__ = __str__


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """A named cause, and what happened when it was tried.

    Attributes:
        cause: a key of CAUSES.
        right: whether the trouble is gone without it.
        tried: the days without it; None if there was nothing to take away.
        text: what was tried, and what happened.
    """

    cause: str
    right: bool
    tried: Visit | None
    text: str

    def __str__(self) -> str:
        return f"{'Right' if self.right else 'Not that'}: {self.text}"

    __repr__ = __str__


@dataclasses.dataclass(frozen=True)
class Setup:
    """Everything that a team's days depend on.

    Attributes:
        files: the team's own, name → text.
        environment: environment variables of their computer.
        buildx: "fine" or "broken".
        days: for each of two days, what happens before the build.
    """

    files: Mapping[str, str]
    environment: Mapping[str, str]
    buildx: str
    days: tuple[tuple[str, ...], ...]

    def with_text(self, old: str, new: str) -> Setup:
        """Return a copy with `new` in place of `old` in every file."""
        return dataclasses.replace(self, files={name: text.replace(old, new) for name, text in self.files.items()})

    def without_event(self, event: str) -> Setup:
        """Return a copy in whose days this event doesn't happen."""
        days = tuple(tuple(e for e in day if e != event) or ("nothing",) for day in self.days)
        return dataclasses.replace(self, days=days)


def _with_buildkit(setup: Setup) -> Setup:
    kept = {name: value for name, value in setup.environment.items() if (name, value) != ("DOCKER_BUILDKIT", "0")}
    return dataclasses.replace(setup, environment=kept)


def _with_good_ignore_file(setup: Setup) -> Setup:
    good = (sample_apps() / APP / ".dockerignore").read_text(encoding="utf-8")
    return dataclasses.replace(setup, files={n: good if n == ".dockerignore" else t for n, t in setup.files.items()})


#: How to take each cause, and nothing else, out of a set-up. A set-up without the cause stays as it is.
TREATMENTS: dict[str, Callable[[Setup], Setup]] = {
    "buildkit-off": _with_buildkit,
    "buildx-missing": lambda setup: dataclasses.replace(setup, buildx="fine"),
    "no-cache": lambda setup: setup.with_text(" --no-cache", ""),
    "base-moved": lambda setup: setup.without_event("base"),
    "argument-too-high": lambda setup: setup.with_text('"$GITHUB_SHA"', "the-same-each-day"),
    "file-changes": lambda setup: setup.with_text("date +%s", "echo the same each day"),
    "mount-elsewhere": lambda setup: setup.with_text("--dest wheels", "--dest /wheels").with_text(
        "--find-links wheels", "--find-links /wheels"
    ),
    "pruned": lambda setup: setup.without_event("night"),
    "junk-in-context": _with_good_ignore_file,
}


class Patient:
    """One broken set-up.

    Raises LayerLabError, which lists the patients, if there's none with this number.

    Attributes:
        number, title, story: the set-up, as the team describes it.
        app: the scratch copy with their files. Read them with `app.read`, cure them with `app.write`.
        files: names of the team's own files in it.
    """

    def __init__(self, number: int) -> None:
        if number not in numbers():
            raise LayerLabError(f"there is no patient {number}", f"choose one of: {', '.join(map(str, numbers()))}")
        folder = _ward() / str(number)
        told = tomllib.loads((folder / "patient.toml").read_text(encoding="utf-8"))
        self.number, self.title, self.story = number, told["title"], " ".join(told["story"].split())
        self.files = sorted(file.name for file in folder.iterdir() if file.name != "patient.toml")
        self.app = App(APP)
        for name in self.files:
            self.app.write(name, (folder / name).read_text(encoding="utf-8"))
        computer = told.get("computer", {})
        self._environment, self._buildx = computer.get("environment", {}), computer.get("buildx", "fine")
        self._days = tuple(tuple(day.split(", ")) for day in told["days"])
        self._visit: Visit | None = None
        self._commit = ""

    def close(self) -> None:
        """Delete the scratch copy."""
        self.app.close()

    def __enter__(self) -> Patient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __str__(self) -> str:
        return (
            f"Patient {self.number}: {self.title}\n\n{textwrap.fill(self.story, 100)}\n\nFiles: {', '.join(self.files)}"
        )

    __repr__ = __str__

    @property
    def setup(self) -> Setup:
        """Everything that their days depend on, with the files as they are now."""
        files = {name: self.app.read(name) for name in self.files}
        return Setup(files, self._environment, self._buildx, self._days)

    def visit(self, machine: Machine) -> Visit:
        """Play two days of this team on `machine`, with the files as they are now.

        Raises what `Machine.build` raises, except BuildFailed.
        """
        self._visit = self._two_days(machine, self.setup)
        return self._visit

    def diagnose(self, machine: Machine, cause: str) -> Diagnosis:
        """Try out a cause by two more days without it on `machine`. Raises LayerLabError if there's no such cause."""
        if cause not in CAUSES:
            raise LayerLabError(f"there is no cause {cause!r}", f"choose one of: {', '.join(CAUSES)}")
        trouble = (self._visit or self.visit(machine)).trouble
        setup, what = self.setup, CAUSES[cause]
        treated = TREATMENTS[cause](setup)
        if treated == setup:
            return Diagnosis(cause, False, None, f'there is no sign of "{what}" here.')
        try:
            tried = self._two_days(machine, treated)
        finally:
            self._put(setup.files)
        if trouble and not tried.trouble:
            return Diagnosis(
                cause, True, tried, f'two more days without "{what}", and the trouble is gone ({trouble}).'
            )
        return Diagnosis(
            cause, False, tried, f'two more days without "{what}", and still: {tried.trouble or "no trouble"}.'
        )

    # -- their days --------------------------------------------------------------------------------------------------

    def _put(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            self.app.write(name, text)

    def _two_days(self, machine: Machine, setup: Setup) -> Visit:
        self._put(setup.files)
        with machine.alone():  # a base image that a patient moved must not reach others' builds
            try:
                first, second = (self._day(machine, setup, events) for events in setup.days)
            finally:
                machine.restore_bases()  # nor the learner's
        return Visit((first, second))

    def _day(self, machine: Machine, setup: Setup, events: tuple[str, ...]) -> Day:
        asked: list[tuple[str, ...]] = []
        for event in events:
            if event in ("code", "dependency"):
                self.app.edit(event)
            elif event == "commit" or not self._commit:
                self._commit = hashlib.sha256(f"{time.time_ns()}".encode()).hexdigest()[:7]
            if event == "base":
                machine.move_base()
            elif event == "night":
                for _, command in self._run_script("nightly.sh", setup):
                    asked.append(command)
                    machine.docker(*command)
        build: Build | None = None
        error = ""
        for variable, command in self._run_script("build.sh", setup):
            asked.append(command)
            try:
                build = self._carry_out(machine, setup, variable, command) or build
            except BuildFailed as failure:
                error = str(failure)
            except CommandFailed as failure:
                error = failure.output.replace(str(self._docker_config), "~/.docker").strip()
        return Day(events, tuple(asked), build, error)

    def _run_script(self, name: str, setup: Setup) -> list[tuple[str, tuple[str, ...]]]:
        """Run a script of the team's; return its docker commands: the value of DOCKER_BUILDKIT, and the arguments."""
        folder = self.app.scratch / "clinic"
        folder.mkdir(exist_ok=True)
        notes, docker = folder / "notes", folder / "docker"
        notes.write_text("")
        docker.write_text(_NOTE)
        docker.chmod(0o755)
        run(
            "sh", "-c", 'cd "$1" && exec sh "$2"', "sh", str(self.app.path), name,
            env={
                "DOCKER_BUILDKIT": "", **setup.environment, "GITHUB_SHA": self._commit,
                "CLINIC_NOTES": str(notes), "PATH": f"{folder}:{os.environ.get('PATH', os.defpath)}",
            },
        )  # fmt: skip
        records = [record.split("\037")[:-1] for record in notes.read_text().split("\036")[:-1]]
        return [(variable, tuple(command)) for variable, *command in records]

    def _carry_out(self, machine: Machine, setup: Setup, variable: str, command: tuple[str, ...]) -> Build | None:
        """Carry out a script's docker command on `machine`; return the record if BuildKit built something."""
        if command[0] != "build":
            machine.docker(*command)
            return None
        if variable == "0" or setup.buildx == "broken":
            self._build_as_is(machine, setup, variable, command)
            return None
        known = argparse.ArgumentParser()
        known.add_argument("--tag")
        known.add_argument("--file", default="Dockerfile")
        known.add_argument("--build-arg", action="append", default=[])
        given, options = known.parse_known_args(command[1:])
        arguments = assignments(given.build_arg, {**os.environ, **setup.environment})
        # Nobody wants the image: without it, we see what ran, and see it sooner.
        options = [option for option in options if option != "."] + ["--output=type=cacheonly"]
        return machine.build(self.app, given.file, args=arguments, options=options, view="none")

    @property
    def _docker_config(self) -> Path:
        return self.app.scratch / "clinic" / "config"

    def _build_as_is(self, machine: Machine, setup: Setup, variable: str, command: tuple[str, ...]) -> None:
        """Run the docker command itself with the computer's faults. Raises CommandFailed."""
        plugin = self._docker_config / "cli-plugins" / "docker-buildx"
        plugin.parent.mkdir(parents=True, exist_ok=True)
        # A download that broke off. It hides a good plugin elsewhere, because the docker command looks here first.
        plugin.write_bytes(b"")
        faults = {"DOCKER_BUILDKIT": variable} | (
            {"DOCKER_CONFIG": str(self._docker_config)} if setup.buildx == "broken" else {}
        )
        # The legacy builder doesn't know named contexts, so the base image's stand-in is named in full.
        base = f"--build-arg=PYTHON={images.present(images.BASES[0], machine.docker)}"
        run(
            "sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(self.app.path),
            endpoint.docker_program(), command[0], base, *command[1:], env={**machine.environment, **faults},
        )  # fmt: skip


def patient(number: int) -> Patient:
    """Return patient `number` of the clinic. Raises LayerLabError, which lists the patients, if there's no such one."""
    return Patient(number)


def numbers() -> list[int]:
    """Return the numbers of the patients."""
    return sorted(int(file.parent.name) for file in _ward().glob("*/patient.toml"))


def causes() -> str:
    """List the causes to choose from, one per line."""
    return "\n".join(f"{name:<18} {text}" for name, text in CAUSES.items())


def holds(machine: Machine) -> dict[str, int]:
    """Count what a machine holds: images, volumes, layers in the build cache, cache mounts."""
    counts = map(json.loads, machine.docker("system", "df", "--format", "json").splitlines())
    count = {row["Type"]: int(row["TotalCount"]) for row in counts}
    # The list ends with sums, which aren't JSON.
    records = machine.docker("buildx", "du", "--format", "json").splitlines()
    kinds = [json.loads(line)["Type"] for line in records if line.startswith("{")]
    return {
        "images": count["Images"],
        "volumes": count["Local Volumes"],
        "layers": kinds.count("regular"),
        "mounts": kinds.count("exec.cachemount"),
    }


def _ward() -> Path:
    return labs_folder() / LAB / "patients"


__all__ = ["CAUSES", "Day", "Diagnosis", "Patient", "Visit", "causes", "holds", "numbers", "patient"]
