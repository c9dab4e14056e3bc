"""The errors that LayerLab raises. Each one says what happened and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from .texts.plain import plain, shown

#: How many lines of a command's output an error shows; the exception keeps the whole output.
TAIL_LINES = 20
#: How many characters of each of those lines, and of the command, it shows.
LINE_WIDTH = 1000


class LayerLabError(Exception):
    """Base of every error LayerLab raises on purpose.

    Attributes:
        message: what happened, in one sentence.
        remedy: what to do about it, often a command; may be empty.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = shown(message)
        self.remedy = shown(remedy)
        super().__init__(f"{self.message}\n{self.remedy}" if remedy else self.message)

    def _render_traceback_(self) -> list[str]:
        """Return what Jupyter shows instead of a traceback: these errors are about the build, not about our code."""
        return [f"\x1b[31m{type(self).__name__}\x1b[0m: {self}"]


class CommandFailed(LayerLabError):
    """A command that LayerLab ran failed.

    Attributes:
        command: the exact command, one item per argument.
        exit_code: its exit code; negative for a signal.
        output: everything it printed.
    """

    def __init__(self, message: str, command: Sequence[str], exit_code: int, output: str, remedy: str = "") -> None:
        self.command, self.exit_code, self.output = tuple(command), exit_code, output
        from .texts.masker import Masker  # here, because every command imports this module, and few fail

        masker = Masker()
        tail = "\n".join(cut(line) for line in plain(masker.text(output)).strip().splitlines()[-TAIL_LINES:])
        ran = cut(" ".join(masker.words(command)))
        super().__init__(f"{message} (exit code {exit_code})\n  command: {ran}\n{tail}", remedy)


def cut(line: str, width: int = LINE_WIDTH) -> str:
    """Return a line of at most about `width` characters, which says how long it was if it was longer."""
    return line if len(line) <= width else f"{line[:width]}… ({len(line):,} characters)"


class BuildCancelled(LayerLabError):
    """Somebody pressed Cancel during a build. The cell ends with this error, so Run All doesn't go on without the build."""


class MachineError(LayerLabError):
    """A machine could not be started, found, reset or removed."""


class MachineBusy(MachineError):
    """Another LayerLab process is using the machine in a way that excludes this one."""


class BuilderError(LayerLabError):
    """One of the user's own builders can't be found, reached, or used for what was asked."""


class AppError(LayerLabError):
    """An app, a variant or an edit can't be used: no such folder, a path outside the project, no such edit."""


class RecordError(LayerLabError):
    """A file isn't the record of a build: damaged, of another version, changed by hand, or something else."""


class FileError(LayerLabError):
    """The computer refused a file or folder: a full disk, a read-only one, somebody else's folder, a file in its place."""


class LabError(LayerLabError):
    """A lab or one of its files is missing, or progress can't be read or handed in."""


class SetupError(LayerLabError):
    """LayerLab needs something that isn't on this computer and couldn't be installed."""
