"""The `layerlab` command. Its subcommands only read arguments and print; the modules they call do the work.

Data goes to standard output, progress and errors to standard error, so that `layerlab build . --json > build.json` and
`eval "$(layerlab up --env)"` work. Exit codes: 0 fine, 1 failed with a message, 2 wrong usage, 130 interrupted.

Commands import pandas and docker-py only when they run, so that --help is instant.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from typing import IO, Any

import click

from ..errors import LayerLabError
from ..texts.plain import shown
from .build_command import build
from .comparing import compare, diff
from .course_command import course
from .housekeeping import clean, doctor
from .importing import import_
from .lab_command import lab
from .machines import down, machines, reset, up
from .past_builds import explain, report
from .run_command import run

#: The exit code that a shell reports for a process ended by SIGINT.
INTERRUPTED = 130


class Failed(click.ClickException):
    """Our own errors, shown as a message without a traceback."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"{click.style('Error', fg='red')}: {shown(self.message)}", err=True)


def message(error: Exception) -> str:
    """Say what an exception means to the person who typed the command."""
    if isinstance(error, OSError):
        from ..system.refusals import told  # here, because few commands are refused anything

        error = told(error)
    if isinstance(error, LayerLabError):
        return str(error)
    what = (str(error).splitlines() or [""])[0][:200]
    return (
        f"this is a bug in LayerLab ({type(error).__name__}: {what})\n"
        "run the same command as `layerlab --debug …`, and report what it prints"
    )


class Commands(click.Group):
    """A group that turns exceptions into messages and exit codes, and lists commands in the order of their definition."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise click.UsageError(shown(error.format_message()), error.ctx) from None
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click knows what to do
        except Exception as error:
            if ctx.params["debug"]:
                raise
            raise Failed(message(error)) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="layerlab", message="layerlab %(version)s")
@click.option("--debug", is_flag=True, envvar="LAYERLAB_DEBUG", help="Show where in LayerLab an error comes from.")
def main(debug: bool) -> None:
    """Make the Docker builds of your Python projects fast, and prove it.

    Builds run on machines, which are LayerLab's own disposable Docker engines: your engine and its cache stay untouched. With
    --builder or --here, a build runs on your own builder, exactly as docker would run it; `run` goes around the docker command
    that you already type.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that can't show a character gets its number
            stream.reconfigure(errors="backslashreplace")
    with contextlib.suppress(ValueError):  # outside the main thread, as in tests
        # Clean up scratch copies and builds on SIGTERM, as on Ctrl-C.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


for command in (
    doctor,
    up,
    reset,
    down,
    machines,
    build,
    run,
    explain,
    report,
    import_,
    compare,
    diff,
    clean,
    course,
    lab,
):
    main.add_command(command)
