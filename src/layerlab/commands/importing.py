"""`layerlab import`: show builds of other engines, from the files that `docker buildx history export` writes."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import LayerLabError
from .options import json_option
from .printing import dump, echo


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--ref", default="", help="The build's reference, or how it begins, if the file holds several builds.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Save the record here, as `layerlab build` does."
)
@json_option
def import_(file: Path, ref: str, output: Path | None, as_json: bool) -> None:
    """Show the builds in FILE, a .dockerbuild file: steps, states, times and sizes.

    `docker buildx history export -o FILE REF` writes one, and so does Docker's build action on GitHub. It holds no files of
    the context, so why a COPY ran is unknown. `layerlab report FILE` makes the report of the build in it.
    """
    from ..traces import dockerbuild

    builds = {name: build for name, build in dockerbuild.load(file).items() if name.startswith(ref)}
    if not builds or (output and len(builds) > 1):
        known = ", ".join(dockerbuild.load(file))
        what = f"has no build {ref!r}" if not builds else f"holds {len(builds)} builds, and a record is of one"
        raise LayerLabError(f"{file} {what}", f"choose one with --ref: {known}")
    if output:
        for build in builds.values():  # it's one
            build.save(output)
    if as_json:
        echo(dump([build.to_json() for build in builds.values()]))
        return
    from .build_table import show_build

    for name, build in builds.items():
        if len(builds) > 1:
            echo(f"\n{name}\n")
        show_build(build)
