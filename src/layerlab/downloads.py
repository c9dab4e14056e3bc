"""How many bytes a step says it downloaded: pip, uv and apt all print sizes (FACTS.md, "Reading a build")."""

from __future__ import annotations

import re

#: pip and apt count in powers of 1000 (pip's `format_size`, apt's `SizeToStr`), uv in powers of 1024.
UNITS = {"b": 1, "bytes": 1}
UNITS |= {f"{prefix}b": 1000**power for power, prefix in enumerate("kmgt", 1)}
UNITS |= {f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgt", 1)}

_SIZE = r"(?P<{0}>\d[\d.,]*) ?(?P<{0}_unit>[kKMGT]?i?B|bytes)"
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
#: One line of a log that tells of a download.
_LINE = re.compile(
    r"\s*(?:"
    # pip "Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)", uv "Downloading numpy (16.1MiB)"
    rf"Downloading \S+(?: \(download\))?(?: \({_SIZE.format('announced')}\))?\s*$"
    # pip's bar "━━━━━ 1.2/1.2 MB 5.0 MB/s eta 0:00:00"
    rf"|(?:[━╸╺╴╶\-]+ +)(?P<part>\d[\d.,]*)/{_SIZE.format('whole')}"
    # apt "Get:2 <mirror> bookworm/main amd64 Packages [8790 kB]"
    rf"|Get:\d+ .*\[{_SIZE.format('got')}\]\s*$"
    # apt "Fetched 15.0 MB in 1s (14.4 MB/s)"
    rf"|Fetched {_SIZE.format('fetched')} in "
    r")"
)
_HINTS = ("Downloading ", "Get:", "Fetched ", "/")


def downloaded_bytes(log: str) -> int:
    """Bytes that a step's log says it downloaded; 0 for what came from a cache, ("Using cached")
    and for quiet tools, which say nothing.

    A pip or uv line counts once, when announced; its progress bar counts only where no size was announced. apt's own
    total ("Fetched") counts in place of the files it names, and the files only where apt was stopped before its total.
    """
    done, apt, bar, unsized = 0, 0, 0, False
    for line in re.split(r"[\r\n]+", _COLOUR.sub("", log)):
        # A log can be long and few lines tell of a download: the substring test spares the expression.
        found = _LINE.match(line) if any(hint in line for hint in _HINTS) else None
        if not found:
            continue
        if found["fetched"]:
            done, apt = done + _bytes(found["fetched"], found["fetched_unit"]), 0
        elif found["got"]:
            apt += _bytes(found["got"], found["got_unit"])
        elif found["part"]:
            bar = max(bar, _bytes(found["part"], found["whole_unit"])) if unsized else 0
        else:
            done, bar, unsized = done + bar, 0, not found["announced"]
            done += _bytes(found["announced"], found["announced_unit"]) if found["announced"] else 0
    return done + apt + bar


def _bytes(number: str, unit: str) -> int:
    return round(float(number.rstrip(".,").replace(",", "")) * UNITS[unit.lower()])
