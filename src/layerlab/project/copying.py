"""Copy a project as far as builds need it: what build contexts hold, not `.venv`, `.git`, data or secrets that nobody ships.

A build needs more than the default context if it has other ignore rules or another context. What it needs is copied when it's
asked for (`add_context`, `add_file`), and what the user has deleted from the copy meanwhile stays deleted.
"""

from __future__ import annotations

import fnmatch
import functools
import itertools
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from ..contexts.ignoring import ignore_file
from ..contexts.patterns import BadPattern, Patterns, read_rules
from ..system.home import home
from ..system.trees import copy_tree

#: Files that say what to build: no image needs to hold them, but every build reads some.
DEFINITIONS = (
    "*Dockerfile*", "*dockerfile*", "*Containerfile*", "*.dockerignore",
    "layerlab.toml", "*.yaml", "*.yml", "*.hcl", "docker-bake*.json",
)  # fmt: skip
#: Compose takes variables from it, so it's copied if there is a Compose file beside it.
ENVIRONMENT, COMPOSE = ".env", ("compose.y*ml", "docker-compose.y*ml")

#: Tells of a path relative to the project whether it's wanted.
_Wanted = Callable[[str], bool]


class Copy:
    """A copy of the project `source` in the folder `target`, which doesn't exist yet. Raises OSError if it can't be made.

    Attributes:
        left_out: the outermost paths that weren't copied, relative to the project.
    """

    def __init__(self, source: Path, target: Path, *, whole: bool) -> None:
        """Copy everything if `whole`, else what the default context holds: that of the project's folder and `Dockerfile`."""
        self.source, self.target = source, target
        self.left_out: list[str] = []
        self._copy("", (lambda path: True) if whole else _context("", source, "Dockerfile", source))

    def add_context(self, place: str, dockerfile: str) -> tuple[str, ...]:
        """Copy what's missing of a context; return the outermost paths in it that are left out, relative to it.

        `place` is relative to the project, `dockerfile` to the context ("" for none).
        """
        inside = f"{place}/" if place else ""
        self.add_file(f"{inside}.dockerignore")
        self._add(_context(place, self.target / place, dockerfile, self.source))
        return tuple(path.removeprefix(inside) for path in self.left_out if path.startswith(inside))

    def add_file(self, path: str) -> None:
        """Copy a file, relative to the project, that was left out."""
        self._add(functools.partial(_leads_to, path))

    def _add(self, wanted: _Wanted) -> None:
        before, self.left_out = self.left_out, []
        for path in before:
            if wanted(path):
                self._copy(path, wanted)
            else:
                self.left_out.append(path)

    def _copy(self, path: str, wanted: _Wanted) -> None:
        source, target = self.source / path, self.target / path
        if source.is_dir() and not source.is_symlink():
            copy_tree(
                source,
                target,
                ignore=functools.partial(self._leave_out, wanted),
                passed_over=lambda folder, names: itertools.chain(*self._sorted_out(wanted, folder, names)),
            )
        elif not os.path.lexists(target):
            shutil.copy2(source, target, follow_symlinks=False)

    def _leave_out(self, wanted: _Wanted, folder: str, names: list[str]) -> list[str]:
        """Return the names in `folder` that aren't copied, as shutil.copytree wants it, and note those that are left out."""
        never, out = self._sorted_out(wanted, folder, names)
        place = PurePosixPath(os.path.relpath(folder, self.source))
        self.left_out += [str(place / name) for name in out]
        return [*never, *out]

    def _sorted_out(self, wanted: _Wanted, folder: str, names: list[str]) -> tuple[set[str], list[str]]:
        """Return the names in `folder` that can't be copied or are there already, and those that nobody wants."""
        place = PurePosixPath(os.path.relpath(folder, self.source))
        never = {name for name in names if not _copyable(Path(folder, name)) or self._is_there(place / name)}
        out = [
            name for name in names if name not in never and not _defines(name, names) and not wanted(str(place / name))
        ]
        return never, out

    def _is_there(self, path: PurePosixPath) -> bool:
        """Tell whether the copy has a file of that name: the user's, which stays."""
        target = self.target / path
        return os.path.lexists(target) and not (target.is_dir() and not target.is_symlink())


def _context(place: str, folder: Path, dockerfile: str, project: Path) -> _Wanted:
    """Return what the context at `place` holds, by the ignore rules in `folder`; what leads to the context is wanted too."""
    try:
        patterns = Patterns(read_rules(ignore_file(folder, dockerfile)[1]))
    except BadPattern:
        patterns = Patterns(())  # the build will say so

    def wanted(path: str) -> bool:
        if _leads_to(place, path):
            return True
        if place and not path.startswith(place + "/"):
            return False
        inside = path.removeprefix(place + "/")
        if not patterns.matches(inside)[0]:
            return True
        return patterns.may_let_in_below(inside) and (project / path).is_dir()

    return wanted


def _leads_to(place: str, path: str) -> bool:
    return path == place or place.startswith(path + "/")


def _defines(name: str, siblings: Iterable[str]) -> bool:
    """Tell whether a file says what to build, by its name and those beside it."""
    if name == ENVIRONMENT:
        return any(fnmatch.fnmatch(other, pattern) for other in siblings for pattern in COMPOSE)
    return any(fnmatch.fnmatch(name, pattern) for pattern in DEFINITIONS)


def _copyable(path: Path) -> bool:
    """Tell whether to copy a path: not LayerLab's home, which holds the copy; nor sockets, pipes and devices.

    Reading one of those would hang, and BuildKit doesn't send their content either.
    """
    return path != home() and (path.is_symlink() or path.is_file() or path.is_dir())
