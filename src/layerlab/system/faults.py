"""What the messages of engines and tools mean: the real text, what happened, and the command that fixes it.

Both `doctor` and failed builds use this list. Each pattern comes from a message that Docker, BuildKit, containerd, pip or
the kernel really prints; the tests hold whole recorded messages.
"""

from __future__ import annotations

import dataclasses
import re

from .limits import MEMORY_PERCENT, PROCESSES_PERCENT


@dataclasses.dataclass(frozen=True)
class Fault:
    """A known fault.

    Attributes:
        key: a short name.
        pattern: regular expression that finds it in a message; case is ignored. A message may be a log of megabytes on one
            line, so no pattern may scan the rest of the line again from each place where it could begin.
        what: what happened, in words.
        remedy: what to do, with the command.
    """

    key: str
    pattern: str
    what: str
    remedy: str


#: The first match wins, because one message can hold several faults: the certificate comes before pip's "no matching
#: distribution", the missing host name before BuildKit's "failed to resolve source metadata" around it.
FAULTS = (
    Fault(
        "permission",
        r"permission denied while trying to connect to the Docker (daemon|API)|dial unix \S+: connect: permission denied|"
        r"PermissionError\(13, 'Permission denied'\)",
        "you aren't allowed to use the Docker engine's socket",
        "join the group `docker`: `sudo usermod -aG docker $USER`, then log in again (its members are as powerful as root)",
    ),
    Fault(
        "certificate",
        r"x509: |CERTIFICATE_VERIFY_FAILED|unable to get local issuer certificate|self[- ]signed certificate|"
        r"certificate verification failed|invalid peer certificate",
        "a server's certificate isn't trusted (often because of a company proxy)",
        "make the engine and the build trust your company's CA: copy it to /usr/local/share/ca-certificates, run "
        "`update-ca-certificates`, and set PIP_CERT in the base image",
    ),
    Fault(
        "no-daemon",
        r"cannot connect to the docker daemon|is the docker daemon running|error during connect|"
        r"failed to connect to the docker API|error while fetching server API version|"
        r"Connection aborted\.', (ConnectionRefused|FileNotFound)Error",
        "no Docker engine answers",
        "start it: open Docker Desktop, or run `sudo systemctl start docker`; for a LayerLab machine, run `layerlab up`",
    ),
    Fault(
        "buildkit-off",
        r"BuildKit is currently disabled|DOCKER_BUILDKIT=0",
        "an environment variable switches BuildKit off (DOCKER_BUILDKIT=0)",
        "`unset DOCKER_BUILDKIT`, and take it out of your shell profile",
    ),
    Fault(
        "no-buildx",
        r"'buildx' is not a docker command|unknown command: docker buildx|install the buildx component|"
        r"the buildx component is missing|unknown flag: --progress|unknown shorthand flag: '\w' in -\w\W+See 'docker --help'",
        "the buildx plugin is missing",
        "install it: `apt-get install docker-buildx` (Debian, Ubuntu) or `docker-buildx-plugin` (Docker's own packages)",
    ),
    Fault(
        "buildkit-off",
        r"requires BuildKit\. Refer to|legacy builder is deprecated",
        "the old builder ran this build, not BuildKit",
        "`unset DOCKER_BUILDKIT`, and build with `docker buildx build`",
    ),
    Fault(
        "no-compose",
        r"'compose' is not a docker command|unknown command: docker compose",
        "the Compose plugin is missing",
        "install it: `apt-get install docker-compose` (Debian), `docker-compose-v2` (Ubuntu) or `docker-compose-plugin` "
        "(Docker's own packages)",
    ),
    Fault(
        "rate-limit",
        r"toomanyrequests|reached your (unauthenticated )?pull rate limit|429 Too Many Requests",
        "the hub refuses more pulls for now (rate limit)",
        "log in with `docker login`, wait, or use a mirror (daemon.json: registry-mirrors)",
    ),
    Fault(
        "no-space",
        r"no space left on device|disk quota exceeded|don't have enough free space",
        "the disk is full",
        "free some space: `docker system df` shows what Docker uses, `layerlab reset` empties LayerLab's machine",
    ),
    Fault(
        "no-host",
        r"no such host|could not resolve host|temporary failure in name resolution|name or service not known|"
        r"temporary failure resolving|failed to lookup address information|server misbehaving|nodename nor servname",
        "a host name couldn't be looked up: no network, or no DNS",
        "check the network and the name; behind a VPN, give the engine the VPN's DNS servers (daemon.json: dns)",
    ),
    Fault(
        "no-answer",
        r"dial tcp \S+ (connect: connection refused|i/o timeout)|Client\.Timeout exceeded while awaiting headers|"
        r"TLS handshake timeout|network is unreachable|no route to host",
        "a server doesn't answer: it's down, or a firewall or proxy is in the way",
        "check its address and port; behind a proxy, set HTTPS_PROXY for the engine (daemon.json: proxies) and for the build",
    ),
    Fault(
        "no-upstream",
        r"package mirror can't reach ",
        "LayerLab's package mirror couldn't reach this computer's package index",
        "check the network: `layerlab doctor` asks the index; packages that were fetched before can still be had",
    ),
    Fault(
        "no-index",
        r"could not find a version that satisfies the requirement|no matching distribution found|"
        r"failed to fetch: (?:(?!failed to fetch: ).)*simple|Max retries exceeded with url",
        "pip couldn't get a package from its index",
        "check the name and version, and whether the index answers: `pip index versions pip`",
    ),
    Fault(
        "architecture",
        r"exec format error|does not match the (detected|specified|expected) (host )?platform|no match for platform in manifest|"
        r"no matching manifest for \S+ in the manifest list|but the actual platform is|"
        r"was pulled with platform (?:(?!was pulled with platform ).)*, expected",
        "an image or program is for another processor architecture",
        "build for this computer's architecture (`--platform linux/amd64` or arm64), or install emulation: "
        "`docker run --privileged --rm tonistiigi/binfmt --install all`",
    ),
    Fault(
        "processes",
        r"cannot fork|fork: (retry: )?resource temporarily unavailable|can't start new thread|pthread_create failed|"
        r"fork(_exec)?\(\)?\s+([~^]+\s+)?BlockingIOError|spawn \S+ EAGAIN",
        "a step tried to run more processes than it may",
        "run fewer at once (`make -j4`, fewer workers); on a machine of LayerLab's, all that runs there may have "
        f"{PROCESSES_PERCENT} % of the processes that the computer allows (/proc/sys/kernel/pid_max or threads-max, the smaller)",
    ),
    Fault(
        "killed",
        r"exit code: 137|signal: killed|cannot allocate memory|out of memory",
        "a step was killed, most likely because memory ran out",
        "build less at once, or give the engine more memory (Docker Desktop: Settings, Resources); on a machine of LayerLab's, "
        f"all that runs there may have {MEMORY_PERCENT} % of the computer's memory",
    ),
    Fault(
        "not-found",
        r"failed to resolve source metadata for|pull access denied|manifest unknown|repository does not exist",
        "the base image can't be found or pulled",
        "check its name and tag; if no hub answers, LayerLab has stand-ins for python:3.11-slim and python:3.13-slim",
    ),
    Fault(
        "no-instructions",
        r"the Dockerfile cannot be empty|file with no instructions",
        "the Dockerfile has no instructions",
        "begin it with a FROM line, such as FROM python:3.13-slim",
    ),
    Fault(
        "no-stage",
        r"no build stage in current context",
        "an instruction comes before the first FROM",
        "begin the Dockerfile with a FROM line; only ARG may come before it",
    ),
    Fault(
        "long-line",
        r"dockerfile line greater than max allowed size of \d+",
        "a line of the Dockerfile is longer than BuildKit reads (64 kB)",
        "put what it holds into a file, and COPY that; or break the line with a backslash",
    ),
    Fault(
        "long-command",
        r"exec \S+: argument list too long",
        "a command is longer than Linux allows (128 kB for one argument)",
        "put what the RUN does into a script, COPY that and run it; or make several RUNs of it",
    ),
    Fault(
        "frontend",
        r"dockerfile parse error on line \d+: unknown flag: --",
        "the engine's Dockerfile frontend doesn't know a flag: a slip of the pen, or the frontend is too old",
        "check the spelling; for a newer frontend, make `# syntax=docker/dockerfile:1` the first line, which the engine fetches "
        "(`COPY --parents` came with docker/dockerfile:1.7-labs)",
    ),
    Fault(
        "not-utf-8",
        r"string field contains invalid UTF-8",
        "BuildKit takes only names in UTF-8, and a file of the build context has another: `layerlab explain` names it",
        "rename the file, or keep it out with .dockerignore",
    ),
    Fault(
        "cut-off",
        r"short read: expected \d+ bytes but got \d+",
        "an image or a cache came only in part: its registry stopped, or the network broke",
        "build again; what has arrived is kept",
    ),
    Fault(
        "gone",
        r"error reading from server: EOF|closed network connection|transport is closing|unexpected EOF|"
        r"Connection aborted\.', (RemoteDisconnected|ConnectionReset)",
        "the connection to the engine broke: the engine stopped or was killed",
        "start it again with `layerlab up`, and repeat the build",
    ),
)


def known(key: str) -> Fault:
    """Return the fault with this key; the first, if there are several."""
    return next(fault for fault in FAULTS if fault.key == key)


def recognise(message: str) -> Fault | None:
    """Return the first fault whose pattern is in `message`; None if we know none."""
    return next((fault for fault in FAULTS if re.search(fault.pattern, message, re.IGNORECASE)), None)
