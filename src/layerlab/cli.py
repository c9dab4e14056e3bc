"""The `layerlab` command. It only reads arguments and prints: what it does is in the modules it calls.

Data goes to standard output, progress and errors to standard error, so that `layerlab build . --json > build.json` and
`eval "$(layerlab up --env)"` work. Exit codes: 0 fine, 1 failed with a message, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import LayerLabError
from .lab_command import lab

if TYPE_CHECKING:
    from .cleanup import Cleaned
    from .machine import Machine
    from .records import Build

# Modules that bring pandas or docker-py along are imported by the commands that need them: help comes at once.

#: As a shell counts a process ended by SIGINT.
INTERRUPTED = 130
#: Width of tables that go to a pipe or a file, characters: wide enough that nothing is cut.
PIPE_WIDTH = 200
#: The machine that commands mean when none is named; the same as machine.DEFAULT_NAME.
LAPTOP = "laptop"


class Failed(click.ClickException):
    """Our own errors, shown as a message without a traceback."""

    def show(self, file: Any = None) -> None:
        click.echo(f"{click.style('Error', fg='red')}: {self.message}", err=True)


class Commands(click.Group):
    """A group that turns what commands raise into messages and exit codes, and keeps the order of definition in help."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LayerLabError as error:
            raise Failed(str(error)) from None
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="layerlab", message="layerlab %(version)s")
def main() -> None:
    """Make the Docker builds of your Python projects fast, and prove it.

    Builds run on machines: disposable Docker engines of LayerLab's own. Nothing touches your engine or its cache.
    """
    with contextlib.suppress(ValueError):  # not in the main thread, as in tests
        # So that scratch copies and builds are cleared away as on Ctrl-C.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


json_option = click.option("--json", "as_json", is_flag=True, help="Print data as JSON.")


@main.command()
@json_option
def doctor(as_json: bool) -> None:
    """Look at this computer and say what is wrong and what mends it. Exits with 1 if something is."""
    from .diagnosis import doctor as look

    report = look()
    click.echo(report.to_json() if as_json else str(report))
    if not report.ok:
        sys.exit(1)


@main.command()
@click.argument("name", default=LAPTOP)
@click.option("--env", "as_env", is_flag=True, help="Print what makes `docker` in your shell reach the machine.")
@json_option
def up(name: str, as_env: bool, as_json: bool) -> None:
    """Start machine NAME (laptop), or find it running.

    To use it from your shell: eval "$(layerlab up --env)"
    """
    machine = _started(name)
    if as_env:
        click.echo(exports(_shell_variables(machine)))
    elif as_json:
        click.echo(_dump(describe(machine)))
    else:
        click.echo(f"Machine {name} is running ({machine.engine}).")


@main.command()
@click.argument("name", default=LAPTOP)
@json_option
def reset(name: str, as_json: bool) -> None:
    """Make machine NAME (laptop) cold: nothing but its base images is left."""
    machine = _existing(name)
    machine.reset()
    click.echo(_dump(describe(machine)) if as_json else f"Machine {name} is cold.")


@main.command()
@click.argument("name", default="")
@click.option("--all", "every", is_flag=True, help="Every machine, and every registry.")
@json_option
def down(name: str, every: bool, as_json: bool) -> None:
    """Remove machine NAME (laptop) and all that it holds."""
    from .machine import Machine
    from .registry import Registry

    if name and every:
        raise click.UsageError("name a machine or say --all, not both")
    machines = Machine.all() if every else [_existing(name or LAPTOP)]
    for registry in Registry.all() if every else []:
        registry.stop()
    for machine in machines:
        machine.stop()
        if not as_json:
            click.echo(f"Machine {machine.name} is gone.")
    if as_json:
        click.echo(_dump({"removed": [m.name for m in machines]}))
    elif not machines:
        click.echo("There is no machine.")


@main.command()
@json_option
def machines(as_json: bool) -> None:
    """List the machines."""
    from .machine import Machine

    found = Machine.all()
    if as_json:
        click.echo(_dump([describe(machine) for machine in found]))
    else:
        for machine in found:
            click.echo(f"{machine.name:<24}  {machine.engine:<9}  {'running' if machine.running else 'not running'}")
        if not found:
            click.echo("There is no machine; `layerlab up` starts one.")


