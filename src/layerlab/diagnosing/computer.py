"""doctor's checks of this computer and its network. `doctor` runs them; `findings` has the type of their results."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from ..engines import endpoint, images, index
from ..system import faults
from ..system.home import home
from .findings import Finding, Output, ask, ask_plugin, first_line, last_line

#: Bytes. An engine, its seed and one machine take 1.5 GB (measured with Debian's packages); our builds take some GB more.
DISK_NEEDED, DISK_GOOD = 3e9, 10e9
#: Bytes. An engine takes 75 MB; pip compiling a large package takes 1 GB or more.
MEMORY_NEEDED, MEMORY_GOOD = 0.5e9, 2e9
#: The kernel's and Docker's names of architectures, mapped to Docker's.
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
#: Variables that name a file of certificates, and the programs that read them.
CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# -- the computer ------------------------------------------------------------------------------------------------------


def look_at_disk() -> Finding:
    """Check the disks of LayerLab's home and of Docker's data; return the worse finding."""
    places = [home()]
    root = ask(["docker", "info", "--format", "{{.DockerRootDir}}"], endpoint.person_environment())
    # A path on another computer, or in Docker Desktop's virtual machine, says nothing about the disks here.
    if not root.failed and Path(root.text.strip()).is_dir():
        places.append(Path(root.text.strip()))
    findings = [judge_disk(str(place), *_disk(place)) for place in places]
    return min(findings, key=lambda f: (f.ok is not False, f.ok is not None))


def judge_disk(place: str, free: float, total: float) -> Finding:
    """Judge the `free` bytes, of `total`, on the disk that holds `place`."""
    what = f"{free / 1e9:.1f} GB of {total / 1e9:.0f} GB free for {place.replace(str(Path.home()), '~')}"
    fault = faults.known("no-space")
    if free < DISK_NEEDED:
        return Finding("disk", False, f"{what}; you need {DISK_NEEDED / 1e9:.0f} GB", fault.remedy)
    if free < DISK_GOOD:
        return Finding("disk", None, f"{what}: not much for images", fault.remedy)
    return Finding("disk", True, what)


def _disk(place: Path) -> tuple[int, int]:
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    return usage.free, usage.total


def look_at_cpu() -> Finding:
    """Check how many processors we may use, and how busy they are."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return judge_cpu(usable, psutil.getloadavg()[0])


def judge_cpu(usable: int, load: float) -> Finding:
    """Judge the number of `usable` processors by the `load`: the mean number of busy processes in the last minute."""
    what = f"{usable} {'processor' if usable == 1 else 'processors'}, load {load:.1f}"
    if load > 1.5 * usable:
        return Finding("CPU", None, f"{what}: busy, so times will vary", "stop other programs before you measure")
    return Finding("CPU", True if usable > 1 else None, what)


def look_at_memory() -> Finding:
    """Check how much memory is available."""
    memory = psutil.virtual_memory()
    return judge_memory(memory.available, memory.total)


def judge_memory(available: float, total: float) -> Finding:
    """Judge the `available` bytes of memory, of `total`."""
    what = f"{available / 1e9:.1f} GB of {total / 1e9:.1f} GB available"
    fault = faults.known("killed")
    if available < MEMORY_NEEDED:
        return Finding("memory", False, f"{what}; builds will be killed", fault.remedy)
    return Finding("memory", True if available >= MEMORY_GOOD else None, what)


def look_at_architecture() -> Finding:
    """Check that this computer, its Docker engine and DOCKER_DEFAULT_PLATFORM agree on the architecture."""
    environment = endpoint.person_environment()
    answer = ask(["docker", "version", "--format", "{{.Server.Arch}}"], environment)
    engine = "" if answer.failed else answer.text.strip()
    return judge_architecture(platform.machine(), engine, environment.get("DOCKER_DEFAULT_PLATFORM", ""))


def judge_architecture(machine: str, engine: str, wanted: str) -> Finding:
    """Judge the architecture by the kernel (`machine`), by Docker (`engine`, "" if none answers) and by the user.

    `wanted` is the user's DOCKER_DEFAULT_PLATFORM.
    """
    own = ARCHITECTURES.get(machine.lower())
    if wanted and own and own not in wanted:
        what = f"this computer is {own}, but DOCKER_DEFAULT_PLATFORM={wanted} asks for another"
        return Finding("architecture", False, what, "`unset DOCKER_DEFAULT_PLATFORM`")
    if engine and own and ARCHITECTURES.get(engine, engine) != own:
        remedy = faults.known("architecture").remedy
        return Finding("architecture", None, f"this computer is {own}, its Docker engine {engine}", remedy)
    if not own:
        return Finding("architecture", None, f"{machine}: LayerLab is tested on amd64 and arm64 only")
    return Finding("architecture", True, own)


