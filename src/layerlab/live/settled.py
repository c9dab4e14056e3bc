"""The summary that stays when a build is over: one line and, if it failed, the failed step with its last log lines."""

from __future__ import annotations

import html

from ..record.build import Build
from ..record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from ..record.step import Step, shortened
from .model import LiveBuild

#: How many lines of a failed step's log are shown.
LAST_LINES = 8
#: The states of a record as shown to the user, each with its own shape.
_STATES = {
    RAN: "■ ran", CACHED: "○ cached", BASE: "· base", FAILED: "✗ failed", CANCELED: "✗ cancelled",
    NOT_REACHED: "  not reached",
}  # fmt: skip
#: Code hosts remove styles but keep attributes; JupyterLab's own style overrides the attribute.
_LEFT = "align='left' style='text-align: left'"
#: Characters of a step's text that are shown in a table.
_WIDTH = 100


def outcome(build: Build | None, title: str) -> str:
    """Say in one line how a build went, with the same facts in a notebook, a terminal and a CI log."""
    if build is None:
        return f"{title}: cancelled"
    return build.outcome(title)


def text(build: Build | None, live: LiveBuild) -> str:
    """Return the outcome and, if the build didn't succeed, where it stopped."""
    first = (
        outcome(build, live.title) if build else f"{live.title}: cancelled after {live.elapsed:.1f} s, {live.counts()}"
    )
    return "\n".join([first, *_where(build, live)])


def page(build: Build | None, live: LiveBuild) -> str:
    """Return the same as HTML, with the steps folded away. It needs no script, widget or style: code hosts remove those."""
    first, *rest = text(build, live).split("\n")
    below = f"<pre>{html.escape(chr(10).join(rest))}</pre>" if rest else ""
    rows = [_step_cells(s) for s in build.steps] if build else [
        (str(r.line or ""), _STATES[r.state], f"{r.seconds:.1f}" if r.seconds is not None else "", r.text)
        for r in live.steps
    ]  # fmt: skip
    if not rows:
        return f"<p>{html.escape(first)}</p>{below}"
    cells = "".join(
        f"<tr><td>{line}</td><td {_LEFT}>{html.escape(state)}</td><td>{seconds}</td>"
        f"<td {_LEFT}><code>{html.escape(shortened(what, _WIDTH))}</code></td></tr>"
        for line, state, seconds, what in rows
    )
    heads = "".join(
        f"<th scope='col' {side}>{name}</th>"
        for name, side in (("line", ""), ("state", _LEFT), ("seconds", ""), ("step", _LEFT))
    )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"
    return f"<details><summary>{html.escape(first)}</summary>{table}</details>{below}"


def _step_cells(step: Step) -> tuple[str, str, str, str]:
    seconds = f"{step.seconds:.1f}" if step.started is not None else ""
    return str(step.line or ""), _STATES[step.state], seconds, step.text


def _where(build: Build | None, live: LiveBuild) -> list[str]:
    """List the steps at which a build stopped, each with the end of its output; without such a step, list its error."""
    if build and not build.error:
        return []
    stopped: list[tuple[int, str, str, float | None, str]]
    if build:
        stopped = [(s.line, s.text, "failed", s.seconds, s.log) for s in build.steps if s.state == FAILED]
        if not stopped:
            return [f"  {line}" for line in build.error.strip().splitlines()[-LAST_LINES:]]
    else:
        stopped = [(r.line, r.text, r.word, r.seconds, "\n".join(r.tail)) for r in live.steps if r.state == CANCELED]
    lines = []
    for line, what, how, seconds, log in stopped:
        lines.append(f"{f'line {line}, ' if line else ''}{shortened(what, _WIDTH)}: {how} after {seconds or 0:.1f} s")
        lines += [f"  {each}" for each in log.split("\n") if each.strip()][-LAST_LINES:]
    return lines
