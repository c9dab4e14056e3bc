"""Lab 02: a new package downloads only that package, no byte of pip's cache is in the image, and the app still answers."""

from __future__ import annotations

from ..machine import package_index
from ..record.build import Build
from ..record.step import Step
from . import judging
from .lab import Lab
from .lab_run import LabRun
from .verdict import Goal, Observed, Verdict, judged

#: Prints each packed download in an image, with its size: pip's cached files and wheels, except those that Python ships.
_FIND = (
    "import os\n"
    "for folder, _, names in os.walk('/'):\n"
    "    if folder.startswith(('/proc', '/sys', '/dev')) or {'ensurepip', 'python-wheels'} & set(folder.split('/')): continue\n"
    "    for name in names:\n"
    "        path = os.path.join(folder, name)\n"
    "        kept = name.endswith(('.whl', '.body')) or '/http/' in path or '/http-v2/' in path\n"
    "        if kept and os.path.isfile(path) and os.path.getsize(path) > 100_000: print(os.path.getsize(path), folder)\n"
)


def script(run: LabRun) -> None:
    """Build, add a package, build again, ask; look into the image for what pip kept."""
    office = package_index.by_name(run.enter(package_index.served(run.machine, run.app)))
    # A list of packages that no earlier check had: a new id of the mount alone would leave the step cached, and the mount empty.
    run.app.edit("dependency")
    run.build("first", **office, image=False)
    run.app.edit("dependency")
    run.build("again", **office)
    run.note("asked", package_index.requests(run.machine))
    found = run.execute("again", "python", "-c", _FIND)
    run.note("kept", found.output if found.exit_code == 0 else None)
    run.ask("again")


def judge(seen: Observed) -> Verdict:
    """Set the goals: builds, answers, asks the office's index, no cache in the image, a new package is all that is downloaded."""
    again, answer = seen.builds.get("again"), seen.answers.get("again")
    kept = kept_in_image(seen.facts.get("kept") or "")
    states = judging.states(again, "The build after a new package:")
    goals = (
        judging.builds(seen),
        judging.answers(
            answer,
            "the app answers a real request",
            "the image builds, but the app doesn't answer as it should. Its answer is below. Are the packages, the code and "
            "data/knowledge.jsonl there?",
        ),
        Goal(
            "the packages come from the office's index",
            judging.tested(seen.facts.get("asked"), bool),
            "the office's index wasn't asked for any package. Its address comes in the build arguments PIP_INDEX_URL and "
            "PIP_TRUSTED_HOST. Does the Dockerfile declare both, above the step that installs?",
            states,
        ),
        Goal(
            "no byte of pip's cache is in the image",
            judging.tested(seen.facts.get("kept"), lambda _: not kept),
            f"the image has pip's packed downloads in {kept[0] if kept else ''}, where nobody will ever unpack them. Anything "
            "a RUN writes becomes part of the image, unless it's in a mount. Which folder does pip keep its downloads in, and "
            "is there a mount at exactly that place?",
            states,
        ),
        judging.downloads_little(again, "a new package downloads that package only", _download_hint, states),
    )
    return judged(goals, again)


def kept_in_image(listing: str) -> list[str]:
    """Return the folders of an image with packed downloads, the fullest first; each line of `listing` is a size and a folder."""
    sizes: dict[str, int] = {}
    for line in listing.splitlines():
        size, _, folder = line.partition(" ")
        if size.isdigit():
            top = folder.partition("/http")[0].partition("/wheels")[0] or folder
            sizes[top] = sizes.get(top, 0) + int(size)
    return sorted(sizes, key=lambda folder: (-sizes[folder], folder))


def _download_hint(again: Build, step: Step) -> str:
    """Name the step that downloaded everything, and tell a mount that stays empty from no mount at all."""
    said = f"one new package made {judging.line(step)} download all the others again."
    if "type=cache" in step.text:
        return (
            f"{said} The step has a cache mount, but pip found nothing in it: it never wrote there. Is the mount where pip "
            "keeps its cache, and is that cache switched on? Remember which values of PIP_NO_CACHE_DIR switch it on."
        )
    return (
        f"{said} It starts without the files it left last time. Where could they be kept so that it finds them again?"
    )


LAB = Lab(name="02-drop-no-cache-dir", app="agent_platform", script=script, judge=judge)
