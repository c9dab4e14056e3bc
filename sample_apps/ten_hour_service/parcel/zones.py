"""Delivery zones: a large table with one byte a postcode, made by make_files.py."""

import mmap
from functools import cache
from pathlib import Path
from zlib import crc32

TABLE = Path(__file__).resolve().parents[1] / "data" / "zones.bin"
ZONES = 9


class MissingZones(Exception):
    """The table is not there."""


@cache
def _table() -> mmap.mmap:
    with TABLE.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def zone(postcode: str) -> int:
    """The zone of a postcode, 1 to 9."""
    try:
        table = _table()
    except OSError:
        raise MissingZones("data/zones.bin is not there: python make_files.py") from None
    return table[crc32(postcode.strip().upper().encode()) % len(table)] % ZONES + 1
