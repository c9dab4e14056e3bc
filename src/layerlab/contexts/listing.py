"""What's in a build context and what isn't, file by file, with the rule that decided. Asks no engine.

Rules are matched as BuildKit matches them (patterns.py); `Build.contexts` has what a build really saw.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from ..texts.plain import named
from .patterns import Patterns
from .taking import take

IN, OUT = "in", "kept out"


def list_context(folder: str | Path, dockerfile: str = "Dockerfile") -> pd.DataFrame:
    """List every file in the folder of a build context, largest first.

    Columns: path (relative to the context), bytes, state ("in" or "kept out"), rule (the pattern that decided; "" if none
    matched). Files that are kept out are listed too. `frame.attrs["ignore_file"]` is the path of the file with the rules,
    relative to the context ("" for none).
    Raises BadPattern for a rule that BuildKit refuses; NotADirectoryError or FileNotFoundError if `folder` isn't a folder.

    Args:
        folder: the context.
        dockerfile: path of the Dockerfile, relative to `folder`: NAME.dockerignore beside it wins over `.dockerignore`.
    """
    snapshot = take(folder, dockerfile)
    patterns, rows = Patterns(snapshot.rules), []
    for place, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(place, name)
            path = os.path.relpath(full, folder).replace(os.sep, "/")
            state = IN if path in snapshot.entries else OUT
            rows.append((named(path), os.lstat(full).st_size, state, named(deciding_rule(patterns, path))))
    frame = pd.DataFrame(rows, columns=["path", "bytes", "state", "rule"])
    frame = frame.sort_values(["bytes", "path"], ascending=[False, True], ignore_index=True)
    frame.attrs["ignore_file"] = snapshot.ignore_file
    return frame


def deciding_rule(patterns: Patterns, path: str) -> str:
    """Return the rule that decides on `path`, cleaned, with its "!"; "" if none matches."""
    _, matched = patterns.matches(path)
    # A rule that couldn't change the verdict doesn't count as matching, so the last match made the verdict.
    last = max((number for number, hit in enumerate(matched) if hit), default=None)
    if last is None:
        return ""
    rule = patterns.rules[last]
    return "!" * rule.negated + rule.text
