"""What makes a stand-in like Docker's official `python:X-slim`: its recipe and its environment variables.

docs/stand-ins.md tells what is alike and what isn't; docs/stand-ins.toml lists it as data, tested on each stand-in.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import CommandFailed
from ..system.home import locked
from ..system.shell import run
from .network import MIRROR

#: Runs in the fresh root file system and makes it like the official image.
SCRIPT = Path(__file__).with_name("like-official.sh")
#: The packages it starts from. The last three are the official image's own (docker-library/python).
INCLUDE = ("python3", "python3-venv", "ca-certificates", "netbase", "tzdata")
#: Options for mmdebstrap: the packages that Docker's debian images start from (debuerreotype-init); and it would remove the
#: policy-rc.d that SCRIPT writes.
OPTIONS = ("--variant=minbase", "--skip=chroot/policy-rc.d")
#: Hooks for mmdebstrap, which sets $1; $LIKE_OFFICIAL is SCRIPT, which needs $SUITE and $MIRROR.
UPLOAD_AUTHORITIES = "upload {} /tmp/authorities.crt"
MAKE_ALIKE = 'chroot "$1" sh -s "$SUITE" "$MIRROR" <"$LIKE_OFFICIAL"'
#: Files that make pip and `uv pip` use the mirror. Any other configuration of theirs overrides these (pip's documentation,
#: "Configuration files"; uv's, "Configuration files"). uv's other commands don't use it: `uv sync --locked` would refuse a lock
#: file that was made with another index.
MIRROR_URL = f"http://{MIRROR}/simple"
MIRROR_FILES = {
    "./etc/xdg/pip/pip.conf": f"[global]\nindex-url = {MIRROR_URL}\ntrusted-host = {MIRROR}\n",
    "./etc/xdg/uv/uv.toml": f'[pip]\nindex-url = "{MIRROR_URL}"\n',
}
#: Changes with the recipe, so that images of an older recipe aren't taken for this one's.
RECIPE = hashlib.sha256(repr((INCLUDE, OPTIONS, MAKE_ALIKE)).encode() + SCRIPT.read_bytes()).hexdigest()[:8]
#: Where a stand-in has all the certificates it trusts.
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
#: The variables that name this file, for OpenSSL (and uv), pip, and requests, which otherwise has a list of its own.
CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
#: Variables for pip and for uv, of each option of pip's configuration that says where packages are.
INDEX_VARIABLES = {
    "index-url": ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    "extra-index-url": ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
}


def hooks(bundle: Path | None) -> list[str]:
    """Return the hooks that make a root file system alike; it will trust the certificates in `bundle` too."""
    return [*([UPLOAD_AUTHORITIES.format(bundle)] if bundle else []), MAKE_ALIKE]


@contextlib.contextmanager
def with_mirror(archive: Path) -> Iterator[Path]:
    """During a `with`, give a copy of an archive whose pip and uv use the mirror."""
    import tarfile

    copy = archive.with_suffix(".mirrored")
    with locked(copy.name, wait=900):
        try:
            shutil.copyfile(archive, copy)
            with tarfile.open(copy, "a") as tar:
                for name, text in MIRROR_FILES.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(text)
                    tar.addfile(member, io.BytesIO(text.encode()))
            yield copy
        finally:
            copy.unlink(missing_ok=True)


def environment(archive: Path, mirrored: bool) -> dict[str, str]:
    """Return the variables of the stand-in in `archive`: the official image's, and what reaches this computer's index."""
    version = python_version(archive)
    variables = {
        "PATH": "/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHON_VERSION": version,
    }
    if tuple(map(int, version.split(".")[:2])) < (3, 13):  # the official images dropped it then (docker-library/python)
        variables["LANG"] = "C.UTF-8"
    return variables | dict.fromkeys(CA_VARIABLES, AUTHORITIES) | _indexes(mirrored)


def python_version(archive: Path) -> str:
    """Return the version of the Python in `archive`, such as 3.11.2. Raises ValueError if it has none."""
    import tarfile  # here, because a build needs none

    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.endswith("/patchlevel.h") and (file := tar.extractfile(member)):
                found = re.search(r'^#define PY_VERSION\s+"([\d.]+)', file.read().decode(), re.MULTILINE)
                if found:
                    return found[1]
    raise ValueError(f"{archive} has no Python")


def _indexes(mirrored: bool) -> dict[str, str]:
    """Return variables that give pip and uv in an image the remote indexes of this computer's pip.

    If `mirrored`, the mirror stands for its main one, and pip finds that in its configuration.
    """
    listing = ""
    with contextlib.suppress(CommandFailed):  # no pip in this environment
        listing = run(sys.executable, "-m", "pip", "config", "list")
    configured = dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)
    variables: dict[str, str] = {}
    for option, names in INDEX_VARIABLES.items():
        value = ast.literal_eval(configured.get(f"global.{option}", "''"))
        remote = [url for url in value.split() if not url.startswith("file:")]
        if remote:
            variables |= dict.fromkeys(names, " ".join(remote))
    if mirrored and variables.pop("PIP_INDEX_URL", ""):
        variables["UV_DEFAULT_INDEX"] = MIRROR_URL
    return variables
