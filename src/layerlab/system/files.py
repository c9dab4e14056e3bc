"""Write files: records for their owner only, and the small ones that say what exists so that no reader sees half of one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def write_private(file: Path, content: str | Iterable[bytes]) -> None:
    """Write a text or bytes to `file`, which from then on only its owner can read, whoever could before."""
    with open(file, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
        if stat.S_ISREG(os.fstat(opened.fileno()).st_mode):  # not of /dev/null or a pipe
            os.fchmod(opened.fileno(), 0o600)
        opened.writelines([content.encode()] if isinstance(content, str) else content)


def replace_text(file: Path, text: str) -> None:
    """Write `text` to `file` in one step: whoever reads meanwhile, or after a crash, finds the old text or the new one."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