@main.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-f", "--file", "dockerfile", default="", help="Dockerfile, variant or Compose file, relative to PATH.")
@click.option("--target", default="", help="Stage to stop at.")
@click.option("--build-arg", "build_args", multiple=True, metavar="NAME=VALUE", help="Build argument; repeatable.")
@click.option("--service", default="", help="Build this service of the Compose file.")
@click.option("--machine", "machine_name", default=LAPTOP, show_default=True, help="Machine to build on.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Save the record here, as JSON.")
@json_option
def build(
    path: Path,
    dockerfile: str,
    target: str,
    build_args: tuple[str, ...],
    service: str,
    machine_name: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Build a scratch copy of PATH and show which steps ran, how long they took and how large they are."""
    arguments = parsed_arguments(build_args)
    from .app import App
    from .building import BuildFailed

    machine = _started(machine_name)
    with App.from_path(path) as app:
        variant = dockerfile or default_file(app.path, service)
        try:
            done, failure = machine.build(app, variant, target=target, args=arguments, service=service), None
        except BuildFailed as error:
            done, failure = error.build, error
    if output:
        done.save(output)
    if as_json:
        click.echo(_record(done))
    else:
        _show(done)
    if failure:
        raise failure


@main.command()
@click.argument("what", metavar="[PATH]", default=".", type=click.Path(exists=True, path_type=Path))
@click.option("--previous", type=click.Path(exists=True, dir_okay=False), help="A saved record to compare with.")
@click.option("--evidence", is_flag=True, help="Show what was compared, before → now.")
@click.option("--machine", "machine_name", default=LAPTOP, show_default=True, help="Machine it was built on.")
@json_option
def explain(what: Path, previous: str | None, evidence: bool, machine_name: str, as_json: bool) -> None:
    """Why each step of a build ran. PATH is a project, for its newest build here, or a record that `build` saved."""
    build, before = chosen_builds(what, previous, machine_name)
    explanation = build.explain(before)
    if as_json:
        click.echo(_dump(explanation.to_json()))
    elif evidence:
        click.echo(explanation.evidence())
    else:
        click.echo(f"{build.app} {build.variant}, compared with {explanation.against or 'nothing'}\n\n{explanation}")


@main.command()
@click.argument("what", metavar="[PATH]", default=".", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; - for standard output."
)
@click.option(
    "--format", "form", type=click.Choice(["html", "markdown", "json"]), help="By default as the file's name ends."
)
@click.option("--previous", type=click.Path(exists=True, dir_okay=False), help="A saved record to compare with.")
@click.option("--machine", "machine_name", default=LAPTOP, show_default=True, help="Machine it was built on.")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(
    what: Path, output: Path | None, form: str | None, previous: str | None, machine_name: str, show: bool
) -> None:
    """Write a build down to keep. PATH is a project, for its newest build here, or a record that `build` saved.

    One HTML file that needs no network (build-report.html), a Markdown summary for CI, or JSON; the latter two go to standard
    output unless a file is named.
    """
    from . import report as reports

    form = form or reports.format_of(output)
    if output is None and form == "html":
        output = Path("build-report.html")
    to_stdout = output is None or str(output) == "-"
    if to_stdout and show:
        raise click.UsageError("--open needs a file: name one with --output")
    build, before = chosen_builds(what, previous, machine_name)
    if to_stdout:
        click.echo(reports.render(build, before, form), nl=False)
        return
    written = reports.write(build, output, before, form)
    click.echo(f"The report of {build.app} {build.variant} is in {written}.", err=True)
    if show:
        click.launch(str(written))


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def clean(yes: bool, as_json: bool) -> None:
    """Remove all that LayerLab ever created on this computer: machines, images, caches, scratch copies."""
    from . import cleanup

    there = cleanup.inventory()
    if there and not yes:
        click.echo("This removes:\n" + "\n".join(f"  {line}" for line in there), err=True)
        click.confirm("Remove all of it?", abort=True, err=True)
    done = cleanup.clean()
    if as_json:
        click.echo(_dump(dataclasses.asdict(done)))
    else:
        click.echo(cleaned_text(done))
    if done.problems:
        sys.exit(1)


main.add_command(lab)


# -- machines ----------------------------------------------------------------------------------------------------------


def _started(name: str) -> Machine:
    """Start the machine. Interrupted while it makes one, it takes away what it made."""
    from .machine import Machine

    before = {machine.name for machine in Machine.all()}
    try:
        with _status(f"Starting machine {name} …") as say:
            return Machine.start(name, say=say)
    except KeyboardInterrupt:
        for machine in Machine.all():
            if machine.name not in before:
                machine.stop()
        raise


@contextlib.contextmanager
def _status(title: str) -> Iterator[Any]:
    """Something to tell lines to; with a spinner on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield lambda line: click.echo(line, err=True)
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(title):
        yield lambda line: console.print(line, markup=False, highlight=False)


def _existing(name: str) -> Machine:
    from .machine import Machine

    found = {machine.name: machine for machine in Machine.all()}
    if name not in found:
        known = f"there are: {', '.join(found)}" if found else f"`layerlab up {name}` starts it"
        raise LayerLabError(f"there is no machine {name!r}", known)
    return found[name]


def describe(machine: Machine) -> dict[str, Any]:
    """What --json prints of a machine. `environment` is how `docker` reaches it; an empty value means: unset."""
    running = machine.running
    return {
        "name": machine.name,
        "engine": machine.engine,
        "running": running,
        "environment": machine.environment if running else {},
    }


def _shell_variables(machine: Machine) -> dict[str, str]:
    from . import client

    # A LayerLab that is started in that shell must still know what the person had.
    return {**machine.environment, client.PERSON: json.dumps(client.person_environment())}


def exports(variables: Mapping[str, str]) -> str:
    """Lines for a POSIX shell that set the variables; an empty value unsets."""
    return "\n".join(f"export {k}={shlex.quote(v)}" if v else f"unset {k}" for k, v in variables.items())


# -- builds ------------------------------------------------------------------------------------------------------------


def parsed_arguments(words: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE words as a dict; NAME alone takes its value from the environment, as in docker build."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise click.BadParameter(f"{word!r} is not NAME=VALUE", param_hint="--build-arg")
        if equals or name in os.environ:
            found[name] = value if equals else os.environ[name]
    return found


def default_file(folder: Path, service: str) -> str:
    """The Dockerfile or, for a service, the Compose file that Docker itself would take."""
    names = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml") if service else ("Dockerfile",)
    return next((name for name in names if (folder / name).is_file()), names[0])


def chosen_builds(what: Path, previous: str | None, machine: str) -> tuple[Build, Build | None]:
    """The build that `what` names (a saved record, or a project: its newest build), and the one to compare it with.

    None for the latter means: those before it on that machine. Raises LayerLabError where there is none.
    """
    from . import history
    from .records import Build

    try:
        before = Build.load(previous) if previous else None
        if what.is_file():
            return Build.load(what), before
    except ValueError as error:
        raise LayerLabError(str(error), "records are made by `layerlab build PATH --output FILE`") from None
    found = history.builds(what.resolve(), machine)
    if not found:
        raise LayerLabError(
            f"{what} was not built on machine {machine!r} since that was made or reset",
            f"build it: layerlab build {what}",
        )
    return found[0], before


def _show(build: Build) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH, no_color=True, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, right in (
        ("line", True),
        ("stage", False),
        ("state", False),
        ("s", True),
        ("MB", True),
        ("down MB", True),
    ):
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    table.add_column("step", overflow="ellipsis", no_wrap=True)
    colours = {"RAN": "yellow", "CACHED": "green", "FAILED": "red"}
    for row in rows(build):
        table.add_row(*row[:2], Text(row[2], style=colours.get(row[2], "")), *row[3:6], Text(row[6]))
    console.print(table)
    console.print(totals(build), markup=False, highlight=False)
    roots = [step for step in build.explain().roots if step.causes[0].kind != "first build"]
    if roots:
        console.print("\nwhy (`layerlab explain` tells more):", markup=False, highlight=False)
        for step in roots:
            console.print(f"  line {step.line} {step.instruction}: {step.why}", markup=False, highlight=False)


def rows(build: Build) -> list[tuple[str, ...]]:
    """A row a step: line, stage, state, seconds, layer MB, downloaded MB, text; empty where nothing is known."""
    return [
        (
            str(step.line or ""),
            step.stage,
            step.state,
            f"{step.seconds:.1f}" if step.started is not None else "",
            f"{step.size_bytes / 1e6:.1f}" if step.size_bytes is not None else "",
            f"{step.downloaded_bytes / 1e6:.1f}" if step.downloaded_bytes else "",
            " ".join(step.text.split()),
        )
        for step in build.steps_
    ]


def totals(build: Build) -> str:
    """What is under the table: how it went, and the bytes."""
    from .live.settled import summary

    sizes = f"context {build.context_bytes / 1e6:.1f} MB sent"
    if build.image_bytes is not None:
        sizes += f"; image {build.image} {build.image_bytes / 1e6:.1f} MB compressed"
    return f"\n{summary(build, f'{build.app} {build.variant}')}\n{sizes}"


def _record(build: Build) -> str:
    """The record as `Build.save` writes it."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="layerlab-") as folder:
        return build.save(Path(folder) / "build.json").read_text(encoding="utf-8")


def cleaned_text(done: Cleaned) -> str:
    """What `clean` says it did."""
    lines = [f"removed {what}" for what in done.removed] or ["There was nothing to remove."]
    lines += [f"NOT removed: {problem}" for problem in done.problems]
    lines += [f"left alone, because LayerLab did not make it: {path}" for path in done.kept]
    if done.freed_bytes > 1e6:
        lines.append(f"about {done.freed_bytes / 1e6:.0f} MB freed")
    return "\n".join(lines)


def _dump(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False)
