"""A plugin for pytest: each clause of a project's contract is a test.

`pytest --layerlab` builds on a machine, once, when the first of the tests runs; `pytest --layerlab-fast` builds nothing.
A warning is a warning of pytest's, what's unknown is skipped with the reason. Every pytest loads it, so it imports nothing early.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .clauses import Clause
    from .verdict import Finding, Verdict

#: The project's file, as `project.manifest` has it.
_MANIFEST = "layerlab.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("layerlab", "LayerLab: the contract of the project's Docker builds")
    group.addoption("--layerlab", action="store_true", help="check the contract in layerlab.toml by real builds")
    group.addoption("--layerlab-fast", action="store_true", help="check it without building: states alone, reasoned")
    group.addoption("--layerlab-project", metavar="PATH", help="folder of the project; by default pytest's rootdir")
    group.addoption("--layerlab-machine", metavar="NAME", default="laptop", help="machine to build on (laptop)")


def pytest_configure(config: pytest.Config) -> None:
    """Collect the project's contract with the tests, wherever those are."""
    if config.getoption("--layerlab") or config.getoption("--layerlab-fast"):
        config.args.append(str(_project(config) / _MANIFEST))


def _project(config: pytest.Config) -> Path:
    return Path(config.getoption("--layerlab-project") or config.rootpath).resolve()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the contract, and no other project's."""
    wanted = parent.config.getoption("--layerlab") or parent.config.getoption("--layerlab-fast")
    if not wanted or file_path != _project(parent.config) / _MANIFEST:
        return None
    return ContractFile.from_parent(parent, path=file_path)


class ContractFile(pytest.File):
    """A project's layerlab.toml."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each clause."""
        from ..project.manifest import read_manifest
        from .clauses import clauses

        for number, clause in enumerate(clauses(read_manifest(self.path).get("contract", {}))):
            yield ClauseItem.from_parent(self, name=str(clause), number=number, clause=clause)

    @functools.cached_property
    def verdict(self) -> Verdict:
        """The verdict, from builds that happen once."""
        from ..measuring.situations import subject
        from ..project.app import App
        from .checking import check, check_fast
        from .clauses import of_app

        if self.config.getoption("--layerlab-fast"):
            with App.at(self.path.parent) as app:
                return check_fast(subject(app), of_app(app))
        from ..machine.machine import Machine

        machine = Machine.start(self.config.getoption("--layerlab-machine"), share=True, say=lambda line: None)
        with App.from_path(self.path.parent) as app:
            return check(machine, subject(app), of_app(app))


class ClauseItem(pytest.Item):
    """One clause, as a test."""

    parent: ContractFile

    def __init__(self, *, number: int, clause: Clause, **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]  # pytest's own arguments, which from_parent hands on
        self.number, self.clause = number, clause

    def runtest(self) -> None:
        """Judge it."""
        from .verdict import FAIL, UNDECIDED, WARN

        finding = self.parent.verdict.findings[self.number]
        if finding.level == FAIL:
            raise Broken(finding)
        if finding.level == WARN:
            warnings.warn(str(finding), stacklevel=1)
        if finding.level == UNDECIDED:
            pytest.skip(f"unknown: {finding}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Return what pytest shows: the finding and its cause, or LayerLab's error, without a traceback."""
        from ..errors import LayerLabError

        if isinstance(excinfo.value, Broken | LayerLabError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return what pytest says of a test's place."""
        return self.path, None, f"contract: {self.clause}"


class Broken(Exception):
    """A clause is broken."""

    def __init__(self, finding: Finding) -> None:
        super().__init__("\n".join(filter(None, (finding.text, finding.cause))))
