"""How to read the words of a `docker buildx build` or `bake` command: options, assignments, settings. Pure.

The words come as the client gets them, one option or value each, so a space, a comma or an equals sign in a value is part
of it. Only what the client itself splits further (the fields of --secret, the stages of --no-cache-filter) is split here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence

#: What pflag takes for true, as strconv.ParseBool reads it.
TRUE = ("1", "t", "T", "true", "True", "TRUE")


def option_values(command: Sequence[str], name: str) -> list[str]:
    """Return the values of an option, in order: of `--name=value`, and of `--name value` in two words."""
    found = []
    words = iter(command)
    for word in words:
        if word == name:
            found.append(next(words, ""))
        elif word.startswith(f"{name}="):
            found.append(word[len(name) + 1 :])
    return found


def switched_on(command: Sequence[str], name: str) -> bool:
    """Tell whether a flag such as --no-cache is on. The last one counts; a word after it isn't its value."""
    given = [word.partition("=")[2] or "true" for word in command if word == name or word.startswith(f"{name}=")]
    return bool(given) and given[-1] in TRUE


def settings(command: Sequence[str], field: str) -> list[str]:
    """Return the values that bake's --set gives to a field of a target: of `--set=web.target=x` for "target", x."""
    found = []
    for value in option_values(command, "--set"):
        key, _, given = value.partition("=")
        if key.partition(".")[2].removesuffix("+") == field:
            found.append(given)
    return found


def target(command: Sequence[str]) -> str:
    """Return the stage that a command stops at; "" where it names none."""
    found = [*option_values(command, "--target"), *settings(command, "target")]
    return found[-1] if found else ""


def assignments(words: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return NAME=VALUE words as a dict. NAME alone takes its value from `environment`, or is left out, as docker does.

    Raises ValueError, with the word, where there is no name.
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise ValueError(word)
        if equals or name in environment:
            found[name] = value if equals else environment[name]
    return found


def secrets(command: Sequence[str]) -> list[dict[str, str]]:
    """Return the fields of each secret that a command names: type, id, src or source, env.

    The client reads them as one line of CSV: a value that holds a comma is quoted, with its key: `id=a,"src=/a,b"`.
    """
    return [_fields(value) for value in (*option_values(command, "--secret"), *settings(command, "secrets"))]


def _fields(text: str) -> dict[str, str]:
    fields = next(csv.reader([text.replace("\n", " ")]), [])
    return {key.strip().lower(): value for key, _, value in (field.partition("=") for field in fields)}
