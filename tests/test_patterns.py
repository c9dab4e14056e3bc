"""Patterns take bounded time and give the answers that plain regular expressions give. Pure, no engine.

tests/test_snapshot.py holds the tables of what BuildKit does.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from layerlab.contexts import automaton, patterns
from layerlab.contexts.patterns import BadPattern, go_match

# -- the same answers -------------------------------------------------------------------------------------------------

# The oracle: how patterns were matched before the automaton, all by `re`, which is slow only for long inputs.


def go_expression(pattern: str) -> str:
    """Translate a pattern as Go's path.Match reads it. Raises BadPattern."""
    text, at = "", 0
    while at < len(pattern):
        char, at = pattern[at], at + 1
        if char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif char == "[":
            body, at = patterns._character_class(pattern, at)
            text += body
        elif char == "\\":
            if at == len(pattern):
                raise BadPattern("\\ at the end")
            text, at = text + re.escape(pattern[at]), at + 1
        else:
            text += re.escape(char)
    return text


def moby_expression(pattern: str) -> tuple[str, str]:
    """Return the kind of a pattern and its translation, as moby/patternmatcher makes them. Raises BadPattern."""
    kind, text, rest = "exact", "", list(pattern)
    at = 0
    for number in itertools.count():
        if at >= len(rest):
            break
        char, at = rest[at], at + 1
        if char == "*" and rest[at : at + 1] == ["*"]:
            at += 1
            at += rest[at : at + 1] == ["/"]
            if at < len(rest):
                kind, text = "regex", text + "(.*/)?"
            elif kind == "exact":
                kind = "prefix"
            else:
                kind, text = "regex", text + ".*"
            if number == 0:
                kind = "suffix"
        elif char in "*?":
            kind, text = "regex", text + ("[^/]*" if char == "*" else "[^/]")
        elif char in ".+()|{}$":
            text += "\\" + char
        elif char == "\\":
            kind, text, at = "regex", text + patterns._escape(rest[at]), at + 1
        else:
            kind = "regex" if char in "[]" else kind
            text += char
    return kind, text


def compiled(expression: str, flags: re.RegexFlag) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return re.compile(expression, flags)
        except re.error as error:
            raise BadPattern(str(error)) from None


def old_go_match(pattern: str) -> Callable[[str], object]:
    return compiled(go_expression(pattern), re.DOTALL).fullmatch


def new_rule(pattern: str) -> Callable[[str], object]:
    go_match(pattern)  # for its syntax check, as Patterns makes it
    return patterns._matcher(pattern)


def old_rule(pattern: str) -> Callable[[str], object]:
    go_expression(pattern)
    kind, text = moby_expression(pattern)
    if kind == "exact":
        return pattern.__eq__
    if kind == "prefix":
        return lambda path: path.startswith(pattern[:-2])
    if kind == "suffix":
        suffix = pattern[2:]
        return lambda path: path.endswith(suffix) or (suffix.startswith("/") and path == suffix[1:])
    return compiled(text, re.ASCII).fullmatch


PIECES = (
    "*", "*", "*", "**", "**/", "/", "?", "a", "b", ".", "[ab]", "[^a]", "[a-b]", "[b-a]", "[^b-a]", "[*]", "[?]", "[^*]",
    "[**]", "[.*/]", "[/]", "[[a]", "[\\]a]", "[", "]", "-", "^", "+", "(", ")", "|", "{1}", "$", "!", " ", "é", "\n",
    "\\*", "\\[", "\\a", "\\b", "\\B", "\\A", "\\z", "\\d", "\\w", "\\S",
)  # fmt: skip
PATTERN = st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("".join)
PATHS = st.lists(st.text("aab/./]-[1 \né^", max_size=9), min_size=1, max_size=20)


def answers(make: Callable[[str], Callable[[str], object]], pattern: str, paths: list[str]) -> list[bool] | str:
    try:
        match = make(pattern)
    except BadPattern:
        return "refused"
    return [bool(match(path)) for path in paths]


