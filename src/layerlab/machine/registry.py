"""Registry: a real registry of our own that machines push to and pull from, and that counts what it sends.

It is the program behind `registry:2` (CNCF Distribution), under the same address from every machine of this home and from
this computer, and from nowhere else: a port of loopback. It outlives this process, and `layerlab clean` removes it.
`registry_host` is where it runs.
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
from typing import Any

from .. import engines
from ..engines.packages import Say
from ..errors import MachineError
from ..system.home import home, locked
from .machine import NAME
from .registry_host import HOSTS, Host, answers, folder_of, free_ports

#: What a manifest may be: an image's, or a list of them, in OCI's words and in Docker's older ones.
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
#: What BuildKit calls the list of its cache keys (BuildKit, cache/remotecache/v1/spec.go).
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
#: A blob that was sent, in a line of the access log: its bytes.
_SENT = re.compile(r'"GET /v2/\S+/blobs/\S+ HTTP/[\d.]+" 20[06] (\d+)')


@dataclasses.dataclass
class Transfer:
    """What went over the wire during a `Registry.counting()`, bytes: blobs as they are stored, compressed.

    Attributes:
        pulled_bytes: sent to whoever asked.
        pushed_bytes: received and kept. What was there already is not sent again.
    """

    pulled_bytes: int = 0
    pushed_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Content:
    """What a name in a registry stands for.

    Attributes:
        kind: media type of what the name points at.
        layers: digest → bytes of its layers, compressed; of all images, where it is a list of them.
        records: cache keys in it: steps that a build may find here. 0 where it is no cache.
    """

    kind: str
    layers: dict[str, int]
    records: int

    @property
    def bytes(self) -> int:
        """Size of all its layers together, compressed."""
        return sum(self.layers.values())


class Registry:
    """A registry on this computer. Get one with `Registry.start()`; `with` removes it at the end.

    Attributes:
        name: what it is called.
        port: the port of 127.0.0.1 that takes pushes and gives pulls.
        read_only_port: another port to the same images and caches that refuses every push.
    """

    def __init__(self, name: str, host: Host, port: int, read_only_port: int) -> None:
        self.name, self._host, self.port, self.read_only_port = name, host, port, read_only_port

    @classmethod
    def start(cls, name: str = "registry", *, say: Say = print) -> Registry:
        """Find the registry called `name`, start it again after a crash, or make a new, empty one.

        `say` is told what takes long: on a computer's first start, fetching the program. Raises MachineError, SetupError.
        """
        if not NAME.fullmatch(name):
            raise MachineError(
                f"{name!r} cannot name a registry", "use up to 24 lower-case letters, digits and hyphens"
            )
        with locked(f"registry-{name}", wait=900):
            found = cls._known(name) or cls(name, HOSTS[engines.choose().kind], *free_ports(2))
            if not found.running:
                file = folder_of(name) / "registry.json"
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                # Remembered before it starts: if we are killed in between, it is still found and removed.
                file.write_text(json.dumps({"host": found._host.kind, "ports": [found.port, found.read_only_port]}))
                found._host.start(name, found.port, found.read_only_port, say)
            found._host.let_machines_in(name)
            return found

    @classmethod
    def all(cls) -> list[Registry]:
        """The registries that exist, running or not, by name."""
        names = sorted(file.parent.name for file in home().glob("registries/*/registry.json"))
        return [found for name in names if (found := cls._known(name))]

    @classmethod
    def _known(cls, name: str) -> Registry | None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            kept = json.loads((folder_of(name) / "registry.json").read_text())
            return cls(name, HOSTS[kept["host"]], *kept["ports"])
        return None

    def reset(self) -> None:
        """Empty it: every image and cache goes. Its address stays."""
        with locked(f"registry-{self.name}"):
            self._host.remove(self.name)
            self._host.start(self.name, self.port, self.read_only_port, lambda _: None)
            self._host.let_machines_in(self.name)

    def remove(self) -> None:
        """End it and delete all that it holds."""
        with locked(f"registry-{self.name}"):
            self._host.remove(self.name)
            shutil.rmtree(folder_of(self.name), ignore_errors=True)

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Registry {self.name!r}: {'running' if self.running else 'not running'}>"

    @property
    def running(self) -> bool:
        """Whether it answers, and is this one."""
        return answers(self.name, self.port) and answers(self.name, self.read_only_port)

    # -- names -------------------------------------------------------------------------------------------------------

    def ref(self, name: str) -> str:
        """The full name of `name` ("app:cache") here, for `docker push`, --cache-to and --cache-from on every machine."""
        return f"127.0.0.1:{self.port}/{name}"

    def read_only_ref(self, name: str) -> str:
        """The same thing under an address that refuses pushes: what somebody is given who may read and not write."""
        return f"127.0.0.1:{self.read_only_port}/{name}"

    # -- looking -----------------------------------------------------------------------------------------------------

    def repositories(self) -> list[str]:
        """Names of what was ever pushed, without tags."""
        return sorted(self._json("_catalog?n=1000")["repositories"] or [])

    def tags(self, repository: str) -> list[str]:
        """The tags of one repository; [] where there is no such one."""
        try:
            return sorted(self._json(f"{repository}/tags/list")["tags"] or [])
        except FileNotFoundError:
            return []

    def manifest(self, name: str) -> dict[str, Any]:
        """The manifest that `name` ("app:cache", or "app@sha256:…") points at. Raises FileNotFoundError if there is none."""
        repository, _, reference = name.partition("@") if "@" in name else name.rpartition(":")
        with self._open(f"{repository}/manifests/{reference}", accept=", ".join(MANIFESTS)) as answer:
            return {"mediaType": answer.headers.get_content_type(), **json.load(answer)}

    def content(self, name: str) -> Content:
        """What `name` ("app:cache") holds. Raises FileNotFoundError if there is no such name."""
        repository, manifest = re.split("[@:]", name)[0], self.manifest(name)
        layers: dict[str, int] = {}
        records = 0
        # Of a list, the entries are manifests, or, in the older form of a cache, the layers and cache keys themselves.
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
        """All that it stores, in bytes. What no tag points at any more counts too: registries keep it until collected."""
        return self._host.stored_bytes(self.name)

    @contextlib.contextmanager
    def counting(self) -> Iterator[Transfer]:
        """Count what goes over the wire during a `with`; the figures are there at its end."""
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

    def _open(self, path: str, accept: str = "*/*") -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v2/{path}", headers={"Accept": accept})
        # No proxy may come between us and loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            return opener.open(request, timeout=10)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise FileNotFoundError(f"registry {self.name!r} has no {path}") from None
            raise
