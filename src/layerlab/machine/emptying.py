"""Make a machine cold without a new engine, where it has base images that a new one wouldn't have: remove all the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..engines import images
from ..errors import CommandFailed
from ..system.home import machine_dir

if TYPE_CHECKING:
    from docker import DockerClient

#: In a machine's folder: the names of the images that `add_base` added.
ADDED = "bases"


def keep(machine: str, image: str) -> None:
    """Have an image stay whenever the machine is emptied."""
    with (machine_dir(machine) / ADDED).open("a") as file:
        file.write(f"{image}\n")


def stays(machine: str, image: str) -> bool:
    """Tell whether an image stays when the machine is emptied: a base image, or one that `keep` was told of."""
    file = machine_dir(machine) / ADDED
    return images.is_base(image) or (file.exists() and image in file.read_text().split())


def tags(engine: DockerClient) -> list[str]:
    """Return the names of an engine's images."""
    return [tag for image in engine.api.images() for tag in image.get("RepoTags") or []]


def emptied(engine: DockerClient, docker: images.Docker, is_base: Callable[[str], bool]) -> bool:
    """Remove all but the base images, one by one, which can take long. Return False if something is left.

    Args:
        engine: a client of a machine's engine. It and its cache are the machine's own, so this can't touch anyone else's.
        docker: runs the docker command on it.
        is_base: tells whether an image of that name stays.
    """
    from docker.errors import DockerException

    try:
        images.move_back(tags(engine), docker)
        for container in engine.containers.list(all=True, ignore_removed=True):
            container.remove(force=True, v=True)
        for tag in tags(engine):
            if not is_base(tag):
                engine.images.remove(tag, force=True)
        engine.networks.prune()
        engine.volumes.prune({"all": True})
        engine.images.prune({"dangling": True})
        engine.api.prune_builds(all=True)
        left = engine.df()
        return not left["BuildCache"] and not left["Containers"] and all(map(is_base, tags(engine)))
    except (DockerException, CommandFailed):
        return False
