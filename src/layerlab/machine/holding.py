"""Who holds a machine or a registry: notebooks, builds, checks, and whoever empties or removes it.

A hold is a small file that says who, since when and what for. Its holder keeps it locked (flock), and the system drops that
lock when the process ends, however it ends: a file that isn't locked is a hold that has ended. A process that acts for a
notebook (`!layerlab reset` in a cell) is the notebook's child, so a notebook's seat doesn't keep it out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import fcntl
import itertools
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..engines.packages import Say
from ..errors import MachineBusy, MachineError
from ..system.home import home, locked

#: A check may take some minutes, and a reset waits for it; beyond this, something is wrong.
BUSY_SECONDS = 600.0
#: How often somebody who waits looks again.
LOOK_SECONDS = 0.1
#: How many processes can have a machine of one name, each its own: "laptop", "laptop-2", …
MOST = 8


class Kind(enum.StrEnum):
    """What a holder does, and so whom it excludes."""

    #: A notebook or a script has the machine, from `Machine.start` to its end. Only EMPTY waits for it.
    SEAT = "seat"
    #: A build: others may build too.
    USE = "use"
    #: A check or a measurement: nobody else builds.
    ALONE = "alone"
    #: A reset or a removal: nobody else builds or has a seat.
    EMPTY = "empty"


@dataclasses.dataclass(frozen=True)
class Holder:
    """A process that holds something.

    Attributes:
        kind: what it does.
        pid, host: the process, and the computer or container where it runs.
        command: its command in short, without options, or the notebook's name.
        since: when it began, in seconds since the epoch.
        asked: for a seat, the name that it asked for ("laptop", and it may have got "laptop-2").
    """

    kind: Kind
    pid: int = 0
    host: str = ""
    command: str = ""
    since: float = 0.0
    asked: str = ""

    def __str__(self) -> str:
        if not self.pid:  # the disk was too full for more than the file's name
            return "another process"
        elsewhere = f" on {self.host}" if self.host != platform.node() else ""
        return f"process {self.pid}{elsewhere} ({self.command}, since {_clock(self.since)})"

    def to_line(self) -> bytes:
        """Return it as a line of JSON."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"

    @property
    def ours(self) -> bool:
        """Whether it's this process or one that started it."""
        return self.host == platform.node() and self.pid in _family()


class _Own:
    """A hold of this process: its file, which stays open and locked."""

    def __init__(self, holds: Holds, kind: Kind, asked: str = "") -> None:
        self.holds, self.asked, self._pid = holds, asked, os.getpid()
        self.path = holds.folder / f"{kind}-{os.urandom(8).hex()}.hold"
        # Locked under another name first, so that nobody ever sees it unlocked.
        part = self.path.with_suffix(".part")
        self._file = part.open("w+b")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(OSError):  # on a full disk the name must do: a reset has to be possible there
            self._file.write(_me(kind, asked).to_line())
            self._file.flush()
        part.rename(self.path)

    def check(self) -> None:
        """Raise MachineError if somebody overruled us. Our file says so, even if it has been deleted."""
        lines = os.pread(self._file.fileno(), 1 << 16, 0).splitlines()
        for told in (json.loads(line) for line in lines if b'"what"' in line):
            what, by, holds = told.pop("what"), Holder(**told), self.holds
            raise MachineError(
                f"{holds} was {what} by {by} while this process was using it: its images and cache are gone",
                f"go on with an empty one: {holds.noun.capitalize()}.start({self.asked or holds.name!r})",
            ) from None

    def end(self) -> None:
        if self._pid == os.getpid():  # not in a process that was forked
            self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # closing writes what a full disk had no room for
            self._file.close()


class _Stack(threading.local):
    """The holds of what this thread is doing now; the inner ones don't wait for the outer ones."""

    def __init__(self) -> None:
        self.own: list[_Own] = []


_stack = _Stack()
#: The seats of this process.
_seats: dict[Holds, _Own] = {}


