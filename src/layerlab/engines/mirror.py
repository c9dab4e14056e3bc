"""The package mirror: this computer's package index with the headers that PyPI sends, for builds on stand-in base images.

Where no hub answers, an index behind the same wall often leaves out the headers that let clients keep what they fetch. pip
then keeps nothing, and a cache mount seems useless, which it isn't for readers at home. So stand-ins take packages from here.
What was fetched once stays on the disk, so another machine's builds, or tomorrow's, need no network.

nginx does the work (mirror_config.py): caching, ranges, packing and 304s are its trade, and it's in every distribution. The
indexes that could be installed as packages (devpi and the like) keep a database of their own and send other headers.

Each home has its own mirror. All its machines find it at network.MIRROR, which each machine's firewall rules lead to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import MachineError, SetupError
from ..system.files import replace_text
from ..system.home import cache_dir, home, home_id, locked, run_dir
from ..system.shell import environment
from . import families, index, mirror_log, network, packages
from .images import ca_bundle
from .index import Index
from .mirror_config import MARK, MARK_HEADER, Place, configuration
from .packages import Say

#: In a machine's data, and in the seed's: its stand-ins take packages from the mirror.
MIRRORED = "layerlab-mirrored"
#: It answers within a fraction of a second; this allows for a very busy computer.
START_SECONDS = 30.0
#: How long to wait for its answer, seconds.
ANSWER_SECONDS = 5.0
#: Names of hosts are looked up again after a day.
FRESH_SECONDS = 86400.0
#: A log that is bigger than this when the mirror starts is begun afresh, bytes.
LOG_BYTES = 50_000_000
#: Ports are taken from here: below those that the kernel gives to outgoing connections.
PORTS = range(20000, 32000, 2)
_NUMBERS = {"http": 80, "https": 443}


def wanted(say: Say) -> bool:
    """Tell whether stand-ins need a mirror: the index forbids clients to keep what they fetch, and one can be had.

    An index behind a proxy, or with a password in its address, gets none: nginx knows no proxies, and everybody's builds would
    have the password.
    """
    found = _asked()
    if found is None or found.lets_keep:
        return False
    try:
        packages.ensure_mirror()
    except SetupError as error:
        say(f"pip will keep nothing: the index doesn't allow it, and there's no mirror: {error.message}")
        return False
    return True


def ensure(say: Say) -> None:
    """Start the mirror unless it runs. Raises MachineError if it doesn't start, SetupError if its program can't be fetched."""
    with locked("mirror", wait=900):
        there = running()
        if there and _fresh():
            return
        program = packages.ensure_mirror()
        place = _place()
        known = _known_index()
        hosts = {host: _addresses(host) for host in {_host(known.address), *known.hosts}}
        replace_text(_file(), configuration(known, place, hosts))
        if there:
            for process in families.of(_file()):
                for child in process.children():
                    child.send_signal(signal.SIGHUP)
        else:
            _launch(program)


def end() -> int:
    """End the mirror; what it has fetched stays. Return how many processes there were."""
    ended = families.end(_file())
    shutil.rmtree(_run(), ignore_errors=True)
    return ended


def end_if_unused() -> None:
    """End the mirror when the last machine that uses it has gone."""
    if _run().exists() and not _needed():
        with locked("mirror"):
            end()


def unused() -> bool:
    """Tell whether it runs though no machine uses it: a process was killed before it could end it."""
    return bool(families.of(_file())) and not _needed()


def running() -> bool:
    """Tell whether this home's mirror, and not another program, answers."""
    with contextlib.suppress(OSError, ValueError):
        return f"{MARK_HEADER}: {home_id()}" in _answer(MARK)
    return False


def ports() -> tuple[int, int]:
    """Return the mirror's two ports, the same until it's removed: with the headers, and without."""
    with locked("mirror-ports"):
        if not _port_file().exists():
            _folder().mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_text(_port_file(), str(next(port for port in random.sample(PORTS, len(PORTS)) if _free(port))))
        port = int(_port_file().read_text())
    return port, port + 1


def traffic() -> mirror_log.Traffic:
    """Return what the mirror has served since its log began."""
    with contextlib.suppress(OSError, ValueError):
        _answer(MARK)  # it does one thing after another, so what ended before this is in the log now
    try:
        with (_folder() / "access.log").open(encoding="utf-8", errors="replace") as lines:
            return mirror_log.read(lines)
    except FileNotFoundError:
        return mirror_log.Traffic()


