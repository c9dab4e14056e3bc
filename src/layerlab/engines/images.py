"""Base images: pulled where a hub can be reached, otherwise stand-ins made from the distribution's packages.

A stand-in never takes the real image's name: `python:3.11-slim` has the stand-in `layerlab-standin/python:3.11-slim`.
Dockerfiles still say `FROM python:3.11-slim`; a build passes BuildKit's named context
`--build-context python:3.11-slim=docker-image://layerlab-standin/python:3.11-slim`, which you can see in its command.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ..errors import CommandFailed, SetupError
from ..system import faults, progress
from ..system.home import cache_dir, locked
from ..system.shell import beside, run
from ..system.trees import tree_bytes
from . import likeness, packages
from .packages import Say

STANDIN = "layerlab-standin/"
#: Name prefix of a moved base image's original. No build refers to it, and `Machine.reset` doesn't keep it.
ORIGINAL = "layerlab-original/"
#: The one file that a moved base image has and its original doesn't.
MOVED = "/etc/layerlab-base-release"
#: The base images that every machine starts with.
BASES = ("python:3.11-slim",)
#: The image that runs a machine in a container.
ENGINE_IMAGE = "docker:28-dind"
#: The registry's image, where a hub can be reached, and the full path of the program inside it.
REGISTRY_IMAGE, REGISTRY_PROGRAM = "registry:2", "/bin/registry"
#: Maps each Python version to the suite whose python3 it is (the distributions' package lists).
PYTHON_OF_SUITE = {
    "debian": {"3.11": "bookworm", "3.13": "trixie"},
    "ubuntu": {"3.10": "jammy", "3.12": "noble", "3.14": "resolute"},
}
#: A hub that doesn't answer within this many seconds counts as out of reach.
HUB_SECONDS = 15.0
#: The hub of images whose name gives none.
HUB = "docker.io"
#: The reason given when the user has turned pulling off.
NO_HUB = "LAYERLAB_HUB=no"
#: Bytes that making a stand-in writes, roughly: the files, and then their archive of the same size (measured with Debian's).
STANDIN_BYTES = {"python:3.11-slim": 420e6, "python:3.13-slim": 330e6, ENGINE_IMAGE: 1.1e9}
#: Increase this when the engine image's recipe below changes, so that a cached archive is made again.
ENGINE_RECIPE = 1

#: Runs the docker client on the engine in question with these arguments; returns its output, or raises CommandFailed.
Docker = Callable[..., str]


def standin_name(image: str) -> str:
    """Return the name of the stand-in for `image`."""
    return STANDIN + image


def is_base(tag: str) -> bool:
    """Tell whether a machine's image is a base image, which `Machine.reset` keeps."""
    return tag.startswith((STANDIN, "python:"))


def ensure(image: str, docker: Docker, say: Say, *, mirrored: bool = False) -> str:
    """Make sure that an engine has base image `image`; return its name there (its own, or its stand-in's).

    A stand-in that's made now takes packages from the mirror if `mirrored`.

    Raises SetupError if no hub provides it and no stand-in can be made.
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
    say(f"{image} cannot be pulled: {refusal}. Using a stand-in instead.")
    archive = standin_archive(image, say)
    say(f"Importing {standin_name(image)} …")
    variables = likeness.environment(archive, mirrored)
    changes = [word for key, value in variables.items() for word in ("--change", f"ENV {key}={value}")]
    with likeness.with_mirror(archive) if mirrored else contextlib.nullcontext(archive) as chosen:
        docker("import", *changes, "--change", 'CMD ["python3"]', str(chosen), standin_name(image))
    return standin_name(image)


@contextlib.contextmanager
def made_ahead(images: Iterable[str], say: Say) -> Iterator[None]:
    """Make the stand-ins that `ensure` will need on an engine that doesn't exist yet, while the body runs.

    `ensure` finds them ready, or waits for them. If a hub seems to be in reach, this makes nothing.
    """

    def make() -> None:
        needed = [image for image in images if image in standins()]
        if needed and hub_is_out_of_reach():
            for image in needed:
                standin_archive(image, say)

    with beside(make):
        yield


def hub_is_out_of_reach() -> bool:
    """Tell whether nothing can be pulled, as far as we know without an engine. Behind a proxy we can't know."""
    if os.environ.get("LAYERLAB_HUB") == "no":
        return True
    import urllib.request  # here, like other large modules, because a build imports this one

    if urllib.request.getproxies():
        return False
    try:
        socket.create_connection((HUB, 443), timeout=HUB_SECONDS).close()
    except OSError:
        return True
    return False