@dataclasses.dataclass(frozen=True)
class Holds:
    """The holds on one machine or registry.

    Attributes:
        noun: "machine" or "registry".
        name: its name.
    """

    noun: str
    name: str

    def __str__(self) -> str:
        return f"{self.noun} {self.name!r}"

    @property
    def folder(self) -> Path:
        """The folder of its holds' files."""
        return home() / "locks" / f"{self.noun}-{self.name}"

    # -- looking: this never waits -----------------------------------------------------------------------------------

    def others(self) -> list[Holder]:
        """Return the holders other than this process and those that started it."""
        return [holder for holder in self._files().values() if not holder.ours]

    @property
    def free(self) -> bool:
        """Whether nobody holds it, not even this process."""
        return not self._files()

    def check(self) -> None:
        """Raise MachineError if another process has emptied or removed the thing although we held it."""
        for own in [*_stack.own, *_seats.values()]:
            if own.holds == self:
                own.check()

    def _files(self) -> dict[Path, Holder]:
        return {path: holder for path in sorted(self.folder.glob("*.hold")) if (holder := _read(path))}

    # -- while something is done -------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def during(self, kind: Kind, *, over: str = "", wait: float | None = None) -> Iterator[None]:
        """Hold it during a `with`; wait for others first, and say for whom.

        Args:
            kind: what's going to happen.
            over: don't wait, but tell the other holders that this was done to it ("removed", "reset").
            wait: seconds; None for BUSY_SECONDS.

        Raises MachineBusy if others still hold it after that time, MachineError if one of them overruled us meanwhile.
        """
        own = self._taken(kind, over, BUSY_SECONDS if wait is None else wait)
        _stack.own.append(own)
        try:
            yield
            own.check()
        except Exception:
            own.check()  # if it was taken from us, that's why whatever happened has happened
            raise
        finally:
            _stack.own.remove(own)
            own.end()

    def overrule(self, what: str) -> None:
        """Tell the other holders what is done to the thing now."""
        self._tell([path for path, holder in self._files().items() if not holder.ours], what)

    def _taken(self, kind: Kind, over: str, wait: float) -> _Own:
        deadline = time.monotonic() + wait
        said = False
        while True:
            with self._one_at_a_time():
                against = self._against(kind)
                if over:
                    self._tell(list(against), over)
                if over or not against:
                    return _Own(self, kind)
            whom = listed(against.values())
            if time.monotonic() >= deadline:
                raise MachineBusy(
                    f"{self} is in use by {whom}",
                    "wait until that's done, or end it (a notebook: shut its kernel down); or use another one: "
                    f"{self.noun.capitalize()}.start({_numbered(self.name, 2)!r})",
                )
            if not said:
                print(f"Waiting up to {wait:.0f} s for {self}: it's in use by {whom}.", file=sys.stderr, flush=True)
                said = True
            time.sleep(LOOK_SECONDS)

    def _against(self, kind: Kind) -> dict[Path, Holder]:
        """Return the holds that `kind` has to wait for."""
        outer = {own.path for own in _stack.own}
        return {path: h for path, h in self._files().items() if path not in outer and _excludes(kind, h)}

    def _tell(self, files: Sequence[Path], what: str) -> None:
        line = json.dumps({"what": what, **dataclasses.asdict(_me(Kind.EMPTY))}).encode() + b"\n"
        for path in files:
            with contextlib.suppress(OSError), path.open("ab") as file:
                file.write(line)

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Keep others from taking a hold between our look at the holds and our own."""
        with locked(f"hold-{self.noun}-{self.name}"):
            self.folder.mkdir(exist_ok=True, mode=0o700)
            yield

    # -- for as long as the process lives ----------------------------------------------------------------------------

    def seated(self, asked: str) -> bool:
        """Tell whether this process, or one that started it, has this thing's seat under the name `asked`."""
        return any(h.kind == Kind.SEAT and h.asked == asked and h.ours for h in self._files().values())

    def take_seat(self, asked: str) -> bool:
        """Take the seat for this process, or share the one of a process that started it; False if another has it."""
        with self._one_at_a_time():
            self._leave_if(asked)
            seats = [holder for holder in self._files().values() if holder.kind == Kind.SEAT]
            if any(not holder.ours or holder.asked != asked for holder in seats):
                return False
            if not seats:
                _seats[self] = _Own(self, Kind.SEAT, asked)
            return True

    def leave(self) -> None:
        """Give up this process's seat, if it has one."""
        if own := _seats.pop(self, None):
            own.end()

    def _leave_if(self, asked: str) -> None:
        """Give up the seat that this process has under that name, perhaps to take it again: then nobody has overruled it."""
        if self in _seats and _seats[self].asked == asked:
            self.leave()


