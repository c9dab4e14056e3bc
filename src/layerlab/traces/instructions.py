"""The instructions of a Dockerfile with their lines and stages, as far as reading a trace needs them.

A successful build says which vertex belongs to which line. The text itself is read for what BuildKit leaves out: FROM lines
given by --build-context, stage names, and everything about a failed build.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import re
import shlex
from collections.abc import Iterable, Mapping

from dockerfile_parse import DockerfileParser

from ..texts.plain import shown

#: Instructions that become a vertex; ENV, ARG, CMD, ... change only the configuration (BuildKit dockerfile2llb).
MAKES_A_STEP = ("RUN", "COPY", "ADD", "WORKDIR")

_HEREDOC = re.compile(r"(?<![<\w])\d*<<-?(['\"]?)([A-Za-z_]\w*)\1(?=[\s;&|>)]|$)")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile.

    Attributes:
        line: its first line, counted from 1.
        end_line: its last line, including a heredoc's terminator.
        keyword: "FROM", "RUN", ... in capitals.
        value: the rest, with continuation lines joined and comments left out; for FROM, with global ARGs replaced.
        stage: index of its stage from 0; -1 before the first FROM.
        stage_name: name of the stage; "stage-N" for one without a name, as in BuildKit; "" before the first FROM.
    """

    line: int
    end_line: int
    keyword: str
    value: str
    stage: int
    stage_name: str

    @property
    def text(self) -> str:
        """The instruction on one line, safe to show."""
        return " ".join(shown(f"{self.keyword} {self.value}").split())

    @property
    def words(self) -> list[str]:
        """The words of the value that are not flags."""
        return [word for word in self.value.split() if not word.startswith("--")]

    @property
    def base(self) -> str:
        """The image or stage that FROM names; "" for other instructions."""
        return (self.words or [""])[0] if self.keyword == "FROM" else ""

    @property
    def assigned(self) -> dict[str, str]:
        """What ARG declares and ENV and LABEL set, often several names in one instruction; "" for an ARG without a default."""
        if self.keyword not in ("ARG", "ENV", "LABEL"):
            return {}
        if self.keyword != "ARG" and "=" not in self.value.split(" ")[0]:  # the old way: ENV NAME value
            name, _, value = self.value.partition(" ")
            return {name: value.strip()}
        try:
            words = shlex.split(self.value)
        except ValueError:  # a quote that isn't closed
            words = self.value.split()
        return dict(word.partition("=")[::2] for word in words)


def read(text: str, build_args: Mapping[str, str] | None = None) -> tuple[Instruction, ...]:
    """Return the instructions of a Dockerfile in file order. It never raises: unknown instructions are kept as they are.

    Args:
        text: the Dockerfile.
        build_args: values given with --build-arg, which override the defaults of ARGs before the first FROM.
    """
    return _read(text, build_args or {})[0]


def global_values(text: str, build_args: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the ARGs before the first FROM, which FROM lines may use."""
    return _read(text, build_args)[1]


def _read(text: str, build_args: Mapping[str, str]) -> tuple[tuple[Instruction, ...], dict[str, str]]:
    text, ends = _without_heredocs(text)
    found: list[Instruction] = []
    values: dict[str, str] = {}
    stage, name = -1, ""
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode(errors="replace"))).structure:
        keyword, value, line = entry["instruction"], entry["value"], entry["startline"] + 1
        if keyword == "COMMENT":
            continue
        if keyword == "FROM":
            stage, value = stage + 1, replaced(value, values)
            named = re.search(r"\sAS\s+(\S+)\s*$", value, re.IGNORECASE)
            # BuildKit lowers the names of stages (instructions.parseBuildStageName).
            name = named[1].lower() if named else f"stage-{stage}"
        found.append(Instruction(line, ends.get(line, entry["endline"] + 1), keyword, value, stage, name))
        if keyword == "ARG" and stage < 0:
            for argument, default in found[-1].assigned.items():
                values[argument] = build_args.get(argument, replaced(default, values))
    return tuple(found), values


def from_variables(text: str) -> set[str]:
    """Return the names of the variables in the FROM lines."""
    lines = text.splitlines()
    raw = (" ".join(lines[i.line - 1 : i.end_line]) for i in read(text) if i.keyword == "FROM")
    return {found[1] or found[2] for line in raw for found in _VARIABLE.finditer(line)}


def stages(instructions: Iterable[Instruction]) -> dict[str, int]:
    """Map what a stage may be called, its name in lower case or its number, to its index."""
    return {name: i.stage for i in instructions if i.stage >= 0 for name in (i.stage_name, str(i.stage))}


def used_stages(instructions: tuple[Instruction, ...], roots: set[int]) -> set[int]:
    """Return the stages that `roots` are built from, including themselves; without roots, those of the last stage."""
    names = stages(instructions)
    used: set[int] = set()
    todo = roots or {max((i.stage for i in instructions), default=-1)}
    while todo:
        used |= todo
        mentioned = [name.lower() for i in instructions if i.stage in todo for name in taken_from(i)]
        todo = {names[m] for m in mentioned if m in names} - used
    return used


def taken_from(instruction: Instruction) -> list[str]:
    """Return the names of the stages, images and contexts that an instruction takes files from."""
    if instruction.keyword == "FROM":
        return [instruction.base]
    flags = itertools.takewhile(lambda word: word.startswith("--"), instruction.value.split())
    takes = instruction.keyword in ("COPY", "ADD", "RUN")
    return [found[1] for flag in flags if takes and (found := re.search(r"\bfrom=([^\s,]+)", flag))]


def replaced(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with $NAME, ${NAME} and ${NAME:-default} replaced; an unknown variable is empty."""
    return _VARIABLE.sub(lambda m: values.get(m[1] or m[2]) or m[3] or "", text)


def _without_heredocs(text: str) -> tuple[str, dict[int, int]]:
    """Empty the heredocs, which dockerfile-parse doesn't know; return the text and {first line: last line} of each."""
    escape = "`" if re.match(r"(?:[ \t]*#.*\n)*?[ \t]*#[ \t]*escape[ \t]*=[ \t]*`", text, re.IGNORECASE) else "\\"
    lines = text.split("\n")
    ends: dict[int, int] = {}
    waiting: list[str] = []
    first, continued = 0, False
    for number, line in enumerate(lines, 1):
        if waiting:
            lines[number - 1] = "#"
            if line.strip() == waiting[0]:
                waiting.pop(0)
            ends[first] = number
        elif line.strip() and not line.lstrip().startswith("#"):
            first = first if continued else number
            continued = line.rstrip().endswith(escape)
            if not continued and re.match(r"\s*(ONBUILD\s+)?(RUN|COPY|ADD)\s", lines[first - 1], re.IGNORECASE):
                waiting = [found[2] for found in _HEREDOC.finditer("\n".join(lines[first - 1 : number]))]
    return "\n".join(lines), ends
