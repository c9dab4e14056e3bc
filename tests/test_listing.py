"""How files are named in a sentence."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.explaining.listing import FEW, listed
from layerlab.texts.plain import named

OBJECTS = [f".git/objects/{n:02x}/{n}" for n in range(312)]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
        (OBJECTS, "312 files in .git/objects"),
        ([f".git/objects/{n:02x}/{'0' * 38}" for n in range(5)], "5 files in .git/objects"),
        ([*OBJECTS, "main.py"], "312 files in .git/objects and main.py"),
        ([*OBJECTS, ".git/HEAD", ".git/index", "main.py"], "314 files in .git and main.py"),
        ([f"d{n}/x" for n in range(20)], "d0/x, d1/x, d2/x and 17 more"),
        (["src", *(f"src/{n}" for n in range(20))], "21 files in src"),
        ([f"{n:04}" for n in range(1234)], "0000, 0001, 0002 and 1,231 more"),
    ],
)
def test_few_by_name_and_many_by_folder(names, text):
    assert listed(names) == text


@given(
    st.lists(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), min_size=1, max_size=60, unique=True
    )
)
def test_no_file_is_lost(names):
    text = listed(names)
    counted = sum(int(n) for n in re.findall(r"(\d+) (?:files|more)", text))
    assert counted + len(re.sub(r"\d+ files in [\w/]+|\d+ more", "", text).replace(" and", ",").split(",")) >= len(
        names
    )
    folders = re.findall(r"(\d+) files in ([\w/]+)", text)
    assert all(int(n) == sum(name == f or name.startswith(f"{f}/") for name in names) for n, f in folders)
    assert folders == [] or len(names) > FEW


@pytest.mark.parametrize(
    ("path", "text"),
    [("a b", "a b"), ("ünï", "ünï"), ("new\nline", "new\\nline"), ("bad\udcff", "bad\\xff"), ("\x1b[1m", "\\x1b[1m")],
)
def test_what_a_terminal_could_not_show_is_escaped(path, text):
    assert named(path) == text
