"""Permissions: what a Compose or bake file asks for beyond its own project, and whether the user allowed it.

Bake asks the same questions at a terminal, but not with the progress that LayerLab reads (buildx commands/bake.go), and Compose
allows itself everything. The options are bake's: `--allow=network.host`, `--allow=fs.read=/path` and so on.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import AppError
from ..system import docker_words
from .plan import Plan

#: Places that aren't folders of this computer: addresses, images and other targets (buildx bake/bake.go, isLocalPath).
_ELSEWHERE = re.compile(r"(https?|git|ssh)://|[\w.-]+@[\w.-]+:|target:|docker-image:")
#: What has no path: bake's entitlements (buildx bake/entitlements.go), and a manifest's command, which bake doesn't know.
_PLAIN = ("network.host", "security.insecure", "ssh", "device", "prepare")


@dataclasses.dataclass(frozen=True)
class Wish:
    """Something that a build wants and that its own project doesn't have.

    Attributes:
        key: what bake calls it: "network.host", "fs.read" and so on.
        path: the real path, for fs.read and fs.write; the device's name, for one device; else "".
        why: who wants it and for what, in words.
    """

    key: str
    path: str
    why: str

    @property
    def flag(self) -> str:
        """The option that allows it."""
        return f"--allow={self.key}={self.path}" if self.path else f"--allow={self.key}"


class PermissionNeeded(AppError):
    """A Compose or bake file asks for something beyond its own project that the user hasn't allowed.

    Attributes:
        wishes: what it asks for.
    """

    def __init__(self, name: str, wishes: Sequence[Wish]) -> None:
        self.wishes = tuple(wishes)
        asked = "".join(f"\n  {wish.why}" for wish in wishes) if len(wishes) > 1 else f" {wishes[0].why}"
        flags = " ".join(dict.fromkeys(wish.flag for wish in wishes))
        super().__init__(f"{name} asks for what lies beyond this project:{asked}", f"if you trust it, add: {flags}")


def project_root(folder: Path) -> Path:
    """Return the folder whose content is the project's own: the git checkout around `folder`, or `folder` itself.

    A home folder that is a checkout (of dotfiles, say) isn't one project, nor is anything above it.
    """
    folder, person = folder.resolve(), Path.home().resolve()
    for place in (folder, *folder.parents):
        if place == place.parent or person.is_relative_to(place):
            break
        if (place / ".git").exists():
            return place
    return folder


def check(name: str, wishes: Sequence[Wish], options: Sequence[str], folder: Path) -> None:
    """Raise PermissionNeeded if `wishes` go beyond what the --allow among `options` allows; its paths start at `folder`."""
    allowed = docker_words.values(options, "--allow")
    missing = [wish for wish in wishes if not any(_allows(word, wish, folder) for word in allowed)]
    if missing:
        raise PermissionNeeded(name, missing)


def _allows(word: str, wish: Wish, folder: Path) -> bool:
    """Tell whether `--allow=word` allows `wish` (buildx bake/entitlements.go)."""
    key, _, value = word.partition("=")
    if wish.key in _PLAIN:
        return key == wish.key and value in ("", wish.path)
    if key not in (wish.key, "fs") or not value:
        return False
    return value == "*" or Path(wish.path).is_relative_to(os.path.realpath(folder / value))


def wishes_of(plan: Plan, folder: Path, root: Path) -> list[Wish]:
    """Return what the targets of a plan want beyond `root`. The relative paths in it start at `folder`.

    A link counts as the place it leads to.
    """
    found = []
    for name, target in plan.targets.items():
        for kind, place, what in _places(target, folder):
            real = os.path.realpath(folder / place)
            if not Path(real).is_relative_to(os.path.realpath(root)):
                found.append(Wish(kind, real, f"{name}: {what} {real}"))
        found += [Wish(key, path, f"{name}: {what}") for key, path, what in _entitlements(target)]
    return _without_repeats(found)


def secret_words(plan: Plan, folder: Path) -> list[str]:
    """Return the secrets of a plan's targets as the words of `docker buildx build`, so that they can be hidden like those."""
    words = []
    for target in plan.targets.values():
        for secret in _fields(target, "secret", docker_words.fields):
            name = secret.get("id", "")
            if file := _secret_file(secret):
                path = str(folder / file).replace('"', '""')
                words.append(f'--secret=id={name},"src={path}"')
            else:
                words.append(f"--secret=id={name},env={secret.get('env') or secret.get('src') or name}")
    return words


def _without_repeats(wishes: Sequence[Wish]) -> list[Wish]:
    """Leave out what comes with a folder that's asked for anyway."""
    return [wish for wish in dict.fromkeys(wishes) if not any(_comes_with(wish, other) for other in wishes)]


def _comes_with(wish: Wish, other: Wish) -> bool:
    return wish.key == other.key and bool(wish.path) and Path(other.path) in Path(wish.path).parents


