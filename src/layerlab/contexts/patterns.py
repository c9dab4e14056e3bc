"""Patterns as BuildKit reads them: those of an ignore file, and those of COPY --exclude and --parents. Pure text.

We match patterns ourselves because no library we found reads them this way (compared with real builds in
tests/engine/test_snapshot_engine.py). `docker.utils.build.PatternMatcher` follows the classic builder of 2015: it always lets
`.dockerignore` in and looks at only one parent. `pathspec` follows git: there, `*.pyc` matches in every folder, and a
re-inclusion below an ignored folder never matches. BuildKit uses Go's moby/patternmatcher, where a pattern becomes a string
comparison or a regular expression; `automaton` matches those.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Iterable

from .automaton import FOLDERS, NAME, matcher

#: What Go's strings.TrimSpace removes (unicode.IsSpace); Python's strip() would also take the separators \x1c to \x1f.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
#: A pattern with one of these isn't a plain path (fsutil, filter.go).
_SPECIAL = frozenset("*[]?^\\")
#: Letters whose escapes mean the same in Go's and Python's regular expressions; Go refuses other letters and digits.
_LETTERS = frozenset("dDwWsSbBAafnrtv")

#: For each pattern, whether it matched.
Matched = tuple[bool, ...]


class BadPattern(ValueError):
    """A pattern that BuildKit refuses, so the build fails."""


def read_rules(content: bytes) -> tuple[str, ...]:
    """Return the patterns of an ignore file, cleaned as BuildKit cleans them, without comments and empty lines."""
    rules = []
    for line in content.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape").split("\n"):
        if line.startswith("#"):
            continue
        pattern = line.strip(_SPACE)
        if not pattern:
            continue
        negated = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip(_SPACE) if negated else pattern
        if pattern:
            pattern = clean(pattern)
            pattern = pattern[1:] if len(pattern) > 1 and pattern[0] == "/" else pattern
        rules.append("!" + pattern if negated else pattern)
    return tuple(rules)


def clean(path: str) -> str:
    """Return the shortest equal path, as Go's path.Clean does: unlike Python's normpath, it turns "//a" into "/a"."""
    parts: list[str] = []
    rooted = path.startswith("/")
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", ".") and not (part == ".." and rooted):
            parts.append(part)
    return "/" * rooted + "/".join(parts) or "."


@dataclasses.dataclass(frozen=True)
class _Rule:
    text: str
    negated: bool
    match: Callable[[str], object]


class Patterns:
    """Several patterns: the last one that matches decides, and one with "!" lets a path in again.

    Raises BadPattern for a pattern that BuildKit refuses.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.rules = tuple(rule for pattern in patterns if (rule := _rule(pattern)))
        again = [_without_trailing_glob(r.text) for r in self.rules if r.negated]
        self._again = [text + "/" for text in again]
        self._anywhere = any(_SPECIAL & set(text) for text in again)

    def matches(self, path: str, parent: Matched = ()) -> tuple[bool, Matched]:
        """Return whether `path` ("a/b") is matched, and which patterns match: pass those as `parent` for the paths in it.

        Without `parent`, the folders above it are checked one by one.
        """
        verdict, matched = False, []
        for number, rule in enumerate(self.rules):
            hit = bool(parent) and parent[number]
            # As in BuildKit, a pattern that couldn't change the verdict isn't tried and counts as not matching.
            if not hit and rule.negated == verdict:
                hit = bool(rule.match(path)) or (not parent and any(rule.match(p) for p in _above(path)))
            matched.append(hit)
            if hit:
                verdict = not rule.negated
        return verdict, tuple(matched)

    def may_let_in_below(self, folder: str) -> bool:
        """Tell whether BuildKit looks into `folder`, which is matched, for something that a "!" pattern lets in again."""
        return self._anywhere or any(again.startswith(folder + "/") for again in self._again)


