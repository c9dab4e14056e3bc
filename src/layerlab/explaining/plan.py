"""What each step asks the engine to do, read from the Dockerfile's text: for failed builds, which have no provenance.

It gives the same records as `operations`, but coarser: it has the variables that the file and the build arguments set, not
those of the base image. Both sides of a comparison are always read in the same way.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ..record.build import Build
from ..traces.instructions import Instruction, global_values, read, replaced
from .operations import Operation, Origin, Reading, Source

_FLAG = re.compile(r"--([a-z][\w-]*)(?:=(\S+))?")


def operations(build: Build) -> tuple[Operation | None, ...]:
    """Return the operation of each of `build.steps`; None for FROM and steps without a known line."""
    return _Reader(build).read()


def variables(build: Build) -> Mapping[int, Mapping[str, str]]:
    """Return what ENV and ARG have set at each instruction, by its line; nothing that base images set."""
    reader = _Reader(build)
    reader.read()
    return reader.variables


class _Scope:
    """What the instructions above have set, in one stage."""

    def __init__(self, base: Origin, inherited: _Scope | None) -> None:
        self.last = base
        self.env: dict[str, str] = dict(inherited.env) if inherited else {}
        self.cwd: str = inherited.cwd if inherited else "/"
        self.user: str = inherited.user if inherited else ""
        self.shell: str = inherited.shell if inherited else ""


class _Reader:
    def __init__(self, build: Build) -> None:
        self.build = build
        self.given = build.args
        self.index_at = {step.line: i for i, step in reversed(list(enumerate(build.steps))) if step.line}
        self.scopes: dict[str, _Scope] = {}
        self.variables: dict[int, Mapping[str, str]] = {}
        self.found: list[Operation | None] = [None] * len(build.steps)

    def read(self) -> tuple[Operation | None, ...]:
        global_args = global_values(self.build.dockerfile, self.given)
        scope = _Scope(None, None)
        for instruction in read(self.build.dockerfile, self.given):
            if instruction.keyword == "FROM":
                inherited = self.scopes.get(instruction.base.lower())
                index = self.index_at.get(instruction.line)
                vertex = self.build.steps[index].digest if index is not None else ""
                scope = _Scope(inherited.last if inherited else _image(instruction.base, vertex), inherited)
                self.scopes[instruction.stage_name] = self.scopes[str(instruction.stage)] = scope
            elif instruction.stage >= 0:
                self._take(instruction, scope, global_args)
        return tuple(self.found)

    def _take(self, instruction: Instruction, scope: _Scope, global_args: Mapping[str, str]) -> None:
        keyword, value = instruction.keyword, instruction.value
        self.variables[instruction.line] = dict(scope.env)
        if keyword == "ARG":
            for name, default in instruction.assigned.items():
                scope.env[name] = self.given.get(name, replaced(default, scope.env) or global_args.get(name, ""))
        elif keyword == "ENV":
            scope.env |= {name: replaced(told, scope.env) for name, told in instruction.assigned.items()}
        elif keyword == "USER":
            scope.user = value
        elif keyword == "SHELL":
            scope.shell = value
        index = self.index_at.get(instruction.line)
        if index is None:
            return
        if keyword == "WORKDIR":
            value = replaced(value, scope.env)
            scope.cwd = value if value.startswith("/") else f"{scope.cwd.rstrip('/')}/{value}"
            self._made(index, scope, {"mkdir 1 path": scope.cwd}, ())
        elif keyword == "RUN":
            self._run(index, value, scope)
        elif keyword in ("COPY", "ADD"):
            self._copy(index, keyword, value, scope)

    def _run(self, index: int, value: str, scope: _Scope) -> None:
        flags, command = _flags(value)
        facts = {f"env {k}": v for k, v in scope.env.items()}
        facts |= {"command": self._body(index, command), "cwd": scope.cwd, "user": scope.user, "shell": scope.shell}
        readings = []
        for name, setting in flags:
            if name != "mount":
                facts[name] = setting
                continue
            parts = dict(part.partition("=")[::2] for part in setting.split(","))
            target = parts.get("target") or parts.get("dst") or parts.get("destination") or parts.get("id", "")
            facts[f"mount {target}"] = setting
            if parts.get("type", "bind") == "bind":
                source = parts.get("source") or parts.get("src") or "/"
                readings.append(
                    Reading(self._origin(parts.get("from", ""), index), {"src": _rooted(source)}, mounted=True)
                )
        self._made(index, scope, facts, tuple(readings))

    def _copy(self, index: int, keyword: str, value: str, scope: _Scope) -> None:
        flags, rest = _flags(value)
        options = dict(flags)
        words = words_of(rest)
        facts = {f"option --{k}": v for k, v in flags if k not in ("link", "from")}
        absolute = bool(words) and replaced(words[-1], scope.env).startswith("/")
        facts |= {
            "copy 1 text": self._body(index, rest),
            "copy 1 from": options.get("from", "context"),
            "copy 1 dest": "" if absolute else scope.cwd,
        }
        used = {k: scope.env.get(k, "") for k in re.findall(r"\$\{?(\w+)", f"{value} {self._body(index, rest)}")}
        facts |= {f"env {k}": v for k, v in used.items()}
        if "link" in options:
            facts["link"] = "true"
        readings = []
        for source in words[:-1]:
            source = replaced(source, scope.env)
            if keyword == "ADD" and re.match(r"(https?|git|ssh)://|git@", source):
                readings.append(Reading(Source("http", source), {}))
            elif not source.startswith("<<"):
                copy: dict[str, Any] = {
                    "src": _rooted(source),
                    "allowWildcard": True,
                    "followSymlink": True,
                    "dirCopyContents": True,
                }
                excluded = [v for k, v in flags if k == "exclude"]
                readings.append(
                    Reading(
                        self._origin(options.get("from", ""), index),
                        copy | ({"exclude_patterns": excluded} if excluded else {}),
                    )
                )
        self._made(index, scope, facts, tuple(readings))

    def _made(self, index: int, scope: _Scope, facts: dict[str, str], readings: tuple[Reading, ...]) -> None:
        self.found[index] = Operation(facts, scope.last, readings)
        scope.last = index

    def _origin(self, name: str, index: int) -> Origin:
        if not name:
            return Source("context", "context")
        if name != "context" and name in self.build.contexts:  # it comes before a stage of that name
            return Source("context", name)
        if scope := self.scopes.get(name.lower()):
            return scope.last
        if name in self.build.contexts:
            return Source("context", name)
        # Images that steps take files from have no step of their own.
        steps = {step.digest for step in self.build.steps}
        return _image(name, " ".join(sorted(set(self.build.steps[index].inputs) - steps)))

    def _body(self, index: int, text: str) -> str:
        """Return the text with its heredocs, which `instructions.read` leaves out."""
        step = self.build.steps[index]
        if "<<" not in text:
            return text
        return "\n".join(self.build.dockerfile.splitlines()[step.line - 1 : step.end_line])


def _image(name: str, vertex: str) -> Source | None:
    return None if name in ("", "scratch") else Source("image", name, vertex=vertex)


def _flags(value: str) -> tuple[list[tuple[str, str]], str]:
    """Return the leading --flags, and the rest."""
    flags, rest = [], value.lstrip()
    while match := _FLAG.match(rest):
        flags.append((match[1], match[2] if match[2] is not None else "true"))
        rest = rest[match.end() :].lstrip()
    return flags, rest


def words_of(rest: str) -> list[str]:
    """Return the sources and the destination of a COPY or ADD, from what follows its flags."""
    try:
        return list(re.findall(r'"((?:[^"\\]|\\.)*)"', rest)) if rest.startswith("[") else shlex.split(rest)
    except ValueError:
        return rest.split()


def _rooted(path: str) -> str:
    return "/" + path.removeprefix("./").lstrip("/") if path not in (".", "./") else "/"
