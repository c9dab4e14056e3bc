"""Count the bytes that a step says it downloaded: pip, uv and apt all print sizes."""

from __future__ import annotations

import re

from ..texts.plain import plain

#: pip and apt count in powers of 1000 (pip's `format_size`, apt's `SizeToStr`), uv in powers of 1024.
UNITS = {"b": 1, "bytes": 1}
UNITS |= {f"{prefix}b": 1000**power for power, prefix in enumerate("kmgt", 1)}
UNITS |= {f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgt", 1)}

_SIZE = r"(?P<{0}>\d[\d.,]*) ?(?P<{0}_unit>[kKMGT]?i?B|bytes)"
#: A line of a log that reports a download.
_LINE = re.compile(
    r"\s*(?:"
    # pip "Downloading six-1.17.0-py2.py3-none-any.whl (11 kB)", uv "Downloading numpy (16.1MiB)"
    rf"Downloading (?P<name>\S+)(?: \(download\))?(?: \({_SIZE.format('announced')}\))?\s*$"
    # pip's bar "━━━━━ 1.2/1.2 MB 5.0 MB/s eta 0:00:00"
    rf"|(?:[━╸╺╴╶\-]+ +)(?P<part>\d[\d.,]*)/{_SIZE.format('whole')}"
    # apt "Get:2 <mirror> bookworm/main amd64 Packages [8790 kB]"
    rf"|Get:\d+ .*\[{_SIZE.format('got')}\]\s*$"
    # apt "Fetched 15.0 MB in 1s (14.4 MB/s)"
    rf"|Fetched {_SIZE.format('fetched')} in "
    # apt "Need to get 387 kB of archives.", or, if some are there already, "Need to get 100 kB/387 kB of archives."
    rf"|Need to get {_SIZE.format('need')}[ /]"
    # uv " Downloaded numpy"
    r"|Downloaded (?P<arrived>\S+)\s*$"
    r")"
)
_HINTS = ("Download", "Get:", "Fetched ", "Need to get ", "/")


class Downloads:
    """Follows one stream of a step's log as it grows.

    A pip or uv download counts once, when it's announced; its progress bar counts only if no size was announced. apt's own
    total ("Fetched") replaces the sizes of its files, which count only if apt was stopped before it printed the total.
    """

    def __init__(self) -> None:
        self._line = ""  # a line that hasn't ended yet
        self._done = self._apt = self._bar = self._need = 0
        self._unsized = False
        self._awaited: dict[str, int] = {}

    def feed(self, text: str) -> None:
        """Take in the next piece of the log."""
        *lines, self._line = re.split(r"[\r\n]+", self._line + text)
        for line in lines:
            # Logs can be long and few lines report a download: the substring test saves running the expression.
            if any(hint in line for hint in _HINTS):
                self._read(plain(line))
            elif self._awaited and line.strip():
                self._awaited.clear()

    def end(self) -> None:
        """End the log: a last part without a line end counts as a line too."""
        self.feed("\n")

    @property
    def bytes(self) -> int:
        """Bytes it says it downloads, including those still on their way; 0 for quiet tools, which say nothing."""
        return self._done + self._apt + self._bar

    @property
    def arrived(self) -> int:
        """The part of `bytes` that has arrived: pip and uv name a file before it comes."""
        return self.bytes - sum(self._awaited.values())

    @property
    def expected(self) -> int:
        """The value of `arrived` once everything announced is here; apt says beforehand how much it needs."""
        return self.bytes + max(0, self._need - self._apt)

    def _read(self, line: str) -> None:
        found = _LINE.match(line)
        if not found:
            self._awaited.clear()  # pip goes on when a file has arrived, uv when all have
        elif found["fetched"]:
            self._done, self._apt, self._need = self._done + _bytes(found["fetched"], found["fetched_unit"]), 0, 0
        elif found["got"]:
            self._apt += _bytes(found["got"], found["got_unit"])
        elif found["need"]:
            self._need = self._apt + _bytes(found["need"], found["need_unit"])
        elif found["arrived"]:
            self._awaited.pop(found["arrived"], None)
        elif found["part"]:
            self._bar = max(self._bar, _bytes(found["part"], found["whole_unit"])) if self._unsized else 0
        else:
            size = _bytes(found["announced"], found["announced_unit"]) if found["announced"] else 0
            self._done, self._bar, self._unsized = self._done + self._bar + size, 0, not size
            if "i" not in (found["announced_unit"] or ""):
                self._awaited.clear()  # pip takes one file at a time; uv, which counts in MiB, takes many
            self._awaited[found["name"]] = size


def downloaded_bytes(log: str) -> int:
    """Return the bytes that a step's log says it downloaded; `Downloads` says what counts.

    It's 0 for files from a cache ("Using cached") and for quiet tools, which say nothing.
    """
    downloads = Downloads()
    downloads.feed(log)
    downloads.end()
    return downloads.bytes


def _bytes(number: str, unit: str) -> int:
    return round(float(number.rstrip(".,").replace(",", "")) * UNITS[unit.lower()])
