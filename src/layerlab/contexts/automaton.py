"""Match the regular expressions that patterns become, in time proportional to the path's length. Pure text.

Go's regular expressions take such time (RE2). Python's try every way to divide a path among the wildcards, and while they do,
no other thread runs and no signal arrives; with thirty wildcards, that's forever. So what has more than a few wildcards runs
here, as an automaton that reads each character once.

Why not always: for the few wildcards that people do write, `re` is five times faster (0.2 µs a path, not 1 µs). Why not
google-re2, which Go's engine descends from: it takes 4 µs, has no wheels for Alpine (musl), and refuses names that aren't UTF-8
and some of what `re` accepts (`\\Z`).
"""

from __future__ import annotations

import functools
import operator
import re
import warnings
from collections.abc import Callable

#: What `*` and `**` become: part of a name, any folders or none.
NAME, FOLDERS = "[^/]*", "(.*/)?"
#: How many transitions an automaton remembers, counted with the places in their states: some MB.
REMEMBERED = 20_000

#: The parts of an expression: FOLDERS, or a unit (an escape, a class, "(?!)", a character), perhaps repeated.
_PART = re.compile(
    r"(?P<folders>\(\.\*/\)\?)|(?P<unit>\\.|\[\^?\]?(?:\\.|[^]\\])*\]|\(\?!\)|.)(?P<repeated>\*?)", re.DOTALL
)
#: Units that match between two characters.
_BETWEEN = frozenset(("^", r"\A", r"\b", r"\B", r"\Z"))


def matcher(expression: str, flags: re.RegexFlag) -> Callable[[str], object]:
    """Return a function that tells whether an expression matches the whole of a path. Raises re.error if it's malformed.

    Args:
        expression: made of FOLDERS, characters, escapes, classes and (?!); any of them may have a `*` after it.
        flags: Python's.
    """
    compiled, parts = _compile(expression, flags), list(_PART.finditer(expression))
    return compiled.fullmatch if _few_wildcards(parts) else _Automaton(parts, flags)


def _few_wildcards(parts: list[re.Match[str]]) -> bool:
    """Tell whether `re` is quick: there are at most two wildcards, FOLDERS at most once.

    For each place where the first may end, `re` looks for the end of the second: some 30,000 steps in a name, which has at
    most 255 bytes (NAME_MAX), and 20 ms in the worst path, which has 4,096 (PATH_MAX). FOLDERS and NAME right after it count
    as one: where such a name ends tells where it begins.
    """
    wildcards, folders, before = 0, 0, ""
    for part in parts:
        if part["repeated"] and part[0] not in (NAME, ".*"):
            return False  # a class that a "*" in a pattern's class has cut in two: it may match "/"
        folders += bool(part["folders"])
        wildcards += bool(part["folders"] or (part["repeated"] and not (part[0] == NAME and before == FOLDERS)))
        before = part[0]
    return wildcards <= 2 and folders <= 1


class _Automaton:
    """A nondeterministic automaton, run as a deterministic one whose states are made when a path first needs them.

    A place is a position in the expression. A state holds those that the path, as far as it was read, may have led to. See
    Russ Cox, "Regular Expression Matching Can Be Simple And Fast" (https://swtch.com/~rsc/regexp/regexp1.html).
    """

    def __init__(self, parts: list[re.Match[str]], flags: re.RegexFlag) -> None:
        #: For each place: those it leads to without reading anything, a unit to read, and the place which that leads to.
        self.places: list[tuple[tuple[int, ...], re.Pattern[str] | None, int]] = []
        before = ""
        for part in parts:
            here = len(self.places)
            if part["folders"] and before == FOLDERS:
                continue  # twice is as good as once
            before = part[0]
            if part["folders"]:
                self.places += [
                    ((here + 1, here + 3), None, 0),
                    ((here + 2,), _compile(".", flags), here + 1),
                    ((), _compile("/", flags), here + 3),
                ]
            elif part["repeated"]:
                self.places.append(((here + 1,), _compile(part["unit"], flags), here))
            else:
                self.places.append(((), _compile(part["unit"], flags), here + 1))
        self.looks_back = any(part["unit"] in _BETWEEN for part in parts)
        self._forget()

    def __call__(self, path: str) -> bool:
        end = functools.reduce(operator.getitem, path, self.start)[""]
        return bool(end.places)

    def after(self, state: _State, char: str) -> _State:
        """Return the state after a character. After "", the end of the path, it has a place only if the path matches."""
        if self.remembered > REMEMBERED:
            self._forget()
        text, at = state.last + char, len(state.last)
        todo, seen, reached = [*state.places], set[int](), set[int]()
        while todo:
            place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            if place == len(self.places):
                if not char:
                    reached.add(place)
                continue
            free, unit, next_place = self.places[place]
            todo += free
            if unit and (found := unit.match(text, at)):
                if found.end() > at:
                    reached.add(next_place)
                else:
                    todo.append(next_place)
        self.remembered += 1 + len(reached)
        return self._state(tuple(sorted(reached)), char if self.looks_back else "")

    def _state(self, places: tuple[int, ...], last: str) -> _State:
        return self.states.setdefault((places, last), _State(self, places, last))

    def _forget(self) -> None:
        """Begin without states. A few expressions have one for nearly every path, which would fill the memory."""
        self.states: dict[tuple[tuple[int, ...], str], _State] = {}
        self.remembered = 0
        self.start = self._state((0,), "")


class _State(dict[str, "_State"]):
    """Which state follows, by character; worked out when it's first asked for.

    Attributes:
        places: of the automaton, ascending.
        last: the character before, if a unit of the automaton looks at it; else "".
    """

    def __init__(self, automaton: _Automaton, places: tuple[int, ...], last: str) -> None:
        super().__init__()
        self.automaton, self.places, self.last = automaton, places, last

    def __missing__(self, char: str) -> _State:
        self[char] = state = self.automaton.after(self, char)
        return state


def _compile(expression: str, flags: re.RegexFlag) -> re.Pattern[str]:
    with warnings.catch_warnings():  # for characters that a later Python may read as nested sets
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(expression, flags)
