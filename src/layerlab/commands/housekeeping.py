"""Commands on this computer: doctor checks it, clean removes what LayerLab made."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import click

from .options import json_option
from .printing import dump

if TYPE_CHECKING:
    from ..machine.cleanup import Cleaned


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Look at this computer: what is fine, and how to fix the rest. Exits with 1 if something is wrong."""
    from ..diagnosing.doctor import doctor as look

    report = look()
    click.echo(report.to_json() if as_json else str(report))
    if not report.ok:
        sys.exit(1)


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def clean(yes: bool, as_json: bool) -> None:
    """Remove all that LayerLab ever created on this computer: machines, images, caches, scratch copies."""
    from ..machine import cleanup

    there = cleanup.inventory()
    if there and not yes:
        click.echo("This removes:\n" + "\n".join(f"  {line}" for line in there), err=True)
        click.confirm("Remove all of it?", abort=True, err=True)
    done = cleanup.clean()
    if as_json:
        click.echo(dump(dataclasses.asdict(done)))
    else:
        click.echo(cleaned_text(done))
    if done.problems:
        sys.exit(1)


def cleaned_text(done: Cleaned) -> str:
    """Say what `clean` did."""
    lines = [f"removed {what}" for what in done.removed] or ["There was nothing to remove."]
    lines += [f"NOT removed: {problem}" for problem in done.problems]
    lines += [f"left alone, because LayerLab did not make it: {path}" for path in done.kept]
    if done.freed_bytes > 1e6:
        lines.append(f"about {done.freed_bytes / 1e6:.0f} MB freed")
    return "\n".join(lines)
