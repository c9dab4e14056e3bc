"""The facts as annotations: lines that a GitHub job prints so that GitHub shows them beside the Dockerfile's lines.

Each is a "workflow command" such as `::notice file=Dockerfile,line=3::text`. How one is written, and what GitHub makes of it, is
in the sources of its runner (github.com/actions/runner: ActionCommand.cs, ExecutionContext.cs).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from ..charts.labels import INSTANT, brief
from ..texts.plain import shown
from . import logs, words
from .facts import Facts, StepFacts

#: How many annotations of one kind GitHub takes from a step of a job; it drops the others without a word.
LIMIT = 10
#: How long an annotation's text may be, characters; GitHub cuts the rest off.
LENGTH = 4096
#: Characters of an instruction.
TEXT = 60
#: How much of a failed step's log is kept, bytes: its end, with the error, must fit in LENGTH beside the rest.
LOG = 2_000

#: What has a meaning in a workflow command, and what's written instead: in its text, and in its properties as well.
_IN_TEXT = {"%": "%25", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_TEXT, ":": "%3A", ",": "%2C"}

#: Causes that say nothing about a change: all steps of such a build have the same, and the summary says it once.
_OF_THE_WHOLE_BUILD = ("first build", "another machine", "no cache")


@dataclasses.dataclass(frozen=True)
class Annotation:
    """One remark on a Dockerfile.

    Attributes:
        kind: "error", "warning" or "notice", which GitHub shows as such.
        file: the Dockerfile's path; "" if it's unknown.
        line: first line that it's about; 0 for none.
        end_line: last line that it's about.
        title: what kind of remark it is.
        text: the remark; may have several lines.
        seconds: how long the step took that it's about.
    """

    kind: str
    file: str
    line: int
    end_line: int
    title: str
    text: str
    seconds: float = 0.0

    def command(self) -> str:
        """Write it as a workflow command; if the file is unknown, the text has the line."""
        placed = self.file and self.line
        properties = {"file": self.file, "line": str(self.line), "endLine": str(self.end_line)} if placed else {}
        given = ",".join(f"{k}={_escaped(v, _IN_PROPERTIES)}" for k, v in {**properties, "title": self.title}.items())
        text = self.text if placed or not self.line else f"line {self.line}: {self.text}"
        took = f" It took {words.duration(self.seconds)}." if self.seconds >= INSTANT else ""
        return f"::{self.kind} {given}::{_escaped(text[:LENGTH] + took, _IN_TEXT)}"


def annotated(*builds: Facts) -> str:
    """Write what GitHub shall show beside the lines of these builds' Dockerfiles, in one step of a job.

    That's the failed step, why steps ran again, and what would help; "" if there's nothing to say. What two targets of a bake
    file share is said once.
    """
    failed = [_failure(facts, facts.failed_step) for facts in builds if facts.failed_step]
    reasons = sorted((told for facts in builds for told in _reasons(facts)), key=lambda told: -told.seconds)
    helpful = [told for facts in builds for told in _advice(facts)]
    kept = (
        *_few(failed, "failed steps"),
        *_few(reasons, "steps ran for reasons of their own"),
        *_few(helpful, "pieces of advice"),
    )
    return "".join(f"{annotation.command()}\n" for annotation in kept)


def _failure(facts: Facts, step: StepFacts) -> Annotation:
    log = logs.cut(facts.step_logs[step.number - 1], LOG)
    told = (facts.meaning or f"{brief(step.text, TEXT)} failed", facts.remedy, log or facts.error)
    text = "\n".join(filter(None, told))
    return Annotation("error", facts.file, step.line, step.end_line, "The build failed here", text)


def _reasons(facts: Facts) -> Iterator[Annotation]:
    """Yield why each step with a reason of its own ran, if there was a build to compare with."""
    for step in map(facts.step, facts.roots if facts.against else ()):
        if step.causes and step.causes[0].kind not in _OF_THE_WHOLE_BUILD:
            text = f"{brief(step.text, TEXT)}: {step.why}."
            yield Annotation(
                "notice", facts.file, step.line, step.end_line, "Why this step ran again", text, step.seconds
            )


def _advice(facts: Facts) -> Iterator[Annotation]:
    """Yield what would help a line. What would help the failed step is said with the failure."""
    for remedy in facts.remedies:
        if remedy.line and remedy.text != facts.remedy:
            yield Annotation("warning", facts.file, remedy.line, remedy.line, "What would help", remedy.text)


def _few(found: Iterable[Annotation], noun: str) -> list[Annotation]:
    """Return at most LIMIT annotations, each once: if there are more, the last only counts them."""
    different: dict[Annotation, Annotation] = {}
    for annotation in found:
        different.setdefault(dataclasses.replace(annotation, seconds=0.0), annotation)
    kept = list(different.values())
    if len(kept) <= LIMIT:
        return kept
    left_out = len(kept) - LIMIT + 1
    rest = Annotation(kept[0].kind, "", 0, 0, "More of them", f"{left_out} more {noun}: see the job's summary.")
    return [*kept[: LIMIT - 1], rest]


def _escaped(text: str, replaced: Mapping[str, str]) -> str:
    return "".join(replaced.get(character, character) for character in shown(text))
