"""Lab 08: a new small package leaves numpy and the model cached, new code all packages, and no list waits for another."""

from __future__ import annotations

from ..record.build import Build
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

#: Bytes. Numpy and the model are larger than this, each as a layer and as a download. All light packages together are smaller: a
#: layer of 12 MB with their byte code, and downloads of 12 MB, two thirds of it pages, from an index that sends those unpacked.
HEAVY = 15_000_000
#: Bytes. A layer smaller than this isn't an installation.
SMALL = 1_000_000
NUMPY = "backend/numpy.txt"
_UNTRIED = (
    "a change to backend/numpy.txt installed nothing, so nobody can tell whether the two kinds of packages wait for each other. "
    "Which step reads that list?"
)


def script(run: LabRun) -> None:
    """Build, then build after a new small package, after a change to numpy's list, and after an edit of the code; ask."""
    run.build("first", image=False)
    name = run.app.edit("dependency").split("==")[0]
    run.build("package")
    known = run.execute("package", "python3", "-c", f"import importlib.metadata as m; m.version({name!r})")
    run.note("package", name)
    run.note("installed", known.exit_code == 0)
    numpy = run.app.read(NUMPY)
    # A scratch copy's folder has a new name each time, so the machine has never seen this list.
    run.app.write(NUMPY, f"{numpy}# {run.app.path.parent.name}\n")
    run.build("numpy", image=False)
    run.app.write(NUMPY, numpy)
    run.app.edit("code")
    run.build("again")
    run.ask("again")


def judge(seen: Observed) -> Verdict:
    """Set the goals: builds, healthy, answers, new code, new package, packages stay cached, the heavy stay cached, none waits."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    package, numpy = seen.builds.get("package"), seen.builds.get("numpy")
    reinstalled = _installed(again) if again else []
    heavy = _heavy(package, numpy) if package and numpy else None
    tried = _installed(numpy) if package and numpy else []
    coupled = _coupled(package, numpy) if package and numpy else []
    goals = (
        judging.builds(seen),
        judging.healthy(
            answer,
            "the image builds, but the app doesn't start. The end of its log is below. Is every list installed, and does "
            "every folder with packages arrive in the last stage?",
        ),
        judging.answers(
            answer,
            "it answers a real request by meaning",
            "the app runs, but doesn't find what it should. Is the corpus in the image?",
        ),
        judging.has_edited_code(
            answer,
            "the image has the code from before the edit. Does every build copy backend/search/?",
            judging.states(again),
        ),
        Goal(
            "a package added to requirements.txt is in the image",
            seen.facts.get("installed"),
            f"{seen.facts.get('package')} was added to requirements.txt, but the image doesn't have it. Which step reads "
            "that list, and do the packages it installs arrive in the last stage?",
            judging.states(package),
        ),
        judging.spares(
            again if answer else None,
            "after a code edit, all packages stay cached",
            reinstalled,
            _code_hint,
            judging.states(again),
        ),
        Goal(
            "after a new small package, numpy and the model stay cached",
            judging.tested(numpy, lambda _: heavy is None),
            _heavy_hint(package, heavy) if package and heavy else "",
            judging.states(package),
        ),
        Goal(
            "the light packages and the heavy ones install side by side",
            not coupled if tried else None,
            _coupled_hint(numpy, coupled[0]) if numpy and coupled else _UNTRIED,
            judging.states(numpy),
        ),
    )
    return judged(goals, package)  # the build that the lab is about


def _installed(build: Build) -> list[Step]:
    """Return the RUN steps that ran and may have installed something: in a stage outside the image the size is unknown."""
    ran = judging.ran(build, "RUN")
    return [s for s in ran if s.size_bytes is None or s.size_bytes > SMALL or judging.fetched(s)]


def _heavy(package: Build, numpy: Build) -> Step | None:
    """Return the step that installed or packed something heavy again for a small package; None if there is none."""
    installed = _installed(package)
    renewed = _installed(numpy)
    lines = {s.line for s in renewed}
    # Numpy's installation is one of the steps that a new numpy runs: if a small package runs all of these, it runs that.
    if lines and lines <= {s.line for s in installed}:
        return next(s for s in installed if s.line in lines)
    for step in judging.ran(package):
        if max(step.size_bytes or 0, step.downloaded_bytes) > HEAVY:
            return _behind(package, step, installed, _first(numpy, renewed))
    return None


def _first(build: Build, steps: list[Step]) -> set[int]:
    """Return the lines of those of `steps` that build on none of the others."""
    return {s.line for s in steps if not any(other in steps for other in judging.above(build, s))}


def _behind(package: Build, step: Step, installed: list[Step], numpy: set[int]) -> Step:
    """Return the step that installed again what `step` brings: a RUN above a COPY; `step` itself if nothing did."""
    heavy = [s for s in installed if s.line in numpy or not numpy or s.downloaded_bytes > HEAVY]
    behind = [s for s in judging.above(package, step) if s in heavy] if step.instruction != "RUN" else []
    return behind[-1] if behind else step


def _coupled(package: Build, numpy: Build) -> list[Step]:
    """Return the steps that a new numpy runs although they install the light packages."""
    light = {s.line for s in _installed(package)}
    return [s for s in _installed(numpy) if s.line in light]


def _code_hint(again: Build, step: Step) -> str:
    first = judging.first_above(again, step)
    why = f" because {judging.line(first)} above it copied the code" if first else ""
    return (
        f"an edit of one line of code made {judging.line(step)} install packages again{why}. Which part of the code "
        "does an installation need?"
    )


def _heavy_hint(package: Build, step: Step) -> str:
    if step.instruction != "RUN":
        return (
            f"one more small package in requirements.txt made {judging.line(step)} copy the heavy packages into the image again, "
            "though nothing installed them again: they lie in one folder with the small ones, and a COPY takes all or nothing. "
            "Can each kind have a COPY, and a stage, that doesn't start from the other's?"
        )
    said = f"one more small package in requirements.txt made {judging.line(step)} install heavy packages again."
    other = judging.first_above(package, step, "RUN")
    if other:
        return (
            f"{said} It is built on line {other.line} (RUN), which installs that list. Is there anything that numpy and the "
            "model need from there?"
        )
    first = judging.first_above(package, step)
    if first is None:
        return f"{said} That line itself reads requirements.txt. Does it have to?"
    return (
        f"{said} It had to, because {judging.line(first)} brings requirements.txt to it. Which lists does "
        "that installation need, and which of them changes every week?"
    )


def _coupled_hint(numpy: Build, step: Step) -> str:
    other = judging.first_above(numpy, step, "RUN")
    where = f"line {other.line} (RUN)" if other else "the heavy packages"
    return (
        "a small package leaves the heavy ones cached now. But not the other way round: a change to numpy's list made "
        f"{judging.line(step)} install the light packages again, because it is built on {where}. On a cold machine, "
        f"line {step.line} also waits for that. What could it start from instead?"
    )


LAB = Lab(name="08-split-what-is-heavy", app="semantic_search", script=script, judge=judge)