# -- its files ---------------------------------------------------------------------------------------------------------


def _folder() -> Path:
    return home() / "mirror"


def _file() -> Path:
    return _folder() / "nginx.conf"


def _port_file() -> Path:
    return _folder() / "port"


def _run() -> Path:
    return run_dir() / ".mirror"  # no machine has this name


def _place() -> Place:
    return Place(
        home=home_id(), folder=str(_folder()), run=str(_run()), kept=str(cache_dir() / "mirror"),
        bundle=str(ca_bundle() or "/dev/null"), address=str(network.MIRROR), ports=ports(),
    )  # fmt: skip


def _needed() -> bool:
    return any(home().glob(f"machines/*/data/{MIRRORED}"))


def _fresh() -> bool:
    with contextlib.suppress(OSError):
        return (_folder() / "index.json").exists() and time.time() - _file().stat().st_mtime < FRESH_SECONDS
    return False


# -- the index behind it -----------------------------------------------------------------------------------------------


def _asked() -> Index | None:
    """Ask this computer's index, and remember the answer; None if it doesn't answer, or can't be mirrored."""
    from urllib.request import getproxies

    address = index.address()
    scheme = urlsplit(address).scheme
    if scheme not in _NUMBERS or "@" in address or scheme in getproxies():
        return None
    try:
        found = index.ask(address)
    except (OSError, ValueError):
        return None
    _folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_text(_folder() / "index.json", json.dumps(dataclasses.asdict(found)))
    return found


def _known_index() -> Index:
    """Return the index as it answered now or earlier; if it never did, what its address tells, so that pip learns why."""
    if found := _asked():
        return found
    with contextlib.suppress(OSError, ValueError, TypeError):
        told = json.loads((_folder() / "index.json").read_text(encoding="utf-8"))
        return Index(told["address"], tuple(told["hosts"]), told["lets_keep"])
    address = index.address()
    if urlsplit(address).scheme not in _NUMBERS:
        raise MachineError(
            f"this computer's pip has no index that can be mirrored: {address or 'none'}",
            "correct pip's index-url (`python -m pip config debug` shows where it's set)",
        )
    return Index(address, (), False)


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _addresses(host: str) -> list[str]:
    """Return the addresses of `host`, as nginx writes them; [] if its name doesn't resolve."""
    parts = urlsplit(host)
    port = parts.port or _NUMBERS[parts.scheme]
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except OSError:
        return []
    texts = (f"[{at[0]}]:{port}" if family == socket.AF_INET6 else f"{at[0]}:{port}" for family, _, _, _, at in found)
    return list(dict.fromkeys(texts))


# -- the process -------------------------------------------------------------------------------------------------------


def _launch(program: Path) -> None:
    end()  # what a crash may have left: processes, and a socket that nginx wouldn't replace
    _run().mkdir(parents=True, mode=0o700)
    log, errors = _folder() / "access.log", _folder() / "error.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.unlink()
    with errors.open("wb") as output:
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", program, "-p", _run(), "-c", _file()],
            env=environment(packages.libraries_of(program)), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            cwd="/", start_new_session=True,  # it outlives the notebook's kernel and ignores its Ctrl-C
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while not running():
        if process.poll() is not None or time.monotonic() > deadline:
            families.end(_file())
            tail = "\n".join(errors.read_text(errors="replace").splitlines()[-8:])
            raise MachineError(f"the package mirror did not start\n{tail}", f"its configuration: {_file()}")
        time.sleep(0.02)


def _answer(path: str) -> str:
    """Return the mirror's answer, headers and all. Raises OSError or ValueError if there is none. Creates nothing."""
    with socket.create_connection((str(network.MIRROR), int(_port_file().read_text())), ANSWER_SECONDS) as asked:
        asked.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while block := asked.recv(1 << 16):
            answer += block
    return answer.decode("utf-8", "replace")


def _free(port: int) -> bool:
    """Tell whether nobody listens on `port`, nor on the one after it."""
    with socket.socket() as one, socket.socket() as other:
        try:
            one.bind(("0.0.0.0", port))
            other.bind(("0.0.0.0", port + 1))
        except OSError:
            return False
    return True
