"""Makes what the tests need besides what `layerlab up` makes, in the user's cache: once, not in each process of each run.

`make test` calls it with "fast", for what the fast tier needs; without that, it's for all tests.
"""

from __future__ import annotations

import sys

from layerlab.engines import images, packages


def main(tier: str = "") -> None:
    if not packages.can_unpack():
        return
    images._engine_archive(print)
    if tier != "fast":
        packages.ensure_registry(print)
        if "python:3.13-slim" in images.standins():
            images.standin_archive("python:3.13-slim", print)


if __name__ == "__main__":
    main(*sys.argv[1:])
