"""A check while it runs: the builds of the learner's files, and what was observed of them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CommandFailed
from ..machine import asking
from ..machine.asking import Answer, Ran
from ..machine.machine import Machine
from ..project.app import App
from ..record.build import Build
from . import progress
from .files import chosen
from .lab import Lab, Verdict


@dataclasses.dataclass(frozen=True)
class Observed:
    """What a check saw. What it did not come to, because something before it failed, is missing.

    Attributes:
        builds: by the label that the lab's script gave them.
        answers: what the image of that build said when it was started and asked.
        facts: what else the script took note of.
        error: why a build, or another command, failed; "" if none did.
        failed: the record of the build that failed, if one did.
    """

    builds: Mapping[str, Build] = dataclasses.field(default_factory=dict)
    answers: Mapping[str, Answer] = dataclasses.field(default_factory=dict)
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    error: str = ""
    failed: Build | None = None


class Trial:
    """One check: a scratch copy of the lab's app with the learner's files in it, on a machine.

    Attributes:
        app: the scratch copy.
        machine: where `build` builds.
    """

    def __init__(self, lab: Lab, machine: Machine, app: App) -> None:
        self.machine, self.app = machine, app
        self._dockerfile = next(iter(lab.files.values()))
        self._builds: dict[str, Build] = {}
        self._answers: dict[str, Answer] = {}
        self._facts: dict[str, Any] = {}
        self._afterwards = contextlib.ExitStack()

    def build(
        self, label: str, variant: str = "", *, on: Machine | None = None, image: bool = True, **options: Any
    ) -> Build:
        """Build, by default with the first of the learner's files; `options` as `Machine.build`. Raises BuildFailed.

        With `image=False` it only fills the cache: an image that nobody starts need not be compressed and unpacked.
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

    def run(self, label: str, *command: str, on: Machine | None = None) -> Ran:
        """Run a command in a container of that build's image: exit code and output. None of it is an error."""
        return asking.run_in(on or self.machine, self._builds[label].image, command)

    def note(self, name: str, value: Any) -> None:
        """Take note of a fact for the judge."""
        self._facts[name] = value

    def runner(self, name: str) -> Machine:
        """Another machine, cold; it is stopped when the check ends."""
        machine = Machine.start(f"{self.machine.name[:12]}-{name}", say=lambda _: None)
        self._afterwards.callback(machine.remove)
        machine.reset()
        return machine

    def enter(self, context: Any) -> Any:
        """Enter a context manager that is left when the check ends, such as a Registry."""
        return self._afterwards.enter_context(context)

    def observe(self, lab: Lab) -> Observed:
        """Run the lab's script as far as it goes."""
        error, failed = "", None
        try:
            with self._afterwards:
                lab.script(self)
        except CommandFailed as failure:  # a BuildFailed is one
            error, failed = str(failure), getattr(failure, "build", None)
        return Observed(self._builds, self._answers, self._facts, error, failed)


def check(lab: Lab, machine: Machine, files: str | Path | None = None) -> Verdict:
    """See `layerlab.check_lab`."""
    texts = chosen(lab, files)
    with App(lab.app) as app:
        for path, text in texts.items():
            app.write(lab.files[path], text)
        verdict = lab.judge(Trial(lab, machine, app).observe(lab))
    if files is None:
        progress.keep(lab, verdict, texts)
    return verdict
