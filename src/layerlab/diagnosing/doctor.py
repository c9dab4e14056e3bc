"""doctor: check everything that a build needs on this computer, and tell you what's fine and how to fix the rest.

Every check has two parts: `look_at_…` asks the computer, and `judge_…`, a pure function, interprets the answer. So tests
can try each judgement without causing the fault.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import textwrap
from collections.abc import Callable

from ..texts.plain import as_json, shown
from . import checks, computer
from .findings import Finding, first_line

WORDS = {True: "fine", None: "note", False: "WRONG"}
#: The checks, in the order of the report.
CHECKS: tuple[Callable[[], Finding], ...] = (
    checks.look_at_engine,
    checks.look_at_buildx,
    checks.look_at_compose,
    checks.look_at_buildkit,
    computer.look_at_disk,
    computer.look_at_cpu,
    computer.look_at_memory,
    computer.look_at_architecture,
    computer.look_at_network,
    computer.look_at_hub,
    computer.look_at_index,
    computer.look_at_certificates,
    checks.look_at_machines,
    checks.look_at_leftovers,
)


@dataclasses.dataclass(frozen=True)
class Report:
    """All findings, in a fixed order. Printed, it is a plain table."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is nothing to fix."""
        return all(finding.ok is not False for finding in self.findings)

    def __str__(self) -> str:
        width = max((len(f.name) for f in self.findings), default=0)
        lines = []
        for f in self.findings:
            indent = " " * (width + 9)
            head = f"{WORDS[f.ok]:<5}  {f.name:<{width}}  "
            lines += textwrap.wrap(head + f.what, 118, subsequent_indent=indent, break_on_hyphens=False)
            if f.remedy:
                lines += textwrap.wrap(
                    f"→ {f.remedy}", 118, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
                )
        wrong = sum(f.ok is False for f in self.findings)
        return shown("\n".join([*lines, f"{wrong} to fix." if wrong else "Nothing to fix."]))

    __repr__ = __str__

    def to_json(self) -> str:
        """Return the report as JSON: {"ok": …, "findings": [{"name", "ok", "what", "remedy"}]}."""
        data = {"ok": self.ok, "findings": [dataclasses.asdict(f) for f in self.findings]}
        return as_json(data)


def doctor() -> Report:
    """Run all checks, within seconds. Never raises: a check that can't be done is a finding, too."""
    with concurrent.futures.ThreadPoolExecutor(len(CHECKS)) as pool:
        return Report(tuple(pool.map(_guarded, CHECKS)))


def _guarded(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # a broken check must not hide the others
        name = check.__name__.removeprefix("look_at_").replace("_", " ")
        return Finding(name, None, f"could not be checked: {type(error).__name__}: {first_line(str(error))}")
