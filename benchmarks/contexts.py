"""How long a snapshot of a large context takes, how much memory, and how long it takes to find what changed since.

The context is made up: source files of a few kB in 1,100 folders, and an ignored folder. Each measurement runs in its own
process, so that it counts only its own memory. The files are in the system's cache, as they are when a build has just read
them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from layerlab.contexts.taking import CLOCK_STEP

from .result import Result, spread

FILES = 100_000
IGNORED = 5_000
REPEATS = 5

_MEASURED = """
import json, sys, time
from pathlib import Path
from layerlab.contexts.selection import changes, content_key, files_of
from layerlab.contexts.taking import take

def peak():
    # Not ru_maxrss, which starts at the size of the parent process (getrusage(2)).
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024

context = Path(sys.argv[1])
copy = {"src": "/", "allowWildcard": True, "followSymlink": True}
before = peak()
began, processor = time.perf_counter(), time.process_time()
first = take(context)
cold, cold_processor = time.perf_counter() - began, time.process_time() - processor
grown = peak() - before
assert len(files_of(first, copy)) > int(sys.argv[2]), len(first.entries)

edited = context / "package_007/module_03/file_042.py"
edited.write_text(edited.read_text() + "# edited\\n")
began, processor = time.perf_counter(), time.process_time()
now = take(context, previous=first)
assert content_key(first, copy, held=True) != content_key(now, copy, held=True)
found = changes(first.entries, now.entries)
total, total_processor = time.perf_counter() - began, time.process_time() - processor
assert [change.kind for change in found] == ["changed"], found
print(json.dumps([cold, cold_processor, grown, total, total_processor]))
"""


def make_context(folder: Path) -> None:
    """Write FILES files, a hundred per folder, and IGNORED more that the ignore file keeps out."""
    for number in range(FILES + IGNORED):
        place = folder / f"package_{number // 1000:03}" / f"module_{number // 100 % 10:02}"
        if number >= FILES:
            place = folder / "node_modules" / place.name
        if number % 100 == 0:
            place.mkdir(parents=True, exist_ok=True)
        (place / f"file_{number % 100:03}.py").write_text(f"# line of file {number}\n" * (1 + number * 7919 % 250))
    (folder / ".dockerignore").write_text("# kept out\nnode_modules\n**/*.pyc\n.git\n")


def run() -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="layerlab-bench-") as name:
        make_context(Path(name))
        runs = []
        for _ in range(REPEATS):
            time.sleep(CLOCK_STEP / 1e9)  # a file that has just changed would be read again
            command = [sys.executable, "-c", _MEASURED, name, str(FILES)]
            runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    cold, cold_processor, grown, total, total_processor = zip(*runs, strict=True)
    note = "; the fastest counts; {:.2f} s of processor time"
    detail = spread(cold, "s") + note.format(min(cold_processor))
    yield Result(f"snapshot of a context of {FILES:,} files", min(cold), 3.0, "s", detail=detail)
    grown_mb = [g / 1e6 for g in grown]
    yield Result("memory for it", max(grown_mb), 300, "MB", detail=spread(grown_mb, "MB") + "; the most counts")
    detail = spread(total, "s") + note.format(min(total_processor))
    yield Result("the next snapshot and what changed", min(total), 0.5, "s", detail=detail)
