"""Options shared by several commands, and how to read NAME=VALUE words."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from ..system.build_options import OPTIONS
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


@dataclasses.dataclass(frozen=True)
class Saving:
    """Where records of other jobs and computers are kept, and what the user says about branches; "" to find out."""

    folder: Path
    branch: str
    default: str


def saved_options(name: str, purpose: str) -> Callable[[Function], Function]:
    """Return a decorator that adds the option `name` (--save or --saved) and those for branches; `saving_of` reads them."""
    options = (
        click.option(name, "saved", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help=purpose),
        click.option(
            "--branch", default="", envvar="LAYERLAB_BRANCH",
            help=f"With {name}: the git branch; by default, what the CI service's variables or git say.",
        ),
        click.option(
            "--default-branch", default="", envvar="LAYERLAB_DEFAULT_BRANCH",
            help=f"With {name}: the branch to compare with where this one has no records.",
        ),
    )  # fmt: skip

    def add(function: Function) -> Function:
        return functools.reduce(lambda decorated, option: option(decorated), reversed(options), function)

    return add


def saving_of(saved: Path | None, branch: str, default_branch: str) -> Saving | None:
    """Return what the options of `saved_options` say; None if they weren't given."""
    return Saving(saved, branch, default_branch) if saved else None


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


def docker_options(function: Function) -> Function:
    """Add the options of `docker buildx build` to a command; flags apart, they're repeatable. `words_of` reads them."""
    for option in reversed(OPTIONS):
        if option.help:
            function = click.option(option.name, is_flag=option.flag, multiple=not option.flag, help=option.help)(
                function
            )
    return function


def words_of(given: Mapping[str, Any]) -> list[str]:
    """Return the words of the options that `docker_options` added. Paths start at the current folder, as in docker."""
    words = []
    for option in OPTIONS:
        value = given.get(option.name.removeprefix("--").replace("-", "_"))
        if option.flag:
            words += [option.name] if value else []
        else:
            words += [f"{option.name}={option.full_paths(each, Path.cwd())}" for each in value or ()]
    return words
