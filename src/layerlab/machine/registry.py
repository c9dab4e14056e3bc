"""Registry: a real registry of our own that machines push to and pull from, and that counts what it sends.

It's the program behind `registry:2` (CNCF Distribution) on a port of loopback. Every machine of this home, and this
computer, reach it at the same address, and nobody else can. It outlives this process; `layerlab clean` removes it.
`registry_host` runs it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from .. import engines
from ..engines.packages import Say
from ..errors import MachineError
from ..system.files import replace_text
from ..system.home import home, locked
from . import holding, spares
from .holding import Holds, Kind
from .machine import NAME
from .registry_host import HOSTS, Host, answers, folder_of, free_ports

#: Media types of manifests: an image's, or a list of images', in OCI's form and in Docker's older one.
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
#: Media type of BuildKit's list of cache keys (BuildKit, cache/remotecache/v1/spec.go).
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
#: Finds the bytes of a blob that was sent, in a line of the access log.
_SENT = re.compile(r'"GET /v2/\S+/blobs/\S+ HTTP/[\d.]+" 20[06] (\d+)')


@dataclasses.dataclass
class Transfer:
    """The bytes that went over the wire during a `Registry.counting()`: blobs as they're stored, compressed.

    Attributes:
        pulled_bytes: sent to clients.
        pushed_bytes: received and stored. Clients don't send blobs that the registry already has.
    """

    pulled_bytes: int = 0
    pushed_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Content:
    """The content that a name in a registry points at.

    Attributes:
        kind: its media type.
        layers: digest → compressed bytes of each layer; if it's a list of images, the layers of all of them.
        records: number of cache keys in it: steps that a build may find here. 0 if it isn't a cache.
    """

    kind: str
    layers: dict[str, int]
    records: int

    @property
    def bytes(self) -> int:
        """Compressed size of all its layers together."""
        return sum(self.layers.values())


class Registry:
    """A registry on this computer. Get one with `Registry.start()`; `with` removes it at the end.

    Until this process ends, or calls `remove`, no other notebook or script gets it, resets it or removes it.

    Attributes:
        name: the registry's name.
        port: the port of 127.0.0.1 that accepts pushes and pulls.
        read_only_port: another port to the same images and caches that refuses every push.
        instead_of: the name that was asked for, if another notebook has that registry; else "".
        holds: who uses it.
    """

    def __init__(self, name: str, host: Host, port: int, read_only_port: int, instead_of: str = "") -> None:
        self.name, self._host, self.port, self.read_only_port = name, host, port, read_only_port
        self.instead_of = instead_of
        self.holds = Holds("registry", name)

    @classmethod
    def start(cls, name: str = "registry", *, say: Say = print) -> Registry:
        """Find the registry called `name`, start it again after a crash, or make a new, empty one.

        If another notebook or script has that registry, you get one of your own, as with `Machine.start`.
        `say` gets a line about that, and about each slow step: on a computer's first start, fetching the program.
        Raises MachineError for a bad name or a registry that doesn't start, SetupError if the program can't be fetched,
        MachineBusy if others have all registries of that name.
        """
        if not NAME.fullmatch(name):
            raise MachineError(
                f"{name!r} isn't a valid registry name", "use up to 24 lower-case letters, digits and hyphens"
            )
        own = holding.take_one("registry", name, lambda n: spares.may_have(_file(n), name), say)
        found = cls._brought_up(own, "" if own == name else name, say)
        spares.sweep(cls.all())
        return found

    @classmethod
    def _brought_up(cls, name: str, instead_of: str, say: Say) -> Registry:
        with locked(f"registry-{name}", wait=900):
            found = cls._known(name)
            if found is None:
                writing, reading = free_ports(2)
                found = cls(name, HOSTS[engines.choose().kind], writing, reading, instead_of)
            if not found.running or found.instead_of != instead_of:
                found.instead_of = instead_of
                file = _file(name)
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                # Remember it before it starts: if we're killed in between, it can still be found and removed.
                kept = {"host": found._host.kind, "ports": [found.port, found.read_only_port]}
                replace_text(file, json.dumps(kept | ({spares.KEY: instead_of} if instead_of else {})))
            if not found.running:
                found._host.start(name, found.port, found.read_only_port, say)
            found._host.let_machines_in(name)
        if instead_of:
            spares.sweep_at_exit(cls.all)
        return found

    @classmethod
    def all(cls) -> list[Registry]:
        """Return the registries that exist, running or not, in order of their names."""
        names = sorted(file.parent.name for file in home().glob("registries/*/registry.json"))
        return [found for name in names if (found := cls._known(name))]

    @classmethod
    def _known(cls, name: str) -> Registry | None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(_file(name).read_text(encoding="utf-8"))
            writing, reading = map(int, kept["ports"])
            return cls(name, HOSTS[kept["host"]], writing, reading, spares.instead_of(_file(name)))
        return None

    def reset(self) -> None:
        """Remove every image and cache from it. Its address stays. Raises MachineBusy if others use it for ten minutes more."""
        with self.holds.during(Kind.EMPTY), locked(f"registry-{self.name}"):
            self._host.remove(self.name)
            self._host.start(self.name, self.port, self.read_only_port, lambda _: None)
            self._host.let_machines_in(self.name)

    def remove(self, *, force: bool = False, wait: float | None = None) -> None:
        """Stop it and delete everything in it; `force` and `wait` as for `Machine.remove`."""
        with self.holds.during(Kind.EMPTY, over="removed" if force else "", wait=wait), locked(f"registry-{self.name}"):
            self._host.remove(self.name)
            shutil.rmtree(folder_of(self.name), ignore_errors=True)
        self.holds.leave()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Registry {self.name!r}: {'running' if self.running else 'not running'}>"

    @property
    def running(self) -> bool:
        """Whether this registry, and not another program, answers on its ports."""
        return answers(self.name, self.port) and answers(self.name, self.read_only_port)

    # -- names -------------------------------------------------------------------------------------------------------

    def ref(self, name: str) -> str:
        """Return the full name of `name` ("app:cache"), for `docker push`, --cache-to and --cache-from on every machine."""
        return f"127.0.0.1:{self.port}/{name}"

    def read_only_ref(self, name: str) -> str:
        """Return its full name at the address that refuses pushes, for users who may read but not write."""
        return f"127.0.0.1:{self.read_only_port}/{name}"

    # -- looking -----------------------------------------------------------------------------------------------------

    def repositories(self) -> list[str]:
        """Return the names of all that was ever pushed, without tags."""
        return sorted(self._json("_catalog?n=1000")["repositories"] or [])

    def tags(self, repository: str) -> list[str]:
        """Return the tags of one repository; [] if there is no such repository."""
        try:
            return sorted(self._json(f"{repository}/tags/list")["tags"] or [])
        except FileNotFoundError:
            return []

    def manifest(self, name: str) -> dict[str, Any]:
        """Return the manifest of `name` ("app:cache" or "app@sha256:…"). Raises FileNotFoundError if there is none."""
        repository, _, reference = name.partition("@") if "@" in name else name.rpartition(":")
        with self._open(f"{repository}/manifests/{reference}", accept=", ".join(MANIFESTS)) as answer:
            return {"mediaType": answer.headers.get_content_type(), **json.load(answer)}

    def content(self, name: str) -> Content:
        """Return the content of `name` ("app:cache"). Raises FileNotFoundError if there is no such name."""
        repository, manifest = re.split("[@:]", name)[0], self.manifest(name)
        layers: dict[str, int] = {}
        records = 0
        # Entries of a list are manifests or, in the older form of a cache, the layers and cache keys themselves.
        parts = [manifest] if "layers" in manifest else []
        for entry in manifest.get("manifests", []):
            if entry["mediaType"] in MANIFESTS:
                parts.append(self.manifest(f"{repository}@{entry['digest']}"))
            elif entry["mediaType"] == CACHE_CONFIG:
                records = self._records(repository, entry["digest"])
            else:
                layers[entry["digest"]] = entry["size"]
        for part in parts:
            layers |= {layer["digest"]: layer["size"] for layer in part["layers"]}
            if part["config"]["mediaType"] == CACHE_CONFIG:
                records = self._records(repository, part["config"]["digest"])
        return Content(manifest["mediaType"], layers, records)

    def _records(self, repository: str, digest: str) -> int:
        return len(self._json(f"{repository}/blobs/{digest}").get("records") or [])

    def bytes(self) -> int:
        """Return how many bytes it stores. Blobs without a tag count too: a registry keeps them until they're collected."""
        return self._host.stored_bytes(self.name)

    @contextlib.contextmanager
    def counting(self) -> Iterator[Transfer]:
        """Count what goes over the wire during a `with`; the numbers are filled in at its end."""
        moved = Transfer()
        sent, held = self._sent_bytes(), self.bytes()
        yield moved
        moved.pulled_bytes, moved.pushed_bytes = self._sent_bytes() - sent, self.bytes() - held

    def _sent_bytes(self) -> int:
        return sum(map(int, _SENT.findall(self._host.log(self.name))))

    # -- asking it ---------------------------------------------------------------------------------------------------

    def _json(self, path: str) -> Any:
        with self._open(path) as answer:
            return json.load(answer)

    def _open(self, path: str, accept: str = "*/*") -> HTTPResponse:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v2/{path}", headers={"Accept": accept})
        # No proxy may come between us and loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            answer: HTTPResponse = opener.open(request, timeout=10)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise FileNotFoundError(f"registry {self.name!r} has no {path}") from None
            raise
        return answer


def _file(name: str) -> Path:
    """Return the file that says that a registry exists."""
    return folder_of(name) / "registry.json"
