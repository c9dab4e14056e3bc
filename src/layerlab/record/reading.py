"""Read plain data, such as JSON from a file, into the types that describe it, and refuse whatever they don't allow.

A record may have been truncated, edited by hand or made to do harm. Every check follows from a type's annotations: a dataclass
or TypedDict says which fields there are, `Annotated[str, STATES]` which words, and no number is infinite, negative or huge.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

#: No number in a record is this large: it has to fit into a signed 64-bit integer, as in the programs that made it.
TOO_LARGE = 2**63


def read(kind: Any, data: Any, where: str = "") -> Any:
    """Return `data` as a `kind`. Raises ValueError that names the place in the data and what's wrong with it.

    Args:
        kind: a type: str, int, float, None, Any; a dataclass, a TypedDict, a class with `from_json`; unions, tuple[X, ...] and
            Mapping[str, X] of these. In `Annotated[X, rule]`, `rule` is the collection of the allowed values, or a type: the
            data has to fit that one too.
        data: what the JSON reader returned.
        where: the place of `data` in the whole, such as "steps[3].seconds".
    """
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return data
    if origin is typing.Annotated:
        return _ruled(parts[0], parts[1], data, where)
    if origin in (typing.Union, types.UnionType):
        return _one_of(parts, data, where)
    if origin is tuple:
        rows = _expected(list, data, where)
        return tuple(read(parts[0], one, f"{where}[{number}]") for number, one in enumerate(rows))
    if origin is not None:  # Mapping[str, X]
        return {name: read(parts[1], one, f"{where}[{name!r}]") for name, one in _expected(dict, data, where).items()}
    return _plain(kind, data, where)


def no_number(word: str) -> Any:
    """Refuse what JSON doesn't have but Python's reader takes: NaN, Infinity. It's for `json.loads(parse_constant=…)`."""
    raise ValueError(f"{word} isn't a number in JSON")


def _ruled(kind: Any, rule: Any, data: Any, where: str) -> Any:
    value = read(kind, data, where)
    if isinstance(rule, type):
        read(rule, data, where)
    elif value not in rule:
        raise ValueError(f"{_named(where)} is {_shown(data)}, not one of {', '.join(sorted(rule))}")
    return value


def _one_of(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and types.NoneType in kinds:
        return None
    return read(next(kind for kind in kinds if kind is not types.NoneType), data, where)


def _plain(kind: Any, data: Any, where: str) -> Any:
    if where and hasattr(kind, "from_json"):  # not the whole, whose own `from_json` is asking
        return _from_json(kind.from_json, data, where)
    if dataclasses.is_dataclass(kind):
        optional = {f.name for f in dataclasses.fields(kind) if _has_default(f)}
        return typing.cast(Callable[..., Any], kind)(**_fields(kind, data, where, optional, strict=True))
    if typing.is_typeddict(kind):
        return _fields(kind, data, where, kind.__optional_keys__, strict=False)
    if kind in (int, float):
        return _number(kind, data, where)
    return _expected(kind, data, where)


def _from_json(make: Callable[[Any], Any], data: Any, where: str) -> Any:
    try:
        return make(data)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"{_named(where)} can't be read: {error}") from None


def _fields(kind: Any, data: Any, where: str, optional: Any, *, strict: bool) -> dict[str, Any]:
    """Read an object's fields. One that may have fields of others (not `strict`) is read only as far as we know it."""
    told = _expected(dict, data, where)
    hints = _hints(kind)
    if missing := [name for name in hints if name not in told and name not in optional]:
        raise ValueError(f"{_named(where)} has no {missing[0]!r}")
    if strict and (unknown := [name for name in told if name not in hints]):
        raise ValueError(f"{_named(where)} has an unknown field {unknown[0]!r}")
    below = f"{where}." if where else ""
    return {name: read(hint, told[name], f"{below}{name}") for name, hint in hints.items() if name in told}


@functools.cache  # a build reads twenty earlier ones, and evaluating annotations took half of that time
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def _number(kind: type, data: Any, where: str) -> Any:
    if kind is float and type(data) is int:
        return float(_number(int, data, where))
    number = _expected(kind, data, where)
    if not math.isfinite(number) or not 0 <= number < TOO_LARGE:
        raise ValueError(f"{_named(where)} is {_shown(number)}, which can't be")
    return number


def _expected(kind: type, data: Any, where: str) -> Any:
    """Return `data` if it's exactly of that type: True isn't 1."""
    if type(data) is not kind:
        raise ValueError(f"{_named(where)} is {_shown(data)}, not {_WORDS.get(kind, kind.__name__)}")
    return data


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _named(where: str) -> str:
    return where or "the whole"


def _shown(data: Any) -> str:
    """Show a value of unknown origin on one short line."""
    if isinstance(data, Mapping | list):
        return "an object" if isinstance(data, Mapping) else "a list"
    if isinstance(data, int) and abs(data) >= TOO_LARGE:
        return "a huge number"
    text = repr(data)
    return text if len(text) <= 40 else text[:39] + "…"


_WORDS: Mapping[type, str] = {str: "text", int: "a whole number", float: "a number", list: "a list", dict: "an object"}

__all__ = ["no_number", "read"]
