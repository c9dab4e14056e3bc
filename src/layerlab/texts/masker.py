"""Hide the secrets in a text or a command, by their value, their name, their place or their form.

1. Values that are known: those of variables, build arguments and options whose name looks like a secret, and what
   `--secret` takes from a variable or a file. They are hidden wherever they turn up, also escaped, if they're long enough
   not to be a plain word.
2. Values that are assigned to such a name: `API_TOKEN=…`, `"password": "…"`, `--token …`.
3. Passwords where programs take them: in addresses, headers, `curl -u`, `mysql -p`, connection strings.
4. Tokens and private keys that have a form of their own.

Any other secret, such as a password that a script made up and printed, can't be recognized and stays.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import html
import json
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from .secrets import HIDDEN, is_hidden, secret_name

#: A text in lower case without any of these contains no secret's name, so a long log skips the slow expressions.
_HINTS = re.compile(r"auth|credential|git[_-]?pat|key|pass|pword|secret|token|_pw")

#: A value with at least this many characters is hidden wherever it turns up: "dev" or "test" would black out half a log.
LONG_ENOUGH = 6
#: A value that is shorter, or nothing but letters, is hidden only where it's a word of its own: as in "postgres".
_LONGER_THAN_A_WORD = 8
#: So many lines of a secret are hidden on their own, since a step may print any of them.
_LINES = 200

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
#: The prefix of NAME=VALUE in a word of a command; --build-arg and --set may also be words of their own.
_SETS_ARGUMENT = r"--build-arg=|(?:--set=)?[^=\s]*?\.args\."
_ARGUMENT = re.compile(rf"(?P<before>(?:{_SETS_ARGUMENT})?(?P<name>{_NAME})=)(?P<value>.*)", re.DOTALL)
#: Docker's options for secrets name where one is, never the secret itself.
_SECRET_OPTION = re.compile(r"--secret\b|--set=[^=\s]*?\.secrets\b")
_NAMES_A_SECRET = re.compile(r"(id|type|src|source|env)=")
#: Where a word begins. A name is looked for once in each word, not at each letter: logs hold words of a megabyte (base64).
_WORD = r"(?<![A-Za-z0-9_-])"
_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'[^']*'"
_ON_ONE_LINE = r"\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'"
#: NAME=value, NAME="a value" (which may span lines), "name": "value".
_ASSIGNED = re.compile(
    rf"{_WORD}[0-9-]*(?P<name>{_NAME}+)(?P<is>=|[\"']\s*:\s*(?=[\"']))"
    rf"(?P<value>(?:{_QUOTED})(?![^\s;,&|)}}\]])|(?:{_ON_ONE_LINE}|\\.|[^\s\\\"'])+)",
    re.DOTALL,
)
#: ENV NAME a value.
_OLD_ENV = re.compile(
    rf"(?P<is>^[ \t]*ENV[ \t]+)(?P<name>{_NAME})[ \t]+(?P<value>[^=\s].*)$", re.MULTILINE | re.IGNORECASE
)
#: --password value.
_OPTION = re.compile(
    rf"{_WORD}(?>[A-Za-z0-9_-]*?(?P<is>--)(?=[A-Za-z_]))(?P<name>{_NAME}+) +(?P<value>{_QUOTED}|[^\s\"'-]\S*)"
)
#: The same by a fixed part: "" for none.
_NAMED = {"": _ASSIGNED, "env": _OLD_ENV, "--": _OPTION}
#: A reference to a variable or to a command's output: it reveals nothing.
_REFERENCE = re.compile(r"[\"']?(?:\$\{?\w+\}?|\$\(.*|`.*)[\"']?", re.DOTALL)

#: Where a password stands without a name that tells, and tokens and keys with a recognizable form: a fixed part (a long log
#: without it skips the expression; lower case where letters may be of either), and the whole.
_PLACES = {
    "://": re.compile(r"://[^\s:/@]*:(?P<value>[^\s/@]+)(?=@)"),
    "@": re.compile(r"\bhttps?://(?P<value>(?=[^@\s/]{0,40}\d)[\w~.+-]{16,200})(?=@)"),  # a user's name is shorter
    "authorization": re.compile(r"(?i)authorization:\s*basic\s+(?P<value>[\w+/=-]+)"),
    "x-": re.compile(r"(?i)\bx-[a-z-]{0,30}(?:key|token|secret):\s*(?P<value>[^\s\"']+)"),
    "curl": re.compile(
        r"\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"'$]{0,100}:(?P<value>[^\s\"'$]+)"
    ),
    "mysql": re.compile(r"\bmysql\w{0,20}\b[^\n]{0,300}?\s-p(?P<value>[^\s\"'$-][^\s\"']*)"),
    "sshpass": re.compile(r"\bsshpass\s+-p\s*[\"']?(?P<value>[^\s\"'$]+)"),
    "pwd=": re.compile(r"(?i);\s*pwd=(?P<value>[^;\s\"'$]+)"),
    **{f"gh{kind}_": re.compile(rf"(?P<value>\bgh{kind}_[A-Za-z0-9]{{20,}})") for kind in "pousr"},
    "github_pat_": re.compile(r"(?P<value>\bgithub_pat_\w{20,})"),
    "glpat-": re.compile(r"(?P<value>\bglpat-[\w-]{20,})"),
    "pypi-": re.compile(r"(?P<value>\bpypi-[\w-]{40,})"),
    "hf_": re.compile(r"(?P<value>\bhf_[A-Za-z0-9]{20,})"),
    "akia": re.compile(r"(?P<value>\bAKIA[0-9A-Z]{16}\b)"),
    "xox": re.compile(r"(?P<value>\bxox[abprs]-[\w-]{10,})"),
    "bearer ": re.compile(r"(?<=[Bb]earer )(?P<value>[\w.~+/=-]{8,})"),
    "k_live_": re.compile(r"(?P<value>\b[sr]k_live_[A-Za-z0-9]{10,})"),
    "k_test_": re.compile(r"(?P<value>\b[sr]k_test_[A-Za-z0-9]{10,})"),
    # A JSON Web Token: both of its first parts are JSON in base64.
    "eyj": re.compile(r"(?P<value>\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})"),
    "private key": re.compile(
        r"(?P<value>(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)))"
    ),
}  # fmt: skip
#: The end of a line within a secret, with the sign that the instruction goes on.
_LINE_END = re.compile(r"[ \t]*\\?\r?\n")


def _no_mark(value: str) -> str:
    return HIDDEN


@dataclasses.dataclass(frozen=True)
class Masker:
    """Hides secrets.

    Attributes:
        values: texts to hide wherever they occur.
        mark: returns what stands in a secret's place.
    """

    values: frozenset[str] = dataclasses.field(default=frozenset(), repr=False)
    mark: Callable[[str], str] = dataclasses.field(default=_no_mark, repr=False)

    def knowing(self, values: Iterable[str]) -> Masker:
        """Return a masker that also hides `values`; of one with several lines, each line too."""
        found = set(self.values)
        for value in values:
            found |= {text.strip() for text in (value, *value.splitlines()[:_LINES])}
        return dataclasses.replace(
            self, values=frozenset(v for v in found if len(v) >= LONG_ENOUGH and not is_hidden(v))
        )

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        return self._masked(text, self._in_place_of)

    def source(self, text: str) -> str:
        """Return a Dockerfile's text without secrets, and with as many lines: where a secret has several, they're left empty."""

        def with_its_lines(value: str) -> str:
            return value if is_hidden(value) else self.mark(value) + "".join(_LINE_END.findall(value))

        return self._masked(text, with_its_lines)

    def words(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the words of a command without secrets. A value may contain spaces, so everything after NAME= is hidden."""
        return tuple(self._word(before, word) for before, word in zip(("", *words), words, strict=False))

    def value(self, name: str, value: str) -> str:
        """Return the value of a variable or build argument: hidden if its name looks like a secret's."""
        return self._in_place_of(value) if value and secret_name(name) else self.text(value)

    def arguments(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return build arguments without secrets."""
        return {name: self.value(name, value) for name, value in given.items()}

    def _word(self, before: str, word: str) -> str:
        if before == "--secret" or _SECRET_OPTION.match(word):
            return word
        if (found := _ARGUMENT.fullmatch(word)) and secret_name(found["name"]):
            return found["before"] + self.value(found["name"], found["value"])
        if before.startswith("--") and secret_name(before[2:]) and not word.startswith("-"):
            return self._in_place_of(word)
        return self.text(word)

    def _in_place_of(self, value: str) -> str:
        return value if is_hidden(value) else self.mark(value)

    def _masked(self, text: str, in_place_of: Callable[[str], str]) -> str:
        text = self._without_values(text, in_place_of)

        def named(found: re.Match[str]) -> str:
            value = found["value"]
            if not secret_name(found["name"]) or _reveals_nothing(found["name"], value):
                return found[0]
            inner = unquoted(value)
            quote = value[: (len(value) - len(inner)) // 2]
            return _replaced(found, f"{quote}{in_place_of(inner)}{quote}" if inner else value)

        lowered = text.lower()
        for hint, place in _PLACES.items():
            if hint in lowered:
                text = place.sub(lambda found: _replaced(found, in_place_of(found["value"])), text)
        if _HINTS.search(lowered):
            for hint, pattern in _NAMED.items():
                if hint in lowered:
                    text = pattern.sub(named, text)
        return text

    def _without_values(self, text: str, in_place_of: Callable[[str], str]) -> str:
        there = [form for form in self._forms if form in text]
        if not there:
            return text
        parts = (re.escape(f) if _no_word(f) else rf"(?<!\w){re.escape(f)}(?!\w)" for f in there)
        return re.sub("|".join(parts), lambda found: in_place_of(self._forms[found[0]]), text)

    @functools.cached_property
    def _forms(self) -> dict[str, str]:
        """The forms that a value takes in a log or an error, the longest first: form → value."""
        pairs = sorted((form, value) for value in self.values for form in _written(value))
        return dict(sorted(pairs, key=lambda pair: -len(pair[0])))


def assigned(text: str) -> Iterator[str]:
    """Yield the values that a Dockerfile, an instruction or a file assigns to names that look like a secret's."""
    for pattern in (_ASSIGNED, _OLD_ENV):
        for found in pattern.finditer(text):
            if secret_name(found["name"]) and not _reveals_nothing(found["name"], found["value"]):
                yield unquoted(found["value"])


def given(words: Sequence[str]) -> Iterator[str]:
    """Yield the values that the words of a command assign to names that look like a secret's."""
    for word in words:
        if (found := _ARGUMENT.fullmatch(word)) and secret_name(found["name"]):
            yield found["value"]


def unquoted(value: str) -> str:
    """Return a value without the quotes around it."""
    return value[1:-1] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else value


def _reveals_nothing(name: str, value: str) -> bool:
    return bool(_REFERENCE.fullmatch(value)) or (name == "secret" and bool(_NAMES_A_SECRET.match(value)))


def _replaced(found: re.Match[str], new: str) -> str:
    start, end = (at - found.start() for at in found.span("value"))
    return found[0][:start] + new + found[0][end:]


def _no_word(value: str) -> bool:
    return len(value) >= _LONGER_THAN_A_WORD and not value.isalpha()


def _written(value: str) -> set[str]:
    escaped = json.dumps(value)[1:-1]
    forms = {value, html.escape(value), escaped, urllib.parse.quote(value, safe=""), value.replace("'", "'\\''")}
    return forms | {
        json.dumps(value, ensure_ascii=False)[1:-1],
        base64.b64encode(value.encode(errors="replace")).decode(),
    }
