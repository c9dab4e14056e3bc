"""Lab 05: a runner that starts empty uses what a laptop pushed: after a code edit, it installs nothing."""

from __future__ import annotations

from ..machine.registry import Registry
from ..record.build import Build
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

SERVICE, COMPOSE = "api", "lab.compose.yaml"
#: The name that the learner's file gets as ${PLANNER_IMAGE}, without the registry.
IMAGE = "diet-planner:main"
_IMPORT = "importing cache manifest from "


def script(run: LabRun) -> None:
    """Build and push here; edit the code; build on an empty runner; ask what it built."""
    registry = run.enter(Registry.start(f"lab-{run.machine.name}"[:24], say=lambda _: None))
    registry.reset()
    # Compose and bake read variables from here. (The Dockerfiles of the app do not copy it.)
    run.app.write(".env", f"PLANNER_IMAGE={registry.ref(IMAGE)}\n")
    run.build("main", service=SERVICE, options=["--push"])
    run.note("pushed", IMAGE.partition(":")[2] in registry.tags(IMAGE.partition(":")[0]))
    run.app.edit("code")
    runner = run.runner("ci")
    run.build("again", on=runner, service=SERVICE)
    run.ask("again", on=runner)


def judge(seen: Observed) -> Verdict:
    """Set the goals: builds, is in the registry, the runner looks there, finds it, installs nothing, and its image answers."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    looked = _looked_for(again)
    missing = [name for name in looked if any(_IMPORT + name in warning for warning in again.warnings)] if again else []
    found = [name for name in looked if name not in missing]
    pushed: bool | None = seen.facts.get("pushed")
    states = judging.states(again, "The runner's build, after an edit of the code:")
    goals = (
        judging.builds(
            seen,
            "main",
            "the service builds and can be pushed",
            "it does not build, or could not be pushed. The error is below. Is it still a Compose file with the service api, "
            "and does its image have a name in the registry?",
        ),
        Goal(
            "its image is in the registry",
            pushed,
            f"the registry has no {IMAGE} after the push. Which name does `image:` have, and which one are you given?",
        ),
        Goal(
            "the runner looks for a cache",
            bool(looked) if again or pushed else None,
            "the runner's build didn't look for a cache anywhere. Which key under `build:` says where to look?"
            if again
            else "the runner's build fails. The error is below.",
            states or seen.error,
        ),
        Goal(
            "it looks where something was pushed",
            bool(found) if looked else None,
            f"the runner looked for {_short(missing)}, but nothing was there; the build only warned. Did anybody push anything "
            "under that name, and could the runner reach it?",
            states,
        ),
        judging.downloads_little(
            again,
            "after a code edit, the runner installs nothing",
            lambda _, step: (
                f"the runner found {_short(found)}, but installed the packages anyway (line {step.line}): the image "
                "is there, but without an index of what was built. What puts one in: a variable of the container, or an "
                "argument of the build?"
            ),
            states,
        ),
        Goal(
            "the runner's image answers, with the edited code",
            judging.tested(answer, lambda a: a.correct and bool(a.found)),
            "the image doesn't answer as it should, or has older code. Its answer is below.",
            str(answer or seen.error),
        ),
    )
    return judged(goals, again)


def _looked_for(build: Build | None) -> list[str]:
    """Return the names that a build tried to import a cache from."""
    phases = build.phases if build else ()
    return [p.name.removeprefix(_IMPORT) for p in phases if p.kind == "cache import" and p.name.startswith(_IMPORT)]


def _short(names: list[str]) -> str:
    """List names without the registry, whose port differs from computer to computer."""
    return ", ".join(name.rpartition("/")[2] for name in names)


LAB = Lab(
    name="05-inline-cache",
    app="diet_planner",
    script=script,
    judge=judge,
    files={"compose.yaml": COMPOSE},
)
