"""doctor's checks of Docker and of LayerLab's own machines. `doctor` runs them; `findings` has the type of their results."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import engines
from ..engines import endpoint, mirror, packages
from ..engines.seed import SEED_NAME
from ..machine import cleanup
from ..machine.holding import listed
from ..machine.machine import Machine
from ..project.scratch import abandoned
from ..system import docker_words, faults
from ..system.home import home, run_dir
from .findings import Finding, Output, ask, ask_plugin, first_line, last_line

# -- engine, buildx, Compose -------------------------------------------------------------------------------------------


def look_at_engine() -> Finding:
    """Check the Docker engine that the user's own `docker` reaches."""
    environment = endpoint.person_environment()
    if not shutil.which("docker", path=environment["PATH"]):
        return judge_engine(Output("", failed=True), engines.may_run_own(), installed=False)
    answer = ask(["docker", "version", "--format", "{{.Server.Version}}"], environment)
    return judge_engine(answer, engines.may_run_own())


def judge_engine(answer: Output, can_run_own: bool, installed: bool = True) -> Finding:
    """Judge the answer of `docker version` on the user's engine.

    `can_run_own` says whether we're root on Linux, `installed` whether there is a `docker` command.
    """
    if not answer.failed:
        return Finding("engine", True, f"your Docker {answer.text.strip()} answers; machines run in it as containers")
    fault = faults.recognise(answer.text) if installed else None
    what = fault.what if fault else last_line(answer.text) if installed else "there is no `docker` command here"
    if can_run_own:
        return Finding("engine", True, f"{what}, but you don't need one: machines are private dockerd processes")
    remedy = fault.remedy if fault else "install Docker Engine or Docker Desktop, with buildx and Compose, and start it"
    return Finding("engine", False, what, remedy)


def look_at_buildx() -> Finding:
    """Check the buildx that LayerLab would use."""
    return judge_buildx(ask_plugin("buildx", "version"), packages.can_unpack(), packages.OLDEST_BUILDX)


def judge_buildx(answer: Output, can_unpack: bool, oldest: str) -> Finding:
    """Judge the answer of `docker buildx version`; `can_unpack` says whether LayerLab can fetch its own."""
    if answer.failed:
        return _missing_plugin("buildx", answer, can_unpack)
    found = re.search(r"\bv?(\d+\.\d+)[.\d]*", answer.text)
    if not found or found[1] == "0.0":  # "v0.0.0+unknown": built without a version
        return Finding("buildx", True, first_line(answer.text))
    if _numbers(found[1]) < _numbers(oldest):
        remedy = faults.known("no-buildx").remedy
        return Finding("buildx", False, f"{found[0]} is too old: {oldest} or newer is needed", remedy)
    return Finding("buildx", True, found[0])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def look_at_compose() -> Finding:
    """Check the Compose that LayerLab would use."""
    return judge_compose(ask_plugin("compose", "version"), packages.can_unpack())


def judge_compose(answer: Output, can_unpack: bool) -> Finding:
    """Judge the answer of `docker compose version`; `can_unpack` says whether LayerLab can fetch its own."""
    if answer.failed:
        return _missing_plugin("compose", answer, can_unpack)
    return Finding("compose", True, first_line(answer.text).removeprefix("Docker Compose version").strip())


def _missing_plugin(name: str, answer: Output, can_unpack: bool) -> Finding:
    if can_unpack:
        return Finding(name, None, "not here yet; LayerLab fetches its own when a machine starts for the first time")
    recognised = faults.recognise(answer.text) or faults.known(f"no-{name}")
    return Finding(name, False, recognised.what, recognised.remedy)


def look_at_buildkit() -> Finding:
    """Check whether a variable of the user's switches BuildKit off."""
    return judge_buildkit(endpoint.person_environment())


def judge_buildkit(environment: Mapping[str, str]) -> Finding:
    """Judge the user's own Docker variables, given as `environment`."""
    if environment.get("DOCKER_BUILDKIT", "") in docker_words.FALSE:
        what = (
            f"DOCKER_BUILDKIT={environment['DOCKER_BUILDKIT']} switches it off for your own builds (not for LayerLab's)"
        )
        return Finding("BuildKit", False, what, faults.known("buildkit-off").remedy)
    if environment.get("COMPOSE_DOCKER_CLI_BUILD", "") in docker_words.FALSE:
        what = "COMPOSE_DOCKER_CLI_BUILD switches it off for Compose v1"
        return Finding("BuildKit", None, what, "`unset COMPOSE_DOCKER_CLI_BUILD`")
    return Finding("BuildKit", True, "nothing in the environment switches it off")


