"""Words and figures shared by the page and the summary."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Protocol

from ..charts.labels import INSTANT, brief
from ..charts.theme import megabytes as _megabytes
from ..charts.theme import seconds, shortened
from ..record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from ..record.traffic import least
from ..texts.secrets import HIDDEN
from .facts import BROKEN, STOPPED, SUCCEEDED, Facts, StepFacts, Totals

#: The sign before a state: distinguishable by shape, not by colour alone.
SIGNS = {RAN: "■", CACHED: "○", BASE: "·", FAILED: "✗", CANCELED: "⊘", NOT_REACHED: "–"}

#: How many steps the list of the slowest names.
SLOWEST = 10


def megabytes(count: float | None) -> str:
    """Write bytes as MB, or as kB or B if they're too few, so that 29 bytes aren't 0 MB; "unknown" for None."""
    if count is None:
        return "unknown"
    if abs(count) < 1e4:
        return f"{count / 1e3:.1f} kB" if abs(count) >= 1e3 else f"{count:.0f} B"
    return _megabytes(count / 1e6)


class Downloaded(Protocol):
    """A step, or a build's totals."""

    @property
    def downloaded_bytes(self) -> int: ...
    @property
    def downloads_counted(self) -> bool: ...


def downloaded(of: Downloaded) -> str:
    """Write the bytes that something downloaded, after "≥ " if they weren't counted."""
    return least(of.downloads_counted) + megabytes(of.downloaded_bytes)


def duration(value: float) -> str:
    """Write seconds as 0 s, 0.45 s or 41.2 s; from 100 s on, as 1 min 40 s or 2 h 5 min."""
    if value < 99.5:
        return seconds(value) if value >= 0.005 else "0 s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def clipped(text: str, width: int) -> str:
    """Return `text` on one line of at most `width` characters."""
    return shortened(text, width)


def difference(value: float, show: Callable[[float], str] = duration) -> str:
    """Write a difference as +3.2 s, −1.1 s or ±0: the sign doesn't depend on colour."""
    shown = show(abs(value))
    return "±0" if not value or shown == show(0.0) else f"{'+' if value > 0 else '−'}{shown}"


def share(part: float, whole: float | None) -> str:
    """Write a share as 52 % or <1 %; "" if the whole is unknown."""
    if not whole:
        return ""
    percent = 100 * part / whole
    return "<1 %" if 0 < percent < 1 else f"{percent:.0f} %"


def place(step: StepFacts) -> str:
    """Name a step's place: "line 12", or "step 3" if its line is unknown."""
    return f"line {step.line}" if step.line else f"step {step.number}"


