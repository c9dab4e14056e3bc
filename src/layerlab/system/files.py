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


def made_once(file: Path, content: bytes) -> bytes:
    """Return what's in `file`, for its owner only; if there's none yet, `content`, unless another process was faster."""
    if not file.exists():
        part = file.with_name(f".{file.name}.{os.urandom(4).hex()}")
        try:
            write_private(part, [content])
            os.link(part, file)  # unlike a rename, it leaves what another process made meanwhile
        except FileExistsError:
            pass
        finally:
            part.unlink(missing_ok=True)
    return file.read_bytes()


def put_private(file: Path, content: bytes) -> None:
    """Write `file` for its owner only, in one step: nobody reads half of it, even if several write it at once."""
    part = file.with_name(f".{file.name}.{os.urandom(4).hex()}")
    try:
        write_private(part, [content])
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def what_is(path: Path) -> str:
    """Say what stands at a path where a file is wanted: ", which is a folder"; "" for a file, or for nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ", which is a link to nothing" if path.is_symlink() else ""
    kind = next((word for is_one, word in _KINDS if is_one(mode)), "")
    return kind and f", which is {kind}"


_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip
