"""Verdict: what became of each clause of a contract. Plain data, which `judging` makes."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..texts.plain import shown
from .clauses import Clause

#: What can become of a clause. "unknown" is neither a failure nor a pass: the evidence doesn't decide.
PASS, FAIL, WARN, UNDECIDED = "pass", "fail", "warn", "unknown"
SIGNS = {PASS: "✓", FAIL: "✗", WARN: "!", UNDECIDED: "?"}


@dataclasses.dataclass(frozen=True)
class Finding:
    """What became of one clause.

    Attributes:
        clause: the clause.
        level: "pass", "fail", "warn" or "unknown".
        text: what was found, a sentence without a full stop.
        cause: why, the same way; "" for a pass.
        line: line of the Dockerfile to blame; 0 if there is none.
    """

    clause: Clause
    level: str
    text: str
    cause: str = ""
    line: int = 0

    def __post_init__(self) -> None:
        for field in ("text", "cause"):
            object.__setattr__(self, field, shown(getattr(self, field)))

    def __str__(self) -> str:
        return f"{self.text}: {self.cause}" if self.cause else self.text


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of a contract.

    Attributes:
        app: name of the project.
        variant: name of the variant that was built.
        dockerfile: path of the Dockerfile, relative to the project; "" if it isn't in a file.
        edits: what each edit changed, in words.
        findings: one for each clause.
        reasoned: whether states were reasoned from the files, without a build (`--fast`).
    """

    app: str
    variant: str
    dockerfile: str
    edits: tuple[str, ...]
    findings: tuple[Finding, ...]
    reasoned: bool

    @property
    def failed(self) -> bool:
        """Whether a clause is broken."""
        return any(finding.level == FAIL for finding in self.findings)

    @property
    def summary(self) -> str:
        """One line: how many clauses hold."""
        count = {level: sum(f.level == level for f in self.findings) for level in SIGNS}
        words = {PASS: "kept", FAIL: "broken", WARN: "warnings", UNDECIDED: "unknown"}
        told = ", ".join(f"{number} {words[level]}" for level, number in count.items() if number)
        how = " (reasoned from the files; nothing was built)" if self.reasoned else ""
        return f"The contract of {self.app} {self.variant}: {told or 'nothing to check'}{how}"

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as `layerlab contract check --json` prints it."""
        return {**dataclasses.asdict(self), "failed": self.failed}

    def __str__(self) -> str:
        lines = [self.summary, *(f"  {edit}" for edit in self.edits), ""]
        for finding in self.findings:
            lines.append(f"{SIGNS[finding.level]} {finding.clause}")
            if finding.level != PASS:
                lines += [f"    {text}" for text in (finding.text, finding.cause) if text]
        return "\n".join(lines)
