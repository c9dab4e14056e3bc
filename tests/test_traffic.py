"""Counting downloads from samples of a machine's network: never a wrong number, and none where the evidence doesn't decide."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.engines import traffic as engine
from layerlab.record.traffic import Sample, telling
from layerlab.traces.events import Vertex
from layerlab.traces.traffic import OFF_BYTES, OFF_SHARE, cables, counted, fetching

#: Seconds between two samples in the worlds below. A container is connected for longer, so each is seen.
STEP = 1.0
MB = 1_000_000


@dataclasses.dataclass(frozen=True)
class Container:
    """A container that is connected from `came` to `went`, and what it gets: (when, bytes, whether from the computer)."""

    name: str
    came: float
    went: float
    gets: tuple[tuple[float, int, bool], ...] = ()

    def got(self, until: float, *, from_computer: bool | None = None) -> int:
        return sum(n for at, n, outside in self.gets if at <= until and from_computer in (None, outside))


def sampled(containers: list[Container], times: list[float]) -> list[Sample]:
    """What a sampler sees. What doesn't come from the computer comes from a neighbour, the container called "index"."""
    kept: list[Sample] = []
    telling((_sample(containers, at) for at in times), kept)
    return kept


def _sample(containers: list[Container], at: float) -> Sample:
    served = sum(c.got(at, from_computer=False) for c in containers)
    there = {c.name: (c.got(at), served if c.name == "index" else 0) for c in containers if c.came <= at < c.went}
    return Sample(at, sum(c.got(at, from_computer=True) for c in containers), there)


def test_one_run_is_counted_to_the_last_byte():
    """Also what comes between the last sample and the container's end, and also in a build of an hour."""
    pip = Container("veth1", 10.2, 19.5, ((11, 5 * MB, True), (19.4, MB, True)))
    samples = sampled([pip], [float(n) for n in range(3600)])
    assert len(samples) < 10
    counts = counted(samples, {"pip": [(10.0, 19.6)]})
    assert (counts.each, counts.together, counts.complete) == ({"pip": 6 * MB}, 0, True)


def test_a_neighbour_is_counted_too():
    """An index on the same machine sends nothing over the bridge's own counters."""
    index = Container("index", -5, 99)
    pip = Container("veth1", 10.2, 19.5, ((11, 5 * MB, False),))
    counts = counted(sampled([index, pip], [float(n) for n in range(30)]), {"pip": [(10.0, 19.6)]})
    assert counts.each == {"pip": 5 * MB} and counts.complete


def test_runs_that_begin_together_are_counted_together():
    both = [Container("veth1", 10.2, 15.5, ((11, MB, True),)), Container("veth2", 10.3, 25.5, ((12, 3 * MB, True),))]
    counts = counted(sampled(both, [float(n) for n in range(40)]), {"a": [(10.0, 15.6)], "b": [(10.1, 25.6)]})
    assert (counts.each, counts.together, counts.complete) == ({}, 4 * MB, True)


def test_a_run_that_begins_later_is_told_apart():
    """Its own cable came before, so the new one isn't the first run's, though that still runs."""
    both = [Container("veth1", 10.2, 25.5, ((11, MB, True),)), Container("veth2", 15.3, 20.5, ((16, 3 * MB, True),))]
    counts = counted(sampled(both, [float(n) for n in range(40)]), {"a": [(10.0, 25.6)], "b": [(15.1, 20.6)]})
    assert (counts.each, counts.together, counts.complete) == ({"a": MB, "b": 3 * MB}, 0, True)


def test_a_container_of_somebody_else_makes_it_unknown():
    other = Container("veth2", 12.3, 20.5, ((13, 3 * MB, True),))
    pip = Container("veth1", 10.2, 25.5, ((11, MB, True),))
    counts = counted(sampled([pip, other], [float(n) for n in range(40)]), {"pip": [(10.0, 25.6)]})
    assert (counts.each, counts.complete) == ({}, False)


def test_a_container_that_came_before_or_between_is_nobodys():
    others = [Container("veth0", -5, 99, ((11, 7 * MB, True),)), Container("veth2", 3.3, 9.0, ((4, 3 * MB, True),))]
    pip = Container("veth1", 10.2, 25.5, ((11, MB, True),))
    counts = counted(sampled([pip, *others], [float(n) for n in range(40)]), {"pip": [(10.0, 25.6)]})
    assert counts.each == {"pip": MB} and counts.complete


@pytest.mark.parametrize("times", [[], [12.0, 30.0], [0.0, 15.0]], ids=["no counters", "too late", "too short"])
def test_a_run_that_was_not_watched_is_unknown(times):
    pip = Container("veth1", 10.2, 19.5, ((11, 5 * MB, True),))
    counts = counted(sampled([pip], times), {"pip": [(10.0, 19.6)]})
    assert (counts.each, counts.complete) == ({}, False)


def test_a_run_without_a_cable_is_unknown():
    """Such as one in the computer's own network, which no option of its own tells."""
    assert not counted(sampled([], [float(n) for n in range(30)]), {"pip": [(10.0, 19.6)]}).complete


def test_a_build_in_which_nothing_ran_is_counted():
    assert counted([], {}).complete


# -- worlds ------------------------------------------------------------------------------------------------------------

BYTES = st.integers(0, 60 * MB)


