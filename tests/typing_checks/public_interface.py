"""What a user writes with the public names, and the types that a type checker sees. It's checked, not run: see test_typing.py."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import pandas as pd

from layerlab import (
    App,
    Build,
    Builder,
    BuildFailed,
    LayerLabError,
    Machine,
    before_after,
    compare,
    diff,
    doctor,
    explain,
    predict,
    report,
    timeline,
)
from layerlab.charts.chart import Chart
from layerlab.course import (
    BUDGET,
    REGISTRY_MAX,
    RUNNER_MOUNTS,
    CommandFailed,
    Court,
    Event,
    Registry,
    Way,
    attempts,
    attempts_chart,
    bandwidth,
    cached,
    check_lab,
    clinic,
    compose_build,
    context_files,
    factors,
    fetched,
    inside,
    layers,
    mounts,
    over_bandwidth,
    package_index,
    package_mirror,
    printed,
    ran,
    rows_of,
    run,
    run_in,
    scale,
    sent_files,
    steps,
    summary,
    together,
    verdicts,
    your_files,
)
from layerlab.diagnosing.doctor import Report
from layerlab.diffing.diff import Diff
from layerlab.explaining.causes import Explanation, StepCause
from layerlab.labs.verdict import Verdict
from layerlab.machine.asking import Answer, Ran
from layerlab.predicting.grade import Grade
from layerlab.record.snapshot import Snapshot
from layerlab.record.step import Phase, Step


class Counting:
    """A view of the user's own."""

    def __init__(self) -> None:
        self.events = 0

    def feed(self, event: object) -> None:
        self.events += 1

    def tick(self) -> None: ...

    def finish(self, build: Build | None) -> None:
        print(self.events, "events, cancelled" if build is None else "events")


def a_build(folder: Path) -> Build:
    with App.from_path(folder) as app, Machine.start("laptop", say=print) as machine:
        assert_type(app, App)
        assert_type(app.variants, list[str])
        assert_type(app.edit("code"), str)
        assert_type(machine, Machine)
        assert_type(Machine.all(), list[Machine])
        try:
            build = machine.build(
                app, "Dockerfile", target="final", args={"A": "1"}, options=["--pull"], view=Counting()
            )
        except BuildFailed as failure:
            assert_type(failure.build, Build)
            assert_type(failure.step, Step | None)
            raise
        assert_type(build, Build)
        assert_type(machine.ask(app, build), Answer)
        return build


def on_a_builder_of_mine(folder: Path) -> Build:
    builder = Builder.here()
    assert_type(Builder("ci"), Builder)
    assert_type(builder.name, str)
    assert_type(builder.details.driver, str)
    with App.at(folder) as app:
        compare(builder, app, builder.variants(app), edits=["none"])
        return assert_type(builder.build(app, "", options=["--load"], say=print), Build)


def its_record(build: Build) -> None:
    assert_type(build.steps, tuple[Step, ...])
    assert_type(build.phases, tuple[Phase, ...])
    assert_type(build.seconds, float)
    assert_type(build.image_bytes, int | None)
    assert_type(build.contexts["context"], Snapshot)
    assert_type(build.steps_frame(), pd.DataFrame)
    assert_type(build.state("pip install"), str)
    assert_type(Build.load(build.save("build.json")), Build)


def why(build: Build, earlier: Build) -> None:
    explanation = explain(build, earlier)
    assert_type(explanation, Explanation)
    assert_type(explanation.roots, tuple[StepCause, ...])
    assert_type(explanation.of("pip install").why, str)
    assert_type(explanation.to_frame(), pd.DataFrame)


def comparisons(machine: Machine, app: App, build: Build) -> None:
    results = compare(machine, app, app.variants, edits=["cold", "code"], repeats=2)
    assert_type(results, pd.DataFrame)
    assert_type(before_after(results), Chart)
    assert_type(summary(results), pd.DataFrame)
    assert_type(timeline(build).update_layout(height=500), Chart)
    found = diff(app, "before", "after", results)
    assert_type(found, Diff)
    assert_type(found.to_frame(), pd.DataFrame)
    guess = predict(app, "before", ["run", None, "cached"])
    assert_type(guess.said, dict[int, str])
    assert_type(guess.grade(build), Grade)


def reports(build: Build) -> None:
    assert_type(report(build, "report.html"), Path)
    found = doctor()
    assert_type(found, Report)
    assert_type(found.ok, bool)
    try:
        report(build, "nowhere/report.html")
    except LayerLabError as error:
        assert_type(error.remedy, str)


def the_course(machine: Machine, app: App, build: Build) -> None:
    with Registry.start() as registry, registry.counting() as moved:
        assert_type(registry, Registry)
        assert_type(moved.pushed_bytes, int)
        assert_type(scale.replay(app, "before", REGISTRY_MAX, [Event(1, "code")], registry), pd.DataFrame)
    with package_index.served(machine, app) as office:
        assert_type(office, dict[str, str])
    with package_mirror.counting() as traffic, package_mirror.forbidding(machine):
        assert_type(traffic.files, list[str])
        assert_type(traffic.file_bytes + traffic.page_bytes, int)
    assert_type(run_in(machine, build.image, ["id"]), Ran)
    assert_type(run("docker", "version"), str)
    assert_type(mounts(machine), pd.DataFrame)
    assert_type(inside(machine, "pip"), pd.DataFrame)
    assert_type(context_files(app, "before"), pd.DataFrame)
    assert_type(rows_of(build, "none", repeat=0, number=0), pd.DataFrame)
    assert_type(layers(build, build, title="two images"), Chart)
    assert_type(over_bandwidth([Way("one", 1.0, 1e6), Way("other", 2.0, 1e5)]), Chart)
    assert_type(attempts_chart(attempts("capstone"), BUDGET), Chart)
    assert_type(bandwidth({"packages": 22_975_300}).table(), str)
    assert_type(sent_files(build), dict[str, int])
    assert_type(check_lab(machine, "01"), Verdict)
    assert_type(your_files("01"), dict[str, str])
    with clinic.patient(1) as patient:
        assert_type(patient.visit(machine).trouble, str)
    composed = compose_build(machine, app, "--no-cache", "api", TAG="1")
    assert_type(composed.cached("pip"), bool)
    assert_type(composed.states, dict[str, str])
    court = Court.open("claims.toml", "order")
    court.hear("layers", build, code_edited=ran(build, "pip") and not cached(build, "pip"))
    assert_type(verdicts(court.verdicts()), Chart)
    assert_type(factors(court.factors()), Chart)
    assert_type(steps(build, "pip"), list[Step])
    assert_type(fetched(build), int)
    assert_type(printed(build, "pip"), str)
    assert_type(together(build, "one", "other"), bool)


def a_fleet(cold: Build, again: Build) -> None:
    recipe = scale.Recipe.measured(cold, again, {"base": cold, "dependency": again, "code": again})
    assert_type(scale.simulate(recipe, scale.Fleet(runners=3)), pd.DataFrame)
    assert_type(scale.pays_above(recipe, scale.Fleet(), RUNNER_MOUNTS, REGISTRY_MAX), float | None)


def a_failed_command(error: CommandFailed) -> None:
    assert_type(error.command, tuple[str, ...])
