"""Lab 06: a branch's first job, on a cold runner, finds the installation in main's cache, and leaves that cache alone."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..machine.registry import Registry
from ..record.build import Build
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

SERVICE = "desk"
#: The repository that the learner's file gets as CACHE, and the branch whose first job is checked.
REPOSITORY, BRANCH = "desk", "longer-hours"
#: What BuildKit says about a cache that isn't in the registry (moby/buildkit, cache/remotecache/import.go).
_MISSING = re.compile(rf"/{REPOSITORY}:(\S+): not found$")


def script(run: LabRun) -> None:
    """Run main's job with a new dependency, then, after an edit of the code, a branch's on a cold runner; ask its image."""
    registry = run.enter(Registry.start(f"lab-{run.machine.name}"[:24], say=lambda _: None))
    registry.reset()
    # So that no earlier check helps: what a machine once exported with mode=max, it exports with mode=min, too.
    run.app.edit("dependency")
    with _variables(CACHE=registry.ref(REPOSITORY), BRANCH="main"):
        run.build("main", service=SERVICE)
    run.note("before", caches(registry))
    run.app.edit("code")
    runner = run.runner("ci")
    with _variables(CACHE=registry.ref(REPOSITORY), BRANCH=BRANCH), registry.counting() as moved:
        again = run.build("again", service=SERVICE, on=runner)
    run.note("pulled", moved.pulled_bytes)
    run.note("after", caches(registry))
    if not installs(again):  # otherwise an earlier goal is missed, and nobody needs the answer
        run.ask("again", on=runner)


def judge(seen: Observed) -> Verdict:
    """Set the goals: builds, main leaves a cache, the branch's runner installs nothing, main's cache stays, the image answers."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    before, after = seen.facts.get("before", {}), seen.facts.get("after", {})
    installed = installs(again)
    overwritten = sorted(tag for tag in before if again and after.get(tag) != before[tag])
    states = judging.states(again, "The branch's first job, on a cold runner, after an edit of the code:")
    goals = (
        judging.builds(
            seen,
            "main",
            "main's job builds",
            "main's job does not build. The error is below. Is compose.yaml still a Compose file with the service desk?",
        ),
        Goal(
            "main's job leaves a cache in the registry",
            judging.tested(seen.facts.get("before"), bool),
            "main's job is done, but nothing arrived in the registry. A build keeps its cache to itself unless it's told "
            "where to send it. Which key under build: does that?",
        ),
        judging.builds(
            seen,
            "again",
            "the branch's job builds",
            "main's job builds, but the branch's doesn't. The error is below. Which names does it make with BRANCH?",
            after="main",
        ),
        judging.spares(
            again,
            "on the branch's runner, nothing is installed again",
            installed,
            lambda build, _: _hint(build, installed, seen.facts.get("pulled", 0), before),
            states,
        ),
        Goal(
            "the branch leaves main's cache as it was",
            judging.tested(again, lambda _: not overwritten),
            f"the branch found what it needs. But its job overwrote {', '.join(overwritten)}, which main's job had written: "
            "main's next job finds the branch's cache there, and not its own. Under whose name should a branch write?",
            f"Names in the registry after main's job: {_listed(before)}. After the branch's: {_listed(after)}.",
        ),
        Goal(
            "the branch's image answers, with the edited code",
            judging.tested(answer, lambda a: a.healthy and a.correct and bool(a.found)),
            "everything is cached, but the image isn't the branch's: it doesn't answer, or not with the edited code.",
            judging.said(answer),
        ),
    )
    return judged(goals, again)


def caches(registry: Registry) -> dict[str, dict[str, Any]]:
    """Return the caches that the registry holds in REPOSITORY: tag → manifest."""
    tags = registry.tags(REPOSITORY)
    return {
        tag: registry.manifest(f"{REPOSITORY}:{tag}") for tag in tags if registry.content(f"{REPOSITORY}:{tag}").records
    }


def installs(build: Build | None) -> list[Step]:
    """Return the RUN steps that ran and downloaded something. A cached step's pull from a registry counts as a download, too."""
    return [s for s in judging.ran(build, "RUN") if judging.fetched(s)]


def _hint(again: Build, installed: list[Step], pulled: int, before: dict[str, Any]) -> str:
    """Tell a cache that wasn't found from one that was found but had too little in it."""
    step = installed[-1]
    said = f"{judging.line(step)} of the Dockerfile installed the packages on the branch's runner."
    missing = [found[1] for warning in again.warnings if (found := _MISSING.search(warning.strip()))]
    if pulled:
        return (
            f"{said} The runner read main's cache, and found the keys of all steps in it, but not the layers of the stage "
            "builder: main's job didn't send them. What does an export leave out if you don't give it a mode?"
        )
    if missing:
        return (
            f"{said} It looked for {_listed(missing)} in the registry and found nothing: this is the branch's first "
            f"job. Main's job has written {_listed(before)}. Which caches may a new branch read besides its own?"
        )
    return f"{said} It read no cache, although main's job has written {_listed(before)}. Where do you tell a build what to read?"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


@contextlib.contextmanager
def _variables(**values: str) -> Iterator[None]:
    """Set environment variables for the length of a `with`, as a CI system does for a job."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


LAB = Lab(
    "06-registry-cache",
    "front_desk",
    script,
    judge,
    {"compose.yaml": "lab.compose.yaml", "ci.Dockerfile": "ci.Dockerfile"},
)