def ensure_engine_image(docker: Docker, say: Say) -> str:
    """Make sure that the user's Docker has the engine image for machines; return its name there.

    Raises SetupError if no hub provides it and no stand-in can be made.
    """
    try:
        if os.environ.get("LAYERLAB_HUB") != "no":
            with progress.shown(f"Pulling {ENGINE_IMAGE}"):
                docker("pull", "--quiet", ENGINE_IMAGE)
            return ENGINE_IMAGE
        refusal = NO_HUB
    except CommandFailed as error:
        refusal = _reason(error)
    if not packages.can_unpack():
        raise SetupError(
            f"{ENGINE_IMAGE}, the image that machines need in your Docker, cannot be pulled: {refusal}",
            f"connect to a hub, or load the image yourself: `docker pull {ENGINE_IMAGE}`",
        )
    say(f"{ENGINE_IMAGE} cannot be pulled: {refusal}. Using a stand-in instead.")
    docker("import", str(_engine_archive(say)), standin_name(ENGINE_IMAGE))
    return standin_name(ENGINE_IMAGE)


def ensure_registry_image(docker: Docker, say: Say) -> tuple[str, Path | None]:
    """Make sure that the user's Docker has an image for a registry; return its name, and the program to put into it.

    The program is None if the image has its own. Raises SetupError if no hub provides one and no stand-in can be made.
    """
    if present(REGISTRY_IMAGE, docker) == REGISTRY_IMAGE or not (refusal := _pulled(REGISTRY_IMAGE, docker, say)):
        return REGISTRY_IMAGE, None
    if not packages.can_unpack():
        raise SetupError(
            f"{REGISTRY_IMAGE} cannot be pulled: {refusal}",
            f"connect to a hub, or load the image yourself: `docker pull {REGISTRY_IMAGE}`",
        )
    program, image = packages.ensure_registry(say), standin_name(ENGINE_IMAGE)
    if present(image, docker) != image:  # it's made from this computer's suite, so the program runs in it
        docker("import", str(_engine_archive(say)), image)
    return image, program


def present(image: str, docker: Docker) -> str:
    """Return the name that `image`, or else its stand-in, has on an engine; "" if neither is there."""
    for name in (image, standin_name(image)):
        with contextlib.suppress(CommandFailed):
            docker("image", "inspect", "--format", "{{.Id}}", name)
            return name
    return ""


def _pulled(image: str, docker: Docker, say: Say) -> str:
    """Pull an image; return "" on success, otherwise the reason why not."""
    # Ask first, because a pull waits for minutes on a hub that doesn't answer.
    if refused := refusal(image, docker):
        return refused
    try:
        say(f"Pulling {image} …")
        with progress.shown(f"Pulling {image}"):
            docker("pull", "--quiet", image)
    except CommandFailed as error:
        return _reason(error)
    return ""


def refusal(image: str, docker: Docker) -> str:
    """Return why no hub provides an image to an engine; "" if one does."""
    if os.environ.get("LAYERLAB_HUB") == "no":
        return NO_HUB
    try:
        docker("buildx", "imagetools", "inspect", image, timeout=HUB_SECONDS)
    except CommandFailed as error:
        return _reason(error)
    return ""


def _reason(error: CommandFailed) -> str:
    fault = faults.recognise(error.output)
    lines = error.output.strip().splitlines()
    return fault.what if fault else lines[-1] if lines else error.message


def move(name: str, docker: Docker) -> str:
    """Give a base image's name to a copy with one more file, keep the first one as ORIGINAL; return the new image's id.

    A new label wouldn't be enough: BuildKit's cache keys for steps on top of an image depend on the image's layers.
    """
    import tempfile

    if not present(ORIGINAL + name, docker):
        docker("tag", name, ORIGINAL + name)
    before, container = _id(name, docker), docker("create", name, "true").strip()
    try:
        with tempfile.NamedTemporaryFile("w") as release:
            release.write(f"{time.time_ns()}\n")
            release.flush()
            docker("cp", release.name, f"{container}:{MOVED}")
        # The commit would take over the container's command, `true`, so give the new image the original one.
        command = docker("image", "inspect", "--format", "{{json .Config.Cmd}}", name).strip()
        return docker("commit", "--change", f"CMD {command}", container, name).strip()
    finally:
        docker("rm", "--force", container)
        _remove_nameless(before, docker)


