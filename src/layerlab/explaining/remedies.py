"""What to do about the causes, where the builds' records show that it would help. Pure.

Each rule takes its evidence from what was compared, so a rule that lacks some says nothing: advice that doesn't help is worse
than none. The notebook named with a remedy shows it with real builds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ..record.build import Build
from ..record.states import CACHED, FAILED, RAN
from ..record.step import shortened
from ..system import faults
from ..traces.instructions import Instruction, read
from .causes import Cause, Remedy, StepCause
from .file_changes import EVIDENCE
from .step_in_build import secrets_of

ORDER, IGNORE, SPLIT = "01-order-your-layers", "07-ignore-what-you-do-not-ship", "08-split-what-is-heavy"
_FILES = ("file added", "file removed", "file changed", "file renamed", "mode changed")
#: Names that tools make and images seldom need, and the rule that keeps each out.
_JUNK = {
    ".git": ".git",
    "__pycache__": "**/__pycache__",
    "node_modules": "**/node_modules",
    **{name: name for name in (".venv", "venv", ".tox", ".idea", ".vscode")},
    **{
        name: f"**/{name}"
        for name in (".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints", ".DS_Store")
    },
}
#: Commands that install dependencies, and the files that they read.
_INSTALLS = (
    (r"\bpip3? install\b(?!.*(\s-e\b|\s--editable\b|\s\.(\s|$|/|\[)))", r"(?:-r|--requirement)[ =]?([\w./-]+)"),
    (r"\bnpm ci\b", ("package.json", "package-lock.json")),
    (r"\buv sync\b.*--no-install-project\b", ("pyproject.toml", "uv.lock")),
    (r"\bpoetry install\b.*--no-root\b", ("pyproject.toml", "poetry.lock")),
)


def remedies(build: Build, steps: Sequence[StepCause]) -> tuple[Remedy, ...]:
    """Return what to do about the causes of `steps`, in their order, each thing once."""
    found: dict[str, Remedy] = {}
    for step in steps:
        for remedy in _of_step(build, step, steps):
            found.setdefault(remedy.text, remedy)
    if build.error and (fault := _fault(build)):
        failed = next((s.line for s in steps if s.state == FAILED), 0)
        found.setdefault(fault.remedy, Remedy(failed, fault.remedy))
    return tuple(found.values())


def _of_step(build: Build, step: StepCause, steps: Sequence[StepCause]) -> Iterator[Remedy]:
    for cause in step.causes:
        if cause.kind in ("argument changed", "environment changed") and not _handed_on(step, steps):
            yield from _later_argument(build, step, cause)
        elif cause.kind in _FILES:
            yield from _ignored(build, step, cause)
            yield from _line_ends(step, cause)
    if step.state == RAN and not step.root:
        yield from _earlier_install(build, step, steps)
    if step.state == CACHED:
        yield from _secret(step)
        if not any(s.state == RAN for s in steps):
            yield from _fetched(step)


def _fault(build: Build) -> faults.Fault | None:
    failed = next((s for s in build.steps if s.state == FAILED), None)
    return faults.recognise(f"{build.error}\n{failed.log if failed else ''}")


# -- ARG ---------------------------------------------------------------------------------------------------------------


def _later_argument(build: Build, step: StepCause, cause: Cause) -> Iterator[Remedy]:
    """Suggest to declare an ARG below the steps that don't use it, if none down to this one names it."""
    named = re.match(r"(ARG|ENV) (\w+)", cause.text)
    if not named:
        return
    stage = [i for i in read(build.dockerfile) if i.stage_name == step.stage.rpartition(" ")[2]]
    moving = [i for i in stage if i.line < step.line and _declares(i, named[2])]
    # ENV X=$X goes with its ARG. An ENV with a value of its own isn't a build argument, and the image may need it.
    if not moving or moving[0].keyword != "ARG":
        return
    lines = build.dockerfile.splitlines()  # with the heredocs, which instructions leave out
    below = [i for i in stage if i.line > moving[0].line and i not in moving]
    uses = [i.line for i in below if re.search(rf"\b{named[2]}\b", " ".join(lines[i.line - 1 : i.end_line]))]
    unused = [
        i.line for i in below if i.keyword in ("RUN", "COPY", "ADD") and i.line < min(uses, default=len(lines) + 1)
    ]
    if unused and unused[-1] >= step.line:
        what = " and ".join(f"`{i.keyword} {named[2]}`" for i in moving)
        text = (
            f"move {what} below line {unused[-1]}, unless a program above that reads it: no step down to there names it, "
            "and a new value alone would leave each cached"
        )
        yield Remedy(step.line, text, SPLIT)


