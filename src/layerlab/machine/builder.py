"""Builder: an engine or buildx builder of the user's own. We build on it as they would, and change nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..engines.packages import Say
from ..record.hosts import folder_of
from ..system import docker_words
from ..system.home import claim
from ..system.refusals import refusals_told
from . import builders, building, choosing
from .resolving import resolve

if TYPE_CHECKING:
    from ..errors import LayerLabError
    from ..project.app import App
    from ..record.build import Build
    from ..record.traffic import Sample
    from ..record.view import Wanted
    from .machine_like import Preparation

#: Options that say where a build's result goes.
_OUTPUTS = ("--output", "-o", "--load", "--push")


class Builder:
    """A builder that belongs to the user: a docker context's engine, or an instance of buildx.

    LayerLab runs there what the user would run, with their own docker client and configuration, and nothing else: it neither
    empties nor prunes it, adds no images or names, and switches nothing. Base images are the builder's own: there are no
    stand-ins. Others may build there too, and records of those builds aren't LayerLab's, so `explain` says "unknown" where
    one of them could be the reason.

    Attributes:
        name: as `docker buildx ls` shows it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._told = False

    @classmethod
    def here(cls) -> Builder:
        """Return the builder that `docker build` uses here: $BUILDX_BUILDER, else the engine of the current docker context.

        Raises BuilderError if that context isn't there.
        """
        return cls(builders.of_docker_build())

    def __repr__(self) -> str:
        return f"<Builder {self.name!r}>"

    @functools.cached_property
    def known(self) -> builders.Known:
        """What its name means here."""
        return builders.known(self.name)

    @functools.cached_property
    def details(self) -> builders.Details:
        """Its driver, its nodes and their versions. It's asked once, and before the first build.

        Raises BuilderError if there is no such builder, or it can't be used.
        """
        found = builders.details(self.known)
        if error := builders.trouble(self.name, found):
            raise error
        return found

    @property
    def label(self) -> str:
        """What records and the history call it: its name, and digits that tell it from others of that name."""
        return self.known.label

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make `docker` reach it; an empty value means that the variable must be unset."""
        return self.known.environment

    @refusals_told()
    def build(
        self,
        app: App,
        variant: str,
        *,
        target: str = "",
        args: Mapping[str, str] | None = None,
        service: str = "",
        options: Sequence[str] = (),
        view: Wanted = "auto",
        say: Say = print,
    ) -> Build:
        """Run one real build of `app` there and return its record, as `Machine.build` does.

        The image gets only the names that you give (`options=["--tag", "shop:1"]`) or that a Compose or bake file has. With
        another driver than "docker", it stays in the builder's cache unless an option says otherwise ("--load", "--push",
        "--output"), as with docker itself; `say` gets a line about that, once.

        The arguments are those of `Machine.build`. Raises BuilderError if there is no such builder or it doesn't answer;
        BuildFailed, AppError and PermissionNeeded as `Machine.build` does.
        """
        details = self.details
        definition = resolve(
            app, variant, target=target, args=args, service=service, options=[f"--builder={self.name}", *options]
        )
        if not (self._told or details.loads_images or _has_output(options)):
            self._told = True
            say(
                f"Builder {self.name} has the driver {details.driver}, so the image stays in its cache; `--load` puts it into "
                "your Docker, `--push` into a registry."
            )
        claim()
        folder_of(self.label).mkdir(parents=True, exist_ok=True, mode=0o700)
        edit, app.last_edit = app.last_edit, "none"
        return building.run_build(
            self, dataclasses.replace(definition, image=""), edit=edit, show=view, known=app.snapshots
        )

    def variants(self, app: App) -> list[str]:
        """Return the names of what `build` can build of `app`, as `Machine.variants` does."""
        return choosing.variants(app)

    def named_contexts(self) -> dict[str, str]:
        """Map nothing: base images are the builder's own."""
        return {}

    def forget_contexts(self) -> None:
        """Do nothing: there are no stand-ins."""

    def traffic(self, ended: threading.Event) -> Iterator[Sample]:
        """Yield nothing: its network isn't ours to look at, so downloads are what logs report."""
        return iter(())

    def gone(self, during: str) -> LayerLabError | None:
        """Return the error that says that it can't be used any more, `during` something; None if it can."""
        return builders.trouble(self.name, builders.details(self.known), during)

    @property
    def preparations(self) -> dict[str, Preparation]:
        """Nothing: what isn't ours is neither emptied, nor gets another base image."""
        return {}

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Do nothing: LayerLab can't keep others from building there. What `compare` measures includes their load."""
        return contextlib.nullcontext()


def _has_output(options: Sequence[str]) -> bool:
    outputs = docker_words.set_by_bake(options, "output")
    return bool(outputs) or any(word.partition("=")[0] in _OUTPUTS for word in options)
