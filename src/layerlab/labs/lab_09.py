"""Lab 09: name what is wrong with eight builds, then cure a ninth that has three things at once.

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
    """What came of one line of diagnoses.toml.

    Attributes:
        number, title: the patient.
        named: the cause the learner names; "" for none.
        known: whether there is such a cause.
        right: whether the trouble went with it.
        text: what was tried, and what happened.
        clue: of a wrong diagnosis, where the second day's build, or its message, points to.
    """

    number: int
    title: str
    named: str
    known: bool = True
    right: bool = False
    text: str = ""
    clue: str = ""


def script(run: LabRun) -> None:
    """Try the diagnoses up to the first that is not right; when all are, build the ninth patient over three days."""
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
    """Where to look: the line that ran for a reason of its own in the second build, or the message."""
    first, second = visit.days
    if second.build is None or first.build is None:
        return "docker itself says more than that the build fails. What does it say it lacks, and what to do about it?"
    root = explain(second.build, first.build).roots[0]
    return (
        f"in its second build line {root.line} ({root.instruction}) was the first to run. What does `explain` say of it, and "
        "what in build.sh, nightly.sh or the Dockerfile brings that about?"
    )


def _ninth(run: LabRun) -> None:
    """The first day, a commit, and a new package: each with a release note and a hash of its own."""
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
        return Goal(text, False)
    if not finding.named:
        hint = (
            f'patient {number} ("{finding.title}") has no diagnosis yet. Visit them: which step ran in the second build that '
            "should not have, or what does docker say?"
        )
        return Goal(text, False, hint)
    if not finding.known:
        return Goal(text, False, f"{finding.named!r} is none of the causes. They are: {', '.join(clinic.CAUSES)}.")
    return Goal(text, finding.right, f"it is not {finding.named!r}: {finding.clue}", finding.text)


def _cured(seen: Observed) -> tuple[Goal, ...]:
    """What is asked of the ninth patient's Dockerfile."""
    commit, package, answer = seen.builds.get("commit"), seen.builds.get("package"), seen.answers.get("package")
    sha, installed = seen.facts.get("sha", ""), _installed(commit)
    return (
        judging.builds(seen, "package", "the ninth patient's Dockerfile builds"),
        judging.answers(
            answer,
            "the desk starts and books",
            "the image builds, but the desk does not book an appointment in it. Is all that it needs copied and installed?",
        ),
        Goal(
            "it says which commit runs, and when it was built",
            bool(answer and answer.health.count(sha) == 2),
            "the desk's /health no longer tells the commit and the release note of this build. Both are wanted: they may "
            "stand anywhere in the file. Where do they disturb nothing?",
            f"/health: {answer.health}" if answer else "",
        ),
        Goal(
            "after a commit, the packages stay cached",
            commit is not None and not installed,
            _order_hint(seen, installed) if installed else "",
            judging.states(commit, "The build after the commit:"),
        ),
        Goal(
            "a new package downloads no other",
            package is not None and package.downloaded_bytes <= clinic.ONE_PACKAGE,
            "one new package, and all the others were downloaded once more. Where does pip put the wheels, and where does "
            "the mount keep them?",
            judging.states(package, "The build after the new package:"),
        ),
    )


def _installed(build: Build | None) -> list[int]:
    """Return the lines that installed packages. A RUN of a stage outside the image has no size, and nothing else to do here."""
    ran = judging.ran(build, "RUN")
    return [s.line for s in ran if s.size_bytes is None or max(s.size_bytes, s.downloaded_bytes) > clinic.ONE_PACKAGE]


def _order_hint(seen: Observed, installed: list[int]) -> str:
    why = explain(seen.builds["commit"], seen.builds["first"])
    root = next(step for step in why.roots if step.line <= installed[0])
    return (
        f"a commit made line {installed[0]} (RUN) install the packages again, because of line {root.line} "
        f"({root.instruction}): {root.why}. Does the installation need that? If not, where else can it stand?"
    )


LAB = Lab(
    name=clinic.LAB,
    app=clinic.APP,
    files={"Dockerfile": "Dockerfile", "diagnoses.toml": "diagnoses.toml"},
    script=script,
    judge=judge,
)
