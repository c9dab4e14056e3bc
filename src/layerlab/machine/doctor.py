"""doctor: look at this computer and say of each thing a build needs whether it is fine, or what mends it.

Every check is in two parts: `look_…` asks the computer, and `judge_…`, a pure function, says what the answer means, so
that each judgement is tested without its fault being present. What engines and tools print is known to `faults`.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import platform
import re
import shutil
import socket
import sys
import textwrap
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from .. import engines
from ..engines import client, images, packages
from ..errors import CommandFailed, LayerLabError
from ..system import faults
from ..system.home import home, run_dir
from ..system.shell import run
from . import cleanup
from .machine import Machine

#: A question that is not answered in this time counts as unanswered, seconds. They are asked at the same time.
SECONDS = 12.0
#: An engine, its seed and one machine take 1.5 GB (measured with Debian's packages); a build of ours some GB more.
DISK_NEEDED, DISK_GOOD = 3e9, 10e9
#: An engine takes 75 MB (FACTS.md); pip compiling a large package takes 1 GB and more.
MEMORY_NEEDED, MEMORY_GOOD = 0.5e9, 2e9
#: Names of the same architecture: the kernel's, and Docker's.
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
#: As Go's strconv.ParseBool reads it, which is how the Docker CLI reads DOCKER_BUILDKIT.
FALSE = ("0", "f", "F", "false", "False", "FALSE")
WORDS = {True: "fine", None: "note", False: "WRONG"}


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: what was looked at.
        ok: True where it is fine, False where something must be mended, None where it is only worth knowing.
        what: what was found, in words.
        remedy: what mends it, with the command; may be empty.
    """

    name: str
    ok: bool | None
    what: str
    remedy: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """All findings, in a fixed order. Printed, it is a plain table."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing needs mending."""
        return all(finding.ok is not False for finding in self.findings)

    def __str__(self) -> str:
        width = max((len(f.name) for f in self.findings), default=0)
        lines = []
        for f in self.findings:
            indent = " " * (width + 9)
            head = f"{WORDS[f.ok]:<5}  {f.name:<{width}}  "
            lines += textwrap.wrap(head + f.what, 118, subsequent_indent=indent, break_on_hyphens=False)
            if f.remedy:
                lines += textwrap.wrap(
                    f"→ {f.remedy}", 118, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
                )
        wrong = sum(f.ok is False for f in self.findings)
        return "\n".join([*lines, f"{wrong} to mend." if wrong else "Nothing to mend."])

    __repr__ = __str__

    def to_json(self) -> str:
        """The report as JSON: {"ok": …, "findings": [{"name", "ok", "what", "remedy"}]}."""
        data = {"ok": self.ok, "findings": [dataclasses.asdict(f) for f in self.findings]}
        return json.dumps(data, indent=1, ensure_ascii=False)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command said: its standard output where it succeeded, otherwise `failed` and all that it printed."""

    text: str
    failed: bool = False


def doctor() -> Report:
    """Look at everything, in some seconds. Never raises: what cannot be looked at is a finding too."""
    with concurrent.futures.ThreadPoolExecutor(len(CHECKS)) as pool:
        return Report(tuple(pool.map(_guarded, CHECKS)))


def _guarded(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # a check that breaks must not hide the others
        name = check.__name__.removeprefix("look_at_").replace("_", " ")
        return Finding(name, None, f"could not be looked at: {type(error).__name__}: {_first_line(str(error))}")


# -- engine, buildx, Compose -------------------------------------------------------------------------------------------


def look_at_engine() -> Finding:
    environment = client.person_environment()
    if not shutil.which("docker", path=environment["PATH"]):
        return judge_engine(Answer("", failed=True), engines.may_run_own(), installed=False)
    answer = _ask(["docker", "version", "--format", "{{.Server.Version}}"], environment)
    return judge_engine(answer, engines.may_run_own())


def judge_engine(answer: Answer, can_run_own: bool, installed: bool = True) -> Finding:
    """`answer` is that of `docker version` on the person's engine; `can_run_own`: whether we are root on Linux."""
    if not answer.failed:
        return Finding("engine", True, f"your Docker {answer.text.strip()} answers; machines run in it as containers")
    fault = faults.recognise(answer.text) if installed else None
    what = fault.what if fault else _last_line(answer.text) if installed else "there is no `docker` command here"
    if can_run_own:
        return Finding("engine", True, f"{what}; none is needed: machines are private dockerd processes")
    remedy = fault.remedy if fault else "install Docker Engine or Docker Desktop, with buildx and Compose, and start it"
    return Finding("engine", False, what, remedy)


