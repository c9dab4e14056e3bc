"""Sample the counters of a machine's bridge while something runs."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..record.traffic import Sample
from ..system.shell import environment

#: Seconds between two samples. A container's cable outlives its last byte by some 20 ms or more, so few bytes are missed.
EVERY = 0.02
INTERFACES = Path("/sys/class/net")
#: Prints a sample for each line it reads: the time, bytes sent, and name, bytes to and bytes from of each cable. It ends when
#: nobody is left to ask. Shells without $EPOCHREALTIME need a process for the time.
ANSWER = """
cd "/sys/class/net/$1/brif" || exit
while read -r _; do
    line=
    for cable in *; do
        {
            read -r to <"/sys/class/net/$cable/statistics/tx_bytes" &&
                read -r from <"/sys/class/net/$cable/statistics/rx_bytes" && line="$line $cable $to $from"
        } 2>/dev/null
    done
    read -r sent <"/sys/class/net/$1/statistics/tx_bytes"
    echo "${EPOCHREALTIME:-$(date +%s.%N)} $sent$line"
done
"""


def of_bridge(bridge: str, ended: threading.Event) -> Iterator[Sample]:
    """Yield samples of a bridge of this computer until `ended` is set, and one more. Raises OSError if there's no such bridge."""
    last = False
    while True:
        yield _sample(bridge)
        if last:
            return
        last = ended.wait(EVERY)


def _sample(bridge: str) -> Sample:
    cables = {}
    for port in (INTERFACES / bridge / "brif").iterdir():
        with contextlib.suppress(OSError):  # it has just gone
            cables[port.name] = _bytes(port.name, "tx"), _bytes(port.name, "rx")
    return Sample(time.time(), _bytes(bridge, "tx"), cables)


def _bytes(interface: str, way: str) -> int:
    return int((INTERFACES / interface / "statistics" / f"{way}_bytes").read_bytes())


def of_container(
    shell: Sequence[str], bridge: str, variables: Mapping[str, str], ended: threading.Event
) -> Iterator[Sample]:
    """Yield samples of a bridge inside a container until `ended` is set, and one more. It ends early if the container does.

    Args:
        shell: a command that runs what follows it in the container, with our input: `docker exec -i NAME`.
        bridge: the bridge's name.
        variables: the command's environment, on top of this process's.
        ended: tells when to stop.
    """
    process = subprocess.Popen(
        [*shell, "sh", "-c", ANSWER, "sample", bridge], env=environment(variables),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    last = False
    with contextlib.suppress(OSError, ValueError), process:  # it's gone, or has no clock
        assert process.stdin and process.stdout  # they're pipes
        while not last:
            last = ended.wait(EVERY)
            process.stdin.write("\n")
            process.stdin.flush()
            yield parsed(process.stdout.readline())


def parsed(line: str) -> Sample:
    """Return the sample that a line of ANSWER tells. Raises ValueError for any other line."""
    at, sent, *cables = line.split()
    each = zip(cables[::3], cables[1::3], cables[2::3], strict=True)
    return Sample(float(at), int(sent), {name: (int(to), int(out)) for name, to, out in each})
