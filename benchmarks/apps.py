"""What a good Dockerfile saves, app by app, beside what the team's guide says; builds of the two variants take turns."""

from __future__ import annotations

import dataclasses
import os
import statistics
from collections.abc import Iterator

from layerlab import App, Machine
from layerlab.machine import package_index

from .result import Result, spread
from .turns import in_turns, ratio

#: Pairs of a fully cached build and a rebuild after an edit of the code, both of the good variant.
EDIT_PAIRS = 12
#: Pairs of rebuilds after a code edit, by the slow variant and by the good one; the slow one takes up to half a minute.
SLOW_PAIRS = 3
#: Largest download for a new dependency, as a share of a cold build's: the new one is small, the others are many.
ONLY_WHAT_CHANGED = 0.1


@dataclasses.dataclass(frozen=True)
class Course:
    """An app of the course.

    Attributes:
        app: its name.
        slow: its slow variant.
        good: its good variant.
        guide: what its team's guide says about a code edit.
        mounted: the variant whose cache mount keeps downloads no matter what the index says about keeping them.
    """

    app: str
    slow: str
    good: str
    guide: str
    mounted: str = "uv"


#: The guides' figures are for their own machines, networks and packages.
COURSES = (
    Course("radiology_api", "before", "after", "5–8 min → 15 s (RadiAssist, Cache Efficiency)"),
    Course("semantic_search", "before", "after", "10 h → 10–30 s (FastAPI search, Build Time Improvements)", "after"),
    Course("diet_planner", "before", "uv", "10–30 min → 0.5–2 min (SmartDiet, Performance Comparison)"),
    Course("agent_platform", "before", "after", "4+ min → 30–60 s (AMAS, Performance Improvements)", "after"),
    Course("venv_service", "before", "after", "5–10 min → 30–60 s (venv guide, Build Performance)"),
)
#: The app with a single-stage and a multi-stage variant, compared by size.
SIZES = ("venv_service", "single", "after")


def code_edits() -> Iterator[Result]:
    """Measure what a code edit costs each app's good variant, against a fully cached build and against its slow variant."""
    with Machine.start("bench") as machine:
        for course in COURSES:
            with App(course.app) as app:
                yield from _code_edit(machine, app, course)


def _code_edit(machine: Machine, app: App, course: Course) -> Iterator[Result]:
    def build(variant: str, edit: str) -> float:
        """Return the seconds of the client's command; the benchmark `build` measures what LayerLab adds to it."""
        app.edit(edit)
        os.sync()  # so that nothing is timed that the previous build still has to write
        return machine.build(app, variant, view="none").seconds

    build(course.good, "none")
    edited, cached = in_turns(lambda: build(course.good, "code"), lambda: build(course.good, "none"), EDIT_PAIRS)
    yield Result(
        f"{course.app}: a code edit, rebuilt by `{course.good}` / a fully cached build of it",
        ratio(edited, cached), 1.3, "×",
        detail=f"{spread(edited, 's')}, cached {statistics.median(cached):.2f} s",
    )  # fmt: skip
    slow, fast = in_turns(lambda: build(course.slow, "code"), lambda: build(course.good, "code"), SLOW_PAIRS)
    yield Result(
        f"{course.app}: the same code edit, by `{course.slow}` ({statistics.median(slow):.1f} s) / "
        f"by `{course.good}` ({statistics.median(fast):.2f} s)",
        ratio(slow, fast), 20, "×", at_least=True, detail=spread(slow, "s"), guide=course.guide,
    )  # fmt: skip


def dependency_edits() -> Iterator[Result]:
    """Measure what each app's variant with a cache mount downloads for one new dependency, against a cold build of it."""
    with Machine.start("bench") as machine:
        for course in COURSES:
            with App(course.app) as app:
                machine.reset()
                # Its Compose file names the office's index, and pip keeps only what that index lets it keep.
                if course.app == "agent_platform":
                    os.environ.update(package_index.serve(machine, app))
                cold = machine.build(app, course.mounted, view="none")
                app.edit("dependency")
                again = machine.build(app, course.mounted, view="none")
            new, all_ = again.downloaded_bytes / 1e6, cold.downloaded_bytes / 1e6
            yield Result(
                f"{course.app}, `{course.mounted}`: downloaded for one more dependency ({new:.2f} MB) / by a cold build "
                f"({all_:.1f} MB)",
                new / all_, ONLY_WHAT_CHANGED, "×",
                detail="as pip and uv report it; uv only names files of 1 MB and more",
                guide="670 MB → 0 MB (AMAS, Performance Improvements)" if course.app == "agent_platform" else "",
            )  # fmt: skip


def sizes() -> Iterator[Result]:
    """Compare the image of a multi-stage variant with that of a single-stage one, as a registry stores them."""
    name, single, multi = SIZES
    with Machine.start("bench") as machine, App(name) as app:
        one, other = (machine.build(app, variant, view="none").image_bytes / 1e6 for variant in (single, multi))
    yield Result(
        f"{name}: image of `{multi}` ({other:.0f} MB) / of `{single}` ({one:.0f} MB)", other / one, 0.6, "×"
    )  # fmt: skip
