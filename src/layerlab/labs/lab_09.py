"""Lab 09: say what's wrong with eight builds, then cure a ninth that has three troubles at once.

A diagnosis is judged by days without its cause (see `clinic`), the cure by builds: after a commit the packages stay cached,
a new package downloads no other, and the desk still says which commit runs.
"""

from __future__ import annotations

import dataclasses
import time
import tomllib

from ..explaining.why import explain
from ..record.build import Build
from . import clinic, judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged


@dataclasses.dataclass(frozen=True)
class Finding:
    """The outcome of one line of diagnoses.toml.

    Attributes:
        number, title: the patient.
        named: the cause the learner names; "" for none.
        known: whether there's such a cause.
        right: whether the trouble is gone without it.
        text: what was tried, and what happened.
        clue: for a wrong diagnosis, where the second day's build, or its message, points.
    """

    number: int
    title: str
    named: str
    known: bool = True
    right: bool = False
    text: str = ""
    clue: str = ""


def script(run: LabRun) -> None:
    """Try the diagnoses up to the first wrong one; if all are right, build the ninth patient over three days."""
    findings: list[Finding] = []
    run.note("findings", findings)
    try:
        named = tomllib.loads(run.app.read("diagnoses.toml"))
    except tomllib.TOMLDecodeError as error:
        run.note("unreadable", str(error))
        return
    for number in clinic.numbers():
        findings.append(_finding(run, number, str(named.get(f"patient-{number}", "")).strip()))
        if not findings[-1].right:
            return
    _ninth(run)


def _finding(run: LabRun, number: int, named: str) -> Finding:
    with clinic.patient(number) as patient:
        finding = Finding(number, patient.title, named, named in clinic.CAUSES)
        if not named or not finding.known:
            return finding
        visit = patient.visit(run.machine)
        diagnosis = patient.diagnose(run.machine, named)
        return dataclasses.replace(finding, right=diagnosis.right, text=str(diagnosis), clue=_clue(visit))


def _clue(visit: clinic.Visit) -> str:
    """Say where to look: at the line that ran for a reason of its own in the second build, or at the message."""
    first, second = visit.days
    if second.build is None or first.build is None:
        return (
            "docker says more than that the build fails. What does it say is missing, and what should you do about it?"
        )
    root = explain(second.build, first.build).roots[0]
    return (
        f"in the second build, line {root.line} ({root.instruction}) was the first to run. What does `explain` say about it, "
        "and what in build.sh, nightly.sh or the Dockerfile causes that?"
    )


def _ninth(run: LabRun) -> None:
    """Build on the first day, after a commit and after a new package, each time with a new release note and hash."""
    for label, edit in (("first", "none"), ("commit", "code"), ("package", "dependency")):
        sha = f"{time.time_ns():x}"[-8:]
        run.app.edit(edit)
        run.app.write("release.txt", f"built for {sha}\n")
        run.build(label, args={"GIT_SHA": sha})
        run.note("sha", sha)
    run.ask("package")


def judge(seen: Observed) -> Verdict:
    """Set the goals: eight diagnoses; the ninth builds, answers, tells its commit, keeps its packages, downloads only one."""
    if "unreadable" in seen.facts:
        goal = Goal("diagnoses.toml can be read", False, f"it is not valid TOML: {seen.facts['unreadable']}.")
        return judged((goal,))
    findings = {finding.number: finding for finding in seen.facts["findings"]}
    goals = [_diagnosed(number, findings.get(number)) for number in clinic.numbers()]
    return judged([*goals, *_cured(seen)], seen.builds.get("commit"))


def _diagnosed(number: int, finding: Finding | None) -> Goal:
    text = f"patient {number} is diagnosed"
    if finding is None:
        return Goal(text, None)
    if not finding.named:
        hint = (
            f'patient {number} ("{finding.title}") has no diagnosis yet. Visit them: which step ran in the second build that '
            "shouldn't have, or what does docker say?"
        )
        return Goal(text, False, hint)
    if not finding.known:
        return Goal(text, False, f"{finding.named!r} isn't one of the causes, which are: {', '.join(clinic.CAUSES)}.")
    return Goal(text, finding.right, f"it isn't {finding.named!r}: {finding.clue}", finding.text)


def _cured(seen: Observed) -> tuple[Goal, ...]:
    """Set the goals for the ninth patient's Dockerfile."""
    commit, package, answer = seen.builds.get("commit"), seen.builds.get("package"), seen.answers.get("package")
    sha, installed = seen.facts.get("sha", ""), _installed(commit)
    return (
        judging.builds(seen, "package", "the ninth patient's Dockerfile builds"),
        judging.answers(
            answer,
            "the desk starts and books",
            "the image builds, but its desk doesn't book an appointment. Is everything it needs copied and installed?",
        ),
        Goal(
            "it says which commit runs, and when it was built",
            judging.tested(answer, lambda a: a.health.count(sha) == 2),
            "the desk's /health no longer shows this build's commit and release note. Both have to be there, but they can go "
            "anywhere in the file. Where do they do no harm?",
            f"/health: {answer.health}" if answer else "",
        ),
        Goal(
            "after a commit, the packages stay cached",
            judging.tested(commit, lambda _: not installed),
            _order_hint(seen, installed) if installed else "",
            judging.states(commit, "The build after the commit:"),
        ),
        judging.downloads_little(
            package,
            "a new package downloads nothing else",
            lambda *_: (
                "one new package made the build download all the others again. Where does pip put the wheels, and where "
                "does the mount keep them?"
            ),
            judging.states(package, "The build after the new package:"),
            clinic.ONE_PACKAGE,
        ),
    )


def _installed(build: Build | None) -> list[int]:
    """Return the lines that installed packages. A RUN in a stage outside the image has no size, and here it only installs."""
    ran = judging.ran(build, "RUN")
    return [s.line for s in ran if s.size_bytes is None or max(s.size_bytes, s.downloaded_bytes) > clinic.ONE_PACKAGE]


def _order_hint(seen: Observed, installed: list[int]) -> str:
    why = explain(seen.builds["commit"], seen.builds["first"])
    root = next(step for step in why.roots if step.line <= installed[0])
    return (
        f"a commit made line {installed[0]} (RUN) install the packages again, because of line {root.line} "
        f"({root.instruction}): {root.why}. Does the installation need that? If not, where else can it go?"
    )


LAB = Lab(
    name=clinic.LAB,
    app=clinic.APP,
    files={"Dockerfile": "Dockerfile", "diagnoses.toml": "diagnoses.toml"},
    script=script,
    judge=judge,
)
