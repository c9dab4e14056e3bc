"""Find the Dockerfile line that a vertex of the trace belongs to.

For a successful build, the provenance says it. A failed build has none; there, the names of the vertices, "[stage i/n]
INSTRUCTION text", are matched to the Dockerfile's text, in order within each stage.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..record.provenance import Descriptor, details
from .events import Vertex
from .instructions import MAKES_A_STEP, Instruction, read, stages, used_stages

#: Matches the names of vertices that are images: from FROM, COPY --from, a mount, or --build-context.
SOURCE_IMAGE = r"^(\[[^\]]*\d+/\d+\] )?FROM |^\[context [^\]]+\] (?!load )|^docker-image://"

_NAME = re.compile(r"\[(?:(?P<where>[^\]]*?) )?\s*(?P<index>\d+)/(?P<total>\d+)\] (?:LINK )?(?P<text>.*)", re.DOTALL)
_TARGET = re.compile(r"\[(\S+) internal\] ")

#: A vertex and its name without the bake target's prefix.
Named = tuple[Vertex, str]
#: Vertices by instruction and platform ("" unless the build is for several).
Located = dict[tuple[Instruction, str], list[Vertex]]


@dataclasses.dataclass(frozen=True)
class Place:
    """A step in the making; the fields are those of `record.step.Step`."""

    line: int
    end_line: int
    stage: str
    keyword: str
    text: str
    size_bytes: int | None
    vertices: tuple[Vertex, ...]


@dataclasses.dataclass(frozen=True)
class Placed:
    """The steps in file order, those without a known line last, and the vertices that aren't steps."""

    steps: tuple[Place, ...]
    others: tuple[Named, ...]


def named(vertices: Iterable[Vertex], provenance: Mapping[str, Any], target: str = "") -> list[Named]:
    """Return the vertices of one target without its prefix: a bake of several writes "[api stage-1 2/2] RUN ...".

    An empty `target` means the likeliest one. A vertex that targets share has a name for each. Without a bake, all vertices
    are returned.
    """
    vertices = [v for v in vertices if v.names]
    targets = {found[1] for v in vertices for name in v.names if (found := _TARGET.match(name))}
    if not targets:
        return [(v, v.names[0]) for v in vertices]
    target = target or _likely_target(vertices, targets, provenance)
    mine, any_target = _prefix([target]), _prefix(targets)
    chosen = []
    for vertex in vertices:
        for name in vertex.names:
            if (found := mine.match(name)) or not any_target.match(name):
                chosen.append((vertex, mine.sub("" if found and found[1] == "]" else "[", name)))
                break
    return chosen


def place(vertices: Sequence[Named], provenance: Mapping[str, Any], dockerfile: str) -> Placed:
    """Sort the vertices into the Dockerfile's steps and others."""
    parameters = (provenance.get("invocation") or {}).get("parameters") or {}
    given = {k.removeprefix("build-arg:"): v for k, v in (parameters.get("args") or {}).items()}
    instructions = read(dockerfile, given)
    mapping = (provenance.get("buildConfig") or {}).get("digestMapping") or {}
    if mapping:
        located = _by_provenance(vertices, provenance, instructions, dockerfile)
    else:
        located = _by_name(vertices, instructions)
    _add_bases(located, vertices, instructions)
    _add_triggers(located, vertices, instructions)
    _add_fetches(located, vertices)

    names = {v.digest: name for v, name in vertices}
    sizes = _Sizes(provenance)
    steps = [_place(key, found, names, sizes) for key, found in located.items()]
    steps.sort(key=lambda p: (p.line, p.keyword != "FROM"))
    taken = {v.digest for found in located.values() for v in found}
    others = []
    unplaced: list[tuple[int, Place]] = []
    for vertex, name in vertices:
        if vertex.digest in taken:
            continue
        if not (told := _NAME.match(name)) or re.match(SOURCE_IMAGE, name):
            others.append((vertex, name))
        elif not mapping or vertex.digest in mapping:
            keyword, stage = told["text"].split(" ")[0], _split(told, instructions)[1]
            size = sizes.of([vertex], keyword)
            unplaced.append((int(told["index"]), Place(0, 0, stage, keyword, told["text"], size, (vertex,))))
        # else: a step of another target with the same files as ours; BuildKit runs it once and shows it under both.
    steps += [step for _, step in sorted(unplaced, key=lambda one: one[0])]
    return Placed(tuple(steps), tuple(others))


def _place(key: tuple[Instruction, str], vertices: list[Vertex], names: Mapping[str, str], sizes: _Sizes) -> Place:
    instruction, platform = key
    # COPY --link is two vertices; the copy has the plain name. What ADD fetches comes last: it isn't a layer.
    vertices = sorted(vertices, key=lambda v: (not v.weak, not v.inputs, v.digest))
    if instruction.keyword == "FROM":
        # From the Dockerfile: BuildKit's name has the digest, or the stand-in's name, so it differs between machines.
        text = f"FROM {instruction.value}"
    else:
        name = names[vertices[0].digest]
        text = told["text"] if (told := _NAME.match(name)) else name
    stage = f"{platform} {instruction.stage_name}".strip()
    size = sizes.of(vertices, instruction.keyword)
    return Place(instruction.line, instruction.end_line, stage, instruction.keyword, text, size, tuple(vertices))