def strays(folder: Path, names: Iterable[str], root: Path) -> list[Wish]:
    """Return the files among `names` that are in `root` only as links: reading them needs leave. They start at `folder`.

    A file that the user named outside the project is their own wish.
    """
    found = []
    for name in names:
        path = os.path.normpath(folder / name)
        real = os.path.realpath(path)
        leads_out = Path(path).is_relative_to(root) and not Path(real).is_relative_to(os.path.realpath(root))
        if leads_out and os.path.lexists(path):
            found.append(Wish("fs.read", real, f"{name} is a link to {real}"))
    return found


#: Kind of access, place, purpose.
_Place = tuple[str, str, str]


def _places(target: Mapping[str, Any], folder: Path) -> Iterator[_Place]:
    """Yield kind of access, place and purpose of every place on this computer that a target reads or writes."""
    yield from _contexts(target, folder)
    for secret in _fields(target, "secret", docker_words.fields):
        if file := _secret_file(secret):
            yield "fs.read", file, f"secret {secret.get('id', '')} is"
    for ssh in _fields(target, "ssh", _ssh):
        yield from (("fs.read", path, f"SSH key {ssh.get('id', '')} is") for path in ssh.get("paths") or () if path)
    for cache in _fields(target, "cache-from", docker_words.fields):
        if cache.get("src"):
            yield "fs.read", cache["src"], "reads a cache in"
    for cache in _fields(target, "cache-to", docker_words.fields):
        if cache.get("dest"):
            yield "fs.write", cache["dest"], "writes a cache to"
    for output in _fields(target, "output", _output):
        if output.get("dest", "-") != "-":
            yield "fs.write", output["dest"], "writes its output to"


def _contexts(target: Mapping[str, Any], folder: Path) -> Iterator[_Place]:
    context = target.get("context", ".")
    if here := _local(context, folder):
        yield "fs.read", here, "its context is"
    for name, place in (target.get("contexts") or {}).items():
        if there := _local(place, folder):
            yield "fs.read", there, f"its additional context {name} is"
    file = target.get("dockerfile", "Dockerfile")
    if target.get("dockerfile-inline") is None and _local(file, folder) and (here or os.path.isabs(file)):
        path = os.path.join(here, file.removeprefix("cwd://"))
        yield "fs.read", path, "its Dockerfile is"
        yield from _ignore_file(f"{path}.dockerignore", folder)
    if here:
        yield from _ignore_file(os.path.join(here, ".dockerignore"), folder)


def _ignore_file(path: str, folder: Path) -> Iterator[_Place]:
    """Yield an ignore file that is a link; any other lies beside a Dockerfile or in a context that is asked for itself."""
    if (folder / path).is_symlink():
        yield "fs.read", path, "its ignore file is"


def _local(place: str, folder: Path) -> str:
    """Return the path that a context means; "" for an address, an image or a target.

    A folder is one even if its name looks like an address, as buildx looks for a folder first (build/opt.go, loadInputs).
    """
    if place.startswith("oci-layout://"):
        return re.split("[@:]", place.removeprefix("oci-layout://"))[0]
    if _ELSEWHERE.match(place) and not (folder / place).exists():
        return ""
    return place.removeprefix("cwd://")


def _entitlements(target: Mapping[str, Any]) -> Iterator[_Place]:
    """Yield key, value and purpose of what a target wants beside places."""
    if target.get("network") == "host":
        yield "network.host", "", "its steps use this computer's network (network: host)"
    for entitlement in dict.fromkeys(target.get("entitlements") or ()):
        key, _, value = entitlement.partition("=")
        yield key, value.split(",")[0], f"its steps may have {entitlement}"
    agents = any(not any(ssh.get("paths") or ()) for ssh in _fields(target, "ssh", _ssh))
    if agents or (not target.get("ssh") and re.match(r"ssh://|[\w.-]+@", target.get("context", "."))):
        yield "ssh", "", "its steps use your SSH agent"


def _fields(
    target: Mapping[str, Any], key: str, read: Callable[[str], Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a list in a target: Compose prints texts, bake prints objects."""
    for entry in target.get(key) or ():
        yield read(entry) if isinstance(entry, str) else entry


def _secret_file(secret: Mapping[str, Any]) -> str:
    """Return the file that a secret comes from; "" if it's a variable. With neither, its id names one of them.

    The rules are buildx's (util/buildflags/secrets.go) and BuildKit's (session/secrets/secretsprovider).
    """
    source = str(secret.get("src") or secret.get("source") or "")
    if source and secret.get("type") != "env":
        return source
    name = str(secret.get("id", ""))
    return "" if source or secret.get("env") or name in os.environ else name


def _ssh(text: str) -> dict[str, Any]:
    name, _, paths = text.partition("=")
    return {"id": name, "paths": paths.split(",")}


def _output(text: str) -> dict[str, Any]:
    return {**docker_words.fields(text)} if "=" in text else {"dest": text}
