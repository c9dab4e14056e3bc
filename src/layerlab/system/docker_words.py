"""Read and write the words of a docker command. Each word is one argument, so nothing is split.

Docker's client takes an option's value after "=" or as the next word. Values may hold spaces, "=" and commas.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence

#: Values that docker's client reads as true (Go's strconv.ParseBool).
TRUE = ("1", "t", "T", "true", "True", "TRUE")
#: Values that it reads as false.
FALSE = ("0", "f", "F", "false", "False", "FALSE")


def values(words: Sequence[str], *names: str) -> list[str]:
    """Return the values of the options called `names` ("--target", for example), in order."""
    return list(_values(words, names))


def _values(words: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name not in names:
            continue
        if equals:
            yield value
        elif (following := next(rest, None)) is not None:
            yield following


def without(words: Sequence[str], *names: str) -> list[str]:
    """Return the words without the options called `names` and their values."""
    left = []
    rest = iter(words)
    for word in rest:
        if word in names:
            next(rest, None)
        elif word.partition("=")[0] not in names:
            left.append(word)
    return left


def pairs(words: Sequence[str], name: str) -> dict[str, str | None]:
    """Return the NAME=VALUE pairs of the option `name`; the value is None if only NAME is given ("--build-arg NAME")."""
    found = (value.partition("=") for value in values(words, name))
    return {key: value if equals else None for key, equals, value in found}


def target(words: Sequence[str]) -> str:
    """Return the stage that a build or bake command stops at; "" if the command itself names none."""
    found = [*values(words, "--target"), *set_by_bake(words, "target")]
    return found[-1] if found else ""


def settings(service: str, given: Mapping[str, object]) -> list[str]:
    """Return the words that make bake set `given` for a service: {"target": "tests"} → --set=api.target=tests."""
    return [f"--set={service}.{key}={value}" for key, value in given.items()]


def set_by_bake(words: Sequence[str], field: str) -> list[str]:
    """Return the values that bake's --set gives a target's field: for "target", `--set=web.target=x` gives x."""
    found = []
    for value in values(words, "--set"):
        key, _, given = value.partition("=")
        if key.partition(".")[2].removesuffix("+") == field:
            found.append(given)
    return found


def switched_on(words: Sequence[str], name: str) -> bool:
    """Tell whether a flag such as --no-cache is on. The last one counts; a word after it isn't its value."""
    given = [word.partition("=")[2] or "true" for word in words if word == name or word.startswith(f"{name}=")]
    return bool(given) and given[-1] in TRUE


def assignments(words: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return NAME=VALUE words as a dict. A bare NAME takes its value from `environment`, or is left out, as in docker.

    Raises ValueError with the word if it has no name.
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise ValueError(word)
        if equals or name in environment:
            found[name] = value if equals else environment[name]
    return found


def secrets(words: Sequence[str]) -> list[dict[str, str]]:
    """Return the fields of each secret that a build names: type, id, src or source, env.

    The client reads each one as a line of CSV, so a value with a comma is quoted together with its key: `id=a,"src=/a,b"`.
    """
    return [fields(value) for value in (*values(words, "--secret"), *set_by_bake(words, "secrets"))]


def fields(text: str) -> dict[str, str]:
    """Return the fields of a value such as `type=local,src=/a`, with their names in lower case."""
    found = next(csv.reader([text.replace("\n", " ")]), [])
    return {key.strip().lower(): value for key, _, value in (field.partition("=") for field in found)}