def _handed_on(step: StepCause, steps: Sequence[StepCause]) -> bool:
    """Tell whether another stage took different files after this step ran: then its stage reads what changed, named or not."""
    its = {s.line for s in steps if s.stage == step.stage and s.line >= step.line}
    return any(its & set(s.above) for s in steps for c in s.causes if c.kind == "stage output changed")


def _declares(instruction: Instruction, name: str) -> bool:
    """Tell whether it's `ARG name`, or an ENV that only hands on that argument."""
    if instruction.keyword == "ARG":
        return name in instruction.assigned
    return instruction.keyword == "ENV" and bool(
        re.fullmatch(rf"{name}[= ]\"?\$\{{?{name}(:?-[^}}]*)?\}}?\"?", instruction.value.strip())
    )


# -- files -------------------------------------------------------------------------------------------------------------


def _changed(cause: Cause) -> list[str]:
    """Return the files that a cause names: both names of one that was renamed."""
    return [path for e in cause.evidence for path in e.what.split(" → ")]


def _ignored(build: Build, step: StepCause, cause: Cause) -> Iterator[Remedy]:
    """Suggest to ignore what tools leave behind, and what only the build itself reads."""
    snapshot = build.contexts.get("context")
    if snapshot is None or " in context " in cause.text:
        return
    file = snapshot.ignore_file or ".dockerignore"
    rules = {rule for path in _changed(cause) if (rule := _junk_rule(path)) and rule not in snapshot.rules}
    for rule in sorted(rules):
        yield Remedy(step.line, f"add `{rule}` to {file}, unless the image needs it", IGNORE)


def _junk_rule(path: str) -> str:
    parts = PurePosixPath(path).parts
    for part in parts:
        if part in _JUNK:
            return _JUNK[part]
    if path.endswith((".pyc", ".pyo")):
        return "**/*.py[co]"
    own = len(parts) == 1 and re.fullmatch(r"(Dockerfile(\..+)?|.+\.Dockerfile|Containerfile|\.dockerignore)", path)
    return path if own else ""


def _line_ends(step: StepCause, cause: Cause) -> Iterator[Remedy]:
    if "line ends only" in cause.text:
        text = "write `* text=auto eol=lf` into .gitattributes: then every checkout has the same line ends"
        yield Remedy(step.line, text)


def _earlier_install(build: Build, step: StepCause, steps: Sequence[StepCause]) -> Iterator[Remedy]:
    """Suggest to install dependencies above the code, if what changed isn't what the installer reads."""
    wanted = _dependencies(step.text)
    roots = [s for s in steps if s.root and s.stage == step.stage and s.line < step.line]
    causes = [c for s in roots for c in s.causes if c.kind != "step above ran"]
    if not wanted or not roots or any(c.kind not in _FILES or len(c.evidence) >= EVIDENCE for c in causes):
        return
    known = {PurePosixPath(path).name for snapshot in build.contexts.values() for path in snapshot.entries}
    changed = {PurePosixPath(path).name for c in causes for path in _changed(c)}
    if not wanted <= known or wanted & changed:
        return
    files = " and ".join(sorted(wanted))
    text = f"copy only {files}, then run line {step.line}, and copy the rest below: of what changed, it names nothing"
    yield Remedy(roots[0].line, text, ORDER)


def _dependencies(text: str) -> set[str]:
    """Return the names of the files that an installing RUN reads; nothing for any other step."""
    for command, files in _INSTALLS:
        if re.search(command, text):
            return {PurePosixPath(f).name for f in re.findall(files, text)} if isinstance(files, str) else set(files)
    return set()


# -- what no key holds -------------------------------------------------------------------------------------------------


def _secret(step: StepCause) -> Iterator[Remedy]:
    for name in secrets_of(step.text):
        argument = re.sub(r"\W", "_", name).upper() + "_HASH"
        text = (
            f"if the value of secret {name} changed, pass a hash of it: `ARG {argument}` above line {step.line}, and "
            f"`--build-arg {argument}=…` with another hash for another value"
        )
        yield Remedy(step.line, text, IGNORE)


def _fetched(step: StepCause) -> Iterator[Remedy]:
    if step.instruction != "RUN":
        return
    if found := re.search(r"\bgit clone\b.*?\s((?:https?|git)://[^\s@]+)(?=\s|$)", step.text):
        address = shortened(found[1].rstrip("\"';)"), 60)
        text = (
            f"if it should notice new commits, use `ADD {address} FOLDER`, which asks at each build, or name a commit"
        )
        yield Remedy(step.line, text)
