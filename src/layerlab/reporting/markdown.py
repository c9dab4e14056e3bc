"""The facts as GitHub-flavoured Markdown, for a CI job's summary or a comment: compact, with the details folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..charts.labels import INSTANT, brief
from ..errors import cut
from ..record.states import FAILED, RAN
from ..texts.plain import shown
from . import logs, words
from .facts import ComparedStep, Comparison, Facts, Pair, StepFacts

#: The summary's limit, bytes: a comment on GitHub takes 65,536 characters, a job summary takes more.
LIMIT = 64_000
#: Rows of a table to begin with; fewer if the summary gets too long.
ROWS = 150
#: Characters of an instruction, and of the reason it ran.
TEXT, WHY = 60, 160
#: How much of a failed step's log is kept, bytes.
LOG = 6_000

#: Characters that Markdown, GitHub's extensions (mentions, issue numbers, maths, emoji, addresses), a table or HTML would
#: interpret.
_SPECIAL = re.compile(r"[\\`*_\[\]#!|~<>&$@]|:(?=//|[a-z+]\w*:)|(?<=www)\.|^[-+=]|(?<=^\d)[.)](?= )")


def escaped(text: str) -> str:
    """Return plain text on one line, escaped so that it stays plain text in Markdown, in a table and in HTML."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", " ".join(shown(text).split()))


def markdown(facts: Facts, limit: int = LIMIT) -> str:
    """Write the summary in at most `limit` bytes: if it would be longer, its tables get fewer rows."""
    rows = ROWS
    while len((text := _summary(facts, rows)).encode()) > limit and rows > 1:
        rows //= 2
    return text


def _summary(facts: Facts, rows: int) -> str:
    parts = [f"### {escaped(f'{facts.app} {facts.variant}')}: {escaped(words.verdict(facts))}", _facts_line(facts)]
    parts += ["\n".join(f"- {escaped(words.clipped(line, 300))}" for line in words.short_story(facts))]
    parts += ["\n".join(f"- → {escaped(words.clipped(str(remedy), 300))}" for remedy in facts.remedies[:rows])]
    if facts.error:
        parts.append(_error(facts))
    parts.append(_steps(facts, rows))
    if facts.unexplained:
        parts.append(f"No causes: {escaped(words.clipped(facts.unexplained, 300))}.")
    elif not facts.against:
        parts.append("No earlier build to compare with.")
    elif facts.roots:
        parts.append(_roots(facts, rows))
    if facts.comparison:
        parts.append(_comparison(facts.comparison, facts, rows))
    if facts.warnings:
        lines = "\n".join(f"- {escaped(words.clipped(w, 200))}" for w in facts.warnings[:20])
        parts.append(_folded(words.counted(len(facts.warnings), "warning"), lines))
    if facts.command:  # that of an imported build isn't known
        parts.append(_folded("Command", _fenced(cut(shown(facts.command), 2000))))
    source = f"{facts.generator}, {words.moment(facts.started_at)}"
    parts.append(f"<sub>{escaped(source)}. Sizes are compressed. A download with ≥ is what its log reports.</sub>")
    return "\n\n".join(filter(None, parts)) + "\n"


def _facts_line(facts: Facts) -> str:
    totals = facts.totals
    told = [
        f"**{words.duration(totals.seconds)}**",
        f"critical path {words.duration(totals.critical_path_seconds)}",
        f"export {words.duration(totals.export_seconds)}",
        f"{words.downloaded(totals)} downloaded",
        f"{words.megabytes(totals.context_bytes)} context",
    ]
    if totals.image_bytes is not None:
        told.append(f"image {words.megabytes(totals.image_bytes)}")
    return " · ".join([*told, f"on {escaped(facts.machine)}"])


def _error(facts: Facts) -> str:
    step = facts.failed_step
    parts = [_fenced(logs.cut(facts.error, LOG))]
    if step and (log := facts.step_logs[step.number - 1]):
        parts.append(_folded(f"Log of {escaped(words.named(step, TEXT))}", _fenced(logs.cut(log, LOG))))
    return "\n\n".join(parts)


