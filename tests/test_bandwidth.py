"""Bytes as waiting: the arithmetic, the words, the slider, and the page without one."""

from __future__ import annotations

import pytest

from layerlab.course.waiting import SPEEDS, bandwidth, in_words, seconds

SIZES = {"before": 670e6, "after <b>": 0}


def test_bits_are_eight_a_byte_and_mega_is_a_million():
    assert seconds(670e6, 20) == 268
    with pytest.raises(ValueError, match="isn't a speed"):
        seconds(1, 0)


@pytest.mark.parametrize(
    ("took", "words"),
    [(0, "0 s"), (0.01, "under 0.1 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
     (268, "4 min 28 s"), (3599.6, "1 h 00 min"), (8100, "2 h 15 min")],
)  # fmt: skip
def test_a_time_is_said_as_people_say_it(took, words):
    assert in_words(took) == words


def test_without_a_kernel_there_is_a_table_and_text():
    shown = bandwidth(SIZES)
    bundle = shown._repr_mimebundle_()
    assert "4 min 28 s" in bundle["text/plain"] and "4 min 28 s" in bundle["text/html"]
    assert "after &lt;b&gt;" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_slider_moves_the_bars_and_says_what_it_chose():
    shown = bandwidth(SIZES)
    slider, bars = shown.widget.children
    assert slider.description and "4 min 28 s" in bars.value and 'role="status"' in bars.value
    slider.value = 1000
    assert shown.mbit == 1000 and "5.4 s" in bars.value and SPEEDS[1000] in bars.value
    assert "1,000 Mbit/s" in repr(shown)
    assert "min-width:2px" in bars.value and "min-width:0px" in bars.value  # no bytes, no bar


def test_a_speed_that_is_none_of_the_sliders_is_refused():
    with pytest.raises(ValueError, match="speeds are 1, 5"):
        bandwidth(SIZES, 7)


def test_nothing_to_send_is_no_error():
    assert "Mbit/s" in repr(bandwidth({})) and bandwidth({}).bars() and bandwidth({}).table()
