"""Keep the records of builds in a folder that travels, and find those that a build is compared with there: --save, --saved."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LayerLabError
from .options import Saving
from .printing import echo

if TYPE_CHECKING:
    from ..record.build import Build
    from ..system.checkout import Checkout


def kept(build: Build, saving: Saving) -> tuple[Build, Sequence[Build]]:
    """Keep the record of a build that just ended; return it with its branch, and the builds that it's compared with.

    If it can't be written, a line on standard error says why: the build matters more.
    """
    from ..record import saved

    project = Path(build.project)
    where = _checkout(project, saving)
    build, earlier = compared(build, project, saving)
    if place := saved.copied(build, saving.folder, where):
        echo(
            f"The records are in the build context, so each build changes it: add `{place}` to .dockerignore.", err=True
        )
    try:
        saved.save(build, saving.folder, where)
    except LayerLabError as error:
        echo(f"The record wasn't saved: {error}", err=True)
    return build, earlier


def compared(build: Build, project: Path, saving: Saving) -> tuple[Build, list[Build]]:
    """Return a build with its branch, and the builds that it's compared with, the most telling first.

    Those of its own engine come first, because only they tell what's in its cache; then those in the folder.
    """
    from ..record import history, saved

    where = _checkout(project, saving)
    build = build if build.branch else dataclasses.replace(build, branch=where.branch)
    where = dataclasses.replace(where, branch=build.branch)
    own = history.before(build)
    known = {(one.started_at, one.command) for one in own}
    others = saved.earlier(build, saving.folder, where, _skipped)
    return build, own + [one for one in others if (one.started_at, one.command) not in known]


def newest(project: Path, saving: Saving) -> Build | None:
    """Return the newest build of a project that's kept for the branch; None if there is none."""
    from ..record import saved

    return saved.newest(saving.folder, _checkout(project, saving), _skipped)


def _checkout(project: Path, saving: Saving) -> Checkout:
    from ..system.checkout import checkout

    return checkout(project, saving.branch, saving.default)


def _skipped(line: str) -> None:
    echo(line, err=True)
