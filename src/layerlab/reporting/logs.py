"""Long logs made fit for a page: cut in the middle, and in long lines."""

from __future__ import annotations

import html

#: How many characters of a line are shown; minified files and progress bars make longer lines.
LINE = 1000


def weight(text: str) -> int:
    """Return how many bytes `text` takes in a page, escaped."""
    return len(html.escape(text).encode("utf-8", "replace"))


def cut(text: str, limit: int) -> str:
    """Cut `text` in the middle so that it weighs at most about `limit` bytes; a note says how much is left out.

    A third of the limit goes to the beginning and two thirds to the end, in whole lines: to understand an error you need its
    beginning (the request) and its end (the failure).
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
    """Divide the budget, in bytes, among texts: short ones are kept whole, long ones share the rest equally."""
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
    """Count how many lines, from the first, together weigh no more than `limit`."""
    for count, line in enumerate(lines):
        limit -= weight(line) + 1
        if limit < 0:
            return count
    return len(lines)
