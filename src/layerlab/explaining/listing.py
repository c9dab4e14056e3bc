"""Name files in a sentence: a few by name, many by folder. Pure."""

from __future__ import annotations

import collections
from collections.abc import Sequence

from ..texts.plain import named

#: How many files or folders a sentence names.
NAMED = 3
#: Up to how many files it names the first and counts the rest; more are summed up by folder.
FEW = 10
#: Or if the names of the first are longer than this, as those of Git's objects are.
LONG = 100


def listed(names: Sequence[str], *, by_folder: bool = True) -> str:
    """Return "a, b, c and 2 more", or, for more than FEW or LONG names, "312 files in .git/objects and a.py"."""
    many = len(names) > FEW or (len(names) > NAMED and sum(map(len, names[:NAMED])) > LONG)
    if by_folder and many and len(groups := _by_folder(names)) <= NAMED and list(groups) != [""]:
        words = [
            f"{len(paths):,} files in {named(folder)}" if len(paths) > 1 else named(paths[0])
            for folder, paths in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
        ]
        return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    text = ", ".join(named(name) for name in names[:NAMED])
    return text if len(names) <= NAMED else f"{text} and {len(names) - NAMED:,} more"


def _by_folder(paths: Sequence[str]) -> dict[str, list[str]]:
    """Group paths by folder: the largest group is divided as long as there are no more than NAMED groups."""
    groups: dict[str, list[str]] = {"": list(dict.fromkeys(paths))}
    while True:
        folder = max(groups, key=lambda f: len(groups[f]))
        parts: dict[str, list[str]] = collections.defaultdict(list)
        for path in groups[folder]:
            rest = path[len(folder) :].lstrip("/")  # "" for the folder itself, if its permissions changed
            parts[f"{folder}/{rest.partition('/')[0]}".lstrip("/")].append(path)
        if len(groups[folder]) == 1 or len(groups) - 1 + len(parts) > NAMED:
            return groups
        del groups[folder]
        groups |= parts
