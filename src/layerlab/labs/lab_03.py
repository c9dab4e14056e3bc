"""Lab 03: a new dependency is all that's downloaded, because a cache mount is in use, and no cache is in the image."""

from __future__ import annotations

from ..explaining.operations import cache_mounts
from ..machine.mounts import find_mounts
from ..record.build import Build
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

#: Bytes. A cache of the planner's packages is far larger than this, an unused one far smaller.
NEARLY_EMPTY = 1_000_000
#: A package that the planner needs: it's in the image once if it's installed, and once more for each cache that's shipped.
PACKAGE = "pydantic-[0-9]*"


def script(run: LabRun) -> None:
    """Build, add a dependency, build again, edit the code, build again, ask; look for packages and into the mounts."""
    before = _mounts(run)  # the default id is shared: other builds may have filled it
    run.build("first", image=False)
    added = run.app.edit("dependency").partition("==")[0]
    run.note("added", added)
    run.build("again")
    run.note("filled", {name: size - before.get(name, 0) for name, size in _mounts(run).items()})
    imported = run.execute("again", "python", "-c", f"from importlib.metadata import version as v; print(v({added!r}))")
    run.note("has it", imported.exit_code == 0)
    copies = run.execute(
        "again", "sh", "-c", f"find / -xdev -name '{PACKAGE}' -not -path '/proc/*' 2>/dev/null | wc -l"
    )
    run.note("copies", int(copies.output.split()[0]) if copies.exit_code == 0 else None)
    run.app.edit("code")
    run.build("code")
    run.ask("code")


def _mounts(run: LabRun) -> dict[str, int]:
    """Return the bytes in each cache mount, by id. The fullest come first, and the fullest of an id is what counts."""
    return {mount.id: mount.bytes for mount in reversed(find_mounts(run.machine))}


def judge(seen: Observed) -> Verdict:
    """Set the goals: builds, answers, has the new package, downloads only that, no cache, code apart."""
    again, code, answer = seen.builds.get("again"), seen.builds.get("code"), seen.answers.get("code")
    added = seen.facts.get("added", "")
    states = judging.states(again, "The build after the new package:")
    installed = judging.wasted(code)[0] if code else ()
    goals = (
        judging.builds(seen, "code"),
        judging.answers(
            answer,
            "the app starts and answers",
            "the image builds, but the app doesn't answer. The end of its log is below. Is everything it needs copied and "
            "installed, and does its CMD find it?",
        ),
        Goal(
            "the image has the new package",
            seen.facts.get("has it"),
            f"{added} was added to requirements.txt, but isn't in the image. Does every build read that file?",
            states,
        ),
        judging.downloads_little(
            again if code else None,
            "after a new package, nothing else is downloaded",
            lambda build, step: _why(build, step, seen.facts["filled"]),
            states,
        ),
        Goal(
            "the image carries no cache of packages",
            judging.tested(seen.facts.get("copies"), lambda copies: copies <= 1),
            "the image has the packages more than once: installed, and in a cache that was written to a layer. Which folder "
            "does the installer keep its cache in, and does every RUN that installs have a mount there?",
            states,
        ),
        Goal(
            "after a code edit, nothing is installed",
            judging.tested(code, lambda _: not installed),
            "an edit of one line of code installed the packages again. What's copied before the installation that it "
            "doesn't need?",
            judging.states(code, "The build after the edit of the code:"),
        ),
    )
    return judged(goals, again)


def _why(again: Build, step: Step, filled: dict[str, int]) -> str:
    """Why a step downloaded much after one new package: no mount, a mount that is not used, or one that does not help."""
    said = f"one new package made line {step.line} (RUN) download the others again, too."
    used = cache_mounts(again, step)
    if not used:
        return (
            f"{said} No cache mount covers any folder while it runs, so nothing can be kept. Does it need the list of "
            "packages at all, or could it come before the list? If it needs it, where does its installer keep its cache?"
        )
    target = next(iter(used))
    if all(filled.get(name, 0) < NEARLY_EMPTY for name in used.values()):
        return (
            f"{said} It has a cache mount at {target}, but two builds put next to nothing into it. Where does "
            "the installer really keep its cache, and is it allowed to? (`uv cache dir`, `pip cache dir`)"
        )
    return (
        f"{said} Its cache mount at {target} is full, but doesn't help. Did the downloads ever go there, and does the "
        "installer find them again? Notebook 03 shows what pip keeps, and what uv keeps."
    )


LAB = Lab(name="03-mount-a-cache", app="diet_planner", script=script, judge=judge)
