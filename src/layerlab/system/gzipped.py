"""Read gzip files of unknown origin: damaged, cut off, or made to fill the memory."""

from __future__ import annotations

import gzip
import stat
import zlib
from pathlib import Path


def gunzipped(file: Path, most: int) -> bytes:
    """Return what a gzip file holds.

    Raises OSError if it can't be read, ValueError if it isn't gzip, is damaged, or holds more than `most` bytes.
    """
    if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for
        raise ValueError("it isn't a file")
    try:
        with gzip.open(file) as opened:
            content = opened.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"it isn't a whole gzip file: {error}") from None
    if len(content) > most:
        raise ValueError(f"it holds more than {most // 10**6} MB")
    return content
