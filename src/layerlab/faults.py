"""What an engine's or a tool's messages mean: the real texts, what happened in words, and the command that mends it.

`doctor` and a failed build both read them here. Each pattern is from the message as Docker, BuildKit, containerd, pip or
the kernel prints it; the tests hold whole recorded messages.
"""

from __future__ import annotations

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Fault:
    """A known fault.

    Attributes:
        key: a short name.
        pattern: regular expression, case ignored, that finds it in a message.
        what: what happened, in words.
        remedy: what to do, with the command.
    """

    key: str
    pattern: str
    what: str
    remedy: str


FAULTS = (
    Fault(
        "permission",
        r"permission denied while trying to connect to the Docker daemon|dial unix \S+: connect: permission denied",
        "you may not use the Docker engine's socket",
        "join the group `docker`: `sudo usermod -aG docker $USER`, then log in again (the group is as mighty as root)",
    ),
    Fault(
        "no-daemon",
        r"cannot connect to the docker daemon|is the docker daemon running|error during connect|"
        r"failed to connect to the docker API|connect: connection refused.*docker",
        "no Docker engine answers",
        "start it: Docker Desktop, or `sudo systemctl start docker`; a machine of LayerLab's: `layerlab up`",
    ),
    Fault(
        "no-buildx",
        r"'buildx' is not a docker command|unknown command: docker buildx|"
        r"BuildKit is enabled but the buildx component is missing|unknown flag: --progress",
        "the buildx plugin is missing",
        "install it: `apt-get install docker-buildx` (Debian, Ubuntu) or `docker-buildx-plugin` (Docker's own packages)",
    ),
    Fault(
        "buildkit-off",
        r"the --mount option requires BuildKit|requires BuildKit\. Refer to|legacy builder is deprecated|DOCKER_BUILDKIT=0",
        "BuildKit is switched off by the environment (DOCKER_BUILDKIT=0)",
        "`unset DOCKER_BUILDKIT`, and take it out of your shell profile",
    ),
    Fault(
        "rate-limit",
        r"toomanyrequests|reached your (unauthenticated )?pull rate limit|429 Too Many Requests",
        "the hub refuses more pulls for now (rate limit)",
        "log in with `docker login`, wait, or use a mirror (daemon.json: registry-mirrors)",
    ),
    Fault(
        "no-space",
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "free some: `docker system df` shows what Docker holds, `layerlab reset` empties LayerLab's machine",
    ),
    Fault(
        "certificate",
        r"x509: certificate signed by unknown authority|x509: |CERTIFICATE_VERIFY_FAILED|unable to get local issuer certificate|"
        r"self[- ]signed certificate",
        "a server's certificate is not trusted (often a company's proxy)",
        "give the engine, and the build, your company's CA: copy it to /usr/local/share/ca-certificates, run "
        "`update-ca-certificates` there, and set PIP_CERT in the base image",
    ),
    Fault(
        "no-host",
        r"no such host|could not resolve host|temporary failure in name resolution|name or service not known|"
        r"temporary failure resolving|failed to lookup address information",
        "a name could not be looked up: no network, or no DNS inside the build",
        "check the network; behind a VPN or proxy, see `layerlab doctor`",
    ),
    Fault(
        "no-index",
        r"could not find a version that satisfies the requirement|no matching distribution found|"
        r"connection (refused|timed out).*\bpip\b|failed to fetch: .*simple|Max retries exceeded with url",
        "pip could not get a package from its index",
        "check the name and version, and whether the index answers: `pip index versions pip`",
    ),
    Fault(
        "architecture",
        r"exec format error|does not match the (detected|specified|expected) (host )?platform|no match for platform in manifest",
        "an image or program is for another processor architecture",
        "build for this one (`--platform linux/amd64` or arm64), or install emulation: `docker run --privileged --rm "
        "tonistiigi/binfmt --install all`",
    ),
    Fault(
        "killed",
        r"exit code: 137|signal: killed|cannot allocate memory|out of memory",
        "a step was killed, most likely for want of memory",
        "give the engine more memory (Docker Desktop: Settings, Resources), or build less at once",
    ),
    Fault(
        "not-found",
        r"failed to resolve source metadata for|pull access denied|manifest unknown|repository does not exist",
        "the base image is not to be had",
        "check its name and tag; where no hub answers, LayerLab has stand-ins for: python:3.11-slim, python:3.13-slim",
    ),
    Fault(
        "gone",
        r"error reading from server: EOF|closed network connection|transport is closing|unexpected EOF",
        "the connection to the engine broke off: it stopped, or was killed",
        "start it again and repeat the build; `layerlab up`",
    ),
)


def recognise(message: str) -> Fault | None:
    """The first fault whose pattern is in `message`; None if it is none that we know."""
    return next((fault for fault in FAULTS if re.search(fault.pattern, message, re.IGNORECASE)), None)
