"""Lab 04: compilers stay in a stage of their own, nobody is root, and an edit of the code packs the code alone."""

from __future__ import annotations

from ..record.build import Build
from ..record.layers import image_layers
from ..record.states import RAN
from ..record.step import Step
from .lab import Goal, Lab, Verdict, judged
from .lab_01 import LARGE_LAYER, above, wasted
from .trial import Observed, Trial

#: What the image may add to its base, bytes, compressed: git and the packages are about 50 MB, compilers 80 MB and more.
MAY_ADD = 70_000_000
#: Prints the compilers there are in an image, one a line.
_COMPILERS = "for name in gcc cc g++ c++ clang; do command -v $name >/dev/null && echo $name; done; true"


def script(trial: Trial) -> None:
    """Build, edit the code, build again, look into the image, ask."""
    trial.build("first", image=False)
    trial.app.edit("code")
    trial.build("again")
    trial.note("compilers", tuple(trial.run("again", "sh", "-c", _COMPILERS).output.split()))
    trial.note("user", trial.run("again", "id", "-u").output.strip())
    trial.ask("again")


def judge(seen: Observed) -> Verdict:
    """Goals: builds, starts, answers, edited code, no compiler, not root, nothing installed, little written, small."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    compilers, user = seen.facts.get("compilers", ()), seen.facts.get("user", "")
    reinstalled, rewritten = _again(again) if again else (None, None)
    added = sum(layer.size_bytes for layer in image_layers(again)[1:]) if again else 0
    said, states = str(answer or ""), f"The second build, after the edit:\n{again.states()}" if again else ""
    goals = (
        Goal(
            "the Dockerfile builds",
            again is not None,
            "it does not build. The error below names the line and what went wrong there.",
            seen.error,
        ),
        Goal(
            "the app starts and is healthy (git is there, and the packages)",
            bool(answer and answer.healthy),
            _start_hint(answer.log if answer else ""),
            said,
        ),
        Goal(
            "it answers a real request",
            bool(answer and answer.correct),
            "the app runs, but its answer is not what it should be. The answer is below.",
            said,
        ),
        Goal(
            "the image has the edited code",
            bool(answer and answer.found),
            "the image has the code of before the edit, or has it where the app does not run. Is chronicle/ copied in every "
            "build, and into the folder in which the last stage works?",
            states,
        ),
        Goal(
            "no compiler is in the image",
            again is not None and not compilers,
            f"the image ships {compilers[0] if compilers else 'a compiler'}, which the service never calls. A step that "
            "removes it would not help: the layer below would still have it. Which stage needs it, and what does the last "
            "FROM stand on?",
            states,
        ),
        Goal(
            "it does not run as root",
            again is not None and user not in ("", "0"),
            "the service runs as root (user 0). Nothing in it needs that. Which instruction says who runs the image, and does "
            "it need a user with a name?",
        ),
        Goal(
            "after a code edit, nothing is installed again",
            again is not None and reinstalled is None,
            _install_hint(again, reinstalled) if again and reinstalled else "",
            states,
        ),
        Goal(
            "after a code edit, less than a megabyte of layers is written",
            again is not None and _written(again) < LARGE_LAYER,
            _write_hint(again, rewritten) if again and rewritten else "",
            states,
        ),
        Goal(
            "it adds less than 70 megabytes to its base image",
            again is not None and added < MAY_ADD,
            _size_hint(again) if again else "",
            states,
        ),
    )
    return judged(goals, again)


def _written(build: Build) -> int:
    """Bytes of the layers that the build's steps made."""
    return sum(step.size_bytes or 0 for step in build.steps if step.state == RAN)


def _again(again: Build) -> tuple[Step | None, Step | None]:
    """The step that installed packages again, if one did, and the one that wrote most without installing any."""
    suspects, copied = wasted(again)
    changed = [s for s in suspects if _writes_again(again, s)]
    installed = [s for s in suspects if s not in changed]
    largest = max((s for s in again.steps if s.state == RAN), key=lambda s: s.size_bytes or 0, default=None)
    return next(iter(installed), None), next(iter([*copied, *changed]), largest)


def _writes_again(build: Build, step: Step) -> bool:
    """Whether `step` made a large layer, downloading nothing, above a large COPY: then it wrote those files once more."""
    if (step.size_bytes or 0) < LARGE_LAYER or step.downloaded_bytes:
        return False
    below = above(step, {s.digest: s for s in build.steps})
    return any(s.instruction == "COPY" and (s.size_bytes or 0) > LARGE_LAYER for s in below)


def _start_hint(log: str) -> str:
    if "'git'" in log:
        return (
            "the service stops at once: it calls git, and git is not in the image. The builder may have it; the image is "
            "what the last stage has. Which of the system packages are needed when the service runs?"
        )
    return (
        "the image builds, but the app does not start in it. The end of its log is below. Are the packages in the last "
        "stage, at the path at which they were installed, and does PATH lead to their programs?"
    )


def _size_hint(build: Build) -> str:
    twice = next((s for s in build.steps if s.instruction == "RUN" and _writes_again(build, s)), None)
    if twice is not None:
        return (
            f"line {twice.line} (RUN) writes large files once more that a COPY above it brought: who changes the owner or the "
            "mode of a file writes all of it. Can the files arrive as they shall be?"
        )
    heaviest = max(image_layers(build)[1:], key=lambda layer: layer.size_bytes)
    return (
        f"the compiler is out of reach, but line {heaviest.line} ({heaviest.instruction}) still puts most of the megabytes "
        "into the image. `layers(verdict.again)` draws them. What of that line's layer does the service need when it runs?"
    )


def _install_hint(again: Build, step: Step) -> str:
    first = next((s for s in above(step, {s.digest: s for s in again.steps}) if s.state == RAN), None)
    because = f" It had to, because line {first.line} ({first.instruction}) above it ran." if first else ""
    return (
        f"an edit of one line of code made line {step.line} ({step.instruction}) install the packages again.{because} Which "
        "one file of the app does the installation need?"
    )


def _write_hint(again: Build, step: Step) -> str:
    if step.instruction == "RUN":
        return (
            f"nothing is installed again, but line {step.line} (RUN) writes large files into a layer of its own, at each edit: "
            "who changes the owner or the mode of a file writes all of it once more. Can the files arrive with the right "
            "owner, and which of them does the service need to own at all?"
        )
    first = next((s for s in above(step, {s.digest: s for s in again.steps}) if s.state == RAN), None)
    if first is not None and first.stage == step.stage:
        return (
            f"nothing is installed again, but line {step.line} ({step.instruction}) copied its large files again, because line "
            f"{first.line} ({first.instruction}) above it ran. Which of the two changes more often?"
        )
    return (
        f"nothing is installed again, but line {step.line} ({step.instruction}) brings the packages together with the code: one "
        "edited line makes a new layer of both. Can each have a line of its own?"
    )


LAB = Lab(name="04-build-in-one-stage-ship-another", app="venv_service", script=script, judge=judge)
