"""Predict which steps of a build will run, before it runs; then let the build grade the prediction and show the causes."""

from __future__ import annotations

import dataclasses
import datetime
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..charts import markup
from ..errors import LayerLabError
from ..explaining.causes import Explanation
from ..explaining.why import explain
from ..machine.resolving import resolve
from ..project.app import App
from ..project.definition import Definition
from ..record import history
from ..record.build import Build
from ..record.states import BASE, CACHED, CANCELED, FAILED, NOT_REACHED, RAN
from ..record.step import shortened
from ..system import docker_words
from ..system.front_end import in_notebook
from . import score as scores
from .grade import SAID, SIGN_STYLES, Grade, Mark

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from .board import Board

#: The words that a list may have for each state; None, "" and "?" mean no prediction.
WORDS = {
    "run": RAN, "ran": RAN, "runs": RAN, "will run": RAN,
    "cached": CACHED, "cache": CACHED, "will be cached": CACHED,
    "": "", "?": "", "none": "",
}  # fmt: skip
#: The user's prediction: a state for each step, or "".
Said = tuple[str, ...]

_HTML = """
<div style="font-size:13px"><p style="margin:4px 8px"><b>{{ variant }}: which steps will run?</b>
{% if graded %}{{ graded.summary }}{% else %}Run this cell to choose; then build, and grade.{% endif %}</p>
<table style="{{ s.table }}"><thead><tr style="{{ s.row }}"><th style="{{ s.head }}">line</th>
<th style="{{ s.head }}">step</th><th style="{{ s.head }}">you said</th></tr></thead><tbody>
{% for line, text, said, sign in rows %}
<tr style="{{ s.line }}"><td style="{{ s.word }}">{{ line }}</td>
<td style="{{ s.wide }}"><code style="{{ s.code }};padding:0;background:none">{{ text }}</code></td>
<td style="{{ s.word }}"><span style="{{ signs[sign] }}">{{ sign }}</span> {{ said }}</td></tr>
{% endfor %}
</tbody></table></div>
"""