# -- network -----------------------------------------------------------------------------------------------------------


def look_at_network() -> Finding:
    """Check that the name for downloads can be looked up: the proxy's, or that of pip's index."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or ""
    address = proxy or index.address()
    host = urllib.parse.urlsplit(address if "//" in address else f"//{address}").hostname or ""
    if not host:
        return judge_network(host, "")
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        return judge_network(host, str(error))
    return judge_network(host, "")


def judge_network(host: str, error: str) -> Finding:
    """Judge the lookup of `host` ("" if the index is a folder) by its `error` ("" if the host was found)."""
    if not host:
        return Finding("network", None, "pip's index is a folder: no name to look up")
    if not error:
        return Finding("network", True, "names resolve")  # without the host: saved notebooks don't need it
    fault = faults.recognise(error) or faults.known("no-host")
    return Finding("network", False, f"{host}: {fault.what} ({first_line(error)})", fault.remedy)


def look_at_hub() -> Finding:
    """Check that base images can be pulled, or else that there are stand-ins."""
    image = images.BASES[0]
    standins = image in images.standins()
    if os.environ.get("LAYERLAB_HUB") == "no":
        return judge_hub(Output("LAYERLAB_HUB=no", failed=True), standins)
    return judge_hub(ask_plugin("buildx", "imagetools", "inspect", image), standins)


def judge_hub(answer: Output, standins: bool) -> Finding:
    """Judge the answer of `docker buildx imagetools inspect`; `standins` says whether we can make base images here."""
    if not answer.failed:
        return Finding("hub", True, "answers")
    fault = faults.recognise(answer.text)
    reason = fault.what if fault else last_line(answer.text) or "no answer"
    # You can fix a hub that answers but refuses; if it's out of reach, stand-ins are enough.
    remedy = fault.remedy if fault and fault.key in ("rate-limit", "certificate") else ""
    if standins:
        return Finding("hub", None, f"no hub: using stand-ins made from this system's packages ({reason})", remedy)
    return Finding("hub", False, f"no hub, and no stand-ins on this system: {reason}", fault.remedy if fault else "")


def look_at_index() -> Finding:
    """Check that pip's index answers."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "0", "--timeout", "8"]
    return judge_index(ask([*command, "index", "versions", "pip"], {}), index.address())


def judge_index(answer: Output, address: str) -> Finding:
    """Judge the answer of `pip index versions pip` from the index at `address`."""
    where = _without_password(address)
    if not answer.failed:
        return Finding("package index", True, "answers")
    if "No module named pip" in answer.text:
        return Finding("package index", None, "not asked: this environment has no pip")
    fault = faults.recognise(answer.text)
    what = fault.what if fault else last_line(answer.text)
    remedy = fault.remedy if fault else "`python -m pip config debug` shows where the index is set"
    if fault and fault.key == "certificate":
        remedy = "point pip at your company's CA: `pip config set global.cert /path/to/ca.pem`"
    return Finding("package index", False, f"{where}: {what}" if where else what, remedy)


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)


def look_at_certificates() -> Finding:
    """Check the file of trusted certificates and the variables that name such files."""
    named = {name: os.environ[name] for name in CA_VARIABLES if os.environ.get(name)}
    extra = sorted(p.name for p in Path("/usr/local/share/ca-certificates").glob("**/*.crt"))
    bundle = images.ca_bundle()
    return judge_certificates(str(bundle or ""), named, [n for n, p in named.items() if not Path(p).exists()], extra)


def judge_certificates(bundle: str, named: Mapping[str, str], missing: Sequence[str], extra: Sequence[str]) -> Finding:
    """Judge the file of trusted certificates, `bundle` ("" if there is none).

    `named` maps variables to the files that they name, `missing` lists those whose file doesn't exist, and `extra` lists
    this computer's own authorities.
    """
    name = "certificates"
    if missing:
        what = f"{missing[0]} names {named[missing[0]]}, which does not exist"
        return Finding(name, False, what, f"`unset {missing[0]}`, or put the file there")
    if not bundle:
        remedy = "install them: `apt-get install ca-certificates`"
        return Finding(name, False, "this computer has no file of trusted certificates (CA bundle)", remedy)
    if extra:
        return Finding(name, True, f"{bundle}, with {len(extra)} of your own; stand-in base images trust them too")
    if named:
        return Finding(name, True, f"{bundle}, named by {', '.join(named)}; stand-in base images trust it too")
    return Finding(name, True, bundle)
