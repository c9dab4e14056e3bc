"""Say why a build failed: the step, the cause with its file, what to do, and where the whole output is."""

from __future__ import annotations

import contextlib
import re
import signal
from pathlib import Path

from .. import engines
from ..contexts.patterns import BadPattern, Patterns
from ..errors import TAIL_LINES, MachineError, cut
from ..record.build import Build
from ..record.snapshot import Snapshot
from ..record.step import Step, shortened
from ..system import docker_words, faults
from ..system.home import logs_dir

#: What happened, and what to do.
Reason = tuple[str, str]

#: A step of more lines than this shows only its first and last ones.
SHOWN_LINES = 12
#: How many characters of each line are shown.
SHOWN_WIDTH = 200
#: How many logs are kept.
KEPT = 20

#: BuildKit's words for a source that isn't there (solver/llbsolver/ops, cache/contenthash).
_NOT_FOUND = re.compile(
    r'failed to calculate checksum of ref \S+: "/?([^"]*)": not found|failed to solve: lstat /?(.*): no such file'
)
#: gRPC's and protobuf's, for bytes that aren't text; for a whole binary file the connection breaks.
_NOT_TEXT = re.compile(r"invalid UTF-8|failed to (un)?marshal|terminated by RST_STREAM")


def reason(build: Build, step: Step | None, exit_code: int) -> Reason:
    """Return why `build` failed, and what to do; "" for what isn't known."""
    error, log = build.error, step.log if step else ""
    if step and (found := _NOT_FOUND.search(error)):
        return _not_found(build, step, found[1] or found[2])
    if step and "\0" in "".join(_lines(build, step)):
        return "the instruction has a zero byte", "delete it from the Dockerfile; `cat -v` shows it as ^@"
    if not step and "syntax error in pattern" in error and (rules := _bad_rules(build)):
        return (
            f"the ignore file has a malformed pattern: {rules}",
            'correct it: "[" needs its "]", and "\\" needs a character',
        )
    # A FROM that happens to run when the connection breaks counts as the step that failed.
    if (not step or step.instruction == "FROM") and _NOT_TEXT.search(error) and (told := _not_text(build)):
        return told
    if fault := faults.recognise(f"{error}\n{log}"):
        return fault.what, fault.remedy
    if exit_code < 0:  # the client says nothing itself
        name = signal.Signals(-exit_code).name
        return f"the docker command was killed ({name})", "build again: the finished steps are cached"
    return "", ""


def source(build: Build, step: Step | None) -> list[str]:
    """Return the lines of the Dockerfile that the step has, numbered; of many lines, the first and the last ones."""
    if not step:
        return []
    lines = [f"  {n:>4} | {cut(line, SHOWN_WIDTH)}" for n, line in enumerate(_lines(build, step), step.line)]
    if len(lines) <= SHOWN_LINES:
        return lines
    half = SHOWN_LINES // 2
    return [*lines[:half], f"       … {len(lines) - 2 * half:,} more lines …", *lines[-half:]]


def machine_gone(name: str, during: str) -> MachineError:
    """Return the error that says that a machine's engine died, or that the machine was removed."""
    there = engines.machine_file(name).exists()
    return MachineError(
        f"the engine of machine {name!r} {'died' if there else 'was removed'} during {during}",
        f"start {'it again (it keeps its cache)' if there else 'a new, empty one'}: Machine.start({name!r})",
    )


def keep_log(build: Build, step: Step | None) -> Path | None:
    """Write the failed step's text and output to a file in LayerLab's home, and return it; None if an error shows them whole.

    The newest KEPT files stay. A full disk is no error here: the one about the build matters more.
    """
    if not step or (step.log.count("\n") <= TAIL_LINES and step.end_line - step.line < SHOWN_LINES):
        return None
    with contextlib.suppress(OSError):
        name = re.sub(r"[^\w.-]+", "-", f"{build.started_at}-{build.app}-{build.variant}"[:120])
        file = logs_dir() / f"{name}.log"
        text = "\n".join(_lines(build, step))
        file.touch(mode=0o600)
        file.write_text(f"{text or step.text}\n\n{step.log}", encoding="utf-8", errors="replace")
        for old in sorted(file.parent.glob("*.log"))[:-KEPT]:
            old.unlink(missing_ok=True)
        return file
    return None


def _lines(build: Build, step: Step) -> list[str]:
    """Return the lines of the Dockerfile that a step has; none if its line isn't known."""
    return build.dockerfile.splitlines()[step.line - 1 : step.end_line] if step.line else []


def _not_found(build: Build, step: Step, path: str) -> Reason:
    """Say why what a COPY, an ADD or a mount names isn't there."""
    if origin := re.search(r"\bfrom=([^\s,]+)", step.text):
        return (
            f"there's no {path} in {origin[1]}",
            "check the path: with `from`, it's looked for in that stage, image or context, not in your project",
        )
    context = build.contexts.get("context")
    if context and (folder := _kept_out(context, path)):
        return (
            f"{path} isn't in the build context: {context.ignore_file} keeps {'it' if folder == path else folder} out",
            f"take that rule out of {context.ignore_file}, or let it in again below with !{path}",
        )
    outside = (
        ", because COPY can't leave it: a `..` at its top stays there"
        if re.search(r"(^|[\s/])\.\./", step.text)
        else ""
    )
    return (
        f"there's no {path} in the build context{outside}",
        "check the path: it starts at the context, the folder that is built; what's outside needs --build-context",
    )


def _kept_out(context: Snapshot, path: str) -> str:
    """Return the path or the folder above it that the ignore rules keep out; "" if they don't."""
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return next((place for place in above if place in context.ignored), "")


def _bad_rules(build: Build) -> str:
    found = []
    for context in build.contexts.values():
        for rule in context.rules:
            try:
                Patterns((rule,))
            except BadPattern:
                found.append(f"{shortened(rule)!r} in {context.ignore_file}")
    return ", ".join(found[:3])


def _not_text(build: Build) -> Reason | None:
    """Name what isn't UTF-8: the Dockerfile, in which such bytes became U+FFFD when it was read, or names of files."""
    name = (docker_words.values(build.command, "--file") or ["Dockerfile"])[-1]
    for number, line in enumerate(build.dockerfile.splitlines(), 1):
        if "\N{REPLACEMENT CHARACTER}" in line or "\0" in line:
            return (
                f"{name} isn't UTF-8 text: line {number} has other bytes",
                f"save it as UTF-8; `file {name}` says what it is now",
            )
    paths = (path for context in build.contexts.values() for path in context.entries)
    names = [path for path in paths if not path.isprintable() and any("\udc80" <= c <= "\udcff" for c in path)]
    if not names:
        return None
    shown = ", ".join(ascii(name) for name in names[:3])
    return (
        f"{len(names)} file name{'' if len(names) == 1 else 's'} in the build context {'is' if len(names) == 1 else 'are'} "
        f"not UTF-8: {shown}",
        "rename them, or keep them out with the ignore file: BuildKit can't send such names",
    )
