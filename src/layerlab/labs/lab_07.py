"""Lab 07: an ignore file that keeps history, junk and a secret out of the build, and lets in what the app needs."""

from __future__ import annotations

from ..record.build import Build
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

DOCKERFILE = "backend/root.Dockerfile"
#: Bytes. The app needs a tenth of this, and each of the large kinds of clutter is far more.
LARGEST_CONTEXT = 200_000
#: Files that a day's work leaves behind, besides the one that a "context" edit adds: path → text.
JUNK = {
    "backend/logs/agents.log": "another line\n",
    "backend/amas/__pycache__/planner.cpython-311.pyc": "compiled again\n",
}


def script(run: LabRun) -> None:
    """Build, leave junk behind, build again, look for the secret in the image, ask."""
    run.build("first", DOCKERFILE, image=False)
    run.app.edit("context")
    for path, text in JUNK.items():
        run.app.write(path, text)
    run.build("again", DOCKERFILE)
    secrets = run.execute("again", "find", "/", "-xdev", "-name", ".env")
    # find exits with 1 if the image's user may not read some folder.
    run.note("secrets", secrets.output if secrets.exit_code in (0, 1) else None)
    run.ask("again")


def judge(seen: Observed) -> Verdict:
    """Set the goals: builds, answers, no secret in the image, junk runs nothing, a small context."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    secrets = [line for line in (seen.facts.get("secrets") or "").splitlines() if line.endswith("/.env")]
    sizes = sent_files(again) if again else {}
    largest = next(iter(sizes), "")
    goals = (
        judging.builds(
            seen,
            "again",
            "the image builds",
            "it does not build. The error below names the line of the Dockerfile. If it's missing a file that the project "
            "has, which of your rules keeps it out?",
        ),
        judging.answers(
            answer,
            "the app starts and answers a real request",
            "the image builds, but the app doesn't answer as it should. Its answer is below. A rule that keeps out too much "
            "is silent, too. Do main.py, amas/ and data/knowledge.jsonl all get in?",
        ),
        Goal(
            "the secret is not in the image",
            judging.tested(seen.facts.get("secrets"), lambda _: not secrets),
            f"{secrets[0] if secrets else ''} is in the image: anyone who can pull it has the key. The file is in a "
            "subfolder of the context. At which depth does your rule for it match, and what exactly is its text, to the end "
            "of the line?",
        ),
        judging.spares(
            again,
            "junk makes no step run",
            judging.ran(again),
            _junk_hint,
            judging.states(again, "The build after the junk:"),
        ),
        Goal(
            f"the context is smaller than {LARGEST_CONTEXT / 1e3:.0f} kB",
            judging.tested(again, lambda _: sum(sizes.values()) < LARGEST_CONTEXT),
            f"the engine is still sent far more than the app needs. The largest file in the context is {largest}. Which rule "
            "would keep it out, and others like it?",
        ),
    )
    return judged(goals, again)


def sent_files(build: Build) -> dict[str, int]:
    """Return the size in bytes of each file that the engine could see, the largest first."""
    entries = build.contexts["context"].entries if "context" in build.contexts else {}
    files = [(path, entry.size) for path, entry in entries.items() if entry.kind == "file"]
    return dict(sorted(files, key=lambda item: (-item[1], item[0])))


def _junk_hint(again: Build, step: Step) -> str:
    """Name the junk that came in, and the step that it made run."""
    sizes = sent_files(again)
    came = [path for path in JUNK if path in sizes]
    came += ["backend/notes/"] if any(path.startswith("backend/notes/") for path in sizes) else []
    what = came[0] if came else "something that the app does not need"
    return (
        f"a day's work left files behind that the app doesn't need, and {judging.line(step)} ran again, "
        f"because {what} is in the context. Which rule should keep it out, and relative to which folder do rules match?"
    )


LAB = Lab(
    name="07-ignore-what-you-do-not-ship",
    app="agent_platform",
    files={".dockerignore": ".dockerignore"},
    script=script,
    judge=judge,
)
