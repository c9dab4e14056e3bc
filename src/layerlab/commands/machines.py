"""Commands for machines: up, reset, down, machines."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..errors import LayerLabError, MachineBusy
from ..system import progress
from ..system.front_end import on_terminal
from .options import LAPTOP, json_option, yes_option
from .printing import dump, echo

if TYPE_CHECKING:
    from ..engines.packages import Say
    from ..machine.machine import Machine
    from ..machine.registry import Registry


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
        echo(dump(describe(machine)))
    else:
        echo(f"Machine {name} is running ({machine.engine}).")


@click.command()
@click.argument("name", default=LAPTOP)
@yes_option
@json_option
def reset(name: str, yes: bool, as_json: bool) -> None:
    """Empty machine NAME (default: laptop). Only its base images are left, so the next build is cold.

    If a notebook, a build or a check is using it, a terminal asks you; elsewhere the command waits, up to ten minutes.
    """
    machine = existing(name)
    _take_away(machine, "Reset", machine.reset, yes)
    echo(dump(describe(machine)) if as_json else f"Machine {name} is cold.")


@click.command()
@click.argument("name", default="")
@click.option("--all", "every", is_flag=True, help="Remove every machine and every registry.")
@yes_option
@json_option
def down(name: str, every: bool, yes: bool, as_json: bool) -> None:
    """Remove machine NAME (default: laptop) and everything in it.

    If a notebook, a build or a check is using it, a terminal asks you; elsewhere the command waits, up to ten minutes.
    """
    from ..machine.machine import Machine
    from ..machine.registry import Registry

    if name and every:
        raise click.UsageError("name a machine or use --all, not both")
    machines = Machine.all() if every else [existing(name or LAPTOP)]
    for registry in Registry.all() if every else []:
        _take_away(registry, "Remove", registry.remove, yes)
    for machine in machines:
        _take_away(machine, "Remove", machine.remove, yes)
        if not as_json:
            echo(f"Machine {machine.name} is gone.")
    if as_json:
        echo(dump({"removed": [m.name for m in machines]}))
    elif not machines:
        echo("There are no machines.")


@click.command()
@json_option
def machines(as_json: bool) -> None:
    """List the machines, and who uses them."""
    from ..machine.holding import listed
    from ..machine.machine import Machine

    found = Machine.all()
    if as_json:
        echo(dump([describe(machine) for machine in found]))
    else:
        for machine in found:
            users = machine.holds.others()
            used = f"  in use by {listed(users)}" if users else ""
            echo(f"{machine.name:<24}  {machine.engine:<9}  {'running' if machine.running else 'not running'}{used}")
        if not found:
            echo("There are no machines; `layerlab up` starts one.")


def started(name: str) -> Machine:
    """Start the machine. If interrupted while creating a new one, remove it again."""
    from ..machine.machine import Machine

    before = {machine.name for machine in Machine.all()}
    try:
        with _status(f"Starting machine {name} …") as say:
            return Machine.start(name, share=True, say=say)
    except KeyboardInterrupt:
        for machine in Machine.all():
            if machine.name not in before:
                with contextlib.suppress(MachineBusy):  # another process has begun to use it
                    machine.remove(wait=0)
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


def _take_away(thing: Machine | Registry, verb: str, action: Callable[..., None], yes: bool) -> None:
    """Reset or remove a machine or registry. If others use it, ask on a terminal, else wait; with `yes`, do neither."""
    from ..machine.holding import listed

    if (users := thing.holds.others()) and not yes and sys.stdin.isatty() and sys.stderr.isatty():
        echo(f"{str(thing.holds).capitalize()} is in use by {listed(users)}.", err=True)
        click.confirm(f"{verb} it anyway?", abort=True, err=True)
        yes = True
    try:
        action(force=yes)
    except MachineBusy as busy:
        raise MachineBusy(busy.message, "wait until that's done, or end it; with --yes, this doesn't wait") from None
    if users and yes:
        echo(f"{str(thing.holds).capitalize()} was in use by {listed(users)}; they're told.", err=True)


def describe(machine: Machine) -> dict[str, Any]:
    """Return the data that --json prints for a machine.

    `environment` has the variables with which `docker` reaches it; a variable with an empty value must be unset.
    """
    running = machine.running
    return {
        "name": machine.name,
        "engine": machine.engine,
        "running": running,
        "users": list(map(str, machine.holds.others())),
        "environment": machine.environment if running else {},
    }


def _shell_variables(machine: Machine) -> dict[str, str]:
    from ..engines import endpoint

    # LayerLab, if started in that shell, must still know the user's own settings.
    return {**machine.environment, endpoint.PERSON: json.dumps(endpoint.person_environment())}


def exports(variables: Mapping[str, str]) -> str:
    """Return lines for a POSIX shell that set the variables; an empty value unsets."""
    return "\n".join(f"export {k}={shlex.quote(v)}" if v else f"unset {k}" for k, v in variables.items())