def look_at_buildx() -> Finding:
    return judge_buildx(_ask_plugin("buildx", "version"), packages.can_unpack(), packages.OLDEST_BUILDX)


def judge_buildx(answer: Answer, can_unpack: bool, oldest: str) -> Finding:
    """`answer` is that of `docker buildx version`; `can_unpack`: whether LayerLab can fetch one of its own."""
    if answer.failed:
        return _missing_plugin("buildx", answer, can_unpack)
    found = re.search(r"\bv?(\d+\.\d+)[.\d]*", answer.text)
    if not found or found[1] == "0.0":  # "v0.0.0+unknown": a build without its version
        return Finding("buildx", True, _first_line(answer.text))
    if _numbers(found[1]) < _numbers(oldest):
        fault = next(f for f in faults.FAULTS if f.key == "no-buildx")
        return Finding("buildx", False, f"{found[0]} is too old: {oldest} or newer is needed", fault.remedy)
    return Finding("buildx", True, found[0])


def look_at_compose() -> Finding:
    return judge_compose(_ask_plugin("compose", "version"), packages.can_unpack())


def judge_compose(answer: Answer, can_unpack: bool) -> Finding:
    """`answer` is that of `docker compose version`."""
    if answer.failed:
        return _missing_plugin("compose", answer, can_unpack)
    return Finding("compose", True, _first_line(answer.text).removeprefix("Docker Compose version").strip())


def _missing_plugin(name: str, answer: Answer, can_unpack: bool) -> Finding:
    if can_unpack:
        return Finding(name, None, "not here yet; LayerLab fetches its own when a machine starts for the first time")
    fault = next(f for f in faults.FAULTS if f.key == f"no-{name}")
    recognised = faults.recognise(answer.text) or fault
    return Finding(name, False, recognised.what, recognised.remedy)


def look_at_buildkit() -> Finding:
    return judge_buildkit(client.person_environment())


def judge_buildkit(environment: Mapping[str, str]) -> Finding:
    """`environment` holds the Docker variables as the person has them."""
    fault = faults.recognise("DOCKER_BUILDKIT=0")
    if environment.get("DOCKER_BUILDKIT", "") in FALSE:
        what = (
            f"DOCKER_BUILDKIT={environment['DOCKER_BUILDKIT']} switches it off for your own builds (not for LayerLab's)"
        )
        return Finding("BuildKit", False, what, fault.remedy)
    if environment.get("COMPOSE_DOCKER_CLI_BUILD", "") in FALSE:
        what = "COMPOSE_DOCKER_CLI_BUILD switches it off for Compose v1"
        return Finding("BuildKit", None, what, "`unset COMPOSE_DOCKER_CLI_BUILD`")
    return Finding("BuildKit", True, "nothing in the environment switches it off")


# -- the computer ------------------------------------------------------------------------------------------------------


def look_at_disk() -> Finding:
    places = [home()]
    root = _ask(["docker", "info", "--format", "{{.DockerRootDir}}"], client.person_environment())
    # A path of another computer, or of Docker Desktop's virtual machine, says nothing about the disks here.
    if not root.failed and Path(root.text.strip()).is_dir():
        places.append(Path(root.text.strip()))
    findings = [judge_disk(str(place), *_disk(place)) for place in places]
    return min(findings, key=lambda f: (f.ok is not False, f.ok is not None))


