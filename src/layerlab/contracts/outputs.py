"""A verdict for other programs: SARIF for code scanning, JUnit for test reports, Markdown for a job's summary. Pure."""

from __future__ import annotations

import importlib.metadata
import json
import posixpath
import urllib.parse
import xml.etree.ElementTree as ElementTree
from typing import Any

from ..reporting.markdown import escaped
from .verdict import FAIL, SIGNS, UNDECIDED, WARN, Finding, Verdict

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: What each rule demands, for SARIF's list of rules.
RULES = {
    "cached": "An instruction stays cached",
    "max_steps_run": "Few steps run",
    "max_downloaded_mb": "Little is downloaded",
    "max_context_mb": "The build context is small",
    "max_image_mb": "The image is small",
    "max_seconds": "The build is quick",
}


def sarif(verdict: Verdict, folder: str = "") -> str:
    """Return the broken clauses and the warnings as SARIF 2.1.0, in JSON.

    Args:
        verdict: the verdict.
        folder: the project's folder, relative to the repository: code scanning finds the Dockerfile by it.
    """
    results = [_result(finding, verdict, folder) for finding in verdict.findings if finding.level in (FAIL, WARN)]
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()]
    driver = {"name": "LayerLab", "version": importlib.metadata.version("layerlab"), "rules": rules}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, indent=1)


def _result(finding: Finding, verdict: Verdict, folder: str) -> dict[str, Any]:
    file = posixpath.normpath(posixpath.join(folder.replace("\\", "/"), verdict.dockerfile or "Dockerfile"))
    place = {"artifactLocation": {"uri": urllib.parse.quote(file)}, "region": {"startLine": finding.line or 1}}
    return {
        "ruleId": finding.clause.rule,
        "level": "error" if finding.level == FAIL else "warning",
        "message": {"text": f"{finding}."},
        "locations": [{"physicalLocation": place}],
        # The same alert as long as the clause is the same, wherever its line moves.
        "partialFingerprints": {"clause/v1": f"{verdict.variant} {finding.clause}"},
    }


def junit(verdict: Verdict) -> str:
    """Return the verdict as JUnit's XML: a test case for each clause; one that's unknown counts as skipped."""
    count = {level: sum(f.level == level for f in verdict.findings) for level in SIGNS}
    suite = ElementTree.Element(
        "testsuite", name=f"layerlab contract {verdict.variant}", tests=str(len(verdict.findings))
    )
    suite.set("failures", str(count[FAIL]))
    suite.set("skipped", str(count[UNDECIDED]))
    suite.set("errors", "0")
    for finding in verdict.findings:
        case = ElementTree.SubElement(suite, "testcase", classname=f"layerlab.{verdict.app}", name=str(finding.clause))
        case.set("file", verdict.dockerfile)
        if finding.line:
            case.set("line", str(finding.line))
        kind = {FAIL: "failure", UNDECIDED: "skipped"}.get(finding.level)
        if kind:
            ElementTree.SubElement(case, kind, message=str(finding)).text = finding.cause
        elif finding.level == WARN:
            ElementTree.SubElement(case, "system-out").text = f"warning: {finding}"
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def markdown(verdict: Verdict) -> str:
    """Return the verdict for a CI job's summary."""
    lines = [f"### {escaped(verdict.summary)}", "", *(f"- {escaped(edit)}" for edit in verdict.edits), ""]
    lines += ["| | clause | found | cause |", "|---|---|---|---|"]
    for finding in verdict.findings:
        cells = (SIGNS[finding.level], *(escaped(str(text)) for text in (finding.clause, finding.text, finding.cause)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
