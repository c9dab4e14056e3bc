"""Draw the README's plot from real builds: `python scripts/readme_plot.py` writes docs/before-after.png.

It builds two variants of the radiology API cold, unchanged, after a code edit and after a new dependency, on a separate
machine called "lab-machine", which is removed at the end. This takes about seven minutes on 2 cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from layerlab import App, Machine, before_after, compare

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "before-after.png"
EDITS = ("cold", "none", "code", "dependency")
#: Width of the picture, pixels: as wide as a README shows it.
WIDTH = 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="builds of each kind (default 3)")
    parser.add_argument("--to", type=Path, default=PICTURE, help="the file to write (default docs/before-after.png)")
    options = parser.parse_args()
    with Machine.start("lab-machine") as machine, App("radiology_api") as app:
        chart = before_after(compare(machine, app, ["before", "after"], EDITS, options.repeats))
    picture = chart.picture(width=WIDTH)
    if picture is None:
        print("There's no picture, because it needs Chromium. `make test` installs it on Debian and Ubuntu.")
        return 1
    options.to.parent.mkdir(exist_ok=True)
    options.to.write_bytes(picture)
    print(repr(chart))
    print(f"written to {options.to}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