class Prediction:
    """A prediction that waits for its build. At the end of a cell, it asks the user; `grade` settles it.

    Attributes:
        definition: the build to predict.
        lines: the line of each step to predict, in file order.
    """

    def __init__(self, definition: Definition, said: Said) -> None:
        self.definition, self._target = definition, definition.given_target
        self._steps = definition.steps
        self.lines = tuple(i.line for i in self._steps)
        self._identity = secrets.token_hex(8)
        self._made = _now()
        # All choices with their times: the last one before the build's start counts.
        self._said = [[(self._made, state)] for state in said]
        self._graded: tuple[Build, Grade] | None = None
        self._views: list[DisplayHandle | None] = []
        self._board: Board | None = None

    @property
    def said(self) -> dict[int, str]:
        """The prediction now: line → "RAN", "CACHED" or ""."""
        return {i.line: said[-1][1] for i, said in zip(self._steps, self._said, strict=True)}

    def say(self, line: int, state: str) -> None:
        """Predict "run" or "cached" for the step on `line`. Raises LayerLabError for any other word or line."""
        if line not in self.lines:
            raise LayerLabError(f"{self.definition.variant} has no step on line {line}", _listed(self.definition))
        self._said[self.lines.index(line)].append((_now(), _state(state)))

    def grade(self, build: Build, explanation: Explanation | None = None) -> Grade:
        """Compare the prediction with its build, and count it once in the score over the course.

        Args:
            build: made after the prediction, of the same app, variant, Dockerfile and target.
            explanation: why its steps ran; by default `explain(build)`.

        Raises LayerLabError if the prediction isn't for this build, or if another build has graded it.
        """
        self._check(build)
        if self._graded and self._graded[0] == build:
            return self._graded[1]
        started = datetime.datetime.fromisoformat(build.started_at)
        in_time = [[state for when, state in said if when <= started][-1] for said in self._said]
        late = sum(said[-1][1] != state for said, state in zip(self._said, in_time, strict=True))
        why = _causes(explanation or explain(build))
        marks = tuple(
            _mark(i.line, i.text, state, _was(build, i.line), why.get(i.line, ""))
            for i, state in zip(self._steps, in_time, strict=True)
        )
        grade = Grade(build.app, build.variant, build.edit, marks, late)
        if grade.of:
            record = {
                "when": build.started_at, "notebook": _notebook(), "app": build.app, "variant": build.variant,
                "edit": build.edit, "right": grade.right, "of": grade.of,
            }  # fmt: skip
            grade = dataclasses.replace(grade, course=str(scores.keep(self._identity, record)))
        self._graded = build, grade
        self._settle()
        return grade

    def _check(self, build: Build) -> None:
        mine, variant = self.definition, self.definition.variant
        if (build.app, build.variant) != (mine.app, variant):
            raise LayerLabError(
                f"this prediction is for {mine.app} {variant}, but the build is of {build.app} {build.variant}",
                f"build it: machine.build(app, {variant!r})",
            )
        if build.dockerfile != mine.dockerfile:
            raise LayerLabError(
                f"the Dockerfile of {variant} was changed after the prediction, so the prediction isn't for this build",
                "predict again, then build",
            )
        if docker_words.target(build.command) != self._target:
            raise LayerLabError(
                f"this prediction is for target {self._target or '(none)'}, but the build has "
                f"{docker_words.target(build.command) or '(none)'}",
                "give both the same target",
            )
        if datetime.datetime.fromisoformat(build.started_at) < self._made:
            raise LayerLabError(
                f"this build of {variant} is older than the prediction",
                f"build now: build = machine.build(app, {variant!r}); then grade that build",
            )
        again = "predict again, then build once"
        if self._graded and self._graded[0] != build:
            raise LayerLabError(f"this prediction of {variant} was graded by an earlier build", again)
        if not self._graded and any(self._could_be(b) for b in history.before(build)):
            raise LayerLabError(f"another build of {variant} came between the prediction and this one", again)

    def _could_be(self, build: Build) -> bool:
        """Tell whether the prediction could be for `build`."""
        return (
            not build.error
            and (build.app, build.variant) == (self.definition.app, self.definition.variant)
            and docker_words.target(build.command) == self._target
            and datetime.datetime.fromisoformat(build.started_at) >= self._made
        )

    # -- showing it --------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        said = self.said
        lines = [f"{self.definition.variant}: which steps will run?"]
        for i in self._steps:
            text = shortened(i.text, 56)
            lines.append(f"{f'line {i.line}':>8}  {said[i.line] or '?':<6}  {text}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # Without a prediction, marks would only give away the answers to a user who comes back to predict.
        graded = self._graded[1] if self._graded and self._graded[1].of else None
        if graded:
            rows = [(m.line, m.text, SAID[m.said], m.sign) for m in graded.marks]
        else:
            rows = [(i.line, i.text, SAID[self.said[i.line]], "") for i in self._steps]
        return markup.rendered(
            _HTML, variant=self.definition.variant, graded=graded, rows=rows, signs={**SIGN_STYLES, "": ""}
        )

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle = {"text/plain": str(self), "text/html": self._repr_html_()}
        if not self._graded and in_notebook():
            from .board import Board

            self._board = self._board or Board(self.definition.variant, self._steps, self.said, self.say)
            bundle = {**self._board.widget._repr_mimebundle_(), **bundle}
        self._views.append(display(bundle, raw=True, display_id=secrets.token_hex(8)))

    def _settle(self) -> None:
        """Replace the toggles by a table, which stays in the saved notebook and shows that there's nothing left to choose."""
        for view in self._views:
            if view is not None:
                view.update({"text/plain": str(self), "text/html": self._repr_html_()}, raw=True)
        if self._board is not None:
            self._board.close()
        self._views, self._board = [], None


def predict(
    app: App,
    variant: str,
    states: Sequence[str | None] | Mapping[int, str | None] | None = None,
    *,
    target: str = "",
    args: Mapping[str, str] | None = None,
    service: str = "",
) -> Prediction:
    """Ask which steps of the next build of `app` will run and which will be cached.

        guess = predict(app, "before")
        guess                                   # shows each step with a toggle
        build = machine.build(app, "before")
        guess.grade(build)                      # right or wrong, with the cause beside each wrong one

    Args:
        app: the app to build.
        variant: name of one of its variants, or a Dockerfile or Compose file in it.
        states: the prediction itself, if there are no toggles: "run" or "cached" for each step, or {line: state} for
            some; None for a step without a prediction.
        target: the same as for `machine.build`.
        args: the same as for `machine.build`.
        service: the same as for `machine.build`.

    Raises AppError if there is no such variant or target, LayerLabError for states that don't fit the steps.
    """
    definition = resolve(app, variant, target=target, args=args, service=service)
    return Prediction(definition, _said(definition, states))


def _said(definition: Definition, states: Sequence[str | None] | Mapping[int, str | None] | None) -> Said:
    lines = [i.line for i in definition.steps]
    if states is None:
        return ("",) * len(lines)
    if isinstance(states, Mapping):
        if strange := [line for line in states if line not in lines]:
            raise LayerLabError(f"{definition.variant} has no step on line {strange[0]}", _listed(definition))
        return tuple(_state(states.get(line)) for line in lines)
    if isinstance(states, str):
        raise LayerLabError(
            "the prediction is a single string", 'pass a list with a state for each step: ["run", "cached", …]'
        )
    if len(states) != len(lines):
        raise LayerLabError(
            f"the number of states is {len(states)}, but {definition.variant} has {len(lines)} steps",
            _listed(definition),
        )
    return tuple(map(_state, states))


def _state(word: str | None) -> str:
    state = WORDS.get(" ".join(str(word or "").lower().split()))
    if state is None:
        raise LayerLabError(f"{word!r} isn't a prediction", 'say "run" or "cached", or None for no prediction')
    return state


def _listed(definition: Definition) -> str:
    steps = [f"  line {i.line}: {shortened(f'{i.keyword} {i.value}', 60)}" for i in definition.steps]
    return "\n".join(["its steps are:", *steps])


def _mark(line: int, text: str, said: str, was: str, why: str) -> Mark:
    counted = said and was in (RAN, CACHED, FAILED)
    return Mark(line, text, said, was, (said == CACHED) == (was == CACHED) if counted else None, why)


def _was(build: Build, line: int) -> str:
    """Return the state of the step on a line; if there are several (for several platforms), RAN rather than CACHED."""
    states = {s.state for s in build.steps if s.line == line and s.state != BASE}
    return next((s for s in (FAILED, RAN, CACHED, CANCELED, NOT_REACHED) if s in states), "")


def _causes(explanation: Explanation) -> dict[int, str]:
    """Return causes by line; if there are several steps on a line, the first known cause."""
    found: dict[int, str] = {}
    for step in explanation.steps:
        found[step.line] = found.get(step.line) or step.why
    return found


def _notebook() -> str:
    """Return the name of this kernel's notebook, which Jupyter's server sets; "" elsewhere."""
    return Path(os.environ.get("JPY_SESSION_NAME", "")).stem


def _now() -> datetime.datetime:
    # As exact as `Build.started_at`, so that rounding never makes an earlier choice look later than the build.
    now = datetime.datetime.now(datetime.UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
