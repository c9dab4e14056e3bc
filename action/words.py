"""Run a program: the arguments are its first words, $LAYERLAB_COMMAND has the rest.

They're split as a shell splits them: at white space, with quotes and backslashes. No shell runs them, so whatever else a
branch's name may hold, such as $(…) or a semicolon, stays what it is.
"""

import os
import re
import shlex
import sys

#: What holds together in a shell's line: a text in quotes, or a backslash with what follows it.
PIECE = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.""", re.DOTALL)


def split(command: str) -> list[str]:
    """Return the words of a command. Raises ValueError for one that isn't complete."""
    return shlex.split(PIECE.sub(one_line, command))


def one_line(found: re.Match[str]) -> str:
    """Remove the ends of lines that a backslash continues. In single quotes, a backslash has no meaning."""
    return found[0] if found[0].startswith("'") else re.sub(r"(\\[^\n])|\\\n", r"\1", found[0])


if __name__ == "__main__":
    try:
        words = split(os.environ["LAYERLAB_COMMAND"])
    except ValueError as error:
        sys.exit(f"::error title=LayerLab::The input command can't be split into words: {error}.")
    if not words:
        sys.exit("::error title=LayerLab::The input command is empty.")
    os.execvp(sys.argv[1], [*sys.argv[1:], *words])
