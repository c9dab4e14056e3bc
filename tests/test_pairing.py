"""Two Dockerfiles side by side: nothing lost, nothing twice, in order; moves read as moves."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlab.diffing import pairing
from layerlab.diffing.pairing import (
    ADDED,
    CHANGED,
    MOVED,
    MOVED_CHANGED,
    REMOVED,
    SAME,
    LinePair,
    dockerfiles,
    lines_of,
    texts,
)

#: Lines that make Dockerfiles with repeats, continuations, heredocs, stages and nonsense.
LINES = [
    "", "", "# a comment", "# another", "FROM python:3.11-slim", "FROM python:3.11-slim AS base", "FROM base", "WORKDIR /app",
    "COPY . .", "COPY requirements.txt .", "COPY --from=base /app /app", "RUN pip install -r requirements.txt", "ENV A=1",
    "RUN apt-get update && \\", "    apt-get install -y gcc \\", "    curl", "RUN <<EOF", "EOF", "echo one", "ARG A", "\\",
    "nonsense",
    "RUN pip install --no-cache-dir -r requirements.txt", 'CMD ["python"]', "  RUN x  ",
]  # fmt: skip
dockerfile_texts = st.one_of(
    st.lists(st.sampled_from(LINES), max_size=14).map("\n".join),
    st.text(alphabet="RUN COPY\\\n#<EOF\r\x0c\u2028", max_size=60),
)


def check_rows(rows: tuple[LinePair, ...], left: str, right: str) -> None:
    assert [row.left for row in rows if row.left] == list(range(1, len(lines_of(left)) + 1))
    assert [row.right for row in rows if row.right] == list(range(1, len(lines_of(right)) + 1))
    assert all(row.left or row.right for row in rows)
    for row in rows:
        if row.left and row.right and not row.sign:
            assert lines_of(left)[row.left - 1] == lines_of(right)[row.right - 1]


@settings(max_examples=400, deadline=None)
@given(dockerfile_texts, dockerfile_texts)
def test_every_line_appears_once_and_in_order(left, right):
    rows, changes = dockerfiles(left, right)
    check_rows(rows, left, right)
    check_rows(texts(left, right), left, right)
    for side in ("left", "right"):
        lines = [getattr(c, side).line for c in changes if getattr(c, side)]
        assert len(lines) == len(set(lines))
    staying = [(c.left.line, c.right.line) for c in changes if c.kind in (SAME, CHANGED)]
    assert sorted(staying) == sorted(staying, key=lambda pair: pair[1])


@settings(max_examples=100, deadline=None)
@given(dockerfile_texts)
def test_a_file_does_not_differ_from_itself(text):
    rows, changes = dockerfiles(text, text)
    assert all(row == LinePair(n, n) for n, row in enumerate(rows, 1))
    assert {c.kind for c in changes} <= {SAME}


@settings(max_examples=100, deadline=None)
@given(st.permutations([f"RUN step-{'abcdefg'[n] * 5}" for n in range(7)]))
def test_a_reorder_is_only_moves_and_as_few_as_can_be(order):
    before = [f"RUN step-{'abcdefg'[n] * 5}" for n in range(7)]
    _, changes = dockerfiles("\n".join(before), "\n".join(order))
    kinds = [c.kind for c in changes]
    assert set(kinds) <= {SAME, MOVED}
    places = [before.index(line) for line in order]
    longest = max(
        size
        for size in range(1, 8)
        if any(list(chosen) == sorted(chosen) for chosen in itertools.combinations(places, size))
    )
    assert kinds.count(SAME) == longest


def kinds(left: str, right: str) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for change in dockerfiles(left, right)[1]:
        lines = (change.left.line if change.left else 0, change.right.line if change.right else 0)
        found.setdefault(change.kind, []).append(lines)
    return found


def test_the_typical_repair_is_one_move_and_one_addition():
    before = "FROM a\nCOPY . .\nRUN pip install -r requirements.txt\nRUN mkdir x\n"
    after = "FROM a\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nRUN mkdir x\nCOPY . .\n"
    assert kinds(before, after) == {SAME: [(1, 1), (3, 3), (4, 4)], ADDED: [(0, 2)], MOVED: [(2, 5)]}


def test_of_two_that_swap_the_copy_moved():
    assert kinds("COPY . .\nRUN x", "RUN x\nCOPY . .") == {SAME: [(2, 1)], MOVED: [(1, 2)]}
    assert kinds("RUN x\nCOPY . .", "COPY . .\nRUN x") == {SAME: [(1, 2)], MOVED: [(2, 1)]}


def test_a_move_says_where_to():
    rows, _ = dockerfiles("COPY . .\nRUN x\nRUN y", "RUN x\nRUN y\nCOPY . .")
    assert rows == (LinePair(1, 0, "↕", 3), LinePair(2, 1), LinePair(3, 2), LinePair(0, 3, "↕", 1))


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        ("RUN pip install -r r.txt", "RUN --mount=type=cache,target=/root/.cache/pip pip install -r r.txt", CHANGED),
        ("FROM python:3.11-slim", "FROM python:3.11-slim AS base", CHANGED),
        ("COPY main.py .", "COPY --chmod=755 --link main.py /srv/app/", CHANGED),
        ("ADD main.py .", "COPY main.py .", CHANGED),
        ("RUN a && \\\n  b", "RUN a && b", CHANGED),  # BuildKit sees a different text
        ("COPY . .", "COPY requirements.txt .", REMOVED),
        ("COPY --from=a /x /x", "COPY --from=b /x /y", CHANGED),
        ("RUN x", "COPY x x", REMOVED),
    ],
)
def test_what_counts_as_changed(left, right, kind):
    found = kinds(left, right)
    assert kind in found
    assert (ADDED in found) == (kind == REMOVED)


def test_moved_and_changed():
    left = "RUN a1\nCOPY main.py .\nRUN b22222\nRUN c333333"
    right = "RUN a1\nRUN b22222\nRUN c333333\nCOPY --link main.py /app/"
    assert kinds(left, right)[MOVED_CHANGED] == [(2, 4)]


def test_only_the_lines_that_differ_are_marked():
    rows, _ = dockerfiles("RUN a \\\n  b \\\n  c", "RUN a \\\n  b2 \\\n  c \\\n  d")
    assert [(r.left, r.right, r.sign) for r in rows] == [(1, 1, ""), (2, 2, "~"), (3, 3, "~"), (0, 4, "+")]


def test_comments_and_empty_lines_are_no_instructions():
    rows, changes = dockerfiles("FROM a\n\n# old\nRUN x", "FROM a\n# new\nRUN x")
    assert [c.kind for c in changes] == [SAME, SAME]
    assert [(r.left, r.right, r.sign) for r in rows] == [(1, 1, ""), (2, 0, ""), (3, 0, "−"), (0, 2, "+"), (4, 3, "")]


def test_repeated_instructions_keep_to_their_stages():
    left = "FROM a AS one\nWORKDIR /app\nRUN one\nFROM a AS two\nWORKDIR /app\nRUN two"
    right = "FROM a AS one\nWORKDIR /app\nRUN one\nRUN more and more\nFROM a AS two\nWORKDIR /app\nRUN two"
    assert kinds(left, right) == {SAME: [(1, 1), (2, 2), (3, 3), (4, 5), (5, 6), (6, 7)], ADDED: [(0, 4)]}


def test_line_numbers_are_those_of_the_reader():
    """A form feed ends a line for Python's splitlines, but not for BuildKit."""
    assert lines_of("a\x0cb\n\nc\n") == ["a\x0cb", "", "c"]
    assert pairing.lines_of("") == []