def judge_disk(place: str, free: float, total: float) -> Finding:
    """`free` and `total` are bytes of the disk that holds `place`."""
    what = f"{free / 1e9:.1f} GB of {total / 1e9:.0f} GB free for {place.replace(str(Path.home()), '~')}"
    fault = next(f for f in faults.FAULTS if f.key == "no-space")
    if free < DISK_NEEDED:
        return Finding("disk", False, f"{what}; {DISK_NEEDED / 1e9:.0f} GB are needed", fault.remedy)
    if free < DISK_GOOD:
        return Finding("disk", None, f"{what}: little for images", fault.remedy)
    return Finding("disk", True, what)


def look_at_cpu() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return judge_cpu(usable, psutil.getloadavg()[0])


def judge_cpu(usable: int, load: float) -> Finding:
    """`load` is the mean number of processes that wanted to run in the last minute."""
    what = f"{usable} {'processor' if usable == 1 else 'processors'}, load {load:.1f}"
    if load > 1.5 * usable:
        return Finding("CPU", None, f"{what}: busy, so times will vary", "end what else is running before you measure")
    return Finding("CPU", True if usable > 1 else None, what)


def look_at_memory() -> Finding:
    memory = psutil.virtual_memory()
    return judge_memory(memory.available, memory.total)


def judge_memory(available: float, total: float) -> Finding:
    """`available` and `total` are bytes."""
    what = f"{available / 1e9:.1f} GB of {total / 1e9:.1f} GB available"
    fault = next(f for f in faults.FAULTS if f.key == "killed")
    if available < MEMORY_NEEDED:
        return Finding("memory", False, f"{what}; builds will be killed", fault.remedy)
    return Finding("memory", True if available >= MEMORY_GOOD else None, what)


def look_at_architecture() -> Finding:
    environment = client.person_environment()
    answer = _ask(["docker", "version", "--format", "{{.Server.Arch}}"], environment)
    engine = "" if answer.failed else answer.text.strip()
    return judge_architecture(platform.machine(), engine, environment.get("DOCKER_DEFAULT_PLATFORM", ""))


def judge_architecture(machine: str, engine: str, wanted: str) -> Finding:
    """`machine` is the kernel's word, `engine` Docker's ("" if none answers), `wanted` is DOCKER_DEFAULT_PLATFORM."""
    own = ARCHITECTURES.get(machine.lower())
    fault = next(f for f in faults.FAULTS if f.key == "architecture")
    if wanted and own and own not in wanted:
        what = f"this computer is {own}, but DOCKER_DEFAULT_PLATFORM={wanted} asks for another"
        return Finding("architecture", False, what, "`unset DOCKER_DEFAULT_PLATFORM`")
    if engine and own and ARCHITECTURES.get(engine, engine) != own:
        return Finding("architecture", None, f"this computer is {own}, its Docker engine {engine}", fault.remedy)
    if not own:
        return Finding("architecture", None, f"{machine}: LayerLab is tested on amd64 and arm64 only")
    return Finding("architecture", True, own)


# -- network -----------------------------------------------------------------------------------------------------------


