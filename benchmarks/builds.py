"""What LayerLab adds to a build, and what a good Dockerfile saves: builds of the radiology API, taking turns."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from layerlab import App, Machine, client
from layerlab.shell import environment

from .result import Result, spread

#: Pairs of fully cached builds, with LayerLab and without; each takes about 0.3 s.
NOOP_PAIRS = 25
#: Pairs of a fully cached build and a rebuild after an edit of the code, both of the good variant.
EDIT_PAIRS = 15
#: Rebuilds of the slow variant, each beside one of the good variant; each takes half a minute.
SLOW_PAIRS = 3


def overhead() -> Iterator[Result]:
    """`Machine.build` against the very command that it ran, with everything cached."""
    with Machine.start("bench") as machine, App("radiology_api") as app, tempfile.TemporaryDirectory() as scratch:
        command = machine.build(app, "after", progress="none").command
        bare = [client.docker_program(), *command[1:], f"--metadata-file={Path(scratch) / 'metadata.json'}"]
        variables = environment({**machine.environment, "BUILDX_METADATA_PROVENANCE": "max"})

        def without() -> None:
            subprocess.run(
                bare, cwd=app.path, env=variables, check=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

        def with_layerlab() -> None:
            machine.build(app, "after", progress="none")

        ours, theirs = _in_turns(with_layerlab, without, NOOP_PAIRS)
    yield Result(
        "a fully cached build with LayerLab / the same `docker buildx build`",
        _ratio(ours, theirs), 1.05, "×",
        detail=f"{spread(ours, 's')}, without {statistics.median(theirs):.2f} s",
    )  # fmt: skip


def rebuild() -> Iterator[Result]:
    """What an edit of the code costs the good variant, and the slow one."""
    with Machine.start("bench") as machine, App("radiology_api") as app:

        def build(variant: str, edit: str) -> Callable[[], None]:
            def one() -> None:
                machine.build(app, variant, progress="none")

            def edited() -> None:
                app.edit(edit)
                one()

            return one if edit == "none" else edited

        build("after", "none")()
        edited, cached = _in_turns(build("after", "code"), build("after", "none"), EDIT_PAIRS)
        yield Result(
            "a code edit, rebuilt by `after` / a fully cached build of it",
            _ratio(edited, cached), 1.3, "×",
            detail=f"{spread(edited, 's')}, cached {statistics.median(cached):.2f} s",
        )  # fmt: skip

        build("before", "none")()
        slow, fast = _in_turns(build("before", "code"), build("after", "code"), SLOW_PAIRS)
        yield Result(
            "the same code edit, rebuilt by `before` / by `after`",
            _ratio(slow, fast), 20, "×", at_least=True,
            detail=f"{spread(slow, 's')}, `after` {statistics.median(fast):.2f} s",
        )  # fmt: skip


def _in_turns(one: Callable[[], None], other: Callable[[], None], pairs: int) -> tuple[list[float], list[float]]:
    """Seconds of each, `pairs` times; who goes first alternates, so that neither always follows the other."""
    one(), other()  # what only a first time does
    seconds: dict[Callable[[], None], list[float]] = {one: [], other: []}
    for pair in range(pairs):
        for action in (one, other) if pair % 2 else (other, one):
            began = time.perf_counter()
            action()
            seconds[action].append(time.perf_counter() - began)
    return seconds[one], seconds[other]


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
