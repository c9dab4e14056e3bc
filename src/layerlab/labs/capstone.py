"""The capstone: a service whose builds eat up a working day, to be brought under a budget in any way the learner likes.

What counts is a developer's day: one cold build, a few with a new dependency, many with edited code, each weighted by how
often it happens. Seconds are counted in yardsticks, so that the budget is the same on every computer: a yardstick is a build with
fixed work, measured before and after the learner's builds, on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable

from ..record.build import Build
from ..record.states import BASE
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

#: How often each kind of build happens on the day that is judged.
DAY = {"cold": 1, "code": 20, "dependency": 2}
#: Figure → its maximum. Bytes come first: they're the same on every computer. The starting point is over all of them.
BUDGET = {
    "downloaded in a day (MB)": 100.0,
    "pushed in a day (MB)": 100.0,
    "context of a cold build (MB)": 8.0,
    "image on top of its base (MB)": 25.0,
    "seconds of a day (yardsticks)": 60.0,
}
YARDSTICK = "yardstick.Dockerfile"


def script(run: LabRun) -> None:
    """Build on a cold machine of its own: yardstick, cold, code, dependency, yardstick again; ask after each edit."""
    bench = run.runner("bench")
    run.build("yardstick", YARDSTICK, on=bench, view="none")
    run.build("cold", on=bench)
    run.app.edit("code")
    run.build("code", on=bench)
    if not run.ask("code", on=bench).correct:
        return
    run.note("dependency", run.app.edit("dependency").split("==")[0])
    run.build("dependency", on=bench)
    run.ask("dependency", on=bench)
    # With --no-cache, nothing of it is cached. It would empty cache mounts, too, but no RUN of the yardstick has one.
    run.build("yardstick again", YARDSTICK, on=bench, options=["--no-cache"], view="none")


def judge(seen: Observed) -> Verdict:
    """Set the goals: it builds, runs, answers, has what was edited; then one for each figure of the budget."""
    code, answer, later = seen.builds.get("code"), seen.answers.get("code"), seen.answers.get("dependency")
    figures = measured(seen)
    goals = [
        judging.builds(seen, "code", "it builds, cold and after an edit"),
        judging.healthy(
            answer,
            "the image builds, but the service doesn't start. The end of its log is below. Are all packages from "
            "requirements.txt in the image, where the command looks for them, along with main.py and parcel/?",
            "the service starts and is healthy",
        ),
        judging.answers(answer, "it answers a real request, in German", _answer_hint(answer.text if answer else "")),
        judging.has_edited_code(
            answer,
            "the image has the code from before the edit, or has the new code where the service doesn't look. Does every "
            "build copy parcel/, and does nothing older end up on top of it?",
        ),
        Goal(
            "after a new dependency, the image has it",
            _has_new(seen),
            "requirements.txt got a new package, but the service in the next image doesn't have it. Which file does your "
            "installation read, and when is it copied?",
            seen.error or judging.said(later),
        ),
    ]
    for name, most in BUDGET.items():
        cost = figures.get(name)
        met = None if cost is None else cost <= most
        hint = _hint(seen, name, cost) if cost is not None and not met else ""
        if met and name == next(iter(BUDGET)) and not all(seen.builds[kind].downloads_counted for kind in DAY):
            met, hint = None, judging.UNCOUNTED
        goals.append(Goal(f"{name}: at most {most:g}", met, hint))
    return judged(goals, code, figures)


def _has_new(seen: Observed) -> bool | None:
    """Tell whether the last image has the new package; None if nothing built it."""
    later = seen.answers.get("dependency")
    if later is None:
        return False if "dependency" in seen.facts and seen.error else None
    return later.healthy and f'"{seen.facts["dependency"]}"' in later.health


def measured(seen: Observed) -> dict[str, float]:
    """Return the figures of the budget; {} if the check didn't get to its end."""
    if not {*DAY, "yardstick", "yardstick again"} <= set(seen.builds):
        return {}
    builds, (down, pushed, context, image, seconds) = seen.builds, BUDGET
    yardstick = (builds["yardstick"].seconds + builds["yardstick again"].seconds) / 2
    base = max((step.size_bytes or 0 for step in builds["yardstick"].steps if step.state == BASE), default=0)
    return {
        down: sum(times * builds[kind].downloaded_bytes for kind, times in DAY.items()) / 1e6,
        pushed: sum(times * judging.new_bytes(builds[kind]) for kind, times in DAY.items()) / 1e6,
        context: builds["cold"].context_bytes / 1e6,
        image: ((builds["cold"].image_bytes or 0) - base) / 1e6,
        seconds: sum(times * builds[kind].seconds for kind, times in DAY.items()) / yardstick,
    }


def _answer_hint(text: str) -> str:
    if "zones.bin" in text:
        return (
            "the service runs, but says that its table of zones is missing. Is data/ in the context, and in the image?"
        )
    if "translations" in text:
        return (
            "the service runs, but says that its translations aren't compiled. pybabel makes .mo files from the .po files "
            "in locales/. Does it run, and do the files it makes reach the image?"
        )
    return "the service runs, but its answer isn't the expected one. The answer is below."


def _hint(seen: Observed, name: str, cost: float) -> str:
    """Name the line that costs most, in the build that costs most of this figure, and ask about it."""
    down, pushed, context, _, seconds = BUDGET
    said = f"{name} is {cost:.0f}."
    if name == context:
        return (
            f"{said} Before the first step, the whole folder is sent. What's in it that no line of the Dockerfile needs, "
            "and which file says what to leave out?"
        )
    weights: dict[str, Callable[[Step], float]] = {
        seconds: lambda step: step.seconds,
        down: lambda step: step.downloaded_bytes,
        pushed: lambda step: step.size_bytes or 0,
    }
    weigh = weights.get(name)
    if weigh is None:
        largest = max(judging.ran(seen.builds["cold"]), key=lambda s: s.size_bytes or 0)
        return (
            f"{said} The largest layer is that of {judging.line(largest)}. Which part of it does the running service "
            "need, and which part was only needed to build? A file that a later line touches is in the image twice."
        )
    total = {kind: times * sum(weigh(s) for s in judging.ran(seen.builds[kind])) for kind, times in DAY.items()}
    kind = max(total, key=total.__getitem__)
    build = seen.builds[kind]
    step = max(judging.ran(build), key=weigh, default=None)
    if step is None:
        return (
            f"{said} Hardly any step runs: the rest is sending and exporting. Is the image larger than it needs to be?"
        )
    what = {"cold": "a cold build", "code": "an edit of one line of code", "dependency": "one new package"}[kind]
    return f"{said} Most of that comes from {what}, where {judging.line(step)} costs most. {_why(build, step)}"


def _why(build: Build, step: Step) -> str:
    first = judging.first_above(build, step)
    if first is None or build.edit == "none":
        return "What does it do that the service doesn't need, or that could be kept from build to build?"
    return (
        f"It had to run, because {judging.line(first)} above it did. What does line {first.line} bring in, "
        f"and does line {step.line} need it?"
    )


LAB = Lab(
    name="capstone",
    app="ten_hour_service",
    script=script,
    judge=judge,
    files={"Dockerfile": "lab.Dockerfile", "dockerignore": "lab.Dockerfile.dockerignore"},
)