def look_at_network() -> Finding:
    """Look up the name that downloads go to: a proxy's, or that of the index pip is set up for."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or ""
    address = proxy or _index_address()
    host = urllib.parse.urlsplit(address if "//" in address else f"//{address}").hostname or ""
    if not host:
        return judge_network(host, "")
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        return judge_network(host, str(error))
    return judge_network(host, "")


def judge_network(host: str, error: str) -> Finding:
    """`host` is what was looked up ("" where all comes from files), `error` what came of it ("" if it was found)."""
    if not host:
        return Finding("network", None, "pip's index is a folder: no name to look up")
    if not error:
        return Finding("network", True, "names are found")  # without the host: saved notebooks need not name it
    fault = faults.recognise(error) or faults.recognise("no such host")
    return Finding("network", False, f"{host}: {fault.what} ({_first_line(error)})", fault.remedy)


def look_at_hub() -> Finding:
    image = images.BASES[0]
    standins = image in images.standins()
    if os.environ.get("LAYERLAB_HUB") == "no":
        return judge_hub(Answer("LAYERLAB_HUB=no", failed=True), standins)
    return judge_hub(_ask_plugin("buildx", "imagetools", "inspect", image), standins)


def judge_hub(answer: Answer, standins: bool) -> Finding:
    """`answer` is that of `docker buildx imagetools inspect`; `standins`: whether base images can be made here."""
    if not answer.failed:
        return Finding("hub", True, "answers")
    fault = faults.recognise(answer.text)
    reason = fault.what if fault else _last_line(answer.text) or "no answer"
    # One that answers but refuses can be mended; one that is out of reach needs no mending where there are stand-ins.
    remedy = fault.remedy if fault and fault.key in ("rate-limit", "certificate") else ""
    if standins:
        return Finding("hub", None, f"no hub: stand-ins are used, made from this system's packages ({reason})", remedy)
    return Finding("hub", False, f"no hub, and no stand-ins on this system: {reason}", fault.remedy if fault else "")


def look_at_index() -> Finding:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "0", "--timeout", "8"]
    return judge_index(_ask([*command, "index", "versions", "pip"], {}), _index_address())


def judge_index(answer: Answer, address: str) -> Finding:
    """`answer` is that of `pip index versions pip`, `address` the index it asked."""
    where = _without_password(address)
    if not answer.failed:
        return Finding("package index", True, "answers")
    if "No module named pip" in answer.text:
        return Finding("package index", None, "not asked: this environment has no pip")
    fault = faults.recognise(answer.text)
    what = fault.what if fault else _last_line(answer.text)
    remedy = fault.remedy if fault else "`python -m pip config debug` shows where the index is set"
    if fault and fault.key == "certificate":
        remedy = "point pip at your company's CA: `pip config set global.cert /path/to/ca.pem`"
    return Finding("package index", False, f"{where}: {what}" if where else what, remedy)


#: Variables that name a file of certificates, and the programs that read them.
CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def look_at_certificates() -> Finding:
    named = {name: os.environ[name] for name in CA_VARIABLES if os.environ.get(name)}
    extra = sorted(p.name for p in Path("/usr/local/share/ca-certificates").glob("**/*.crt"))
    bundle = images.ca_bundle()
    return judge_certificates(str(bundle or ""), named, [n for n, p in named.items() if not Path(p).exists()], extra)


def judge_certificates(bundle: str, named: Mapping[str, str], missing: Sequence[str], extra: Sequence[str]) -> Finding:
    """`named` are the variables that name a file, `missing` those whose file is not there, `extra` this computer's own CAs."""
    name = "certificates"
    if missing:
        what = f"{missing[0]} names {named[missing[0]]}, which does not exist"
        return Finding(name, False, what, f"`unset {missing[0]}`, or put the file there")
    if not bundle:
        remedy = "install them: `apt-get install ca-certificates`"
        return Finding(name, False, "this computer has no bundle of trusted authorities", remedy)
    if extra:
        return Finding(name, True, f"{bundle}, with {len(extra)} of your own; stand-in base images trust them too")
    if named:
        return Finding(name, True, f"{bundle}, named by {', '.join(named)}; stand-in base images trust it too")
    return Finding(name, True, bundle)


# -- LayerLab's own ----------------------------------------------------------------------------------------------------


def look_at_machines() -> Finding:
    machines = {m.name: (m.engine, m.running) for m in Machine.all()}
    return judge_machines(machines, holders(home() / "locks", _read("/proc/locks")))


def judge_machines(machines: Mapping[str, tuple[str, bool]], users: Mapping[str, Sequence[int]]) -> Finding:
    """`machines`: name → engine, running; `users`: lock → ids of the processes that hold it."""
    if not machines:
        return Finding("machines", True, "none yet; `layerlab up` starts one")
    listed = [f"{name} ({engine}, {'running' if on else 'not running'})" for name, (engine, on) in machines.items()]
    listed += [f"{lock} held by process {', '.join(map(str, ids))}" for lock, ids in users.items()]
    stopped = [name for name, (_, on) in machines.items() if not on]
    if not stopped:
        return Finding("machines", True, "; ".join(listed))
    remedy = (
        f"start it again, its cache is kept: `layerlab up {stopped[0]}`; or remove it: `layerlab down {stopped[0]}`"
    )
    return Finding("machines", None, "; ".join(listed), remedy)


