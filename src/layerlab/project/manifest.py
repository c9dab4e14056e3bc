"""Read `layerlab.toml`, the file in which a project tells LayerLab about itself. `schema.json` says what may be in it.

The schema is for editors, too. Of JSON Schema, we check here what it uses, because a library for all of it would take longer to
import than a fully cached build takes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import AppError

MANIFEST = "layerlab.toml"
REMEDY = "correct it, or delete it if you don't need variants"
#: JSON Schema's types that the schema uses, what TOML calls them, and Python's types for them.
TYPES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "object": ("a table", dict), "array": ("an array", list), "string": ("a string", str), "integer": ("a whole number", int),
    "number": ("a number", (int, float)),
}  # fmt: skip

#: Keys on the way to a value.
Keys = tuple[str, ...]


def read_manifest(path: Path) -> dict[str, Any]:
    """Return what the manifest says; {} if there's none. Raises AppError, with line and key, if it says what it can't."""
    if not path.is_file():
        return {}
    import tomllib  # here, because few projects have a manifest

    try:
        text = path.read_text(encoding="utf-8")
        said = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise AppError(f"{path} isn't UTF-8 text: {error}", REMEDY) from None
    except tomllib.TOMLDecodeError as error:
        raise AppError(f"{path} is not valid TOML: {error}", REMEDY) from None
    for keys, fault in faults(said, schema()):
        raise AppError(
            f"{path}, line {line_of(text, keys)}: {'.'.join(keys)} {fault}", "see docs/layerlab-toml.md for all keys"
        )
    return said


@functools.cache
def schema() -> Mapping[str, Any]:
    """Return the manifest's JSON Schema."""
    import importlib.resources
    import json

    file = importlib.resources.files("layerlab.project") / "schema.json"
    said: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return said


def faults(value: Any, rules: Mapping[str, Any], keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Yield what's wrong with a value by a schema: the keys that lead there, and a phrase that follows them."""
    name, python = TYPES[rules["type"]]
    if not isinstance(value, python) or isinstance(value, bool):
        yield keys, f"must be {name}"
    elif isinstance(value, dict):
        yield from _faults_of_table(value, rules, keys)
    elif isinstance(value, list):
        if len(value) < rules.get("minItems", 0):
            yield keys, "is empty"
        for item in value:
            yield from faults(item, rules["items"], keys)
    elif isinstance(value, str):
        yield from _faults_of_text(value, rules, keys)
    elif isinstance(value, (int, float)) and not rules.get("minimum", value) <= value <= rules.get("maximum", value):
        least, most = rules["minimum"], rules.get("maximum")
        yield keys, f"must be from {least} to {most}" if most else f"must be {least} or more"


def _faults_of_text(value: str, rules: Mapping[str, Any], keys: Keys) -> Iterator[tuple[Keys, str]]:
    if len(value) < rules.get("minLength", 0):
        yield keys, "is empty"
    elif not re.search(rules.get("pattern", ""), value):
        yield keys, "must be a path inside the project"  # the only pattern there is


def _faults_of_table(value: Mapping[str, Any], rules: Mapping[str, Any], keys: Keys) -> Iterator[tuple[Keys, str]]:
    known, others = rules.get("properties", {}), rules.get("additionalProperties", True)
    names = rules.get("propertyNames", {}).get("enum", ())
    for key, item in value.items():
        if key in known:
            yield from faults(item, known[key], (*keys, key))
        elif not others or (names and key not in names):
            yield (*keys, key), f"isn't a key that LayerLab knows; there are: {', '.join(names or known)}"
        elif isinstance(others, dict):
            yield from faults(item, others, (*keys, key))
    for key in rules.get("required", ()):
        if key not in value:
            yield keys, f"has no {key}"
    choices = [choice["required"][0] for choice in rules.get("anyOf", ())]
    if choices and not {*choices} & {*value}:
        yield keys, f"needs one of: {', '.join(choices)}"


def line_of(text: str, keys: Keys) -> int:
    """Return the number of the line that sets the value at `keys`, or else the nearest table around it; 1 if there's neither."""
    found: dict[Keys, int] = {(): 1}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+([^]\"']+|\"[^\"]*\"|[^]]+)\]+\s*(#.*)?$", line):
            table = _names(header[1])
            found.setdefault(table, number)
        elif setting := re.match(
            r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=", line
        ):
            place = (*table, *_names(setting[1]))
            for length in range(len(table) + 1, len(place) + 1):
                found.setdefault(place[:length], number)
    return next(found[keys[:length]] for length in range(len(keys), -1, -1) if keys[:length] in found)


def _names(dotted: str) -> Keys:
    return tuple(
        quoted or single or bare for quoted, single, bare in re.findall(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)", dotted)
    )
