"""The records everything else works on: a Build and its Steps. Frozen, comparable, saved as JSON and loaded back equal.

Only `build` makes them from a real engine; traces, charts, checks and explanations are pure functions of them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .contexts.snapshot import Snapshot

if TYPE_CHECKING:
    import pandas as pd

    from .explaining.causes import Explanation

#: The states a step can be in. FROM is BASE: BuildKit reports it sometimes cached and sometimes not (FACTS.md), so we
#: do not classify it. FAILED, CANCELED and NOT_REACHED occur only in a build that did not succeed.
RAN, CACHED, BASE, FAILED, CANCELED, NOT_REACHED = "RAN", "CACHED", "BASE", "FAILED", "CANCELED", "NOT REACHED"

#: Version of the JSON written by `Build.save`.
FORMAT = 2


@dataclasses.dataclass(frozen=True)
class Step:
    """One Dockerfile instruction in one build.

    Attributes:
        line: first line of the instruction in the Dockerfile, counted from 1; 0 where unknown.
        end_line: its last line.
        stage: name of the stage, or "stage-N" as BuildKit names those without.
        instruction: "FROM", "RUN", "COPY", ... in capitals.
        text: the whole instruction as BuildKit shows it (variables replaced).
        state: one of RAN, CACHED, BASE, FAILED, CANCELED, NOT REACHED.
        started: seconds from the start of the build; None if it never started.
        seconds: how long it took; 0.0 for a step that never started.
        size_bytes: compressed size of the layer it made, bytes (of FROM: of all layers of the image); None if it made
            none or it is unknown, as in a stage that is not part of the image.
        downloaded_bytes: what its log says it downloaded (pip, uv, apt), and image layers pulled for it, bytes. Of
            a FROM that several stages share, the first has them.
        log: what it printed, standard output and error together.
        digest: the vertex digest in the trace; not comparable between builds.
        inputs: digests of the vertices it depends on.
    """

    line: int
    end_line: int
    stage: str
    instruction: str
    text: str
    state: str
    started: float | None
    seconds: float
    size_bytes: int | None
    downloaded_bytes: int
    log: str
    digest: str
    inputs: tuple[str, ...]


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


@dataclasses.dataclass(frozen=True)
class Build:
    """The record of one real build.

    Attributes:
        app: name of the app that was built.
        variant: name of the variant.
        edit: the edit made just before this build ("none" if there was none).
        machine: name of the machine it ran on.
        command: the exact command, one item an argument.
        dockerfile: text of the Dockerfile.
        started_at: when it started, ISO 8601, UTC.
        seconds: wall-clock time of the command, seconds.
        steps_: the steps in file order (`steps` gives them as a DataFrame).
        phases: what is not a step: context transfer, export, cache import and export.
        context_bytes: bytes of build context sent; a delta to what the engine already held (FACTS.md).
        image: name of the image made; "" if none.
        image_bytes: its size as the registry would store it (compressed layers), bytes; None if unknown.
        warnings: BuildKit's warnings, a line each.
        trace: the raw output of `--progress=rawjson`.
        provenance: `buildx.build.provenance` of the metadata file; {} for a build that failed.
        error: "" for a build that succeeded, otherwise BuildKit's error.
        project: the folder that the app was copied from; builds of one project are compared with one another.
        args: build arguments, those of a Compose file included.
        contexts: what was in the build contexts, by name; the one that every build has is called "context".
    """

    app: str
    variant: str
    edit: str
    machine: str
    command: tuple[str, ...]
    dockerfile: str
    started_at: str
    seconds: float
    steps_: tuple[Step, ...]
    phases: tuple[Phase, ...]
    context_bytes: int
    image: str
    image_bytes: int | None
    warnings: tuple[str, ...]
    trace: str = dataclasses.field(repr=False)
    provenance: Mapping[str, Any] = dataclasses.field(repr=False, hash=False)
    error: str = ""
    project: str = ""
    args: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False, hash=False)
    contexts: Mapping[str, Snapshot] = dataclasses.field(default_factory=dict, repr=False, hash=False)

    @property
    def steps(self) -> pd.DataFrame:
        """The steps in file order.

        Columns: line, stage, instruction, state, seconds, size_bytes, downloaded_bytes, text. Sizes in bytes.
        """
        import pandas as pd  # takes longer than all that starting a machine imports

        columns = ["line", "stage", "instruction", "state", "seconds", "size_bytes", "downloaded_bytes", "text"]
        frame = pd.DataFrame([{c: getattr(s, c) for c in columns} for s in self.steps_], columns=columns)
        return frame.astype({"size_bytes": "Int64"})

    def states(self) -> str:
        """Plain text, a line a step, the same on every machine: what a notebook's output is checked against."""
        rows = [(f"line {s.line}" if s.line else "", s.state, _shortened(s.text)) for s in self.steps_]
        width = max([len(CACHED), *(len(state) for _, state, _ in rows)])
        return "\n".join(f"{line:>8}  {state:<{width}}  {text}".rstrip() for line, state, text in rows)

    def state(self, fragment: str) -> str:
        """The state of the one step whose text contains `fragment`. Raises KeyError where none or several do."""
        found = [s for s in self.steps_ if fragment in s.text]
        if len(found) != 1:
            raise KeyError(f"{len(found)} steps contain {fragment!r}")
        return found[0].state

    def seconds_in(self, kind: str) -> float:
        """Seconds in the phases of one kind ("export", "context", ...); they may overlap steps."""
        return sum(p.seconds for p in self.phases if p.kind == kind)

    @property
    def export_seconds(self) -> float:
        """Compressing, writing and unpacking the image."""
        return self.seconds_in("export")

    @property
    def downloaded_bytes(self) -> int:
        """What all steps together say they downloaded."""
        return sum(s.downloaded_bytes for s in self.steps_)

    def explain(self, previous: Build | None = None) -> Explanation:
        """Why each step ran or did not: against `previous`, or the builds of this project before it on this machine."""
        from . import history
        from .explaining import explain

        if previous is not None:
            return explain.explain(self, [previous])
        return explain.explain(self, history.before(self), forgotten=not history.kept(self))

    def report(self, path: str | Path, previous: Build | None = None, format: str = "html") -> Path:
        """Write the build down to keep: "html" (one file that needs no network), "markdown" (for CI) or "json".

        Compared with `previous`, or with the build of this project before it on this machine. Secrets are left out.
        Raises LayerLabError for another format or a file that cannot be written.
        """
        from .report import write

        return write(self, path, previous, format)

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `save` writes it."""
        shallow = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        contexts = {name: snapshot.to_json() for name, snapshot in self.contexts.items()}
        # Not asdict of the whole: it would copy every dict of the provenance.
        parts = {name: [dataclasses.asdict(part) for part in shallow[name]] for name in ("steps_", "phases")}
        return {"format": FORMAT, **shallow, **parts, "contexts": contexts}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Build:
        """The record that `to_json` told of. Raises ValueError for another format."""
        data = dict(data)
        if data.pop("format", None) != FORMAT:
            raise ValueError(f"not a LayerLab build of format {FORMAT}")
        data["steps_"] = tuple(Step(**{**s, "inputs": tuple(s["inputs"])}) for s in data["steps_"])
        data["phases"] = tuple(Phase(**p) for p in data["phases"])
        data["contexts"] = {name: Snapshot.from_json(told) for name, told in data["contexts"].items()}
        for name in ("command", "warnings"):
            data[name] = tuple(data[name])
        return cls(**data)

    def save(self, path: str | Path) -> Path:
        """Write the record as JSON."""
        path = Path(path)
        path.write_text(json.dumps(self.to_json(), indent=1), encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: str | Path) -> Build:
        """Read a record that `save` wrote. Raises ValueError for a file of another format."""
        try:
            return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{path} is not a LayerLab build: {error}") from None


def _shortened(text: str, width: int = 72) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
