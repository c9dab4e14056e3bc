"""`python -m layerlab` is the `layerlab` command."""

from __future__ import annotations

import atexit
import gc


def run() -> None:
    """Run the command. Its process is over soon, so Python looks for garbage rarely, and not at the end: that took 20 ms."""
    gc.set_threshold(100_000, 50, 50)
    atexit.register(gc.freeze)

    from .commands.main import main

    main(prog_name="layerlab")


if __name__ == "__main__":
    run()
