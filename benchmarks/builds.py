"""What LayerLab adds to a build: the same build with and without it, taking turns."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from layerlab import App, Machine
from layerlab.engines import endpoint
from layerlab.system.shell import environment

from .result import Result, spread
from .turns import in_turns, ratio

#: Pairs of fully cached builds, with LayerLab and without; each takes about 0.3 s.
NOOP_PAIRS = 25


def overhead() -> Iterator[Result]:
    """Compare `Machine.build` with the very command that it runs, with everything cached."""
    with Machine.start("bench") as machine, App("radiology_api") as app, tempfile.TemporaryDirectory() as scratch:
        command = machine.build(app, "after", view="none").command
        bare = [endpoint.docker_program(), *command[1:], f"--metadata-file={Path(scratch) / 'metadata.json'}"]
        variables = environment({**machine.environment, "BUILDX_METADATA_PROVENANCE": "max"})

        def without() -> None:
            subprocess.run(
                bare, cwd=app.path, env=variables, check=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

        def with_layerlab() -> None:
            machine.build(app, "after", view="none")

        ours, theirs = in_turns(with_layerlab, without, NOOP_PAIRS)
    yield Result(
        "a fully cached build with LayerLab / the same `docker buildx build`",
        ratio(ours, theirs), 1.05, "×",
        detail=f"{spread(ours, 's')}, without {statistics.median(theirs):.2f} s",
    )  # fmt: skip
