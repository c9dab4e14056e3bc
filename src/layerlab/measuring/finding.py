"""Find what a code edit and a dependency edit mean for a project: the file that each changes. Pure, over a draft of its build.

What the project's layerlab.toml names comes first. Else it must be a file that a step of the build reads: of those that an
installing RUN names, or that its tool locks, for dependencies; of the source files, one that's likely to be edited, for code.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..contexts.selection import files_of
from ..explaining import plan
from ..explaining.operations import Source
from ..project.app import CODE_GUESSES, REQUIREMENTS
from ..record.build import Build
from ..record.step import shortened

#: What installs, and the file whose change makes it install something else. A requirements file is named in the command.
_LOCKED = (
    (r"\buv (sync|export)\b", ("uv.lock", "pyproject.toml")),
    (r"\bpoetry (install|sync|export)\b", ("poetry.lock", "pyproject.toml")),
    (r"\bpdm (install|sync|export)\b", ("pdm.lock", "pyproject.toml")),
    (r"\bpipenv (install|sync)\b", ("Pipfile.lock", "Pipfile")),
    (
        r"\bpip3? install\b.*\s(\.(\s|$|/|\[)|-e\b|--editable\b)",
        ("pylock.toml", "pyproject.toml", "setup.cfg", "setup.py"),
    ),
    (r"\bnpm (ci|install)\b", ("package-lock.json", "package.json")),
)
#: What names dependencies by its name alone, if no command says that it installs them.
_USUAL = (REQUIREMENTS, *(name for _, files in _LOCKED for name in files))
_REQUIREMENTS = re.compile(r"(?:^|\s)(?:-r|--requirement)[ =]?([^\s;&|\"']+)|\buv pip sync\b([^;&|]*)")
#: What's also Python, but seldom edited, or not for the image.
_ASIDE = re.compile(
    r"(^|/)(tests?|docs?|scripts?|examples?|migrations|alembic|benchmarks?|\.[^/]+)/|(^|/)(test_[^/]*|[^/]*_test|conftest|setup|noxfile)\.py$"
)
_SOURCE = (".py", ".js", ".ts", ".tsx", ".jsx", ".go", ".java", ".rs", ".html", ".css")


@dataclasses.dataclass(frozen=True)
class Found:
    """The file that an edit changes.

    Attributes:
        kind: "code", "dependency" or "context".
        path: relative to the app; "" if there's none.
        why: how it was found, to follow the path: "which line 5 installs from".
    """

    kind: str
    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind} edit: {self.path or 'none'}, {self.why}"


def find(build: Build, places: Mapping[str, str], told: Mapping[str, Any]) -> dict[str, Found]:
    """Return what the edits of each kind change.

    Args:
        build: the draft of the build.
        places: name of a context → its folder, relative to the app.
        told: the [edits] table of layerlab.toml.
    """
    read = _read(build)
    guesses = {"code": _code(read), "dependency": _dependency(build, read), "context": ("notes", "a new folder")}
    keys = {"code": "code", "dependency": "requirements", "context": "context"}
    found = {}
    for kind, (path, why) in guesses.items():
        own = told.get(keys[kind], "")
        inside = posixpath.normpath(posixpath.join(places.get("context", ""), path)) if path else ""
        found[kind] = Found(kind, own, _said(build, places, kind, own)) if own else Found(kind, inside, why)
    return found


def _said(build: Build, places: Mapping[str, str], kind: str, path: str) -> str:
    """Say that layerlab.toml names a file, and if no build can notice an edit of it."""
    known = [(place, build.contexts[name]) for name, place in places.items() if name in build.contexts]
    there = kind == "context" or any(posixpath.relpath(path, place) in of.entries for place, of in known)
    return "as layerlab.toml says" + ("" if there else ", which isn't in a build context")


def _read(build: Build) -> list[str]:
    """Return the files of the main context that steps read, in the order in which they're read first."""
    snapshot = build.contexts.get("context")
    operations = [operation for operation in plan.operations(build) if operation] if snapshot else []
    found: dict[str, None] = {}
    for reading in (r for operation in operations for r in operation.readings):
        if snapshot and isinstance(reading.of, Source) and (reading.of.kind, reading.of.name) == ("context", "context"):
            found.update(
                dict.fromkeys(p for p in files_of(snapshot, reading.copy) if snapshot.entries[p].kind == "file")
            )
    return list(found)


def _code(read: list[str]) -> tuple[str, str]:
    sources = [path for path in read if path.endswith(_SOURCE)]
    sources = [path for path in sources if not _ASIDE.search(path)] or sources
    if not sources:
        return "", "no step reads a source file"
    return min(sources, key=_unlikely), "a source file that the build reads"


def _unlikely(path: str) -> tuple[object, ...]:
    """Return a key that sorts first what's likely to be edited."""
    name = posixpath.basename(path)
    first = CODE_GUESSES.index(path) if path in CODE_GUESSES else len(CODE_GUESSES)
    usual = name in {posixpath.basename(guess) for guess in CODE_GUESSES}
    return (not path.endswith(".py"), first, name == "__init__.py", not usual, path.count("/"), path)


def _dependency(build: Build, read: list[str]) -> tuple[str, str]:
    found = [(path, line, text) for line, text in _installs(build) for path in _named(text, read)]
    found.sort(key=lambda one: _minor(posixpath.basename(one[0])))
    if not found:
        usual = [path for name in _USUAL for path in _ending(name, read)]
        return (usual[0], "by its name") if usual else ("", "the build reads no file that names dependencies")
    path, line, text = found[0]
    return path, f"which line {line} installs from: `{shortened(text, 50)}`"


def _minor(name: str) -> int:
    """Return a key for what several commands install from: Python's lock or requirements.txt come first, npm's files last."""
    if name.startswith("package"):
        return 2
    return name not in (REQUIREMENTS, *(files[0] for _, files in _LOCKED))


def _installs(build: Build) -> Iterator[tuple[int, str]]:
    """Yield line and command, on one line, of each RUN."""
    for step, operation in zip(build.steps, plan.operations(build), strict=True):
        if step.instruction == "RUN" and operation:
            yield step.line, " ".join(operation.facts["command"].split())


def _named(command: str, read: list[str]) -> Iterator[str]:
    """Yield the files that an installing command reads, of those that steps read."""
    for found in _REQUIREMENTS.finditer(command):
        words = [found[1]] if found[1] else found[2].split()
        yield from (path for word in words for path in _ending(posixpath.basename(word), read))
    for tool, files in _LOCKED:
        if re.search(tool, command) and not _REQUIREMENTS.search(command):
            yield from next((hits for name in files if (hits := _ending(name, read))), [])


def _ending(name: str, read: list[str]) -> list[str]:
    """Return the file of a name that's nearest to the context's root, as a list of one; [] if there's none."""
    hits = [path for path in read if posixpath.basename(path) == name]
    return sorted(hits, key=lambda path: (path.count("/"), path))[:1]
