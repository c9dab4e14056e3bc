"""Run a lab's script: build the learner's files, and note what those builds show."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import CommandFailed
from ..machine import asking
from ..machine.asking import Answer, Ran
from ..machine.machine import Machine
from ..project.app import App
from ..record.build import Build
from .verdict import Observed

T = TypeVar("T")


class LabRun:
    """One run of a lab's script: a scratch copy of the lab's app with the learner's files in it, on a machine.

    Attributes:
        machine: where `build` builds.
        app: the scratch copy.
    """

    def __init__(self, machine: Machine, app: App, dockerfile: str) -> None:
        """Prepare a run in which `build` builds `dockerfile` unless told otherwise."""
        self.machine, self.app = machine, app
        self._dockerfile = dockerfile
        self._builds: dict[str, Build] = {}
        self._answers: dict[str, Answer] = {}
        self._facts: dict[str, Any] = {}
        self._afterwards = contextlib.ExitStack()

    def build(
        self, label: str, variant: str = "", *, on: Machine | None = None, image: bool = True, **options: Any
    ) -> Build:
        """Build, by default with the first of the learner's files; `options` as for `Machine.build`. Raises BuildFailed.

        With `image=False`, it only fills the cache: nobody has to compress and unpack an image that isn't started.
        """
        if not image:
            options["options"] = [*options.get("options", ()), "--output=type=cacheonly"]
        self._builds[label] = (on or self.machine).build(self.app, variant or self._dockerfile, **options)
        return self._builds[label]

    def ask(self, label: str, *, on: Machine | None = None) -> Answer:
        """Start the image of that build and ask it; `answer.found` tells whether it has the last edit of the code."""
        image, mark = self._builds[label].image, self.app.last_mark
        self._answers[label] = asking.ask(on or self.machine, self.app, image, look_for=(mark,) if mark else ())
        return self._answers[label]

    def execute(self, label: str, *command: str) -> Ran:
        """Run a command in a container of that build's image; return exit code and output. No exit code raises an error."""
        return asking.run_in(self.machine, self._builds[label].image, command)

    def note(self, name: str, value: Any) -> None:
        """Note a fact for the judge."""
        self._facts[name] = value

    def runner(self, name: str) -> Machine:
        """Start another machine, cold; it is removed when the run ends."""
        machine = Machine.start(f"{self.machine.name[:12]}-{name}", say=lambda _: None)
        self._afterwards.callback(machine.remove)
        machine.reset()
        return machine

    def enter(self, context: contextlib.AbstractContextManager[T]) -> T:
        """Enter a context manager, such as a Registry, and leave it when the run ends."""
        return self._afterwards.enter_context(context)

    def observe(self, script: Callable[[LabRun], None]) -> Observed:
        """Run a lab's script as far as it goes; return what it saw."""
        error, failed = "", None
        try:
            with self._afterwards:
                script(self)
        except CommandFailed as failure:  # a BuildFailed is one
            error, failed = str(failure), getattr(failure, "build", None)
        return Observed(self._builds, self._answers, self._facts, error, failed)
