"""Read the words of a docker command and write some: what its options say. Each word is one argument, so nothing is split.

Docker's client takes an option's value after "=" or as the next word. Values may hold spaces, "=" and commas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def values(words: Sequence[str], *names: str) -> list[str]:
    """Return what is given for the options called `names` ("--target"), in order."""
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


def pairs(words: Sequence[str], name: str) -> dict[str, str | None]:
    """Return what the options called `name` say as NAME=VALUE; None where there is no value ("--build-arg NAME")."""
    found = (value.partition("=") for value in values(words, name))
    return {key: value if equals else None for key, equals, value in found}


def target(words: Sequence[str]) -> str:
    """Return the stage at which a build or bake command stops, as far as the command itself says; else ""."""
    found = values(words, "--target")
    for setting in values(words, "--set"):
        key, _, value = setting.partition("=")
        if key.split(".")[1:] == ["target"]:
            found.append(value)
    return found[-1] if found else ""


def settings(service: str, given: Mapping[str, object]) -> list[str]:
    """Return the words with which bake sets `given` for a service: {"target": "tests"} → --set=api.target=tests."""
    return [f"--set={service}.{key}={value}" for key, value in given.items()]
