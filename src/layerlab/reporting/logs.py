"""Logs as a page can show them: no terminal codes, the last state of progress bars, long ones cut in the middle."""

from __future__ import annotations

import html
import re

#: ANSI sequences (CSI; OSC such as titles and links, ended by BEL or ST; two-character ones), then other control characters.
_TERMINAL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)

#: Characters of one line that are shown; minified files and progress bars make longer ones.
LINE = 1000


def plain(log: str) -> str:
    """`log` as a terminal would have left it: without colours; of a line that was rewritten, the last version."""
    if "\r" in log:
        log = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in log.split("\n"))
    return _TERMINAL.sub("", log).rstrip()


def weight(text: str) -> int:
    """Bytes of `text` in a page."""
    return len(html.escape(text).encode("utf-8", "replace"))


def cut(text: str, limit: int) -> str:
    """`text`, or its first third and last two thirds and a note between them, so that it weighs at most about `limit`.

    Whole lines are kept: an error is understood by its beginning (what was asked) and its end (what went wrong).
    """
    lines = [_line(line) for line in text.split("\n")]
    whole = "\n".join(lines)
    if weight(whole) <= limit:
        return whole
    head = _fitting(lines, limit // 3)
    tail = _fitting(lines[head:][::-1], limit - limit // 3)
    left_out = lines[head : len(lines) - tail]
    note = f"… {len(left_out):,} lines left out, {sum(len(x) + 1 for x in left_out) / 1e3:,.0f} kB …"
    return "\n".join([*lines[:head], "", note, "", *lines[len(lines) - tail :]])


def shares(weights: list[int], budget: int) -> list[int]:
    """The budget divided among texts: short ones are kept whole, the long ones share what is left equally."""
    granted = [0] * len(weights)
    waiting = sorted(range(len(weights)), key=weights.__getitem__)
    while waiting:
        index = waiting.pop(0)
        granted[index] = min(weights[index], budget // (len(waiting) + 1))
        budget -= granted[index]
    return granted


def _line(line: str) -> str:
    return line if len(line) <= LINE else f"{line[:LINE]} … ({len(line) - LINE:,} more characters)"


def _fitting(lines: list[str], limit: int) -> int:
    """How many of the lines, from the first, weigh no more than `limit` together."""
    for count, line in enumerate(lines):
        limit -= weight(line) + 1
        if limit < 0:
            return count
    return len(lines)
