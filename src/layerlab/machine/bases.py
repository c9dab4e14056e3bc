"""Before a build: the images that it starts from. What no hub provides here gets a stand-in, or one error names it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from .. import engines
from ..engines import images
from ..engines.packages import Say
from ..errors import SetupError
from ..project.definition import Definition
from ..system import docker_words
from ..system.files import replace_text
from ..system.home import machine_dir

#: A line that names the frontend, which BuildKit looks for among the first comments (frontend/dockerfile/parser, DetectSyntax).
_SYNTAX = re.compile(
    r"(?P<before>\A(?:[ \t]*#[ \t]*\w+[ \t]*=.*\n)*?[ \t]*#[ \t]*)syntax[ \t]*=[ \t]*(?P<image>\S+)", re.IGNORECASE
)
#: In a machine's folder: its stand-ins, and the images that could be had without one.
CONTEXTS, SEEN = "contexts.json", "images.json"
#: How many of them, and of builds that needed nothing else, are kept.
KEPT = 500
#: Who overrides that line: a build argument (BuildKit, frontend/dockerfile/builder).
_OVERRIDE = "BUILDKIT_SYNTAX"


class Host(Protocol):
    """A machine, reduced to what base images need."""

    @property
    def name(self) -> str:
        """The machine's name."""

    @property
    def docker(self) -> images.Docker:
        """Run the docker command on it."""

    def named_contexts(self) -> Mapping[str, str]:
        """Map image names to their stand-ins."""

    def forget_contexts(self) -> None:
        """Forget the stand-ins."""


def provided(host: Host, definition: Definition, say: Say) -> Definition:
    """Return the definition once `host` can build it as far as images go: stand-ins are made for those that can't be had.

    If its frontend can't be had, the definition loses the `# syntax` line, so that the engine's own frontend reads it. An image
    that could be had once isn't asked for again until `forget`.
    Raises SetupError, which names them all, if images can't be had and no stand-in can be made.
    """
    seen, key = _seen(host.name), _key(definition)
    if key in seen:  # nothing is read then, nor imported to read it
        return definition
    needed = [image for image in _images(definition) if image not in {*seen, *host.named_contexts()}]
    frontend = _frontend(definition)
    asked = [*needed, *([frontend] if frontend and frontend not in seen else [])]
    refusals = {image: images.refusal(image, host.docker) for image in asked if not images.present(image, host.docker)}
    refused = {image: why for image, why in refusals.items() if why}
    _stand_in(host, {image: why for image, why in refused.items() if image in needed}, say)
    _remember(
        host.name, [*seen, *(image for image in asked if image not in refused), *([] if frontend in refused else [key])]
    )
    if frontend not in refused:
        return definition
    say(
        f"{frontend}, which reads the Dockerfile, can't be had here: {refused[frontend]}. The engine's own frontend reads it."
    )
    return _without_syntax(definition)


def _key(definition: Definition) -> str:
    """Return a text that stands for all that decides which images a build needs."""
    told = (definition.source, dict(definition.args), definition.target, dict(definition.contexts), definition.options)
    return hashlib.sha256(repr(told).encode(errors="surrogateescape")).hexdigest()


def contexts(machine: str, tags: Callable[[], Iterable[str]]) -> dict[str, str]:
    """Map image names to their stand-ins on a machine. `tags` asks its engine which images it has; the answer is kept."""
    file = machine_dir(machine) / CONTEXTS
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(known, dict) and all(isinstance(context, str) for context in known.values()):
            return known
    here = sorted(tag for tag in tags() if tag.startswith(images.STANDIN))
    found = {tag.removeprefix(images.STANDIN): f"docker-image://{tag}" for tag in here}
    replace_text(file, json.dumps(found))
    return found


def forget(machine: str) -> None:
    """Forget a machine's stand-ins and which images could be had: one may have been added or removed, or a build failed."""
    for name in (CONTEXTS, SEEN):
        (machine_dir(machine) / name).unlink(missing_ok=True)


# -- which images ------------------------------------------------------------------------------------------------------


