"""Make what is in a real checkout and in no repository: the table of zones, and what years of work left lying about.

    python make_files.py

The service needs data/zones.bin. Backups, exports and a virtual environment it does not need; they are here because a
build context has such things. All of it is seeded random bytes, which hardly compress.
"""

from __future__ import annotations

import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Path → bytes.
LARGE = {
    "data/zones.bin": 6_000_000,
    "backups/labels-2026-09.sql.gz": 4_000_000,
    "backups/labels-2026-10.sql.gz": 4_000_000,
    "exports/last-quarter.parquet": 3_000_000,
    ".venv/bin/ruff": 3_000_000,
}


def write(path: str, size: int) -> None:
    """`size` random bytes, the same for the same path each time."""
    full = HERE / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_bytes(random.Random(path).randbytes(size))


def main() -> None:
    for path, size in LARGE.items():
        write(path, size)


if __name__ == "__main__":
    main()
