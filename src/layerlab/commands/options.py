"""Options shared by several commands, and how to read NAME=VALUE words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..system.docker_words import assignments

Function = TypeVar("Function", bound=Callable[..., Any])
#: The default machine of all commands; the same as machine.DEFAULT_NAME.
LAPTOP = "laptop"

json_option = click.option("--json", "as_json", is_flag=True, help="Print data as JSON.")
#: For commands that take a machine away from whoever uses it.
yes_option = click.option("--yes", is_flag=True, help="Don't ask and don't wait if other processes are using it.")
#: For commands on earlier builds: a project or a saved record, and a record to compare it with.
what_argument = click.argument("what", metavar="[PATH]", default=".", type=click.Path(exists=True, path_type=Path))
previous_option = click.option(
    "--previous", type=click.Path(exists=True, dir_okay=False), help="A saved record to compare with."
)


def machine_option(purpose: str) -> Callable[[Function], Function]:
    """Return a decorator that adds --machine to a command. `purpose` ends the sentence "Machine …" in its help."""
    return click.option("--machine", "machine_name", default=LAPTOP, show_default=True, help=f"Machine {purpose}.")


def parsed_arguments(words: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=VALUE words as a dict. NAME alone takes its value from the environment, as in docker build.

    Raises click.BadParameter for any other word.
    """
    try:
        return assignments(words, os.environ)
    except ValueError as error:
        raise click.BadParameter(
            f"{str(error)!r} isn't NAME=VALUE, or NAME to take it from your environment", param_hint="--build-arg"
        ) from None
