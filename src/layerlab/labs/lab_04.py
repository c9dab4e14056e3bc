"""Lab 04: compilers stay in a stage of their own, nothing runs as root, and an edit of the code packs only the code."""

from __future__ import annotations

from ..record.build import Build
from ..record.layers import image_layers
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

#: Compressed bytes that the image may add to its base: git and the packages are about 50 MB, compilers 80 MB and more.
MAY_ADD = 70_000_000
#: Prints the compilers in an image, one per line.
_COMPILERS = "for name in gcc cc g++ c++ clang; do command -v $name >/dev/null && echo $name; done; true"


def script(run: LabRun) -> None:
    """Build, edit the code, build again, look into the image, ask."""
    run.build("first", image=False)
    run.app.edit("code")
    run.build("again")
    compilers, user = run.execute("again", "sh", "-c", _COMPILERS), run.execute("again", "id", "-u")
    run.note("compilers", tuple(compilers.output.split()) if compilers.exit_code == 0 else None)
    run.note("user", user.output.strip() if user.exit_code == 0 else None)
    run.ask("again")


def judge(seen: Observed) -> Verdict:
    """Set the goals: builds, starts, answers, edited code, no compiler, not root, nothing installed, little written, small."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    compilers, user = seen.facts.get("compilers"), seen.facts.get("user")
    reinstalled, rewritten = _again(again) if again else ([], None)
    added = sum(layer.size_bytes for layer in image_layers(again)[1:]) if again else 0
    states = judging.states(again, "The second build, after the edit:")
    goals = (
        judging.builds(seen),
        judging.healthy(
            answer,
            _start_hint(answer.log if answer else ""),
            "the app starts and is healthy (git is there, and the packages)",
        ),
        judging.answers(
            answer,
            "it answers a real request",
            "the app runs, but its answer is wrong. The answer is below.",
        ),
        judging.has_edited_code(
            answer,
            "the image has the code from before the edit, or has the new code where the app doesn't look. Does every build "
            "copy chronicle/, and into the folder that the last stage works in?",
            states,
        ),
        Goal(
            "no compiler is in the image",
            judging.tested(compilers, lambda found: not found),
            f"the image ships {compilers[0] if compilers else 'a compiler'}, which the service never calls. A step that "
            "removes it wouldn't help: the layer below would still have it. Which stage needs it, and what does the last "
            "FROM start from?",
            states,
        ),
        Goal(
            "it does not run as root",
            judging.tested(user, lambda number: number != "0"),
            "the service runs as root (user 0). Nothing in it needs that. Which instruction says who runs the image, and does "
            "it need a user with a name?",
        ),
        judging.spares(again, "after a code edit, nothing is installed again", reinstalled, _install_hint, states),
        Goal(
            "after a code edit, less than a megabyte of layers is written",
            judging.tested(again, lambda build: judging.new_bytes(build) < judging.LARGE_LAYER),
            _write_hint(again, rewritten) if again and rewritten else "",
            states,
        ),
        Goal(
            "it adds less than 70 megabytes to its base image",
            judging.tested(again, lambda _: added < MAY_ADD),
            _size_hint(again) if again else "",
            states,
        ),
    )
    return judged(goals, again)


def _again(again: Build) -> tuple[list[Step], Step | None]:
    """Return the steps that installed packages again, and the one that wrote most without installing any."""
    suspects, copied = judging.wasted(again)
    changed = [s for s in suspects if _writes_again(again, s)]
    installed = [s for s in suspects if s not in changed]
    largest = max(judging.ran(again), key=lambda s: s.size_bytes or 0, default=None)
    return installed, next(iter([*copied, *changed]), largest)


def _writes_again(build: Build, step: Step) -> bool:
    """Tell whether `step` made a large layer after a large COPY without a download: it wrote those files once more."""
    if (step.size_bytes or 0) < judging.LARGE_LAYER or judging.fetched(step):
        return False
    before = judging.above(build, step)
    return any(s.instruction == "COPY" and (s.size_bytes or 0) > judging.LARGE_LAYER for s in before)


def _start_hint(log: str) -> str:
    if "'git'" in log:
        return (
            "the service stops at once: it calls git, and git isn't in the image. The builder may have it, but only what's in "
            "the last stage is in the image. Which system packages does the service need when it runs?"
        )
    return (
        "the image builds, but the app doesn't start. The end of its log is below. Are the packages in the last stage, at "
        "the path where they were installed, and does PATH lead to their programs?"
    )


def _size_hint(build: Build) -> str:
    twice = next((s for s in build.steps if s.instruction == "RUN" and _writes_again(build, s)), None)
    if twice is not None:
        return (
            f"line {twice.line} (RUN) writes large files again that a COPY above it brought: changing a file's owner or mode "
            "writes all of the file again. Can the files arrive with the right owner and mode?"
        )
    heaviest = max(image_layers(build)[1:], key=lambda layer: layer.size_bytes)
    return (
        f"the compiler is gone, but line {heaviest.line} ({heaviest.instruction}) still puts most of the megabytes into the "
        "image. `layers(verdict.again)` draws them. Which part of that line's layer does the service need when it runs?"
    )


def _install_hint(again: Build, step: Step) -> str:
    first = judging.first_above(again, step)
    because = f" It had to, because {judging.line(first)} above it ran." if first else ""
    return (
        f"an edit of one line of code made {judging.line(step)} install the packages again.{because} Which "
        "one file of the app does the installation need?"
    )


def _write_hint(again: Build, step: Step) -> str:
    if step.instruction == "RUN":
        return (
            f"nothing is installed again, but line {step.line} (RUN) writes large files into a layer of its own, at each edit: "
            "changing a file's owner or mode writes all of the file again. Can the files arrive with the right owner, and "
            "which of them does the service need to own at all?"
        )
    first = judging.first_above(again, step)
    if first is not None and first.stage == step.stage:
        return (
            f"nothing is installed again, but {judging.line(step)} copied its large files again, because "
            f"{judging.line(first)} above it ran. Which of the two changes more often?"
        )
    return (
        f"nothing is installed again, but {judging.line(step)} brings the packages together with the code, so one "
        "edited line makes a new layer of both. Can each have a line of its own?"
    )


LAB = Lab(name="04-build-in-one-stage-ship-another", app="venv_service", script=script, judge=judge)