def _by_provenance(
    vertices: Sequence[Named], provenance: Mapping[str, Any], instructions: Sequence[Instruction], dockerfile: str
) -> Located:
    source = details(provenance).get("source") or {}
    locations = source.get("locations") or {}
    mapping = provenance["buildConfig"]["digestMapping"]
    infos = source.get("infos") or [{}]
    texts = [base64.b64decode(info.get("data") or "").decode(errors="replace") for info in infos]
    ours = texts.index(dockerfile) if dockerfile in texts else 0
    at = {line: i for i in instructions for line in range(i.line, i.end_line + 1)}
    located: Located = collections.defaultdict(list)
    for vertex, name in vertices:
        for location in (locations.get(mapping.get(vertex.digest)) or {}).get("locations") or ():
            lines = [r["start"]["line"] for r in location.get("ranges") or ()]
            instruction = at.get(min(lines, default=0))
            if instruction is None or location.get("sourceIndex", 0) != ours:
                continue
            # The image that `COPY --from=image` copies from has the COPY's line.
            if bool(re.match(SOURCE_IMAGE, name)) == (instruction.keyword == "FROM"):
                located[instruction, _platform(name)].append(vertex)
    return located


def _by_name(vertices: Sequence[Named], instructions: Sequence[Instruction]) -> Located:
    indices = stages(instructions)
    groups: dict[tuple[str, str], dict[str, list[tuple[Vertex, re.Match[str]]]]] = {}
    for vertex, name in vertices:
        if (match := _NAME.match(name)) and not match["text"].startswith("ONBUILD "):
            totals = groups.setdefault(_split(match, instructions), {})
            totals.setdefault(match["total"], []).append((vertex, match))
    located: Located = collections.defaultdict(list)
    for (platform, stage_name), totals in groups.items():
        commands = [i for i in instructions if i.stage == indices.get(stage_name) and i.keyword in MAKES_A_STEP]
        # A bake target whose context is another target has that one's steps too: maybe under the same stage's name, but with
        # another total.
        for instruction, vertex, _ in max((_aligned(commands, told) for told in totals.values()), key=_agreement):
            located[instruction, platform].append(vertex)
    _add_equals(located, instructions)
    return located


#: An instruction, a vertex that may be its, and whether they have the same text.
_Pair = tuple[Instruction, Vertex, bool]


def _agreement(pairs: Sequence[_Pair]) -> int:
    return len(pairs) + sum(same for *_, same in pairs)


def _aligned(commands: Sequence[Instruction], told: Sequence[tuple[Vertex, re.Match[str]]]) -> list[_Pair]:
    """Pair the commands of a stage with the vertices that name it.

    The index starts at 1, and FROM counts unless it's another stage, scratch, or given by --build-context
    (BuildKit dockerfile2llb/convert.go, prefixCommand). We try both and take the one where more instructions agree.
    """

    def pairs(first: int) -> list[_Pair]:
        found = []
        for vertex, match in told:
            index = int(match["index"]) - first
            if 0 <= index < len(commands) and match["text"].split(" ")[0] == commands[index].keyword:
                same = _squeezed(match["text"]) == _squeezed(f"{commands[index].keyword} {commands[index].value}")
                found.append((commands[index], vertex, same))
        return found

    last = max(int(match["index"]) for _, match in told)
    total = max(int(match["total"]) for _, match in told)
    orders = [pairs(2), pairs(1)] if last == total > len(commands) else [pairs(1), pairs(2)]
    orders.append(pairs(total - len(commands) + 1))  # steps that the base's ONBUILD adds count too, and come first
    best = max(orders, key=_agreement)
    agreed = {instruction for instruction, _, same in best if same}
    return [pair for pair in best if pair[2] or pair[0] not in agreed]


def _add_equals(located: Located, instructions: Sequence[Instruction]) -> None:
    """Give shared vertices to the lines of both stages: stages that begin alike share them, under one stage's name."""
    for stage, platform in {(i.stage, p) for i, p in located}:
        for i in instructions:
            if i.stage == stage and i.keyword in MAKES_A_STEP and (i, platform) not in located:
                text = (platform, i.keyword, _squeezed(i.value))
                others = sorted((k for k in located if k[0].stage != stage), key=lambda k: k[0].line)
                if equals := [k for k in others if (k[1], k[0].keyword, _squeezed(k[0].value)) == text]:
                    located[i, platform] = list(located[equals[0]])