def move_back(tags: Iterable[str], docker: Docker) -> None:
    """Restore the name of each moved base image among an engine's `tags`."""
    for tag in tags:
        if tag.startswith(ORIGINAL):
            name = tag.removeprefix(ORIGINAL)
            moved = _id(name, docker)
            docker("tag", tag, name)
            docker("image", "rm", tag)  # removes only this name
            _remove_nameless(moved, docker)


def _id(name: str, docker: Docker) -> str:
    """Return the id of image `name`; "" if it isn't on the engine."""
    return docker("images", "--no-trunc", "--quiet", name).strip()


def _remove_nameless(image: str, docker: Docker) -> None:
    """Remove an image that no longer has a name, unless a container needs it."""
    with contextlib.suppress(CommandFailed):
        if docker("image", "inspect", "--format", "{{len .RepoTags}}", image).strip() == "0":
            docker("image", "rm", image)


def standins() -> dict[str, str]:
    """Return the base images that we can make stand-ins for on this computer, each with the suite it's made from."""
    if not packages.can_unpack():
        return {}
    release = packages.os_release()
    names = (release.get("ID", ""), *release.get("ID_LIKE", "").split())
    suites = next((PYTHON_OF_SUITE[name] for name in names if name in PYTHON_OF_SUITE), {})
    return {f"python:{version}-slim": suite for version, suite in suites.items()}


def standin_archive(image: str, say: Say) -> Path:
    """Return a tar of the root file system that stands in for `image`, from the cache or made now (about 25 s).

    It's Debian's (Ubuntu's) Python, laid out as in the official image (likeness.py). It trusts this computer's certificates.
    Raises KeyError if `image` isn't in `standins()`, and SetupError or CommandFailed if it can't be made.
    """
    hooks = likeness.hooks(ca_bundle())
    return _bootstrap(likeness.RECIPE, image, standins()[image], likeness.OPTIONS, list(likeness.INCLUDE), hooks, say)


def _engine_archive(say: Say) -> Path:
    packages.ensure_engine(say)
    # /bin and /sbin are links in the root file system, but folders in the packages.
    hooks = ['tar -C "$ENGINE_PACKAGES" -c . | tar -C "$1" -x --keep-directory-symlink']
    include = ["ca-certificates", "iptables", "libseccomp2", "mount", "git"]
    return _bootstrap(ENGINE_RECIPE, ENGINE_IMAGE, packages.codename(), ("--variant=apt",), include, hooks, say)


def ca_bundle() -> Path | None:
    """Return the file of certificates that this computer trusts, including extra ones; None if there is none."""
    import ssl

    chosen = (
        os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    )
    return Path(chosen) if Path(chosen).exists() else None


def _bootstrap(
    number: int | str, image: str, suite: str, options: tuple[str, ...], include: list[str], hooks: list[str], say: Say
) -> Path:
    """Make a root file system with mmdebstrap, once for each recipe, mirror and set of certificates."""
    mirror, bundle = packages.mirror(), ca_bundle()
    recipe = repr(
        (
            number,
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
        say(f"Making a stand-in for {image} from the packages of {suite} (about 25 s) …")
        # Use a folder of our own, and namespaces that end with the process: a killed run leaves nothing running or
        # mounted, and no files that the next run or `layerlab clean` doesn't remove.
        work = archive.with_suffix(".part")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        part = work / archive.name
        command = ["unshare", "--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += ["mmdebstrap", *options, f"--include={','.join(include)}", "--aptopt=Acquire::Retries 3"]
        for path in ("man", "doc", "locale", "info"):  # as the official slim images do
            command.append(f"--dpkgopt=path-exclude=/usr/share/{path}/*")
        command.append("--dpkgopt=path-include=/usr/share/doc/*/copyright")
        command += [f"--customize-hook={hook}" for hook in hooks]
        try:
            with progress.shown(
                f"Making a stand-in for {image}",
                lambda: tree_bytes(work),
                lambda: STANDIN_BYTES.get(image, 0.0),
                "bytes",
            ):
                run(
                    *command,
                    suite,
                    str(part),
                    mirror,
                    env={
                        **tools,
                        "TMPDIR": str(work),
                        "ENGINE_PACKAGES": str(packages.engine_dir()),
                        "LIKE_OFFICIAL": str(likeness.SCRIPT),
                        "SUITE": suite,
                        "MIRROR": mirror,
                        "DPKG_FORCE": "unsafe-io",  # half an archive is useless after a power cut, so don't wait for the disk
                    },
                    what=f"could not make a stand-in for {image}",
                )
            part.rename(archive)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return archive
