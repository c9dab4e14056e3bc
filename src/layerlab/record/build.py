"""Build: the frozen record of one real build, which everything else works on. Saved as JSON and loaded back equal.

Only `machine/` makes one from a real engine; charts, explanations, reports and lab judges are pure functions of it.
"""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ..errors import RecordError
from ..system import docker_words
from ..system.files import write_private
from ..system.refusals import refusals_told
from ..texts.masker import Masker
from .fitting import fit, unmarked
from .provenance import Provenance
from .reading import no_number, read
from .snapshot import Snapshot
from .states import CACHED, CANCELED, FAILED, RAN
from .step import Phase, Step, shortened, steps_frame

if TYPE_CHECKING:
    import pandas as pd


#: Version of the JSON written by `Build.save`.
FORMAT = 3


@dataclasses.dataclass(frozen=True, repr=False)
class Build:
    """The record of one real build, without its secrets: `fitting` says what stands in their place.

    Attributes:
        app: name of the app that was built.
        variant: name of the variant.
        edit: the edit made just before this build ("none" if there was none).
        machine: the machine it ran on, by its name, or the user's builder, by its label (`record.hosts`).
        command: the exact command, one item per argument.
        dockerfile: text of the Dockerfile.
        started_at: when it started, ISO 8601, UTC.
        seconds: wall-clock time of the command, seconds.
        steps: the steps in file order (`steps_frame()` gives them as a DataFrame).
        phases: the work outside the steps: context transfer, export, cache import and export.
        context_bytes: bytes of build context sent; only what the engine didn't hold already.
        image: name of the image made; "" if none.
        image_bytes: its size as the registry would store it (compressed layers), bytes; None if unknown.
        warnings: BuildKit's warnings, one line each.
        trace: the raw output of `--progress=rawjson`.
        provenance: `buildx.build.provenance` of the metadata file; {} for a build that failed.
        error: "" for a build that succeeded, otherwise BuildKit's error.
        project: the project's folder; builds of the same project are compared with each other.
        args: build arguments, including those of a Compose file.
        contexts: a snapshot of each build context, by name; the main one is called "context".
        undivided_bytes: bytes that flowed to several steps that ran at the same time, beyond their `downloaded_bytes`; None if
            not all that the build downloaded was counted.
        key: id of the key that hidden values are marked with, since marks of another key can't be compared; "" if nothing
            that counts is hidden; None if the record hasn't been through `fitting`, as one of an earlier LayerLab.
        file: path of the Dockerfile, relative to `project` or full; "" if it's inline or remote, or unknown.
        service: the Compose service or bake target, as a plan names it; "" for a plain build.
        cache: id of the engine's cache, which tells it from those of other computers and from what it was before a reset; ""
            if unknown.
        branch: the git branch that was built, if the record was kept for other computers; else "".
    """

    app: str
    variant: str
    edit: str
    machine: str
    command: tuple[str, ...]
    dockerfile: str
    started_at: str
    seconds: float
    steps: tuple[Step, ...]
    phases: tuple[Phase, ...]
    context_bytes: int
    image: str
    image_bytes: int | None
    warnings: tuple[str, ...]
    trace: str = dataclasses.field(repr=False)
    provenance: Annotated[Mapping[str, Any], Provenance] = dataclasses.field(repr=False, hash=False)
    error: str = ""
    project: str = ""
    args: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False, hash=False)
    contexts: Mapping[str, Snapshot] = dataclasses.field(default_factory=dict, repr=False, hash=False)
    undivided_bytes: int | None = None
    key: str | None = dataclasses.field(default=None, repr=False)
    file: str = dataclasses.field(default="", repr=False)
    service: str = dataclasses.field(default="", repr=False)
    cache: str = dataclasses.field(default="", repr=False)
    branch: str = dataclasses.field(default="", repr=False)

    @property
    def canceled(self) -> bool:
        """Whether it was interrupted, or given up because a build beside it failed: none of its own steps failed."""
        states = {s.state for s in self.steps}
        return bool(self.error) and FAILED not in states and (CANCELED in states or "context canceled" in self.error)

    def outcome(self, title: str = "") -> str:
        """Return one line on how the build went, the same in a notebook, a terminal and a CI log."""
        ran, cached = (sum(s.state == state for s in self.steps) for state in (RAN, CACHED))
        steps = f"{ran} step{'' if ran == 1 else 's'} ran, {cached} cached"
        text = f"{title or f'{self.app} {self.variant}'}: {steps}, {self.seconds:.1f} s"
        if self.export_seconds >= 0.1:
            text += f" (export {self.export_seconds:.1f} s)"
        if self.downloaded_bytes >= 50_000:  # less would be 0.0 MB
            least = "" if self.downloads_counted else "at least "
            text += f", {least}{self.downloaded_bytes / 1e6:.1f} MB downloaded"
        return f"{text}, FAILED" if self.error else text

    def __repr__(self) -> str:
        return f"{self.outcome()}\n{self.states()}"

    def _repr_html_(self) -> str:
        rows = "".join(step.html_row() for step in self.steps)
        return f"<p>{html.escape(self.outcome())}</p><table><tbody>{rows}</tbody></table>"

    def steps_frame(self) -> pd.DataFrame:
        """Return the steps as a DataFrame, one row per step in file order.

        Columns: line, stage, instruction, state, seconds, size_bytes (NA where unknown), downloaded_bytes, downloads_counted,
        text.
        """
        return steps_frame(self.steps)

    def states(self) -> str:
        """Return one line of text per step. It's the same on every machine, so a notebook's output is checked against it."""
        rows = [(f"line {s.line}" if s.line else "", s.state, shortened(s.text)) for s in self.steps]
        width = max([len(CACHED), *(len(state) for _, state, _ in rows)])
        return "\n".join(f"{line:>8}  {state:<{width}}  {text}".rstrip() for line, state, text in rows)

    def state(self, fragment: str) -> str:
        """Return the state of the one step whose text contains `fragment`. Raises KeyError if none or several do."""
        found = [s for s in self.steps if fragment in s.text]
        if len(found) != 1:
            raise KeyError(f"{len(found)} steps contain {fragment!r}")
        return found[0].state

    def seconds_in(self, kind: str) -> float:
        """Return the seconds spent in phases of one kind ("export", "context", …); phases may overlap steps."""
        return sum(p.seconds for p in self.phases if p.kind == kind)

    @property
    def what(self) -> tuple[str, str, str]:
        """What was built of the project: variant, target and service. Builds that share all three are compared first."""
        # An earlier LayerLab's records say the service only in the command.
        service = self.service or (self.command[-1] if "bake" in self.command[:3] else "")
        return self.variant, docker_words.target(self.command), service

    @property
    def image_name(self) -> str:
        """The image's name; "" for one without a name, such as that of a Compose service that bake builds."""
        return "" if self.image.startswith("moby-dangling@") else self.image

    @property
    def export_seconds(self) -> float:
        """Seconds spent on compressing, writing and unpacking the image."""
        return self.seconds_in("export")

    @property
    def downloaded_bytes(self) -> int:
        """Bytes that all steps together downloaded; the least, unless `downloads_counted`."""
        return sum(s.downloaded_bytes for s in self.steps) + (self.undivided_bytes or 0)

    @property
    def downloads_counted(self) -> bool:
        """Whether all that it downloaded was counted where it flowed; otherwise some of it is only what logs report."""
        return self.undivided_bytes is not None

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain data, as `save` writes it."""
        shallow = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        contexts = {name: snapshot.to_json() for name, snapshot in self.contexts.items()}
        # asdict of the whole build would copy every dict of the provenance.
        parts = {name: [dataclasses.asdict(part) for part in shallow[name]] for name in ("steps", "phases")}
        return {"format": FORMAT, **shallow, **parts, "contexts": contexts}

    @classmethod
    def from_json(cls, data: Any) -> Build:
        """Return the record that `to_json` made `data` from. Raises ValueError, which names the place, for anything else."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"this version reads records of format {FORMAT}, and it isn't one")
        build: Build = read(cls, {name: value for name, value in data.items() if name != "format"})
        return build._fitted()  # also one that says it was: a file may say anything

    def fitted(self, known: Masker | None = None) -> Build:
        """Return the record as `fitting` leaves it; one that was there already stays as it is.

        Args:
            known: knows secrets that the record doesn't tell.
        """
        return self if self.key is not None else self._fitted(known)

    def _fitted(self, known: Masker | None = None) -> Build:
        return Build(**fit({f.name: getattr(self, f.name) for f in dataclasses.fields(self)}, known))

    def unmarked(self) -> Build:
        """Return the record with HIDDEN in place of marks, for a comparison with a build whose marks another key made."""
        return dataclasses.replace(self, **unmarked(self.dockerfile, self.args, self.provenance))

    def save(self, path: str | Path) -> Path:
        """Write the record as JSON, for its owner only, and return its path.

        Raises FileError if there's no room for it, or no right to write it.
        """
        path = Path(path)
        with refusals_told(path):
            write_private(path, json.dumps(self.to_json(), indent=1))
        return path

    @classmethod
    def load(cls, path: str | Path) -> Build:
        """Read a record that `save` wrote. Raises RecordError for a file that can't be read or isn't one."""
        try:
            # RecursionError: a million brackets.
            return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=no_number))
        except OSError as error:
            raise RecordError(f"{path} can't be read: {error.strerror}", _A_RECORD) from None
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{path} isn't the record of a build ({error})", _A_RECORD) from None


_A_RECORD = "name a file that `layerlab build PATH --output FILE` or `Build.save` wrote"