@st.composite
def worlds(draw):
    """Runs with their containers, perhaps those of others, and the times of samples."""
    runs, containers = {}, []
    for number in range(draw(st.integers(1, 4))):
        start = draw(st.floats(1, 30))
        came = start + draw(st.floats(0, 2))
        went = came + draw(st.floats(1.01 * STEP, 12))
        runs[f"run {number}"] = [(start, went + draw(st.floats(0, 1)))]
        containers.append(_container(draw, f"run {number}", came, went))
    for number in range(draw(st.integers(0, 2))):
        came = draw(st.floats(-5, 40))
        containers.append(_container(draw, f"other {number}", came, came + draw(st.floats(0.1, 30))))
    if draw(st.booleans()):
        containers.append(Container("index", -9, 99))
    times, at = [], draw(st.floats(-2, 2))
    while at < 60:
        times.append(at)
        at += draw(st.sampled_from([0.1, 0.5, STEP]))
    return runs, containers, times


def _container(draw, name: str, came: float, went: float) -> Container:
    when = st.floats(came, went, exclude_max=True)
    return Container(name, came, went, tuple(draw(st.lists(st.tuples(when, BYTES, st.booleans()), max_size=4))))


@given(worlds())
def test_what_is_counted_is_true(world):
    runs, containers, times = world
    if not any(c.name == "index" for c in containers):
        containers = [dataclasses.replace(c, gets=tuple((t, n, True) for t, n, _ in c.gets)) for c in containers]
    truth = {c.name: c.got(99) for c in containers}
    samples = sampled(containers, times)
    counts = counted(samples, runs)
    for run, told in counts.each.items():
        assert told <= truth[run] <= told + max(OFF_BYTES, OFF_SHARE * truth[run])
    if counts.complete:
        whole = sum(truth[run] for run in runs)
        told = sum(counts.each.values()) + counts.together
        assert told <= whole <= told + max(len(runs) * OFF_BYTES, OFF_SHARE * whole)
    for cable in cables(samples):
        assert cable.least <= cable.most


# -- what is counted ---------------------------------------------------------------------------------------------------

START, END = "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"


def vertex(name: str, *, cached: bool = False, completed: str = END) -> Vertex:
    return Vertex(name, [name], times={START: completed}, hits={START} if cached else set())


FORCED = {"invocation": {"parameters": {"args": {"force-network-mode": "host"}}}}


@pytest.mark.parametrize(
    ("name", "provenance", "known"),
    [
        ("[2/3] RUN pip install six", {}, True),
        (
            "[web build 2/3] RUN --mount=type=cache,target=/root/.cache   --mount=type=tmpfs,target=/x pip install",
            {},
            True,
        ),
        ("[stage-0 2/2] ONBUILD RUN make", {}, True),
        ("[2/3] RUN --network=default pip", {}, True),
        ("[2/3] RUN --mount=type=cache,target=/c --network=host pip", {}, False),
        ("[2/3] RUN pip install", FORCED, False),
        ("[2/3] RUN --network=default pip install", FORCED, True),
        ("[2/3] ADD https://example.com/a.tar /", {}, False),
        ("[2/3] ADD --link git@example.com:a/b.git /", {}, False),
        ("[2/3] RUN --network=none make", {}, None),
        ("[2/3] RUN <<EOF\npip --network=host\nEOF", {}, True),
        ("[2/3] COPY . .", {}, None),
        ("[2/3] ADD a.tar /", {}, None),
        ("[internal] load metadata for RUN", {}, None),
    ],
)
def test_what_may_download_and_whether_it_has_a_cable(name, provenance, known):
    found = fetching([vertex(name)], provenance)
    assert list(found) == ([] if known is None else [name])
    fits = [c for c in [Container("veth1", 0, 0)] if found and found[name][0][0] < float("inf")]
    assert bool(fits) == bool(known)


def test_what_was_cached_downloads_nothing():
    assert fetching([vertex("[2/3] RUN pip install six", cached=True)], {}) == {}


def test_a_run_that_was_stopped_is_unknown():
    (spans,) = fetching([vertex("[2/3] RUN pip install six", completed="")], {}).values()
    start = spans[0][0]
    assert not counted(
        sampled([Container("veth1", start, start + 9)], [start - 1, start + 1, start + 3]), {"pip": spans}
    ).complete


# -- sampling ----------------------------------------------------------------------------------------------------------


def test_a_container_that_has_no_clock_or_no_bridge_gives_no_samples():
    for answer in ("read -r _; echo 1700000000.%N 5", "exit 1", "read -r _; echo x"):
        ended = threading.Event()
        ended.set()
        assert list(engine.of_container(["sh", "-c", answer], "docker0", {}, ended)) == []


def test_a_line_of_a_container_is_a_sample():
    assert engine.parsed("12.5 100 veth1 7 8 veth2 9 10\n") == Sample(12.5, 100, {"veth1": (7, 8), "veth2": (9, 10)})
    for line in ("", "12.5", "x 1", "1 2 veth1 3"):
        with pytest.raises(ValueError, match=r"."):
            engine.parsed(line)


def test_a_bridge_that_is_not_there_is_an_error():
    with pytest.raises(OSError, match="no-bridge"):
        next(engine.of_bridge("no-bridge", threading.Event()))
