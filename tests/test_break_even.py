"""The bandwidth from which one way beats another: the arithmetic, and what the chart says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.charts.break_even import FASTEST, SLOWEST, Way, break_even, over_bandwidth

REBUILD = Way("rebuild", seconds=20.0, bytes=10_000_000)
IMPORT = Way("import", seconds=5.0, bytes=40_000_000)


def test_seconds_are_the_work_and_the_transfer():
    assert REBUILD.at(8) == 20 + 10  # 10 MB are 80 Mbit
    assert IMPORT.at(80) == 5 + 4


def test_they_break_even_where_they_take_equally_long():
    at = break_even(REBUILD, IMPORT)
    assert at == pytest.approx(16)  # 30 MB more are 240 Mbit; 15 s less
    assert REBUILD.at(at) == pytest.approx(IMPORT.at(at))
    assert break_even(IMPORT, REBUILD) == at


@pytest.mark.parametrize("other", [Way("worse in both", 21, 2e7), Way("same", 20, 1e7), Way("same work", 20, 2e7)])
def test_no_break_even_where_one_always_wins(other):
    assert break_even(REBUILD, other) is None


sizes = st.floats(0.1, 1e4)


@given(sizes, sizes, sizes, sizes, st.floats(1.01, 100))
def test_on_either_side_of_it_another_one_wins(a, b, c, d, factor):
    one, other = Way("one", a, b * 1e6), Way("other", c, d * 1e6)
    at = break_even(one, other)
    if at:
        (x, y), (z, w) = ((one.at(s), other.at(s)) for s in (at / factor, at * factor))
        assert (x - y) * (z - w) <= 0


def test_the_chart_says_which_is_faster_where():
    chart = over_bandwidth([REBUILD, IMPORT], title="Rebuild or import")
    assert repr(chart).startswith("Rebuild or import: below 16 Mbit/s rebuild is faster, above it import")
    assert [trace.x[0] for trace in chart.data] == [SLOWEST] * 2 and chart.data[0].x[-1] == pytest.approx(FASTEST)
    # Told apart without colour: by name beside the line, by dashes, by markers.
    assert len({trace.line.dash for trace in chart.data}) == len({trace.marker.symbol for trace in chart.data}) == 2
    assert {a.text.strip() for a in chart.layout.annotations} == {"rebuild", "import", "16 Mbit/s"}


def test_the_chart_of_a_clear_case_marks_no_crossing():
    chart = over_bandwidth([REBUILD, Way("import", 5, 1e6)])
    assert "import is faster at every bandwidth" in repr(chart)
    assert len(chart.layout.annotations) == 2


def test_too_many_ways():
    with pytest.raises(ValueError, match="2 to 3 ways"):
        over_bandwidth([REBUILD])
