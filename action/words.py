"""Run a program: the arguments are its first words, $LAYERLAB_COMMAND has the rest.

They're split as a shell splits them: at white space, with quotes and backslashes. No shell runs them, so whatever else a
branch's name may hold, such as $(…) or a semicolon, stays what it is.
"""

import os
import shlex
import sys

try:
    words = shlex.split(os.environ["LAYERLAB_COMMAND"].replace("\\\n", ""))  # a line may go on after a backslash
except ValueError as error:
    sys.exit(f"::error title=LayerLab::The input command can't be split into words: {error}.")
if not words:
    sys.exit("::error title=LayerLab::The input command is empty.")
sys.stdout.flush()
os.execvp(sys.argv[1], [*sys.argv[1:], *words])
