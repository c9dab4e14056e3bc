"""Ask Compose and bake what they're about to build. Needs the docker command, but no engine.

They read their files in different ways (compose #13724), so each is asked about its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence

from ..engines import endpoint
from ..errors import AppError, CommandFailed
from ..project.app import App
from ..project.plan import COMPOSE_ESCAPES, Plan
from ..project.variant import Variant
from ..system import docker_words, faults
from ..system.shell import environment

#: Options that say which files Compose or bake reads, and how. The build reads what comes of it, and gets none of these.
READING = ("--file", "-f", "--profile", "--env-file", "--project-directory", "--project-name", "--var")
#: The user's variables that Compose reads. A machine's environment leaves them out (endpoint.POINTERS).
COMPOSE_VARIABLES = ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME")
#: Compose prints it for every service, and it's what an engine does anyway. Bake would do it beside a --push.
DEFAULT_OUTPUT = ["type=docker"]
#: What Compose and bake say of a name that they don't have.
UNKNOWN = ("no such service", "failed to find target")


def plan_of(app: App, variant: Variant, options: Sequence[str] = ()) -> Plan:
    """Return what a variant's Compose service or bake target builds. It may come with further targets that it needs.

    Raises CommandFailed if Compose or bake can't read its files, AppError if there is no such service or target, or it's a group.
    """
    plan = _read(app, variant, options, variant.service)
    leaves = plan.leaves(variant.service) if variant.by_bake else [n for n in plan.targets if n == variant.target_name]
    if leaves != [variant.target_name]:
        kind = "target" if variant.by_bake else "service"
        what = f"{variant.service} is a group" if leaves else f"{variant.service} has no build section"
        raise AppError(
            f"{app.name}: {what}", f"name one {kind}: {', '.join(leaves or services(app, variant, options))}"
        )
    return plan


def services(app: App, variant: Variant, options: Sequence[str] = ()) -> list[str]:
    """Return the services that a variant's Compose files build, or the targets in its bake files. Same errors as `plan_of`."""
    if variant.by_bake:
        plan = _read(app, variant, options, *_listed(app, variant, options))
    else:
        plan = _read(app, variant, [*options, "--profile=*"])
    return sorted(plan.targets)


def defaults(app: App, variant: Variant, options: Sequence[str] = ()) -> list[str]:
    """Return what Compose or bake builds if nothing is named: all services, or the target or group "default", if there's one."""
    if not variant.by_bake:
        return sorted(_read(app, variant, options).targets)
    known = _listed(app, variant, options)
    return _read(app, variant, options, "default").leaves("default") if "default" in known else known


def changed(app: App, plan: Plan, service: str, settings: Sequence[str]) -> Plan:
    """Return the plan with bake's --set options applied."""
    if not settings:
        return plan
    command = ["docker", "buildx", "bake", "--file=-", "--print", *settings, service]
    return Plan.read(_said(app, command, "bake can't set this", plan.text))


def _read(app: App, variant: Variant, options: Sequence[str], *names: str) -> Plan:
    command = ["docker", *_tool(variant), *(f"--file={file}" for file in files_of(variant, options))]
    command += [f"{name}={value}" for name in READING[2:] for value in docker_words.values(options, name)]
    command += ["--print", *names] if variant.by_bake else ["build", "--print", *names]
    try:
        said = _said(app, command, _unreadable(variant, options))
        if variant.by_bake:
            return Plan.read(said)
        return Plan.read(said, escapes=COMPOSE_ESCAPES).without("output", DEFAULT_OUTPUT)
    except CommandFailed as error:
        if not any(words in error.output for words in UNKNOWN):
            raise
    known = services(app, variant, options)
    kind = "target" if variant.by_bake else "service"
    raise AppError(f"{app.name} has no {kind} {names[0]!r}", f"there are: {', '.join(known) or 'none'}")


def files_of(variant: Variant, options: Sequence[str]) -> list[str]:
    """Return the Compose or bake files that are named; [] if Compose looks for its own."""
    return [*variant.files, *docker_words.values(options, "--file", "-f")]


def _tool(variant: Variant) -> tuple[str, ...]:
    return ("buildx", "bake") if variant.by_bake else ("compose",)


def _unreadable(variant: Variant, options: Sequence[str]) -> str:
    tool = "bake" if variant.by_bake else "Compose"
    return f"{tool} can't read {' '.join(files_of(variant, options)) or 'its files'}"


def _listed(app: App, variant: Variant, options: Sequence[str]) -> list[str]:
    """Return the names of the targets and groups in bake files."""
    files = [f"--file={file}" for file in files_of(variant, options)]
    command = ["docker", "buildx", "bake", *files, "--list=type=targets,format=json"]
    return [entry["name"] for entry in json.loads(_said(app, command, _unreadable(variant, options)))]


def _said(app: App, command: Sequence[str], what: str, given: str = "") -> str:
    """Run a command that only reads, in the app's folder; return its output. Raises CommandFailed, with a remedy if known."""
    variables = _variables(app)
    done = subprocess.run(
        endpoint.quickest(command, variables), cwd=app.path, env=variables, input=given, capture_output=True, text=True,
        errors="replace",
    )  # fmt: skip
    if done.returncode:
        fault = faults.recognise(done.stderr)
        remedy = fault.remedy if fault else ""
        if "unknown flag: --print" in done.stderr:
            remedy = "update the Compose plugin: its `build` needs the option --print, as 2.40 has it"
        raise CommandFailed(what, command, done.returncode, done.stderr, remedy)
    return done.stdout


def compose_variables() -> dict[str, str]:
    """Return the user's variables that Compose reads, by name: those set now, or else before a notebook pointed at a machine."""
    own = endpoint.person_environment()
    return {name: os.environ.get(name) or own[name] for name in COMPOSE_VARIABLES}


def _variables(app: App) -> Mapping[str, str]:
    kept = compose_variables()
    return environment({**endpoint.environment_in(app.scratch / "docker", {}), **kept})
