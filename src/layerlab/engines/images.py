"""Base images: pulled where a hub can be reached, otherwise stand-ins made from the distribution's packages.

A stand-in never takes the real image's name: `python:3.11-slim` has the stand-in `layerlab-standin/python:3.11-slim`.
Dockerfiles keep saying `FROM python:3.11-slim`; a build passes BuildKit's named context
`--build-context python:3.11-slim=docker-image://layerlab-standin/python:3.11-slim`, in plain sight in its command.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import shutil
import socket
import ssl
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ..errors import CommandFailed, SetupError
from ..system import faults
from ..system.home import cache_dir, locked
from ..system.shell import beside, run
from . import packages
from .packages import Say

STANDIN = "layerlab-standin/"
#: Keeps the image that a base was before it moved. No build refers to it, and `Machine.reset` does not keep it.
ORIGINAL = "layerlab-original/"
#: The file that a moved base has more than the one before it.
MOVED = "/etc/layerlab-base-release"
#: What every machine holds from the start.
BASES = ("python:3.11-slim",)
#: The engine of a machine in a container.
ENGINE_IMAGE = "docker:28-dind"
#: The registry, where a hub can be reached; the program inside is called by its full path.
REGISTRY_IMAGE, REGISTRY_PROGRAM = "registry:2", "/bin/registry"
#: Which suite's python3 is which version (the distributions' package lists).
PYTHON_OF_SUITE = {
    "debian": {"3.11": "bookworm", "3.13": "trixie"},
    "ubuntu": {"3.10": "jammy", "3.12": "noble", "3.14": "resolute"},
}
#: Seconds after which a hub that does not answer counts as out of reach.
HUB_SECONDS = 15.0
#: Where images come from that name no hub of their own.
HUB = "docker.io"
#: Why nothing is pulled where the person says so.
NO_HUB = "LAYERLAB_HUB=no"
#: Raised when the recipe below changes, so that cached archives are made anew.
RECIPE = 1

#: Runs the docker client on the engine in question, with these arguments; returns its output, raises CommandFailed.
Docker = Callable[..., str]


def standin_name(image: str) -> str:
    """The name under which the stand-in for `image` is kept."""
    return STANDIN + image


def is_base(tag: str) -> bool:
    """Whether an image of a machine is a base image, which `Machine.reset` keeps."""
    return tag.startswith((STANDIN, "python:"))


def ensure(image: str, docker: Docker, say: Say) -> str:
    """Have base image `image` on an engine; return the name it is there under (its own, or its stand-in's).

    Raises SetupError where no hub gives it and no stand-in can be made.
    """
    if name := present(image, docker):
        return name
    refusal = _pulled(image, docker, say)
    if not refusal:
        return image
    if image not in standins():
        have = ", ".join(standins()) or "none on this system"
        raise SetupError(
            f"{image} cannot be pulled ({refusal}) and there is no stand-in for it",
            f"connect to a hub, or use an image with a stand-in: {have}",
        )
    say(f"{image} cannot be pulled: {refusal}. A stand-in takes its place.")
    archive = standin_archive(image, say)
    say(f"Importing {standin_name(image)} …")
    changes = [word for key, value in _environment().items() for word in ("--change", f"ENV {key}={value}")]
    docker("import", *changes, "--change", 'CMD ["python3"]', str(archive), standin_name(image))
    return standin_name(image)


@contextlib.contextmanager
def made_ahead(images: Iterable[str], say: Say) -> Iterator[None]:
    """While the body runs, make the stand-ins that `ensure` will need on an engine that is not there yet.

    `ensure` finds them made, or waits. Where a hub seems to be in reach nothing is made.
    """

    def make() -> None:
        needed = [image for image in images if image in standins()]
        if needed and _hub_is_out_of_reach():
            for image in needed:
                standin_archive(image, say)

    with beside(make):
        yield


def _hub_is_out_of_reach() -> bool:
    """Whether nothing can be pulled, as far as can be said without an engine. Behind a proxy it cannot be said."""
    if os.environ.get("LAYERLAB_HUB") == "no":
        return True
    if urllib.request.getproxies():
        return False
    try:
        socket.create_connection((HUB, 443), timeout=HUB_SECONDS).close()
    except OSError:
        return True
    return False


def ensure_engine_image(docker: Docker, say: Say) -> str:
    """Have the image that a machine in a container runs in the person's Docker; return the name it is there under.

    Raises SetupError where no hub gives it and no stand-in can be made.
    """
    try:
        if os.environ.get("LAYERLAB_HUB") != "no":
            docker("pull", "--quiet", ENGINE_IMAGE)
            return ENGINE_IMAGE
        refusal = NO_HUB
    except CommandFailed as error:
        refusal = _reason(error)
    if not packages.can_unpack():
        raise SetupError(
            f"{ENGINE_IMAGE}, which machines run in your Docker, cannot be pulled: {refusal}",
            f"connect to a hub, or load the image yourself: `docker pull {ENGINE_IMAGE}`",
        )
    say(f"{ENGINE_IMAGE} cannot be pulled: {refusal}. A stand-in takes its place.")
    docker("import", str(_engine_archive(say)), standin_name(ENGINE_IMAGE))
    return standin_name(ENGINE_IMAGE)


def ensure_registry_image(docker: Docker, say: Say) -> tuple[str, Path | None]:
    """Have an image in the person's Docker that a registry can run in; return its name, and the program to put into it.

    The program is None where the image has its own. Raises SetupError where no hub gives one and no stand-in can be made.
    """
    if present(REGISTRY_IMAGE, docker) == REGISTRY_IMAGE or not (refusal := _pulled(REGISTRY_IMAGE, docker, say)):
        return REGISTRY_IMAGE, None
    if not packages.can_unpack():
        raise SetupError(
            f"{REGISTRY_IMAGE} cannot be pulled: {refusal}",
            f"connect to a hub, or load the image yourself: `docker pull {REGISTRY_IMAGE}`",
        )
    program, image = packages.ensure_registry(say), standin_name(ENGINE_IMAGE)
    if present(image, docker) != image:  # made of the same packages, so what runs here runs in it
        docker("import", str(_engine_archive(say)), image)
    return image, program


def present(image: str, docker: Docker) -> str:
    """The name under which `image`, or its stand-in, is on an engine; "" if neither is."""
    for name in (image, standin_name(image)):
        with contextlib.suppress(CommandFailed):
            docker("image", "inspect", "--format", "{{.Id}}", name)
            return name
    return ""


def _pulled(image: str, docker: Docker, say: Say) -> str:
    """Pull an image; return "" when it is there, and otherwise why not."""
    if os.environ.get("LAYERLAB_HUB") == "no":
        return NO_HUB
    try:
        # Asked first, because a pull waits for minutes on a hub that does not answer.
        docker("buildx", "imagetools", "inspect", image, timeout=HUB_SECONDS)
        say(f"Pulling {image} …")
        docker("pull", "--quiet", image)
    except CommandFailed as error:
        return _reason(error)
    return ""


def _reason(error: CommandFailed) -> str:
    fault = faults.recognise(error.output)
    lines = error.output.strip().splitlines()
    return fault.what if fault else lines[-1] if lines else error.message


def move(name: str, docker: Docker) -> str:
    """Give the name of a base image to one with a file more, keep the first one as ORIGINAL; return the new image's id.

    A label would not do: BuildKit keys what stands on an image by the image's layers.
    """
    if not present(ORIGINAL + name, docker):
        docker("tag", name, ORIGINAL + name)
    before, container = _id(name, docker), docker("create", name, "true").strip()
    try:
        with tempfile.NamedTemporaryFile("w") as release:
            release.write(f"{time.time_ns()}\n")
            release.flush()
            docker("cp", release.name, f"{container}:{MOVED}")
        # A container of another command than the image's would hand that down: give the image its own again.
        command = docker("image", "inspect", "--format", "{{json .Config.Cmd}}", name).strip()
        return docker("commit", "--change", f"CMD {command}", container, name).strip()
    finally:
        docker("rm", "--force", container)
        _remove_nameless(before, docker)


def move_back(tags: Iterable[str], docker: Docker) -> None:
    """Of an engine's `tags`, give each base image that was moved its name back."""
    for tag in tags:
        if tag.startswith(ORIGINAL):
            name = tag.removeprefix(ORIGINAL)
            moved = _id(name, docker)
            docker("tag", tag, name)
            docker("image", "rm", tag)  # only this name of it
            _remove_nameless(moved, docker)


def _id(name: str, docker: Docker) -> str:
    """The id of image `name`; "" where it is not on the engine."""
    return docker("images", "--no-trunc", "--quiet", name).strip()


def _remove_nameless(image: str, docker: Docker) -> None:
    """Remove an image that no name refers to any more. It stays where a container needs it."""
    with contextlib.suppress(CommandFailed):
        if docker("image", "inspect", "--format", "{{len .RepoTags}}", image).strip() == "0":
            docker("image", "rm", image)


def standins() -> dict[str, str]:
    """The base images that a stand-in can be made for on this computer, and the suite that each is made from."""
    if not packages.can_unpack():
        return {}
    release = packages.os_release()
    names = (release.get("ID", ""), *release.get("ID_LIKE", "").split())
    suites = next((PYTHON_OF_SUITE[name] for name in names if name in PYTHON_OF_SUITE), {})
    return {f"python:{version}-slim": suite for version, suite in suites.items()}


def standin_archive(image: str, say: Say) -> Path:
    """A tar of the root file system that stands in for `image`, from the cache or made now (about 20 s).

    It is Debian's (Ubuntu's) Python laid out as in the official image: `python` and `pip` in /usr/local, packages in
    /usr/local/lib/python3.X/site-packages. It trusts what this computer trusts. Raises KeyError if it is not in `standins()`.
    """
    suite, bundle = standins()[image], ca_bundle()
    hooks = [f'chroot "$1" python3 -m venv --copies /usr/local']  # noqa: F541 - "$1" is mmdebstrap's
    if bundle:
        hooks.insert(0, f"upload {bundle} /etc/ssl/certs/ca-certificates.crt")
    return _bootstrap(image, suite, ["python3", "python3-venv", "ca-certificates"], hooks, say)


def _engine_archive(say: Say) -> Path:
    packages.ensure_engine(say)
    # /bin and /sbin are links in the root file system, and folders in the packages.
    hooks = ['tar -C "$ENGINE_PACKAGES" -c . | tar -C "$1" -x --keep-directory-symlink']
    include = ["ca-certificates", "iptables", "libseccomp2", "mount", "git"]
    return _bootstrap(ENGINE_IMAGE, packages.codename(), include, hooks, say)


def ca_bundle() -> Path | None:
    """The file of certificates that this computer trusts, its own extra ones included."""
    chosen = (
        os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    )
    return Path(chosen) if Path(chosen).exists() else None


def _bootstrap(image: str, suite: str, include: list[str], hooks: list[str], say: Say) -> Path:
    """Make a root file system with mmdebstrap, once for the same recipe, mirror and certificates."""
    mirror, bundle = packages.mirror(), ca_bundle()
    recipe = repr(
        (
            RECIPE,
            image,
            suite,
            include,
            hooks,
            mirror,
            hashlib.sha256(bundle.read_bytes() if bundle else b"").hexdigest(),
        )
    )
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    folder = cache_dir() / "images"
    folder.mkdir(exist_ok=True)
    archive = folder / f"{image.replace(':', '-').replace('/', '-')}-{key}.tar"
    with locked(f"image-{key}", wait=900):
        if archive.exists():
            return archive
        tools = packages.ensure_bootstrapper()
        say(f"Making a stand-in for {image} from the packages of {suite} (about 20 s) …")
        # A folder of ours, and namespaces that end with the process: a killed run leaves nothing running or mounted, and
        # nothing that the next run or `layerlab clean` does not remove.
        work = archive.with_suffix(".part")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        part = work / archive.name
        command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += ["mmdebstrap", "--variant=apt", f"--include={','.join(include)}", "--aptopt=Acquire::Retries 3"]
        for path in ("man", "doc", "locale", "info"):  # as the official slim images do
            command.append(f"--dpkgopt=path-exclude=/usr/share/{path}/*")
        command += [f"--customize-hook={hook}" for hook in hooks]
        try:
            run(
                *command,
                suite,
                str(part),
                mirror,
                env={
                    **tools,
                    "TMPDIR": str(work),
                    "ENGINE_PACKAGES": str(packages.engine_dir()),
                    "DPKG_FORCE": "unsafe-io",  # nobody needs half of it after a power cut, so don't wait for the disk
                },
                what=f"could not make a stand-in for {image}",
            )
            part.rename(archive)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return archive


def _environment() -> dict[str, str]:
    """Variables of a stand-in: the official image's PATH, this computer's trust and its pip index."""
    variables = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    if ca_bundle():
        variables |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), "/etc/ssl/certs/ca-certificates.crt")
    listing = ""
    with contextlib.suppress(CommandFailed):  # no pip in this environment
        listing = run(sys.executable, "-m", "pip", "config", "list")
    configured = dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)
    for option in ("index-url", "extra-index-url"):
        value = ast.literal_eval(configured.get(f"global.{option}", "''"))
        remote = [url for url in value.split() if not url.startswith("file:")]
        if remote:
            variables[f"PIP_{option.replace('-', '_').upper()}"] = " ".join(remote)
    return variables
