"""Lab 08: a new small package leaves numpy and the model cached, new code leaves all packages, and no list waits for another."""

from __future__ import annotations

from ..record.build import Build
from ..record.states import RAN
from ..record.step import Step
from .lab import Goal, Lab, Verdict, judged
from .lab_01 import above
from .trial import Observed, Trial

#: numpy's layer and the model's are above this, that of all light packages together is below it: bytes.
HEAVY = 10_000_000
#: A layer smaller than this is no installation: bytes.
SMALL = 1_000_000
NUMPY = "backend/numpy.txt"


def script(trial: Trial) -> None:
    """Build; then after a new small package, after a change of numpy's list, and after an edit of the code; ask."""
    trial.build("first", image=False)
    name = trial.app.edit("dependency").split("==")[0]
    trial.build("package")
    known = trial.run("package", "python3", "-c", f"import importlib.metadata as m; m.version({name!r})")
    trial.note("package", name)
    trial.note("installed", known.exit_code == 0)
    numpy = trial.app.read(NUMPY)
    # The folder of a scratch copy is new each time, so the machine has never seen this list.
    trial.app.write(NUMPY, f"{numpy}# {trial.app.path.parent.name}\n")
    trial.build("numpy", image=False)
    trial.app.write(NUMPY, numpy)
    trial.app.edit("code")
    trial.build("again")
    trial.ask("again")


def judge(seen: Observed) -> Verdict:
    """Goals: builds, healthy, answers, new code, new package, packages stay cached, the heavy stay cached, none waits."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    package, numpy = seen.builds.get("package"), seen.builds.get("numpy")
    built = again is not None and answer is not None
    reinstalled = _installed(again) if again else []
    heavy = _heavy(package, numpy) if package and numpy else None
    coupled = _coupled(package, numpy) if package and numpy else []
    goals = (
        Goal(
            "the Dockerfile builds",
            again is not None,
            "it does not build. The error below names the line and what went wrong there.",
            seen.error,
        ),
        Goal(
            "the app starts and is healthy",
            bool(answer and answer.healthy),
            "the image builds, but the app does not start in it. The end of its log is below: is every list installed, and "
            "does every folder with packages arrive in the last stage?",
            str(answer or ""),
        ),
        Goal(
            "it answers a real request by meaning",
            bool(answer and answer.correct),
            "the app runs, but does not find what it should. Is the corpus in the image?",
            str(answer or ""),
        ),
        Goal(
            "the image has the edited code",
            bool(answer and answer.found),
            "the image has the code of before the edit. Is backend/search/ copied in every build?",
            _states(again),
        ),
        Goal(
            "a package added to requirements.txt is in the image",
            bool(seen.facts.get("installed")),
            f"{seen.facts.get('package')} was added to requirements.txt, and the image does not have it. Which step reads "
            "that list, and does what it installs arrive in the last stage?",
            _states(package),
        ),
        Goal(
            "after a code edit, all packages stay cached",
            built and not reinstalled,
            _code_hint(again, reinstalled[0]) if reinstalled else "",
            _states(again),
        ),
        Goal(
            "after a new small package, numpy and the model stay cached",
            package is not None and numpy is not None and heavy is None,
            _heavy_hint(package, heavy) if package and heavy else "",
            _states(package),
        ),
        Goal(
            "the light packages and the heavy ones install side by side",
            package is not None and numpy is not None and not coupled,
            _coupled_hint(numpy, coupled[0]) if numpy and coupled else "",
            _states(numpy),
        ),
    )
    return judged(goals, package)  # the build that the lab is about


def _installed(build: Build) -> list[Step]:
    """The RUN steps that ran and may have installed something: of a stage outside the image the size is not known."""
    ran = [s for s in build.steps if s.state == RAN and s.instruction == "RUN"]
    return [s for s in ran if s.size_bytes is None or s.size_bytes > SMALL or s.downloaded_bytes]


def _heavy(package: Build, numpy: Build) -> Step | None:
    """The step that installed something heavy again for a small package; None if there is none."""
    ran = [s for s in package.steps if s.state == RAN]
    by_digest = {s.digest: s for s in package.steps}
    installed = _installed(package)
    lines = {s.line for s in _installed(numpy)}
    # What a new numpy runs has numpy in it: if a small package runs all of that, it runs numpy's installation.
    if lines and lines <= {s.line for s in installed}:
        return next(s for s in installed if s.line in lines)
    for step in ran:
        if max(step.size_bytes or 0, step.downloaded_bytes) > HEAVY:
            behind = [s for s in above(step, by_digest) if s in installed] if step.instruction != "RUN" else []
            return behind[-1] if behind else step
    return None


def _coupled(package: Build, numpy: Build) -> list[Step]:
    """The steps that a new numpy runs although it is the light packages that they install."""
    light = {s.line for s in _installed(package)}
    return [s for s in _installed(numpy) if s.line in light]


def _first_above(build: Build, step: Step, instruction: str = "") -> Step | None:
    """The first step above that ran too (of one instruction, if said), which is why `step` had to run."""
    found = above(step, {s.digest: s for s in build.steps})
    return next((s for s in found if s.state == RAN and instruction in ("", s.instruction)), None)


def _code_hint(again: Build, step: Step) -> str:
    first = _first_above(again, step)
    why = f" because line {first.line} ({first.instruction}) above it copied the code" if first else ""
    return (
        f"an edit of one line of code made line {step.line} ({step.instruction}) install packages again{why}. What does an "
        "installation need of the code?"
    )


def _heavy_hint(package: Build, step: Step) -> str:
    said = f"one small package more in requirements.txt made line {step.line} ({step.instruction}) install heavy packages again."
    other = _first_above(package, step, "RUN")
    if other:
        return (
            f"{said} It stands on line {other.line} (RUN), which installs that list. Is there anything that numpy and the "
            "model need from there?"
        )
    first = _first_above(package, step)
    if first is None:
        return f"{said} That line itself reads requirements.txt. Must it?"
    return (
        f"{said} It had to, because line {first.line} ({first.instruction}) brings requirements.txt to it. Which lists does "
        "that installation need, and which of them changes every week?"
    )


def _coupled_hint(numpy: Build, step: Step) -> str:
    other = _first_above(numpy, step, "RUN")
    where = f"line {other.line} (RUN)" if other else "the heavy packages"
    return (
        "a small package leaves the heavy ones cached now. But the other way round, a change of numpy's list made line "
        f"{step.line} ({step.instruction}) install the light packages again, because it stands on {where}. On a cold machine "
        f"line {step.line} also waits for it. What could it begin from instead?"
    )


def _states(build: Build | None) -> str:
    return f"That build:\n{build.states()}" if build else ""


LAB = Lab(name="08-split-what-is-heavy", app="semantic_search", script=script, judge=judge)
