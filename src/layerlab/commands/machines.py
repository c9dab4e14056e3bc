"""Commands for machines: up, reset, down, machines."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..errors import LayerLabError
from ..system import progress
from ..system.front_end import on_terminal
from .options import LAPTOP, json_option
from .printing import dump

if TYPE_CHECKING:
    from ..engines.packages import Say
    from ..machine.machine import Machine


@click.command()
@click.argument("name", default=LAPTOP)
@click.option("--env", "as_env", is_flag=True, help="Print shell commands that point `docker` at the machine.")
@json_option
def up(name: str, as_env: bool, as_json: bool) -> None:
    """Start machine NAME (default: laptop), unless it's running.

    To use it from your shell: eval "$(layerlab up --env)"
    """
    machine = started(name)
    if as_env:
        click.echo(exports(_shell_variables(machine)))
    elif as_json:
        click.echo(dump(describe(machine)))
    else:
        click.echo(f"Machine {name} is running ({machine.engine}).")


@click.command()
@click.argument("name", default=LAPTOP)
@json_option
def reset(name: str, as_json: bool) -> None:
    """Empty machine NAME (default: laptop). Only its base images are left, so the next build is cold."""
    machine = existing(name)
    machine.reset()
    click.echo(dump(describe(machine)) if as_json else f"Machine {name} is cold.")


@click.command()
@click.argument("name", default="")
@click.option("--all", "every", is_flag=True, help="Remove every machine and every registry.")
@json_option
def down(name: str, every: bool, as_json: bool) -> None:
    """Remove machine NAME (default: laptop) and everything in it."""
    from ..machine.machine import Machine
    from ..machine.registry import Registry

    if name and every:
        raise click.UsageError("name a machine or use --all, not both")
    machines = Machine.all() if every else [existing(name or LAPTOP)]
    for registry in Registry.all() if every else []:
        registry.remove()
    for machine in machines:
        machine.remove()
        if not as_json:
            click.echo(f"Machine {machine.name} is gone.")
    if as_json:
        click.echo(dump({"removed": [m.name for m in machines]}))
    elif not machines:
        click.echo("There are no machines.")


@click.command()
@json_option
def machines(as_json: bool) -> None:
    """List the machines."""
    from ..machine.machine import Machine

    found = Machine.all()
    if as_json:
        click.echo(dump([describe(machine) for machine in found]))
    else:
        for machine in found:
            click.echo(f"{machine.name:<24}  {machine.engine:<9}  {'running' if machine.running else 'not running'}")
        if not found:
            click.echo("There are no machines; `layerlab up` starts one.")


def started(name: str) -> Machine:
    """Start the machine. If interrupted while creating a new one, remove it again."""
    from ..machine.machine import Machine

    before = {machine.name for machine in Machine.all()}
    try:
        with _status(f"Starting machine {name} …") as say:
            return Machine.start(name, say=say)
    except KeyboardInterrupt:
        for machine in Machine.all():
            if machine.name not in before:
                machine.remove()
        raise


@contextlib.contextmanager
def _status(title: str) -> Iterator[Say]:
    """Yield a function that shows a line: above bars on a terminal, plain elsewhere."""
    with progress.shown(title) if on_terminal() else contextlib.nullcontext():
        yield progress.say


def existing(name: str) -> Machine:
    """Find the machine. Raises LayerLabError if it doesn't exist; its remedy names those that do."""
    from ..machine.machine import Machine

    found = {machine.name: machine for machine in Machine.all()}
    if name not in found:
        known = f"choose one of: {', '.join(found)}" if found else f"there are none; `layerlab up {name}` starts one"
        raise LayerLabError(f"there is no machine {name!r}", known)
    return found[name]


def describe(machine: Machine) -> dict[str, Any]:
    """Return the data that --json prints for a machine.

    `environment` has the variables with which `docker` reaches it; a variable with an empty value must be unset.
    """
    running = machine.running
    return {
        "name": machine.name,
        "engine": machine.engine,
        "running": running,
        "environment": machine.environment if running else {},
    }


def _shell_variables(machine: Machine) -> dict[str, str]:
    from ..engines import endpoint

    # LayerLab, if started in that shell, must still know the user's own settings.
    return {**machine.environment, endpoint.PERSON: json.dumps(endpoint.person_environment())}


def exports(variables: Mapping[str, str]) -> str:
    """Return lines for a POSIX shell that set the variables; an empty value unsets."""
    return "\n".join(f"export {k}={shlex.quote(v)}" if v else f"unset {k}" for k, v in variables.items())