def moment(iso: str) -> str:
    """Write 2026-01-02T03:04:05.678+00:00 as 2026-01-02 03:04:05 UTC; leave any other text as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(\+00:00|Z)", iso)
    return f"{found[1]} {found[2]} UTC" if found else iso


def named(step: StepFacts, width: int = 60) -> str:
    """Name a step by its place and text: "line 12, RUN pip install …"."""
    return f"{place(step)}, {brief(step.text, width)}"


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: "1 step", "2 steps"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tally(totals: Totals) -> str:
    """Say how many steps ran, how many were cached, and how many did neither."""
    told = [f"{counted(totals.ran, 'step')} ran", f"{totals.cached} cached"]
    for count, word in ((totals.failed, "failed"), (totals.canceled, "canceled"), (totals.not_reached, "not reached")):
        told += [f"{count} {word}"] if count else []
    return ", ".join(told)


def slowest(facts: Facts) -> list[StepFacts]:
    """Return the SLOWEST steps that took time, the slowest first."""
    found = [s for s in facts.steps if s.seconds >= INSTANT]
    return sorted(found, key=lambda s: -s.seconds)[:SLOWEST]


def verdict(facts: Facts) -> str:
    """Say how the build went, in one sentence without the full stop."""
    how = {BROKEN: "Failed after", STOPPED: "Canceled after"}.get(facts.outcome, "Built in")
    return f"{how} {duration(facts.totals.seconds)}: {tally(facts.totals)}"


def short_story(facts: Facts) -> list[str]:
    """Return the most important facts, for a reader who reads nothing else: sentences without the full stop."""
    told = []
    if facts.failed_step:
        means = f": {facts.meaning}" if facts.meaning else ""
        told.append(f"Failed at {named(facts.failed_step)}{means}")
    if facts.against and facts.root_causes:
        told.append(root_cause(facts))
    elif facts.against and not facts.totals.ran:
        told.append("Nothing relevant changed, so no step ran")
    if top := slowest(facts):
        part = share(top[0].seconds, facts.totals.seconds)
        told.append(f"Slowest step: {duration(top[0].seconds)}, {part} of the build ({named(top[0])})")
    if facts.totals.export_seconds >= max(INSTANT, 0.2 * facts.totals.seconds):
        part = share(facts.totals.export_seconds, facts.totals.seconds)
        told.append(f"The export took {duration(facts.totals.export_seconds)}, {part} of the build")
    if facts.comparison and (facts.outcome, facts.comparison.outcome) == (SUCCEEDED, SUCCEEDED):
        before = facts.comparison.totals.seconds
        change = facts.totals.seconds - before
        if difference(change) == "±0":
            told.append(f"As fast as the previous build ({duration(before)})")
        else:
            how = "slower" if change > 0 else "faster"
            told.append(f"{duration(abs(change))} {how} than the previous build ({duration(before)})")
    return told


def root_cause(facts: Facts) -> str:
    """Name the first root cause, with the step or steps that it made run, and count the others."""
    first, *others = facts.root_causes
    steps = [s for s in facts.steps if s.root and s.line in first.lines]
    where = named(steps[0]) if len(steps) == 1 else f"lines {', '.join(map(str, first.lines))}"
    more = f", and {counted(len(others), 'more root cause')}" if others else ""
    return f"Root cause: {first.text} ({where}){more}"


def comparison_rows(before: Totals, now: Totals) -> Iterable[tuple[str, str, str, str]]:
    """Yield the rows of the table of totals: (what, before, now, difference)."""
    downloads = "downloaded" if before.downloads_counted and now.downloads_counted else "downloaded, at least"
    rows: tuple[tuple[str, float | None, float | None, Callable[[float], str]], ...] = (
        ("total time", before.seconds, now.seconds, duration),
        ("critical path", before.critical_path_seconds, now.critical_path_seconds, duration),
        ("export", before.export_seconds, now.export_seconds, duration),
        ("context transfer", before.context_seconds, now.context_seconds, duration),
        ("steps ran", before.ran, now.ran, lambda n: f"{n:.0f}"),
        ("steps cached", before.cached, now.cached, lambda n: f"{n:.0f}"),
        (downloads, before.downloaded_bytes, now.downloaded_bytes, megabytes),
        ("context sent", before.context_bytes, now.context_bytes, megabytes),
        ("image, compressed", before.image_bytes, now.image_bytes, megabytes),
    )
    for what, one, other, show in rows:
        first, second = ("unknown" if figure is None else show(figure) for figure in (one, other))
        change = "unknown" if one is None or other is None else difference(other - one, show)
        yield what, first, second, change


#: Where each figure comes from, so that nobody reads too much into it.
MEASURED = (
    ("States", "from BuildKit's own progress events. A step is cached if BuildKit says so. FROM is not classified, because "
     "BuildKit reports it sometimes as cached and sometimes not."),
    ("Total time", "wall clock of the docker command, including start-up and export."),
    ("Time of a step", "from the step's start to its completion, as BuildKit reports them. Steps of different stages overlap, "
     "so they don't add up to the total. It's the time of one build, not a median of several."),
    ("Critical path", "computed: from the step that finished last (or failed) back to the one of its inputs that finished "
     "last, and so on. Speeding up a step elsewhere may not make the build any faster."),
    ("Layers and image", "compressed, as a registry stores them, from the build's provenance. A failed build has none."),
    ("Downloads", "bytes that flowed to the RUN steps over the machine's network, with what the protocols add, such as an "
     "index's pages, and image layers pulled. Where they couldn't be counted (on your own builder, with --network=host, or while "
     "other containers or builds used the machine), ≥ stands before what the logs of pip, uv and apt report: a tool that reports "
     "nothing, such as curl or npm, counts as 0 there."),
    ("Context", "bytes sent to the engine: the changes since it last saw the context, not the size of the folder."),
    ("Times on other networks", "computed: bytes divided by bandwidth, with nothing else on the line and no waiting for "
     "servers."),
    ("Causes", "computed by comparing the operations of both builds, the files of the build context after its ignore rules, "
     "and the digests of images. If the evidence isn't conclusive, the cause is unknown."),
    ("Left out", "values of build arguments and variables whose name looks like a secret, passwords in addresses, values of "
     f"--password and similar options, and tokens and keys with a known form: they read {HIDDEN}. Long logs are cut in the "
     "middle; terminal colours are removed. A secret that a step made up and printed can't be recognized, so look at the logs "
     "before you share them."),
)  # fmt: skip
