"""Write the small files that say what exists, so that no reader ever sees half of one."""

from __future__ import annotations

import os
from pathlib import Path


def replace_text(file: Path, text: str) -> None:
    """Write `text` to `file` in one step: whoever reads meanwhile, or after a crash, finds the old text or the new one."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
