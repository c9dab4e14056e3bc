"""Run a build's docker client, follow its output, and end it when the process that waits for it ends."""

from __future__ import annotations

import contextlib
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from ..engines import endpoint
from ..record.view import NoView, View
from ..system.shell import dies_with_us, environment

#: The engine cancels a build within 3 s of its client's end. A client that takes longer than this to end is killed.
CANCEL_SECONDS = 5.0
#: How long to wait for output before the view's clock moves on.
TICK_SECONDS = 0.1
_CHUNK_BYTES = 1 << 16  # the capacity of a pipe


def follow(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], begin: Callable[[], View], given: str = ""
) -> tuple[float, int, list[str]]:
    """Run the client in `folder`, with `given` as its input, and show it in a view; return seconds, exit code and its lines.

    `begin` makes the view once the client runs, so that whatever takes long to import does so while the engine works.
    If this function ends early (Ctrl-C, Cancel, an error in `view`), it ends the client too, and with it the build.
    """
    actual = [*dies_with_us(), *endpoint.quickest(command, variables)]
    lines: list[str] = []
    started = time.monotonic()
    with _input(given) as stdin:
        process = _started(actual, folder, variables, stdin)
    printed = cast(IO[bytes], process.stderr)  # it's a pipe
    view: View = NoView()
    try:
        from ..traces.events import read_events

        view = begin()
        tick = getattr(view, "tick", lambda: None)
        for new in _as_they_come(printed):
            lines += new
            for event in read_events(new):
                view.feed(event)
            tick()
        exit_code = process.wait()
    except BaseException:
        try:
            _end(process)
        finally:  # a second Ctrl-C must not leave a view that looks alive
            view.finish(None)
        raise
    finally:
        printed.close()
    return time.monotonic() - started, exit_code, lines


@contextlib.contextmanager
def _input(given: str) -> Iterator[IO[bytes] | int]:
    """Yield an input for the client that has the text `given`."""
    if not given:
        yield subprocess.DEVNULL
        return
    import tempfile  # here, because most builds have no input

    with tempfile.TemporaryFile() as file:  # a pipe could fill up before we read what the client says
        file.write(given.encode())
        file.seek(0)
        yield file


def _started(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], stdin: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, cwd=folder, env=environment({**variables, "BUILDX_METADATA_PROVENANCE": "max"}),
        stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0,
        start_new_session=True,  # Ctrl-C reaches only us, and we tell the client once
    )  # fmt: skip


def _as_they_come(pipe: IO[bytes]) -> Iterator[list[str]]:
    """Yield the lines of a pipe in batches; an empty batch if none came for TICK_SECONDS, so that clocks keep going."""
    rest = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        while True:
            new: list[bytes] = []
            if waiting.select(TICK_SECONDS):
                chunk = pipe.read(_CHUNK_BYTES)
                if not chunk:
                    break
                *new, rest = (rest + chunk).split(b"\n")
            yield [line.decode(errors="replace") + "\n" for line in new]
    if rest:
        yield [rest.decode(errors="replace")]


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(CANCEL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
