"""Read BuildKit's status events as it keeps them, in protobuf, into those that `--progress=rawjson` prints. Pure.

A build's history holds a StatusResponse after another, each after its length (BuildKit solver/llbsolver/history.go). The tables
below are the parts of api/services/control/control.proto and solver/pb/ops.proto that events have, with the names that
client/graph.go gives them in JSON. So few messages don't need a library, nor code that a compiler makes.
"""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from ..record.reading import read

#: How a field is written in JSON: "text", "bytes" (base64), "number", "flag", "time", or a message by its table.
_Kind = str | Mapping[int, tuple[str, Any, bool]]
#: A message's fields: number → name in JSON, kind, and whether there may be several.
_Table = Mapping[int, tuple[str, _Kind, bool]]

_GROUP: _Table = {1: ("id", "text", False), 2: ("name", "text", False), 3: ("weak", "flag", False)}
_VERTEX: _Table = {
    1: ("digest", "text", False), 2: ("inputs", "text", True), 3: ("name", "text", False), 4: ("cached", "flag", False),
    5: ("started", "time", False), 6: ("completed", "time", False), 7: ("error", "text", False),
    8: ("progressGroup", _GROUP, False),
}  # fmt: skip
_STATUS: _Table = {
    1: ("id", "text", False), 2: ("vertex", "text", False), 3: ("name", "text", False), 4: ("current", "number", False),
    5: ("total", "number", False), 6: ("timestamp", "time", False), 7: ("started", "time", False),
    8: ("completed", "time", False),
}  # fmt: skip
_LOG: _Table = {
    1: ("vertex", "text", False), 2: ("timestamp", "time", False), 3: ("stream", "number", False), 4: ("data", "bytes", False),
}  # fmt: skip
_WARNING: _Table = {
    1: ("vertex", "text", False), 2: ("level", "number", False), 3: ("short", "bytes", False), 4: ("detail", "bytes", True),
    5: ("url", "text", False),
}  # fmt: skip
_EVENT: _Table = {
    1: ("vertexes", _VERTEX, True), 2: ("statuses", _STATUS, True), 3: ("logs", _LOG, True), 4: ("warnings", _WARNING, True),
}  # fmt: skip
#: An error with what it's about (google.rpc.Status); BuildKit writes each detail as JSON (util/grpcerrors).
_ERROR: _Table = {3: ("details", {1: ("type", "text", False), 2: ("value", "text", False)}, True)}


class _Info(TypedDict, total=False):
    data: str


class _Source(TypedDict, total=False):
    info: _Info | None


def events(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the events of a build, as `--progress=rawjson` prints them. Raises ValueError if the data isn't what it should be."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if len(data) < at + 4 + size:
            raise ValueError("its events are cut off")
        yield _message(data[at + 4 : at + 4 + size], _EVENT)
        at += 4 + size


def failed_source(data: bytes) -> str:
    """Return the text of the Dockerfile that an error is about; "" if it's about none. Raises ValueError for other data."""
    for detail in _message(data, _ERROR).get("details", ()):
        if detail.get("type", "").endswith("errdefs.Source+json"):
            told = read(_Source, json.loads(detail.get("value", "")), "the error")
            return base64.b64decode((told.get("info") or {}).get("data", "")).decode(errors="replace")
    return ""


def _message(data: bytes, table: _Table) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        if number not in table:
            continue
        name, kind, several = table[number]
        said = _value(value, kind, name)
        if several:
            found.setdefault(name, []).append(said)
        else:
            found[name] = said
    return found


def _value(value: int | bytes, kind: _Kind, name: str) -> Any:
    if isinstance(value, int):
        if kind not in ("number", "flag"):
            raise ValueError(f"{name} of an event is a number")
        return bool(value) if kind == "flag" else value - 2**64 * (value >= 2**63)
    if kind == "text":
        return value.decode(errors="replace")
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind == "time":
        return _time(value)
    if isinstance(kind, str):
        raise ValueError(f"{name} of an event isn't a number")
    return _message(value, kind)


def _time(data: bytes) -> str:
    """Return a google.protobuf.Timestamp as in JSON: seconds since 1970, and nanoseconds."""
    parts = _message(data, {1: ("seconds", "number", False), 2: ("nanos", "number", False)})
    try:
        second = datetime.datetime.fromtimestamp(parts.get("seconds", 0), datetime.UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError(f"no event happens {parts['seconds']} s after 1970") from None
    return f"{second:%Y-%m-%dT%H:%M:%S}.{parts.get('nanos', 0) % 10**9:09d}Z"


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field (https://protobuf.dev/programming-guides/encoding)."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value: int | bytes
            value, at = _varint(data, at)
        elif wire in (1, 2, 5):
            size, at = _varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError("an event has a field of a kind that protobuf doesn't have")
        if at > len(data):
            raise ValueError("an event is cut off")
        yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    number = 0
    for place in range(at, min(at + 10, len(data))):
        number |= (data[place] & 0x7F) << 7 * (place - at)
        if data[place] < 0x80:
            return number % 2**64, place + 1
    raise ValueError("a number of an event is cut off")
