"""Say what it means when the computer refuses a file or folder, and what helps: the one place that reads an OSError."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..errors import FileError, cut
from .home import home

_ELSEWHERE = ", or set LAYERLAB_HOME to a folder elsewhere"
_ASK_DOCTOR = "`layerlab doctor` may know more"
#: errno → what happened, and what to do about a file of LayerLab's own.
_MEANINGS = {
    errno.ENOSPC: ("the disk is full", f"free some space there (`layerlab reset` empties LayerLab's machine){_ELSEWHERE}"),
    errno.EDQUOT: ("your disk quota is used up", f"delete something of yours there{_ELSEWHERE}"),
    errno.EROFS: ("it's on a read-only disk", f"mount that disk writable{_ELSEWHERE}"),
    errno.EACCES: ("you aren't allowed to", f"get the right to that folder from its owner{_ELSEWHERE}"),
    errno.EPERM: ("you aren't allowed to", f"get the right to that folder from its owner{_ELSEWHERE}"),
    errno.ENOTDIR: ("there's a file where a folder must be", f"move that file away{_ELSEWHERE}"),
    errno.EEXIST: ("there's a file where a folder must be", f"move that file away{_ELSEWHERE}"),
    errno.EISDIR: ("there's a folder where a file must be", f"move that folder away{_ELSEWHERE}"),
    errno.ENOENT: ("it isn't there", "check the path; if something deletes LayerLab's files while it works, stop that"),
    errno.ELOOP: ("its links lead in a circle", "remove one of those links"),
    errno.ENAMETOOLONG: ("its name or path is too long", "shorten it"),
    errno.EMFILE: ("too many files are open", "raise the limit with `ulimit -n 65536`, and try again"),
    errno.ENFILE: ("too many files are open on this computer", "end some programs, and try again"),
    errno.EIO: ("the disk reports an error", "look into the kernel's log with `dmesg`, and save what you can"),
    errno.ENOMEM: ("there's no memory left", "end some programs, and try again"),
}  # fmt: skip
#: shutil.Error holds texts instead of errors.
_NUMBER = re.compile(r"\[Errno (\d+)\]")


@contextlib.contextmanager
def refusals_told(path: Path | None = None) -> Iterator[None]:
    """Raise FileError instead of any OSError in the body of a `with`, or in a function that has this as its decorator.

    `path` is named where the error itself names none, as when a file that's open can't be written any more.
    """
    try:
        yield
    except BrokenPipeError:  # nobody reads what we print: that's no refusal, and click ends without a word
        raise
    except OSError as error:
        raise told(error, path) from error


def told(error: OSError, path: Path | None = None) -> FileError:
    """Return what an OSError means, in words, with the file it's about (or else `path`) and what to do."""
    number, place = _details(error)
    place = place or str(path or "")
    if number is None:  # such as what docker-py raises when a connection breaks
        from . import faults  # here, because nearly nothing is refused

        fault = faults.recognise(str(error))
        return FileError(fault.what, fault.remedy) if fault else FileError(_first_line(error), _ASK_DOCTOR)
    what, remedy = _MEANINGS.get(number, (os.strerror(number), _ASK_DOCTOR))
    if not place:
        return FileError(what, remedy)
    if not Path(place).is_relative_to(home()):
        remedy = remedy.removesuffix(_ELSEWHERE)
    return FileError(_said(number, place, what), remedy)


def _said(number: int, place: str, what: str) -> str:
    """Return what happened at a place, more exactly where looking there tells more."""
    if number == errno.ENOTDIR:
        place = str(_there(place))
    if number == errno.ENOSPC and _no_inodes(place):
        what = "the disk has no room for more files (no inodes are left)"
    owner = _owner(place) if number in (errno.EACCES, errno.EPERM) else ""
    return f"can't use {cut(place, 200)}: {what}{owner}"


def _details(error: OSError) -> tuple[int | None, str]:
    """Return the number of the error and the path it's about; None and "" where it has none."""
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        source, target, why = error.args[0][0]
        found = _NUMBER.search(str(why))
        number = int(found[1]) if found else None
        return number, str(target if number in _OF_THE_TARGET else source)
    paths = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    return error.errno, paths[0] if paths else ""


#: When a copy fails with one of these, its target is what was refused.
_OF_THE_TARGET = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def _there(path: str) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    place = Path(path)
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    return place


def _no_inodes(path: str) -> bool:
    with contextlib.suppress(OSError):
        disk = os.statvfs(_there(path))
        return disk.f_files > 0 and disk.f_favail == 0
    return False


def _owner(path: str) -> str:
    """Say whose folder it is, if it's somebody else's."""
    with contextlib.suppress(OSError):
        place = _there(path)
        owner = place.stat().st_uid
        if owner != os.geteuid():
            return f" ({place} belongs to {_user(owner)})"
    return ""


def _user(number: int) -> str:
    import pwd  # here, because only Unix has it

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _first_line(error: OSError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
