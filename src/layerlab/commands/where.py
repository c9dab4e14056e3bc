"""The options that say where to build: on a machine of LayerLab's, or on a builder of the user's own."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .options import LAPTOP
from .printing import echo

if TYPE_CHECKING:
    from ..machine.builder import Builder
    from ..machine.machine import Machine


@dataclasses.dataclass(frozen=True)
class Where:
    """Where a command builds, or where what it's about was built.

    Attributes:
        machine: name of the machine; "" for a builder.
        builder: name of the builder; "" for a machine, or for the builder that `docker build` uses here.
    """

    machine: str
    builder: str = ""

    def host(self) -> Machine | Builder:
        """Start the machine, or find the builder and say which one is meant. Raises LayerLabError if that can't be done."""
        if self.machine:
            from .machines import started

            return started(self.machine)
        if not self.builder:
            echo(f"The builder here is {self._builder.name}.", err=True)
        return self._builder

    @property
    def label(self) -> str:
        """What records and the history call it. To know that, no engine is started or asked."""
        return self.machine or self._builder.label

    @property
    def options(self) -> str:
        """The words that say the same on the command line."""
        return (
            f"--machine {self.machine}" if self.machine else f"--builder {self.builder}" if self.builder else "--here"
        )

    @functools.cached_property
    def _builder(self) -> Builder:
        from ..machine.builder import Builder

        return Builder(self.builder) if self.builder else Builder.here()


def where_options(purpose: str, default: str = LAPTOP) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds --machine, --builder and --here to a command, which gets a `where` instead.

    Args:
        purpose: ends the sentence "Machine …" in the help.
        default: the machine that's meant where none of the three is given; "" if `where` is None then.
    """
    shown = f"  [default: {default}]" if default else ""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--machine", "machine_name", default="", help=f"Machine {purpose}.{shown}")
        @click.option(
            "--builder", "builder_name", default="", help="Your own builder instead, as `docker buildx ls` shows it."
        )
        @click.option(
            "--here",
            is_flag=True,
            help="The builder that `docker build` uses here: $BUILDX_BUILDER, else your Docker context.",
        )
        @functools.wraps(function)
        def command(machine_name: str, builder_name: str, here: bool, **given: Any) -> Any:
            if sum(map(bool, (machine_name, builder_name, here))) > 1:
                raise click.UsageError("name one place: --machine, --builder or --here")
            machine = machine_name or ("" if builder_name or here else default)
            anywhere = machine or builder_name or here
            return function(where=Where(machine, builder_name) if anywhere else None, **given)

        return command

    return decorate