def _steps(facts: Facts, rows: int) -> str:
    """Write the table of steps. If there are more than `rows`, keep failed steps, root causes, then the slowest."""
    if not facts.steps:
        return ""
    chosen = sorted(facts.steps, key=lambda s: (s.state != FAILED, not s.root, -s.seconds))[:rows]
    chosen.sort(key=lambda s: s.number)
    table = _table(
        ("line", "step", "state", ">time", ">downloaded", ">layer", "why"),
        ((str(s.line or ""), _code(s), _state(s), _time(s), words.downloaded(s) if s.downloaded_bytes else "",
          "" if s.size_bytes is None else words.megabytes(s.size_bytes), _why(s) if facts.against else "") for s in chosen),
    )  # fmt: skip
    more = len(facts.steps) - len(chosen)
    note = "◆ on the critical path, ▸ root cause." + (
        f" {words.counted(more, 'shorter step')} left out." if more else ""
    )
    return f"{table}\n\n{note}"


def _roots(facts: Facts, rows: int) -> str:
    lines = []
    for step in (facts.step(n) for n in facts.roots[:rows]):
        lines.append(f"- ▸ {words.place(step)} {_code(step)}: {escaped(words.clipped(step.why, WHY))}")
        seen = [e for c in step.causes for e in c.evidence][:5]
        lines += [
            f"  - {escaped(words.clipped(e.what, 80))}: {escaped(words.clipped(e.before, 60) or '(none)')} → "
            f"{escaped(words.clipped(e.now, 60) or '(none)')}"
            for e in seen if e.before or e.now
        ]  # fmt: skip
    return _folded(
        "Root causes and what was compared", f"Compared with {escaped(facts.against)}.\n\n" + "\n".join(lines)
    )


def _comparison(before: Comparison, facts: Facts, rows: int) -> str:
    totals = _table(("", ">before", ">now", ">difference"), words.comparison_rows(before.totals, facts.totals))
    changed = [p for p in before.steps if _changed(p)][:rows]
    steps = _table(
        ("step", "before", "now", ">time before", ">time now"),
        ((_code(p.shown), *(_state(side) if side else "not there" for side in (p.before, p.now)),
          *(words.duration(side.seconds) if side else "" for side in (p.before, p.now))) for p in changed),
    )  # fmt: skip
    told = f"{totals}\n\nSteps whose state or text differs:\n\n{steps}" if changed else totals
    head = f"Compared with {before.app} {before.variant} of {words.moment(before.started_at)}"
    note = "" if before.same_machine else "\n\nThe previous build ran on another machine, so times aren't comparable."
    return _folded(escaped(head), told + note)


def _changed(pair: Pair) -> bool:
    before, now = pair.before, pair.now
    return not before or not now or (before.state, before.text) != (now.state, now.text)


def _code(step: StepFacts | ComparedStep) -> str:
    return f"<code>{escaped(brief(step.text, TEXT))}</code>"


def _state(step: StepFacts | ComparedStep) -> str:
    return f"{words.SIGNS[step.state]} {step.state}"


def _time(step: StepFacts) -> str:
    took = words.duration(step.seconds) if step.state in (RAN, FAILED) or step.seconds >= INSTANT else ""
    return f"◆ {took}" if step.critical and step.seconds >= INSTANT else took


def _why(step: StepFacts) -> str:
    return ("▸ " if step.root else "") + escaped(words.clipped(step.why, WHY))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of cells that are Markdown already; a heading that starts with > is aligned right."""
    lines = [
        "| " + " | ".join(h.removeprefix(">") or " " for h in head) + " |",
        "|" + "|".join("---:" if h.startswith(">") else "---" for h in head) + "|",
    ]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _folded(summary: str, body: str) -> str:
    # Without the empty lines, Markdown inside HTML isn't rendered.
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _fenced(text: str) -> str:
    """Write a code block with a fence longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
