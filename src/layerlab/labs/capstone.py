"""The capstone: a service whose builds take a working day apart, to be brought under a budget, in any way.

What counts is a developer's day: one cold build, some of a new dependency, many of edited code, each weighed as often as
it happens. Seconds are counted in yardsticks, so that the budget is the same on every computer: a yardstick is a build with
fixed work, measured before and after the learner's builds, on the same machine.
"""

from __future__ import annotations

from ..record.build import Build
from ..record.states import BASE
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

#: How often each kind of build happens on the day that is judged.
DAY = {"cold": 1, "code": 20, "dependency": 2}
#: Figure → what it may be at most. Bytes come first: they are the same on every computer. The starting point is over all.
BUDGET = {
    "downloaded in a day (MB)": 100.0,
    "pushed in a day (MB)": 100.0,
    "context of a cold build (MB)": 8.0,
    "image on top of its base (MB)": 25.0,
    "seconds of a day (yardsticks)": 60.0,
}
YARDSTICK = "yardstick.Dockerfile"


def script(run: LabRun) -> None:
    """On a cold machine of its own: yardstick, cold build, code, dependency, yardstick; ask after each edit."""
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
    # Nothing of it is cached then; no RUN of it has a cache mount that this could empty.
    run.build("yardstick again", YARDSTICK, on=bench, options=["--no-cache"], view="none")


def judge(seen: Observed) -> Verdict:
    """Set the goals: it builds, runs, answers, has what was edited; then one for each figure of the budget."""
    code, answer, later = seen.builds.get("code"), seen.answers.get("code"), seen.answers.get("dependency")
    figures = measured(seen)
    goals = [
        judging.builds(seen, "code", "it builds, cold and after an edit"),
        judging.healthy(
            answer,
            "the image builds, but the service does not start in it. The end of its log is below: are all packages of "
            "requirements.txt in the image, where the command looks for them, with main.py and parcel/?",
            "the service starts and is healthy",
        ),
        judging.answers(answer, "it answers a real request, in German", _answer_hint(answer.text if answer else "")),
        judging.has_edited_code(
            answer,
            "the image has the code of before the edit, or has it where the service does not run. Is parcel/ copied in "
            "every build, and is nothing older left on top of it?",
        ),
        Goal(
            "after a new dependency, the image has it",
            bool(later and later.healthy and f'"{seen.facts["dependency"]}"' in later.health),
            "requirements.txt got a new package, and the service of the next image does not have it. Which file does your "
            "installation read, and when is that one copied?",
            seen.error or judging.said(later),
        ),
    ]
    for name, most in BUDGET.items():
        cost = figures.get(name)
        met = cost is not None and cost <= most
        goals.append(Goal(f"{name}: at most {most:g}", met, "" if met or cost is None else _hint(seen, name, cost)))
    return judged(goals, code, figures)


def measured(seen: Observed) -> dict[str, float]:
    """Return the figures of the budget; {} where the check did not come to the end."""
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
            "the service runs, and says that its table of zones is missing. Is data/ in the context, and in the image?"
        )
    if "translations" in text:
        return (
            "the service runs, and says that its translations are not compiled. pybabel makes .mo files of the .po files "
            "in locales/: does it run, and do the files it makes reach the image?"
        )
    return "the service runs, but its answer is not the one expected. What it said is below."


def _hint(seen: Observed, name: str, cost: float) -> str:
    """Name the line that costs most of this figure, in the build that costs most of it, and ask."""
    down, pushed, context, _, seconds = BUDGET
    said = f"{name} is {cost:.0f}."
    if name == context:
        return (
            f"{said} Before the first step, the whole folder is sent. What is in it that no line of the Dockerfile needs, "
            "and which file says what is not sent?"
        )
    weigh = {
        seconds: lambda step: step.seconds,
        down: lambda step: step.downloaded_bytes,
        pushed: lambda step: step.size_bytes or 0,
    }.get(name)
    if weigh is None:
        largest = max(judging.ran(seen.builds["cold"]), key=lambda s: s.size_bytes or 0)
        return (
            f"{said} The largest layer is that of {judging.line(largest)}. What of it does the running service "
            "need, and what was needed only to build? A file that a later line touches is in the image twice."
        )
    total = {kind: times * sum(weigh(s) for s in judging.ran(seen.builds[kind])) for kind, times in DAY.items()}
    kind = max(total, key=total.__getitem__)
    build = seen.builds[kind]
    step = max(judging.ran(build), key=weigh, default=None)
    if step is None:
        return f"{said} Hardly a step runs: what is left is sending and exporting. Is the image larger than it needs to be?"
    what = {"cold": "a cold build", "code": "an edit of one line of code", "dependency": "one new package"}[kind]
    return f"{said} Most of that comes from {what}: there {judging.line(step)} costs most. {_why(build, step)}"


def _why(build: Build, step: Step) -> str:
    first = judging.first_above(build, step)
    if first is None or build.edit == "none":
        return "What does it do that the service does not need, or that could be kept from build to build?"
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
