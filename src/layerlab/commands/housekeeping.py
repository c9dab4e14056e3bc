"""Commands for this computer: doctor checks it, clean removes everything that LayerLab created."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import click

from .options import json_option
from .printing import dump, echo

if TYPE_CHECKING:
    from ..machine.cleanup import Cleaned


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check this computer: what's fine, and how to fix the rest. Exits with 1 if something is wrong."""
    from ..diagnosing.doctor import doctor as look

    report = look()
    echo(report.to_json() if as_json else str(report))
    if not report.ok:
        sys.exit(1)


@click.command()
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@json_option
def clean(yes: bool, as_json: bool) -> None:
    """Remove all that LayerLab made: machines, images, caches, scratch copies, saved reports and your lab progress.

    Your files of labs stay, and so does your working copy of the course. It says who is using a machine, and doesn't wait for
    them once you've agreed; they're told.
    """
    from ..machine import cleanup

    there = cleanup.inventory()
    if there and not yes:
        echo("This removes:\n" + "\n".join(f"  {line}" for line in there), err=True)
        click.confirm("Remove all of it?", abort=True, err=True)
    done = cleanup.clean()
    if as_json:
        echo(dump(dataclasses.asdict(done)))
    else:
        echo(cleaned_text(done))
    if done.problems:
        sys.exit(1)


def cleaned_text(done: Cleaned) -> str:
    """Say what `clean` removed, couldn't remove and left alone, a line each, and how much space it freed."""
    lines = [f"removed {what}" for what in done.removed] or ["There was nothing to remove."]
    lines += [f"NOT removed: {problem}" for problem in done.problems]
    lines += [f"left alone, because LayerLab didn't create it: {path}" for path in done.kept]
    if done.freed_bytes > 1e6:
        lines.append(f"about {done.freed_bytes / 1e6:.0f} MB freed")
    return "\n".join(lines)