@settings(max_examples=1000)
@given(PATTERN, PATHS)
@example("*a**/b*", ["a\na/b", "a/a\n/b", "aab"])  # `**` doesn't match a line break, `*` does
@example("[*][*]*[*]", ["[[]^]/x[]", "]]x]"])  # the "*" in a class cuts it in two
@example("*[*[]a]*b*", ["[]b", "x[[]ab", "ab"])  # and the second part may begin with "]"
@example("**\\ba*b*\\B", ["a/ab-b", "ab", "-a/b"])
@example("**/*/**/**/**/a", ["a", "b/a", "c/b/a", "a/b"])
def test_patterns_match_as_plain_regular_expressions_do(pattern, paths):
    assert answers(go_match, pattern, paths) == answers(old_go_match, pattern, paths)
    assert answers(new_rule, pattern, paths) == answers(old_rule, pattern, paths)


@settings(max_examples=1000)
@given(PATTERN, PATHS, st.sampled_from([1, 30, automaton.REMEMBERED]))
def test_the_automaton_matches_as_regular_expressions_do(pattern, paths, remembered):
    """Without the short cut for few wildcards, and even if it forgets its states all the time."""
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(BadPattern):
        patch.setattr(automaton, "REMEMBERED", remembered)
        patch.setattr(automaton, "_few_wildcards", lambda parts: False)
        expressions = (go_expression(pattern), re.DOTALL), (moby_expression(pattern)[1], re.ASCII)
        for expression, flags in expressions:
            expected = [bool(compiled(expression, flags).fullmatch(path)) for path in paths]
            match = automaton.matcher(expression, flags)
            assert [match(path) for path in paths] == expected


# -- in bounded time --------------------------------------------------------------------------------------------------

#: What a red team found: `re` would take minutes here, during which neither Ctrl-C nor SIGTERM ends the process.
MANY_STARS, MANY_LETTERS = "*a" * 30 + "b", "a" * 200


def test_many_stars_and_a_long_name_take_no_time(tmp_path):
    (tmp_path / ".dockerignore").write_text(MANY_STARS + "\n")
    (tmp_path / MANY_LETTERS).write_text("")
    code = "import sys; from layerlab.contexts.taking import take; print(len(take(sys.argv[1]).entries))"
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=5)
    assert (done.stdout, done.stderr) == ("2\n", "")


@pytest.mark.parametrize(
    ("pattern", "path", "matched"),
    [
        (MANY_STARS, MANY_LETTERS, False),
        (MANY_STARS, MANY_LETTERS + "b", True),
        ("**/*a*a*a*b", "/".join(["a" * 255] * 16), False),
        ("*[^x]" * 30 + "b", "a" * 200, False),  # these classes match "/" as well
        ("[*]" * 30, "[" * 200, False),
        ("**/a" * 30 + "/b", "a/" * 2000 + "c", False),
        ("**/a/**/b", "a/" * 2000 + "c", False),
        ("*a**/*b", "a" * 255 + "/a" * 1900, False),
        ("*a\\B" * 30 + "b", "a" * 200, False),
        ("*a/" * 20 + "b", "a/" * 2000 + "c", False),
        ("*" * 60_000 + "a", "b" * 200, False),  # about the longest line that BuildKit reads (bufio.Scanner)
        ("*a" * 30_000 + "b", "a" * 200, False),
        ("*a" + "?" * 100 + "*b*c", "abba" * 60, False),  # nearly each character leads to a new state
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_nothing_takes_long(pattern, path, matched):
    began = time.process_time()
    match = patterns._rule(pattern).match
    assert bool(match(path)) is matched
    assert time.process_time() - began < 5


def test_an_automaton_forgets(monkeypatch):
    monkeypatch.setattr(automaton, "REMEMBERED", 1000)
    match = patterns._matcher("*a" + "?" * 50 + "*b*c")
    chance = random.Random(1)
    for _ in range(30):
        match("".join(chance.choices("ab", k=200)))
        assert len(match.states) <= 1001


@pytest.mark.parametrize(
    "pattern",
    [
        "*.pyc",
        "**/*.py[cod]",
        "**/*cache*",
        "**/*.egg-info/**",
        "**/__pycache__/**",
        "data/*/*.csv",
        "src/**/test_*.py",
        "a?b*",
    ],
)
def test_what_people_write_is_left_to_re(pattern):
    """It's faster there."""
    assert isinstance(patterns._rule(pattern).match.__self__, re.Pattern)


@pytest.mark.parametrize("pattern", ["*a*b*", "**/*a*b*", "**/a/**/b", "x[*]y[*]"])
def test_what_could_take_long_is_not(pattern):
    assert isinstance(patterns._rule(pattern).match, automaton._Automaton)
