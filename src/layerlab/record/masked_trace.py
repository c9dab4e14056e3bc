"""Hide secrets in the events of a build (BuildKit's SolveStatus as JSON): in a whole trace, or one after another as they come."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

from ..texts.masker import Masker

#: A log's stream: its vertex and number.
_Stream = tuple[str, int]
#: An unfinished line is held back, since a secret's name and value may come in two pieces; one longer than this isn't, bytes.
_MOST_HELD = 1 << 16
_KEY_BEGINS, _KEY_ENDS = b"-----BEGIN ", b"-----END "


def masked_trace(trace: str, masker: Masker) -> str:
    """Return the output of `--progress=rawjson` without secrets; what holds none stays as it is, byte by byte."""
    # Not splitlines: it copies the whole trace, and splits at characters that JSON may hold.
    lines = re.findall(r"[^\n]*\n|[^\n]+", trace)
    events = [_read(line) for line in lines]
    logs = _masked_logs([event for event in events if event], masker)
    parts = []
    for other, group in itertools.groupby(zip(lines, events, strict=True), lambda pair: pair[1] is None):
        if other:  # what a failing build adds: one text
            parts.append(masker.text("".join(line for line, _ in group)))
        else:
            parts += [_rewritten(line, event, logs, masker) for line, event in group if event is not None]
    return "".join(parts)


class MaskedEvents:
    """Hides secrets in the events of a running build. A line of a log comes when it's complete, or its vertex is."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held: dict[_Stream, bytes] = {}

    def masked(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the next event without secrets, and with the lines of logs that are now complete."""
        found = _without_logs(event, self._masker)
        logs = [{**log, "data": self._more(log)} for log in event.get("logs") or ()]
        for vertex in event.get("vertexes") or ():
            if vertex.get("completed"):
                logs += self._rest_of(vertex.get("digest", ""))
        return {**found, "logs": logs} if logs else found

    def _more(self, log: Mapping[str, Any]) -> str:
        stream = _stream(log)
        data = self._held.pop(stream, b"") + _decoded(log)
        ended = _end_of_lines(data)
        if held := data[ended:]:
            self._held[stream] = held
        return _encoded(_masked_bytes(data[:ended], self._masker))

    def _rest_of(self, digest: str) -> list[dict[str, Any]]:
        streams = [stream for stream in self._held if stream[0] == digest]
        rest = ((s, _masked_bytes(self._held.pop(s), self._masker)) for s in streams)
        return [{"vertex": vertex, "stream": number, "data": _encoded(data)} for (vertex, number), data in rest]


def _end_of_lines(data: bytes) -> int:
    """Return where the complete lines end: a bar that rewrites itself ends its line too, but a private key has many lines."""
    if len(data) > _MOST_HELD:
        return len(data)
    key = data.rfind(_KEY_BEGINS)
    if key >= 0 and _KEY_ENDS not in data[key:]:
        return key
    return max(data.rfind(b"\n"), data.rfind(b"\r")) + 1


def _read(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line) if line.startswith("{") else None
    except json.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None


def _rewritten(line: str, event: dict[str, Any], logs: dict[_Stream, bytes], masker: Masker) -> str:
    new = _without_logs(event, masker)
    if any(_stream(log) in logs for log in event.get("logs") or ()):
        # The first piece of a log with a secret gets the whole, since a secret may begin in one piece and end in another.
        new["logs"] = [_moved(log, logs) for log in event["logs"]]
    return line if new == event else json.dumps(new, separators=(",", ":")) + "\n" * line.endswith("\n")


def _moved(log: dict[str, Any], logs: dict[_Stream, bytes]) -> dict[str, Any]:
    stream = _stream(log)
    if stream not in logs:
        return log
    data, logs[stream] = logs[stream], b""
    return {**log, "data": _encoded(data)}


def _masked_logs(events: list[dict[str, Any]], masker: Masker) -> dict[_Stream, bytes]:
    """Return the logs that hold secrets, without them."""
    whole: dict[_Stream, list[bytes]] = {}
    for event in events:
        for log in event.get("logs") or ():
            whole.setdefault(_stream(log), []).append(_decoded(log))
    joined = {stream: b"".join(pieces) for stream, pieces in whole.items()}
    masked = {stream: _masked_bytes(data, masker) for stream, data in joined.items()}
    return {stream: data for stream, data in masked.items() if data != joined[stream]}


def _without_logs(event: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """Return an event with its logs as they are, and without secrets elsewhere."""
    new = dict(event)
    if vertexes := event.get("vertexes"):
        new["vertexes"] = [_texts(v, masker, "name", "error") for v in vertexes]
    if statuses := event.get("statuses"):
        new["statuses"] = [_texts(s, masker, "id", "name") for s in statuses]
    if warnings := event.get("warnings"):
        new["warnings"] = [_warning(w, masker) for w in warnings]
    return new


def _texts(told: Mapping[str, Any], masker: Masker, *names: str) -> dict[str, Any]:
    return {**told, **{name: masker.text(told[name]) for name in names if isinstance(told.get(name), str)}}


def _warning(warning: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """Hide secrets in a warning; it may hold the whole Dockerfile."""
    new = dict(warning)
    if short := warning.get("short"):
        new["short"] = _masked_base64(short, masker)
    if detail := warning.get("detail"):
        new["detail"] = [_masked_base64(line, masker) for line in detail]
    if (source := warning.get("sourceInfo")) and source.get("data"):
        new["sourceInfo"] = {**source, "data": _masked_base64(source["data"], masker)}
    return new


def _stream(log: Mapping[str, Any]) -> _Stream:
    return log.get("vertex", ""), log.get("stream", 1)


def _decoded(log: Mapping[str, Any]) -> bytes:
    return base64.b64decode(log.get("data") or "")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _masked_bytes(data: bytes, masker: Masker) -> bytes:
    return masker.text(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _masked_base64(text: str, masker: Masker) -> str:
    data = base64.b64decode(text)
    masked = _masked_bytes(data, masker)
    return text if masked == data else _encoded(masked)
