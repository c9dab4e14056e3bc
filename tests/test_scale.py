"""A team and a fleet: the simulation on recipes whose answers can be worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from layerlab.scale import (
    NONE,
    REGISTRY_MAX,
    REGISTRY_MIN,
    RUNNER,
    RUNNER_MOUNTS,
    SHARED,
    STRATEGIES,
    Event,
    Fleet,
    Part,
    Recipe,
    Strategy,
    agreement,
    agreement_chart,
    bands,
    explore,
    over,
    over_chart,
    pays_above,
    pays_from,
    predicted,
    simulate,
    sliders,
    strategies_chart,
)
from layerlab.scale.days import drawn_edits
from layerlab.scale.fleet import Fleet as AnyFleet
from layerlab.scale.hits import NOTHING, outcome


def part(line, after, below, reads, in_image, seconds, mb, warm_seconds=None, warm_mb=None) -> Part:
    size = round(mb * 1e6)
    return Part(
        line, f"step {line}", after, below, tuple(letter in reads for letter in "bdc"), in_image, seconds,
        0 if in_image else size, seconds if warm_seconds is None else warm_seconds,
        0 if in_image else size if warm_mb is None else round(warm_mb * 1e6), size,
    )  # fmt: skip


#: A stage that installs tools (line 2) and packages (3); the image copies the packages (5), then the code (6).
RECIPE = Recipe(
    (
        part(2, (), None, "b", False, 30.0, 40),
        part(3, (0,), 0, "bd", False, 20.0, 10, warm_seconds=5.0, warm_mb=1),
        part(5, (1,), None, "bd", True, 1.0, 10),
        part(6, (2,), 2, "bdc", True, 0.5, 0.1),
    ),
    floor_seconds=0.5,
    base_bytes=70_000_000,
    export_rate=1e-7,
)
FIRST, CODE, DEPENDENCY = Event(1, "none"), Event(1, "code"), Event(1, "dependency")


def lines(strategy: Strategy, *script: Event) -> list[tuple[int, ...]]:
    return list(predicted(RECIPE, strategy, script)["ran"])


def test_without_a_cache_everything_runs_each_time():
    assert lines(NONE, FIRST, FIRST, CODE) == [(2, 3, 5, 6)] * 3


def test_a_runner_has_what_it_built_itself():
    script = (FIRST, CODE, Event(2, "none"), DEPENDENCY, Event(2, "code"))
    assert lines(RUNNER, *script) == [(2, 3, 5, 6), (6,), (2, 3, 5, 6), (3, 5, 6), (3, 5, 6)]
    assert lines(SHARED, *script) == [(2, 3, 5, 6), (6,), (), (3, 5, 6), (6,)]


def test_a_cache_of_the_image_alone_loses_the_stage_that_built_it():
    script = (FIRST, Event(2, "code"), Event(3, "dependency"), Event(1, "none"))
    assert lines(REGISTRY_MIN, *script) == [(2, 3, 5, 6), (6,), (2, 3, 5, 6), ()]
    assert lines(REGISTRY_MAX, *script) == [(2, 3, 5, 6), (6,), (3, 5, 6), ()]


def test_a_filled_mount_leaves_less_to_do():
    cold, warm = (predicted(RECIPE, s, (FIRST, DEPENDENCY)) for s in (RUNNER, RUNNER_MOUNTS))
    assert list(cold["down_mb"]) == [50, 10] and list(warm["down_mb"]) == [50, 1]
    assert cold["seconds"][1] - warm["seconds"][1] == pytest.approx(15)


def test_what_a_registry_gives_and_gets():
    told = predicted(RECIPE, REGISTRY_MAX, (FIRST, CODE, DEPENDENCY))
    # First everything and the base, then one layer; for the packages, the tools are fetched, because pip stands on them.
    assert list(told["up_mb"].round(1)) == [70 + 60.1, 0.1, 20.1]
    assert list(told["down_mb"].round(1)) == [50, 10, 10 + 40]
    less = predicted(RECIPE, REGISTRY_MIN, (FIRST, CODE, DEPENDENCY))
    assert list(less["up_mb"].round(1)) == [70 + 10.1, 0.1, 10.1]


def test_layers_below_a_fetched_one_are_fetched_too():
    edits = np.array([[NOTHING, 1]])
    parts = (part(1, (), None, "b", False, 1, 30), part(2, (0,), 0, "b", False, 1, 5), *RECIPE.parts[1:])
    moved = [
        dataclasses.replace(p, after=tuple(a + 1 for a in p.after), below=p.below and p.below + 1) for p in parts[2:]
    ]
    recipe = dataclasses.replace(RECIPE, parts=(*parts[:2], dataclasses.replace(moved[0], below=1), *moved[1:]))
    seen = outcome(recipe, REGISTRY_MAX, np.zeros_like(edits), edits)
    assert seen.pulled[0, 1].tolist() == [True, True, False, False, False]


def test_arrays_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        outcome(RECIPE, NONE, np.zeros((1, 2), int), np.zeros((1, 3), int))


def test_edits_come_as_often_as_the_odds_say():
    fleet = Fleet(base_odds=0.1, dependency_odds=0.2, code_odds=0.3)
    drawn = drawn_edits(np.random.default_rng(0).random(100_000), fleet)
    shares = [(drawn == kind).mean() for kind in (0, 1, 2, NOTHING)]
    assert shares == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.01)


@pytest.mark.parametrize("wrong", [{"base_odds": 0.9}, {"code_odds": -0.1}, {"runners": 0}, {"mbit": 0}])
def test_a_fleet_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"odds|at least"):
        AnyFleet(**wrong)


def test_the_same_seed_gives_the_same_days_and_another_one_others():
    one, same, other = (simulate(RECIPE, Fleet(), days=20, seed=seed) for seed in (1, 1, 2))
    assert one.equals(same) and not one.equals(other)


def test_all_days_without_a_cache_are_alike_and_a_shared_builder_is_never_worse():
    days = simulate(RECIPE, Fleet(), days=50)
    wide = days.pivot(index="day", columns="strategy", values="seconds")
    assert wide[NONE.name].nunique() == 1
    assert (wide[SHARED.name] <= wide[RUNNER_MOUNTS.name] + 1e-6).all()
    assert (wide[RUNNER_MOUNTS.name] <= wide[RUNNER.name] + 1e-6).all()
    steps = days["steps_ran"] + days["steps_cached"]
    assert (steps == Fleet().builds_a_day * len(RECIPE.parts)).all()


def test_a_day_without_chance_costs_what_a_pencil_says():
    fleet = Fleet(
        runners=1, builds_a_day=10, dependency_odds=0, base_odds=0, code_odds=1, mbit=8, minute_price=6, gb_price=1
    )
    row = simulate(RECIPE, fleet, (RUNNER,), days=1).iloc[0]
    build = 0.5 + 0.5 + 0.1e6 * 1e-7 + 0.1  # floor, step, packing, and 0.1 MB at 1 MB a second
    assert row.seconds == pytest.approx(10 * build)
    assert row.price == pytest.approx(build + 0.001)


def test_with_more_runners_own_layers_lose_to_a_registry():
    curve = over(RECIPE, Fleet(builds_a_day=40, mbit=400), "runners", [1, 2, 4, 8, 16], (RUNNER, REGISTRY_MAX), days=30)
    first = pays_from(curve, REGISTRY_MAX, RUNNER)
    assert first is not None and first > 1
    assert pays_from(curve, RUNNER, REGISTRY_MAX) is None


def test_the_bandwidth_found_is_where_both_take_equally_long():
    fleet = dataclasses.replace(Fleet(), code_odds=0.5, dependency_odds=0.5, base_odds=0)
    # The tools' layer is ten times what was downloaded for it: on a slow line, fetching it takes longer than making it.
    unpacked = dataclasses.replace(RECIPE.parts[0], layer_bytes=400_000_000)
    recipe = dataclasses.replace(RECIPE, parts=(unpacked, *RECIPE.parts[1:]))
    found = pays_above(recipe, fleet, REGISTRY_MAX, NONE)
    assert found is not None and found > 0
    means = simulate(recipe, dataclasses.replace(fleet, mbit=found), (REGISTRY_MAX, NONE), days=100)
    one, other = means.groupby("strategy")["seconds"].mean()
    assert one == pytest.approx(other, rel=1e-6)


def test_what_is_never_or_always_faster_has_no_crossing():
    assert pays_above(RECIPE, Fleet(), NONE, SHARED) is None
    assert pays_above(RECIPE, Fleet(), SHARED, NONE) == 0.0


def test_a_larger_project_has_the_same_shape():
    larger = RECIPE.times(10)
    assert larger.image_bytes == 10 * RECIPE.image_bytes
    assert [p.after for p in larger.parts] == [p.after for p in RECIPE.parts]
    assert larger.parts[0].seconds == 300


def test_agreement_is_of_the_same_steps_not_of_their_number():
    said = predicted(RECIPE, RUNNER, (FIRST, CODE))
    assert list(agreement(said, said)["agree"]) == ["yes", "yes"]
    seen = said.assign(ran=[(2, 3, 5, 6), (5,)])
    assert list(agreement(said, seen)["agree"]) == ["yes", "no"]
    with pytest.raises(ValueError, match="same day"):
        agreement(said, said.assign(edit="code"))


def test_an_event_is_one_that_can_be_replayed():
    with pytest.raises(ValueError, match="edit"):
        Event(1, "base")
    with pytest.raises(ValueError, match="runner"):
        Event(0, "code")


def test_charts_say_in_words_what_they_show():
    days = simulate(RECIPE, Fleet(), days=20)
    assert all(s.name in repr(strategies_chart(days, Fleet())) for s in STRATEGIES)
    curve = over(RECIPE, Fleet(), "runners", [1, 4], (RUNNER, REGISTRY_MAX), days=10)
    chart = over_chart(curve, "more runners", "runners", "hours a day", 3600)
    assert RUNNER.name in repr(chart) and "from runners 1 to 4" in repr(chart)
    assert len({trace.line.dash for trace in chart.data if trace.mode} - {None}) == 2  # not by colour alone
    said = predicted(RECIPE, RUNNER, (FIRST, CODE))
    assert "said" in repr(agreement_chart(said, said))


def test_bands_are_in_order():
    table = bands(simulate(RECIPE, Fleet(), days=30), "seconds")
    assert list(table.index) == [s.name for s in STRATEGIES]
    assert (table["low"] <= table["median"]).all() and (table["median"] <= table["high"]).all()


def test_sliders_move_the_fleet_and_read_without_a_kernel(monkeypatch):
    shown = []
    monkeypatch.setattr(sliders, "display", lambda data, **_: shown.append(data))
    seen = explore(RECIPE, Fleet(runners=3))
    assert "runners 3" in repr(seen)
    seen._ipython_display_()
    widget, chart = shown
    assert "application/vnd.jupyter.widget-view+json" in widget and "<td>3</td>" in widget["text/html"]
    assert "3 runners" in repr(chart)
    seen._sliders["runners"].value = 9
    assert seen.fleet.runners == 9
    seen._sliders["dependency_odds"].value, seen._sliders["base_odds"].value = 0.5, 0.2
    assert seen.fleet.code_odds == pytest.approx(0.3)
