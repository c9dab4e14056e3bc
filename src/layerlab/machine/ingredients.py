"""What goes into a build, as a Dockerfile and the options say, or a plan; and the Definition that comes of it.

It's the same for a build that LayerLab is about to run and for one that the user's own command runs.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contexts.ignoring import ignore_file
from ..errors import AppError
from ..project.definition import Definition
from ..record.fitting import masker_for
from ..record.marks import mark
from ..system import docker_words
from ..system.files import what_is
from ..texts.plain import named

#: Returns a Dockerfile's text. Raises AppError if there is none.
Reader = Callable[[Path], str]


def read_text(file: Path) -> str:
    """Return the text of a Dockerfile on this computer. Raises AppError if there is none."""
    if not file.is_file():
        raise AppError(f"there's no Dockerfile {file}{what_is(file)}", "name the one that you mean")
    return file.read_text(encoding="utf-8", errors="replace")


@dataclasses.dataclass(frozen=True)
class Ingredients:
    """What goes into a build.

    Attributes:
        folder: where the relative paths below start.
        contexts: name → folder, image or address; the main one is called "context".
        file: the Dockerfile, relative to the main context; "" if it's inline, remote, or comes from standard input.
        dockerfile: its text; "" if it isn't on this computer.
        target: stage to stop at; "" for the last.
        args: build arguments with their real values.
    """

    folder: Path
    contexts: Mapping[str, str]
    file: str
    dockerfile: str
    target: str
    args: Mapping[str, str]

    def folders(self) -> dict[str, Path]:
        """Return the contexts that are local folders, not images, addresses or other targets."""
        places = {name: self.folder / place for name, place in self.contexts.items() if "://" not in place}
        return {name: place for name, place in places.items() if place.is_dir()}

    def _from_folder(self, file: str) -> str:
        """Return the path from `folder` of a file that is relative to the main context; "" for none."""
        return within(self.folder, Path(self.folder, self.contexts["context"], file)) if file else ""

    def definition(
        self,
        app: str,
        variant: str,
        *,
        project: Path,
        scratch: Path,
        image: str = "",
        plan: str = "",
        service: str = "",
        given_target: str = "",
        given_args: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        secrets: Sequence[str] = (),
        absent: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Definition:
        """Return the Definition of the build, whose attributes the arguments are.

        Args:
            secrets: options that name secrets, in addition to those in `options`.
        """
        folders, given = self.folders(), given_args or {}
        masker = masker_for([*options, *secrets], {**self.args, **given}, self.dockerfile)
        marking = dataclasses.replace(masker, mark=mark)
        ignore_name, ignore = ignore_file(folders["context"], self.file) if "context" in folders else ("", b"")
        return Definition(
            app=named(app),
            variant=named(variant),
            folder=self.folder,
            project=project,
            scratch=scratch,
            image=image,
            file=self._from_folder(self.file),
            file_in_context=self.file,
            dockerfile=marking.source(self.dockerfile),
            source=self.dockerfile,
            ignore_file=self._from_folder(ignore_name),
            ignore=ignore.decode(errors="replace").replace("\r\n", "\n"),
            plan=plan,
            service=service,
            target=self.target,
            args=marking.arguments(self.args),
            given_target=given_target,
            given_args=given,
            options=tuple(options),
            contexts=self.contexts,
            folders=folders,
            absent=absent or {},
            masker=masker,
        )


def of_dockerfile(
    folder: Path,
    dockerfile: str,
    target: str,
    args: Mapping[str, str],
    options: Sequence[str],
    read: Reader = read_text,
) -> Ingredients:
    """Return what a plain build of `folder` takes. Raises AppError if there's no such Dockerfile.

    Args:
        folder: the main context.
        dockerfile: path of the Dockerfile, relative to `folder` or absolute.
        target: stage to stop at, unless an option says so.
        args: build arguments, in addition to those in the options.
        options: words of `docker buildx build`, with paths in full or relative to `folder`.
        read: returns the Dockerfile's text.
    """
    more = docker_words.pairs(options, "--build-context")
    file = _spelled(folder / dockerfile)
    return Ingredients(
        folder=folder,
        contexts={"context": ".", **{name: place for name, place in more.items() if place is not None}},
        file=within(folder, file),
        dockerfile=read(file),
        target=docker_words.target(options) or target,
        args={**args, **given_args(options)},
    )


def given_args(options: Sequence[str]) -> dict[str, str]:
    """Return the build arguments of a command; one without a value takes it from the environment, if it's set there.

    That's what `docker buildx build --help` says.
    """
    pairs = docker_words.pairs(options, "--build-arg")
    values = {name: os.environ.get(name) if value is None else value for name, value in pairs.items()}
    return {name: value for name, value in values.items() if value is not None}


def of_plan(folder: Path, said: Mapping[str, Any], read: Reader = read_text) -> Ingredients:
    """Return what a target of a plan takes. Raises AppError if there's no such Dockerfile.

    Args:
        folder: where the plan's relative paths start.
        said: the target's fields.
        read: returns the Dockerfile's text.
    """
    contexts = {"context": said.get("context", "."), **(said.get("contexts") or {})}
    contexts = {name: _place(folder, place) for name, place in contexts.items()}
    file, dockerfile = _dockerfile(folder, contexts["context"], said, read)
    args = {name: value or "" for name, value in (said.get("args") or {}).items()}
    return Ingredients(folder, contexts, file, dockerfile, said.get("target", ""), args)


def _dockerfile(folder: Path, context: str, said: Mapping[str, Any], read: Reader) -> tuple[str, str]:
    """Return a target's Dockerfile, relative to its context, and the text. Both are "" if it comes from an address."""
    inline = said.get("dockerfile-inline")
    if inline is not None:
        return "", str(inline)
    if not (folder / context).is_dir():
        return "", ""
    place = folder / context
    file = _spelled(place / said.get("dockerfile", "Dockerfile").removeprefix("cwd://"))
    return os.path.relpath(file, place), read(file)


def _place(folder: Path, place: str) -> str:
    """Return a context as a path relative to `folder` where it's inside it; addresses, images and targets stay as they are."""
    here = folder / place.removeprefix("cwd://")
    return within(folder, here) if here.is_dir() else place


def within(folder: Path, path: Path) -> str:
    """Return `path` relative to `folder` if it's inside it, else the full path."""
    path = Path(os.path.normpath(path))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _spelled(file: Path) -> Path:
    """Return the Dockerfile that buildx takes: `dockerfile` where there is no `Dockerfile` (build/opt.go)."""
    other = file.with_name("dockerfile")
    return other if file.name == "Dockerfile" and not file.exists() and other.is_file() else file