def _add_bases(located: Located, vertices: Sequence[Named], instructions: tuple[Instruction, ...]) -> None:
    """Place the images of FROM lines that have none yet: with --build-context, the provenance gives no line for them."""
    images = [(v, _image(name)) for v, name in vertices if re.match(SOURCE_IMAGE, name)]
    used = used_stages(instructions, {i.stage for i, _ in located})
    stages: set[str] = set()
    for i in (i for i in instructions if i.keyword == "FROM"):
        image = i.base.lower() not in stages and i.base != "scratch"
        stages.add(i.stage_name)
        if image and i.stage in used and not any(key[0] == i for key in located):
            found = [v for v, name in images if name == _canonical(i.base)]
            # A build argument may have named the image, so the text doesn't show the name.
            found = found or [v for v, _ in images if len(images) == 1]
            if found:
                located[i, ""] = found[:1]


def _add_triggers(located: Located, vertices: Sequence[Named], instructions: Sequence[Instruction]) -> None:
    """Place the steps that the base image's ONBUILD adds: they have no line of their own, so they get the FROM's."""
    for (_, told), vertex in _triggers(vertices):
        platform, stage_name = _split(told, instructions)
        for i in instructions:
            if i.keyword == "FROM" and i.stage_name == stage_name:
                step = dataclasses.replace(i, keyword="ONBUILD", value=told["text"].removeprefix("ONBUILD "))
                located[step, platform].append(vertex)


def _triggers(vertices: Sequence[Named]) -> list[tuple[tuple[int, re.Match[str]], Vertex]]:
    """Return the vertices that a base's ONBUILD added, in order: BuildKit names them "[2/5] ONBUILD COPY ..."."""
    told = [(match, v) for v, name in vertices if (match := _NAME.match(name))]
    found = [((int(m["index"]), m), v) for m, v in told if m["text"].startswith("ONBUILD ")]
    return sorted(found, key=lambda f: f[0][0])


def _add_fetches(located: Located, vertices: Sequence[Named]) -> None:
    """Place what ADD fetches: a vertex with the step's own name, for which the provenance has no line."""
    names = {v.digest: name for v, name in vertices}
    for found in located.values():
        for vertex in list(found):
            inputs = [v for v, name in vertices if v.digest in vertex.inputs and name == names[vertex.digest]]
            found += [v for v in inputs if v not in found]


class _Sizes:
    """Layer sizes from the provenance: for each step, `layers` has the chain of layers that its result consists of."""

    def __init__(self, provenance: Mapping[str, Any]) -> None:
        config = provenance.get("buildConfig") or {}
        self._steps = config.get("digestMapping") or {}
        self._inputs = {op["id"]: op.get("inputs") or () for op in config.get("llbDefinition") or ()}
        layers: Mapping[str, Sequence[Sequence[Descriptor]]] = details(provenance).get("layers") or {}
        self._chains = {step: chains[0] for step, chains in layers.items() if chains and chains[0]}

    def of(self, vertices: Sequence[Vertex], keyword: str) -> int | None:
        """Return the bytes of the layer a step made (for FROM, of all the image's layers); None if none or unknown."""
        for step in (self._steps.get(v.digest, "") for v in vertices):
            chain = self._chains.get(f"{step}:0")
            if chain and keyword == "FROM":
                return sum(layer["size"] for layer in chain)
            if chain and all(self._chains.get(source) != chain for source in self._inputs.get(step, ())):
                return chain[-1]["size"]
        return None


def _likely_target(vertices: Sequence[Vertex], targets: set[str], provenance: Mapping[str, Any]) -> str:
    """Return the target that most vertices of the provenance are named after; without provenance, the failed vertices count."""
    mapping = (provenance.get("buildConfig") or {}).get("digestMapping") or {}
    kept = [v for v in vertices if v.digest in mapping]
    chosen = kept or [v for v in vertices if v.error and "context canceled" not in v.error] or vertices
    counts = {t: sum(bool(_prefix([t]).match(name)) for v in chosen for name in v.names) for t in sorted(targets)}
    return max(counts, key=counts.__getitem__)


def _prefix(targets: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"\[(?:{'|'.join(map(re.escape, targets))})(?: |(\]) )")


def _split(told: re.Match[str], instructions: Sequence[Instruction]) -> tuple[str, str]:
    """Return (platform, stage) of "[linux/arm64 build 2/3]".

    If the Dockerfile has a single stage, BuildKit leaves its name out, even if it has one (dockerfile2llb, convert.go).
    """
    words = (told["where"] or "").split(" ")
    platform = " ".join(word for word in words if "/" in word)  # a stage's name has no slash
    only = next((i.stage_name for i in instructions if i.stage == 0), "stage-0")
    return platform, "".join(word for word in words if "/" not in word) or only


def _platform(name: str) -> str:
    return _split(told, ())[0] if (told := _NAME.match(name)) else ""


def _image(name: str) -> str:
    """Return the short name of the image that a vertex's name mentions."""
    name = _NAME.sub(r"\g<text>", name)
    if context := re.match(r"\[context ([^\]]+)\]", name):
        return _canonical(context[1])
    return _canonical(name.removeprefix("FROM ").removeprefix("docker-image://"))


def _canonical(image: str) -> str:
    image = image.split("@")[0].removeprefix("docker.io/").removeprefix("library/")
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"


def _squeezed(text: str) -> str:
    return " ".join(text.split())