@functools.lru_cache(maxsize=4096)
def go_match(pattern: str) -> Callable[[str], object]:
    """Return Go's path.Match(pattern, …) as a function of the path. Raises BadPattern if the pattern is malformed."""
    return matcher(_go_expression(pattern), re.DOTALL)


def _go_expression(pattern: str) -> str:
    text, at = "", 0
    while at < len(pattern):
        char, at = pattern[at], at + 1
        if char == "*":
            text += NAME
        elif char == "?":
            text += "[^/]"
        elif char == "[":
            body, at = _character_class(pattern, at)
            text += body
        elif char == "\\":
            if at == len(pattern):
                raise BadPattern("\\ at the end")
            text, at = text + re.escape(pattern[at]), at + 1
        else:
            text += re.escape(char)
    return text


def _character_class(pattern: str, at: int) -> tuple[str, int]:
    """Return a regular expression for the class after a "[", and the position after its "]"."""
    negated = pattern[at : at + 1] == "^"
    at += negated
    ranges: list[str] = []
    while pattern[at : at + 1] != "]" or not ranges:
        low, at = _class_member(pattern, at)
        high = low
        if pattern[at : at + 1] == "-":
            high, at = _class_member(pattern, at + 1)
        # In Go, an upside-down range matches nothing.
        ranges.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
    body = "".join(ranges)
    return (f"[{'^' * negated}{body}]" if body else "." if negated else "(?!)"), at + 1


def _class_member(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at : at + 1] in ("", "-", "]"):
        raise BadPattern("bad character class")
    at += pattern[at] == "\\"
    if at == len(pattern):
        raise BadPattern("[ without ]")
    return pattern[at], at + 1


@functools.lru_cache(maxsize=4096)
def _rule(pattern: str) -> _Rule | None:
    pattern = pattern.strip(_SPACE)
    if not pattern:
        return None
    pattern = clean(pattern)
    negated = pattern.startswith("!")
    pattern = pattern[1:] if negated else pattern
    if not pattern:
        raise BadPattern("! without a pattern")
    _go_expression(pattern)  # for its syntax check
    return _Rule(pattern, negated, _matcher(pattern))


def _matcher(pattern: str) -> Callable[[str], object]:
    """Return the comparison that moby/patternmatcher makes: its kind follows from the characters, in order."""
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
                kind, text = "regex", text + FOLDERS
            elif kind == "exact":
                kind = "prefix"
            else:
                kind, text = "regex", text + ".*"
            if number == 0:
                kind = "suffix"
        elif char in "*?":
            kind, text = "regex", text + (NAME if char == "*" else "[^/]")
        elif char in ".+()|{}$":
            text += "\\" + char
        elif char == "\\":
            kind, text, at = "regex", text + _escape(rest[at]), at + 1
        else:
            kind = "regex" if char in "[]" else kind
            text += char
    if kind == "exact":
        return pattern.__eq__
    if kind == "prefix":
        return functools.partial(_starts_with, pattern[:-2])
    if kind == "suffix":
        return functools.partial(_ends_with, pattern[2:])
    try:
        return matcher(text, re.ASCII)
    except re.error as error:
        raise BadPattern(str(error)) from None


def _escape(char: str) -> str:
    if char == "z":
        return r"\Z"
    if (char.isascii() and not char.isalnum()) or char in _LETTERS:
        return "\\" + char
    raise BadPattern(f"\\{char}")


def _starts_with(prefix: str, path: str) -> bool:
    return path.startswith(prefix)


def _ends_with(suffix: str, path: str) -> bool:
    return path.endswith(suffix) or (suffix.startswith("/") and path == suffix[1:])


def _without_trailing_glob(text: str) -> str:
    return text.removesuffix("/**").removesuffix("/*")


def _above(path: str) -> Iterable[str]:
    """Return the folders that `path` is in, outermost first."""
    return itertools.accumulate(path.split("/")[:-1], lambda above, name: f"{above}/{name}")