# -- LayerLab's own ----------------------------------------------------------------------------------------------------


def look_at_machines() -> Finding:
    """Check which machines exist, whether they run and have limits, who uses them, and which processes hold locks."""
    found = Machine.all()
    machines = {m.name: (m.engine, m.running) for m in found}
    users = {m.name: listed(others) for m in found if (others := m.holds.others())}
    unlimited = {name: engines.of_machine(name).unlimited(name) for name, (_, on) in machines.items() if on}
    return judge_machines(machines, users, holders(home() / "locks", _read("/proc/locks")), unlimited)


def judge_machines(
    machines: Mapping[str, tuple[str, bool]],
    users: Mapping[str, str],
    locks: Mapping[str, Sequence[int]],
    unlimited: Mapping[str, Sequence[str]],
) -> Finding:
    """Judge the machines.

    Args:
        machines: name → engine, running.
        users: name → who uses it.
        locks: the locks that are held, each with the ids of the processes that hold it.
        unlimited: name → what its containers can take all of.
    """
    if not machines:
        return Finding("machines", True, "none yet; `layerlab up` starts one")
    words = [
        f"{name} ({engine}, {'running' if on else 'not running'}{f', in use by {users[name]}' if name in users else ''})"
        for name, (engine, on) in machines.items()
    ]
    words += [f"{lock} held by process {', '.join(map(str, ids))}" for lock, ids in locks.items()]
    if unknown := [name for name, (engine, _) in machines.items() if engine == "unknown"]:
        remedy = f"its file can't be read; remove it, and start a new one: `layerlab down {unknown[0]}`"
        return Finding("machines", False, "; ".join(words), remedy)
    stopped = [name for name, (_, on) in machines.items() if not on]
    free = {name: " and ".join(what) for name, what in unlimited.items() if what}
    if free and not stopped:
        words += [f"a build on {name} can take all of the computer's {what}" for name, what in free.items()]
        remedy = (
            "let LayerLab limit them: it must be able to write to control groups (/sys/fs/cgroup) with the controllers "
            "`pids` and `memory`; in a container, that takes `--privileged`"
        )
        return Finding("machines", None, "; ".join(words), remedy)
    if not stopped:
        return Finding("machines", True, "; ".join(words))
    remedy = (
        f"start it again (it keeps its cache): `layerlab up {stopped[0]}`; or remove it: `layerlab down {stopped[0]}`"
    )
    return Finding("machines", None, "; ".join(words), remedy)


def holders(folder: Path, locks: str) -> dict[str, list[int]]:
    """Map each held lock in `folder` to the ids of its processes; `locks` is the text of /proc/locks (proc_locks(5))."""
    inodes = {p.stat().st_ino: p.stem.removeprefix("layerlab-") for p in folder.glob("*.lock")}
    found: dict[str, list[int]] = {}
    for line in locks.splitlines():
        words = line.split()
        if len(words) < 6 or words[1] != "FLOCK":  # waiting processes have "->" there
            continue
        name = inodes.get(int(words[5].rpartition(":")[2]))
        if name:
            found.setdefault(name, []).append(int(words[4]))
    return found


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def look_at_leftovers() -> Finding:
    """Check for pieces of machines and scratch copies that killed processes left behind."""
    known = {machine.name for machine in Machine.all()}
    if any(lock.startswith("seed-") for lock in holders(home() / "locks", _read("/proc/locks"))):
        known.add(SEED_NAME)  # somebody is making it
    here = {p.name for p in run_dir().glob("[!.]*") if p.is_dir()} | set(cleanup.running())
    copies = [folder.name for folder in abandoned()] if home().exists() else []
    return judge_leftovers(sorted(here - known), sorted(copies), mirror.unused())


def judge_leftovers(machines: Sequence[str], copies: Sequence[str], mirror_unused: bool = False) -> Finding:
    """Judge leftovers: engines or sockets without a machine, scratch apps without a process, a mirror that no machine uses."""
    left = [f"pieces of machine {name}" for name in machines] + [f"scratch copy {name}" for name in copies]
    left += ["the package mirror"] if mirror_unused else []
    if not left:
        return Finding("leftovers", True, "none")
    remedy = "`layerlab clean` removes everything of LayerLab's"
    if not machines and not mirror_unused:
        remedy = "the next App removes them; so does `layerlab clean`"
    return Finding("leftovers", None, f"left by killed processes: {', '.join(left)}", remedy)
