"""Judge a contract by what builds did. Pure, over records and their explanations."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence

from ..explaining.alignment import written
from ..explaining.reasoning import UNKNOWN
from ..measuring.answer import counted
from ..measuring.blaming import Blame, blame, heaviest, most_of_context, roots, slowest
from ..measuring.context_size import context_bytes
from ..measuring.situations import Observed
from ..record.build import Build
from ..record.states import RAN
from ..record.step import Step, shortened
from .clauses import ANY, Clause, phrase
from .verdict import FAIL, PASS, UNDECIDED, WARN, Finding

_MB = 1_000_000


def judge(contract: Sequence[Clause], observed: Sequence[Observed]) -> tuple[Finding, ...]:
    """Return what became of each clause; `observed` has the builds of all situations, real ones or drafts."""
    return tuple(
        _judged(clause, [o for o in observed if clause.situation in (o.situation, ANY)]) for clause in contract
    )


def _judged(clause: Clause, observed: Sequence[Observed]) -> Finding:
    """Judge a clause by its builds: one that's broken counts most, then one that's unknown."""
    if not observed:
        return Finding(clause, UNDECIDED, f"{phrase(clause.situation)}, nothing was built")
    if clause.rule == "max_seconds":
        return _seconds(clause, observed)
    found = [_RULES[clause.rule](clause, one) for one in observed]
    return min(found, key=lambda finding: (FAIL, UNDECIDED, PASS).index(finding.level))


# -- states ------------------------------------------------------------------------------------------------------------


def _cached(clause: Clause, one: Observed) -> Finding:
    texts = [step.text for step in written(one.build)]
    matching = [i for i, text in enumerate(texts) if matches(clause.pattern, text) and not text.startswith("FROM ")]
    if not matching:
        return Finding(
            clause, FAIL, f"no instruction of the build matches `{clause.pattern}`", "it was changed or removed"
        )
    states = [one.build.steps[i].state for i in matching]
    for state, level, verb in ((RAN, FAIL, "runs"), (UNKNOWN, UNDECIDED, "may or may not run")):
        if state in states:
            index = matching[states.index(state)]
            text = f"{phrase(one.situation)}, {_named(one.build.steps[index])} {verb}"
            why = blame(one, index) if level == FAIL else Blame("what it takes from another stage may be the same", 0)
            return Finding(clause, level, text, why.text, why.line or one.build.steps[index].line)
    return Finding(clause, PASS, f"{phrase(one.situation)}, it's cached")


def matches(pattern: str, text: str) -> bool:
    """Tell whether an instruction matches a pattern, in which * stands for any text; white space counts as one space."""
    parts = (re.escape(" ".join(part.split(" "))) for part in " ".join(pattern.split()).split("*"))
    return bool(re.fullmatch(".*".join(parts), " ".join(text.split()), re.DOTALL))


def _steps_run(clause: Clause, one: Observed) -> Finding:
    ran = [i for i, step in enumerate(one.build.steps) if step.state == RAN]
    open_ = sum(step.state == UNKNOWN for step in one.build.steps)
    text = f"{phrase(one.situation)}, {_count(len(ran))} run, and at most {clause.limit:g} may"
    if len(ran) > clause.limit:
        why = roots(one)
        return Finding(clause, FAIL, text, why.text, why.line)
    if len(ran) + open_ > clause.limit:
        return Finding(clause, UNDECIDED, f"{text}; {_count(open_)} more may run")
    return Finding(clause, PASS, text)


# -- bytes -------------------------------------------------------------------------------------------------------------


def _downloaded(clause: Clause, one: Observed) -> Finding:
    amount = one.build.downloaded_bytes / _MB
    text = f"{phrase(one.situation)}, {amount:.1f} MB downloaded, of {clause.limit:g} MB"
    if amount > clause.limit:
        index = max(range(len(one.build.steps)), key=lambda i: one.build.steps[i].downloaded_bytes)
        step, why = one.build.steps[index], blame(one, index)
        return Finding(clause, FAIL, text, f"{_named(step)} downloaded most; {why.text}", why.line or step.line)
    if uncounted := _uncounted(one.build):
        return Finding(clause, UNDECIDED, f"{text}, but what {_named(uncounted)} downloads is known only from its log")
    return Finding(clause, PASS, text)


def _uncounted(build: Build) -> Step | None:
    """Return a step that may have downloaded more than its log reports; None if there's none, or everything was counted."""
    if counted(build):
        return None
    return next((s for s in build.steps if s.state in (RAN, UNKNOWN) and s.instruction in ("RUN", "ADD")), None)


def _context(clause: Clause, one: Observed) -> Finding:
    size = context_bytes(one.build)
    if size is None:
        return Finding(clause, UNDECIDED, f"{phrase(one.situation)}, the build context isn't known")
    text = f"{phrase(one.situation)}, a fresh builder needs {size / _MB:.1f} MB of context, of {clause.limit:g} MB"
    if size > clause.limit * _MB:
        return Finding(clause, FAIL, text, most_of_context(one.build))
    return Finding(clause, PASS, text)


def _image(clause: Clause, one: Observed) -> Finding:
    size = one.build.image_bytes
    if size is None:
        return Finding(clause, UNDECIDED, f"{phrase(one.situation)}, the image's size isn't known")
    text = f"{phrase(one.situation)}, the image has {size / _MB:.1f} MB, of {clause.limit:g} MB"
    if size > clause.limit * _MB:
        why = heaviest(one.build)
        return Finding(clause, FAIL, text, why.text, why.line)
    return Finding(clause, PASS, text)


# -- seconds -----------------------------------------------------------------------------------------------------------


def _seconds(clause: Clause, observed: Sequence[Observed]) -> Finding:
    """Judge the median of each situation."""
    groups: dict[str, list[Observed]] = {}
    for one in observed:
        groups.setdefault(one.situation, []).append(one)
    medians = {name: statistics.median(o.build.seconds for o in its) for name, its in groups.items()}
    worst = max(medians, key=lambda name: medians[name])
    text = f"{phrase(worst)}, the median build takes {medians[worst]:.1f} s, of {clause.limit:g} s"
    if not medians[worst]:  # drafts
        return Finding(clause, UNDECIDED, f"{phrase(worst)}, nothing was built")
    if medians[worst] <= clause.limit:
        return Finding(clause, PASS, text)
    why = slowest(max(groups[worst], key=lambda o: o.build.seconds).build)
    return Finding(clause, WARN if clause.warns else FAIL, text, why.text, why.line)


def _named(step: Step) -> str:
    place = f" in line {step.line}" if step.line else ""
    return f"`{shortened(step.text, 50)}`{place}"


def _count(number: int) -> str:
    return f"{number} step{'' if number == 1 else 's'}"


_RULES: dict[str, Callable[[Clause, Observed], Finding]] = {
    "cached": _cached,
    "max_steps_run": _steps_run,
    "max_downloaded_mb": _downloaded,
    "max_context_mb": _context,
    "max_image_mb": _image,
}