def take_one(noun: str, name: str, usable: Callable[[str], bool], say: Say) -> str:
    """Take the seat of the thing called `name` or, if another process has it, of `name`-2, `name`-3, …; return the name.

    `usable` tells of each other name whether we may have it. `say` gets a line if it's such a one.
    Raises MachineBusy if all are taken.
    """
    things = [Holds(noun, _numbered(name, number)) for number in range(1, MOST + 1)]
    first = things[0]
    mine = [thing for thing in things if thing.seated(name)]
    for thing in [*mine, *things]:
        if (thing == first or usable(thing.name)) and thing.take_seat(name):
            if thing not in (first, *mine):
                say(
                    f"{str(first).capitalize()} is in use by {listed(first.others())}. "
                    f"You get one of your own, {thing.name!r}, until this notebook or script ends."
                )
            return thing.name
    everybody = [holder for thing in things for holder in thing.others()]
    raise MachineBusy(
        f"{first} is in use by {listed(everybody)}, and there is no other to have",
        "shut down the kernel of a notebook that you're done with, then run this again",
    )


def leave_all() -> None:
    """Give up all seats of this process."""
    for holds in list(_seats):
        holds.leave()


# -- pure, or nearly ---------------------------------------------------------------------------------------------------


def _excludes(kind: Kind, holder: Holder) -> bool:
    """Tell whether `holder` must let go before `kind` can begin."""
    if holder.kind == Kind.SEAT:
        return kind == Kind.EMPTY and not holder.ours
    return not kind == holder.kind == Kind.USE


def _read(path: Path) -> Holder | None:
    """Return the holder of a hold's file; None if it has ended, and then the file goes."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(path, file.readline())
        with contextlib.suppress(OSError):
            path.unlink()
    return None


def _holder(path: Path, line: bytes) -> Holder:
    with contextlib.suppress(ValueError, TypeError):
        return Holder(**json.loads(line))
    return Holder(Kind(path.name.partition("-")[0]))


def listed(holders: Iterable[Holder]) -> str:
    """Name holders in a sentence, each process once."""
    return " and ".join({holder.pid: str(holder) for holder in holders}.values())


def _numbered(name: str, number: int) -> str:
    """Return the name of the `number`th thing of that name; a machine's name has up to 24 characters."""
    return name if number == 1 else f"{name[:22]}-{number}"


def _me(kind: Kind, asked: str = "") -> Holder:
    return Holder(kind, os.getpid(), platform.node(), _command(), time.time(), asked)


def _command() -> str:
    """Return this process's command in words: no options, because their values may be secret; a notebook's name."""
    program = Path(sys.argv[0])
    if "ipykernel" in program.parts or program.name.startswith("ipykernel"):
        return Path(os.environ.get("JPY_SESSION_NAME") or "a notebook").name
    words = [program.parent.name if program.name == "__main__.py" else program.name]
    words += itertools.takewhile(lambda word: not word.startswith("-"), sys.argv[1:])
    shown = " ".join(words if words[0] not in ("", "-c") else ["python"])
    return "".join(character if character.isprintable() else "?" for character in shown)[:80]


def _family() -> set[int]:
    """Return the ids of this process and of those that started it."""
    import psutil  # here, because a build on a machine that nobody else holds needs none of it

    with contextlib.suppress(psutil.Error):
        return {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return {os.getpid()}


def _clock(seconds: float) -> str:
    """Write a time as people do: "14:32", with the date if it isn't today's."""
    then = time.localtime(seconds)
    return time.strftime("%H:%M" if then[:3] == time.localtime()[:3] else "%Y-%m-%d %H:%M", then)