def holders(folder: Path, locks: str) -> dict[str, list[int]]:
    """Which lock of `folder` which processes hold; `locks` is the text of /proc/locks (see proc_locks(5))."""
    inodes = {p.stat().st_ino: p.stem.removeprefix("layerlab-") for p in folder.glob("*.lock")}
    found: dict[str, list[int]] = {}
    for line in locks.splitlines():
        words = line.split()
        if len(words) < 6 or words[1] != "FLOCK":  # those that wait have "->" there
            continue
        name = inodes.get(int(words[5].rpartition(":")[2]))
        if name:
            found.setdefault(name, []).append(int(words[4]))
    return found


def look_at_leftovers() -> Finding:
    known = {machine.name for machine in Machine.all()}
    here = {p.name for p in run_dir().glob("*") if p.is_dir()} | set(cleanup.running())
    held = holders(home() / "apps", _read("/proc/locks"))
    copies = [p.stem for p in home().glob("apps/*.lock") if p.stem not in held]
    return judge_leftovers(sorted(here - known), copies)


def judge_leftovers(machines: Sequence[str], copies: Sequence[str]) -> Finding:
    """`machines` are engines or sockets without a machine, `copies` scratch apps whose process is gone."""
    left = [f"pieces of machine {name}" for name in machines] + [f"scratch copy {name}" for name in copies]
    if not left:
        return Finding("leftovers", True, "none")
    remedy = "`layerlab clean` removes all of LayerLab's"
    if not machines:
        remedy = "the next App removes them; so does `layerlab clean`"
    return Finding("leftovers", None, f"of killed processes: {', '.join(left)}", remedy)


CHECKS: tuple[Callable[[], Finding], ...] = (
    look_at_engine,
    look_at_buildx,
    look_at_compose,
    look_at_buildkit,
    look_at_disk,
    look_at_cpu,
    look_at_memory,
    look_at_architecture,
    look_at_network,
    look_at_hub,
    look_at_index,
    look_at_certificates,
    look_at_machines,
    look_at_leftovers,
)

# -- asking ------------------------------------------------------------------------------------------------------------


def _ask(command: Sequence[str], environment: Mapping[str, str]) -> Answer:
    try:
        return Answer(run(*command, env=environment, timeout=SECONDS))
    except CommandFailed as error:
        output = error.output or error.message
        return Answer(output if error.exit_code != 124 else f"{output}\nno answer in {SECONDS:.0f} s", failed=True)


def _ask_plugin(*arguments: str) -> Answer:
    """Ask the docker command and plugins that LayerLab would use: those it unpacked, else the person's."""
    environment = client.person_environment()
    plugins = packages.plugin_dirs()
    if plugins:
        # The plugin itself runs without the docker command, and needs no configuration that names its folder.
        plugin = plugins[0] / f"docker-{arguments[0]}"
        if plugin.exists():
            return _ask([str(plugin), *arguments[1:]], environment)
    try:
        return _ask([client.docker_program(), *arguments], environment)
    except LayerLabError as error:
        return Answer(str(error), failed=True)


def _index_address() -> str:
    """The address of pip's index: what pip's configuration says, else what pip itself has built in."""
    if os.environ.get("PIP_INDEX_URL"):
        return os.environ["PIP_INDEX_URL"]
    for section in ("global", "install"):
        answer = _ask([sys.executable, "-m", "pip", "config", "get", f"{section}.index-url"], {})
        if not answer.failed and answer.text.strip():
            return answer.text.strip()
    try:
        from pip._internal.models.index import PyPI
    except ImportError:
        return ""
    return PyPI.simple_url


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)


def _disk(place: Path) -> tuple[int, int]:
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    return usage.free, usage.total


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
