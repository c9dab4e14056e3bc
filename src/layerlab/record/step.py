"""Step and Phase: what a build is made of, as data."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..system.extras import needs_course
from ..texts.plain import shown
from .states import State

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = [
    "line", "stage", "instruction", "state", "seconds", "size_bytes", "downloaded_bytes", "downloads_counted", "text",
]  # fmt: skip


@dataclasses.dataclass(frozen=True, repr=False)
class Step:
    """One Dockerfile instruction in one build.

    Attributes:
        line: first line of the instruction in the Dockerfile, counted from 1; 0 if unknown.
        end_line: its last line.
        stage: name of the stage; "stage-N" for one without a name, as in BuildKit.
        instruction: "FROM", "RUN", "COPY", ... in capitals.
        text: the whole instruction as BuildKit shows it (variables replaced).
        state: one of RAN, CACHED, BASE, FAILED, CANCELED, NOT REACHED.
        started: seconds from the start of the build; None if it never started.
        seconds: how long it took; 0.0 for a step that never started.
        size_bytes: compressed size of the layer it made, bytes (for FROM: of all layers of the image); None if it made
            none or the size is unknown, as in a stage that isn't part of the image.
        downloaded_bytes: bytes that it downloaded, and of image layers pulled for it. If several stages share a FROM, the
            first one has them.
        log: its output, standard output and error together.
        digest: the vertex digest in the trace; not comparable between builds.
        inputs: digests of the vertices it depends on.
        downloads_counted: whether `downloaded_bytes` was counted where it flowed, with what the protocols add. If not, it's
            what its log reports (pip, uv, apt), and so the least.
    """

    line: int
    end_line: int
    stage: str
    instruction: str
    text: str
    state: State
    started: float | None
    seconds: float
    size_bytes: int | None
    downloaded_bytes: int
    log: str
    digest: str
    inputs: tuple[str, ...]
    downloads_counted: bool = False

    @property
    def place(self) -> str:
        """Where it is, for a sentence: "line 5"; its text if its line is unknown, as of another bake target's step."""
        return f"line {self.line}" if self.line else shortened(self.text, 40)

    def __repr__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        return f"<Step {where}{self.stage}: {self.state}, {self.seconds:.1f} s, {shortened(self.text)}>"

    def _repr_html_(self) -> str:
        return f"<table><tbody>{self.html_row()}</tbody></table>"

    def html_row(self) -> str:
        """Return the step as a row of an HTML table: line, state, seconds, text. It's readable without CSS."""
        seconds = f"{self.seconds:.1f} s" if self.started is not None else ""
        cells = (str(self.line or ""), self.state, seconds, shortened(self.text))
        return "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


@dataclasses.dataclass(frozen=True)
class Phase:
    """Time a build spent outside its steps.

    Attributes:
        kind: "definition", "metadata", "context", "pull" (an image that no FROM line names), "export", "cache import",
            "cache export" or "other".
        name: the vertex as BuildKit names it.
        started: seconds from the start of the build.
        seconds: how long it took.
        bytes: bytes moved, where BuildKit says so (context transfer, pull); otherwise 0.
    """

    kind: str
    name: str
    started: float
    seconds: float
    bytes: int


def steps_frame(steps: Iterable[Step]) -> pd.DataFrame:
    """Return steps as a DataFrame, one row per step; see `Build.steps_frame` for the columns."""
    with needs_course():
        import pandas as pd  # here, because few readers of a build need a frame, and pandas takes half a second

    frame = pd.DataFrame([{c: getattr(s, c) for c in _COLUMNS} for s in steps], columns=_COLUMNS)
    return frame.astype({"size_bytes": "Int64"})


def shortened(text: str, width: int = 72) -> str:
    """Return `text`, safe to show, on one line of at most `width` characters."""
    text = " ".join(shown(text).split())
    return text if len(text) <= width else text[: width - 1] + "…"