def _images(definition: Definition) -> list[str]:
    """Return the hub's images that the build takes anything from, by their short names."""
    from ..traces import instructions

    found = instructions.read(definition.source, definition.args)
    stages = instructions.stages(found)
    target = stages.get(definition.target.lower())
    used = instructions.used_stages(found, {target} if target is not None else set())
    names = (name for i in found if i.stage in used for name in instructions.taken_from(i))
    own = {"", "scratch", *stages, *map(_short, definition.contexts)}
    wanted = (name for name in names if not {name.lower(), _short(name)} & own and _of_hub(name))
    return list(dict.fromkeys(map(_short, wanted)))


def _of_hub(image: str) -> bool:
    """Tell whether the hub has an image of that name; one of another registry is between it and the engine."""
    first, slash, _ = image.partition("/")
    elsewhere = slash and first != images.HUB and (first == "localhost" or "." in first or ":" in first)
    return not elsewhere and "$" not in image and "@" not in image


def _short(image: str) -> str:
    name = image.removeprefix(f"{images.HUB}/").removeprefix("library/")
    return name if ":" in name else f"{name}:latest"


def _frontend(definition: Definition) -> str:
    """Return the frontend that the Dockerfile asks for; "" if it's the engine's own, or the user has a say in it."""
    told = _SYNTAX.match(definition.source)
    given = {*definition.args, *docker_words.pairs(definition.options, "--build-arg")}
    return _short(told["image"]) if told and _OVERRIDE not in given and _of_hub(told["image"]) else ""


# -- what is done about those that can't be had ------------------------------------------------------------------------


def _stand_in(host: Host, refused: Mapping[str, str], say: Say) -> None:
    can = {image: _model(image) for image in refused}
    cannot = [image for image, model in can.items() if not model]
    if cannot:
        reasons = "; ".join(dict.fromkeys(refused[image] for image in cannot))
        have = ", ".join(images.standins()) or "none on this system"
        raise SetupError(
            f"the build needs {', '.join(cannot)}, which can't be had here ({reasons})",
            f"connect to a hub, or build from an image with a stand-in: {have}",
        )
    for image, model in can.items():
        name = images.ensure(model, host.docker, say, mirrored=engines.mirrored(host.name))
        if model != image:
            host.docker("tag", name, images.standin_name(image))
    if can:
        host.forget_contexts()


def _model(image: str) -> str:
    """Return the image whose stand-in will do for `image`: python:3.13's is that of python:3.13-slim; "" if there's none."""
    return next((name for name in (image, f"{image}-slim") if name in images.standins()), "")


def _without_syntax(definition: Definition) -> Definition:
    """Return the definition with a Dockerfile of ours that leaves the frontend to the engine. Its lines stay in place."""
    text = _SYNTAX.sub(lambda told: f"{told['before']}no syntax", definition.source, count=1)
    folder = definition.scratch / "dockerfile"
    folder.mkdir(exist_ok=True)
    file = folder / "Dockerfile"
    file.write_text(text, encoding="utf-8")
    # The ignore file beside a Dockerfile is that Dockerfile's own.
    ignore = folder / "Dockerfile.dockerignore"
    ignore.unlink(missing_ok=True)
    if definition.ignore_file.endswith(f"{Path(definition.file).name}.dockerignore") and definition.file:
        ignore.write_text(definition.ignore, encoding="utf-8")
    if not definition.plan:
        return dataclasses.replace(definition, built_file=str(file))
    from ..project.plan import Plan

    plan = Plan.read(definition.plan)
    inline = plan.targets[definition.service].get("dockerfile-inline") is not None
    changed = plan.with_dockerfile(definition.service, inline=text if inline else "", file=str(file))
    return dataclasses.replace(definition, plan=changed.text)


# -- what could be had before ------------------------------------------------------------------------------------------


def _seen(machine: str) -> list[str]:
    with contextlib.suppress(OSError, ValueError):
        known = json.loads((machine_dir(machine) / SEEN).read_text(encoding="utf-8"))
        if isinstance(known, list):
            return [image for image in known if isinstance(image, str)]
    return []


def _remember(machine: str, seen: list[str]) -> None:
    replace_text(machine_dir(machine) / SEEN, json.dumps([*dict.fromkeys(seen)][-KEPT:]))
