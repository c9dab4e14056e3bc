"""What a package mirror has served, read from its access log: one line of JSON for each request, written when it ends."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable

#: What is asked for: a project's page, a wheel or source, the metadata of a wheel (PEP 658).
PAGE, FILE, METADATA = "page", "file", "metadata"


@dataclasses.dataclass(frozen=True)
class Served:
    """One request that the mirror answered.

    Attributes:
        at: when the answer ended, seconds since 1970.
        kind: PAGE, FILE or METADATA.
        name: a project for a page ("numpy"), the file's name for the others.
        status: of HTTP: 200, 206 for a part, 304 for what the client has.
        bytes: of the body, as sent: packed if it was packed.
        received: bytes that the mirror itself had to fetch for it; 0 if it had them.
        client: who asked: an address in the network of a machine, or this computer's.
        program: what it says it is ("pip/23.0.1").
    """

    at: float
    kind: str
    name: str
    status: int
    bytes: int
    received: int
    client: str
    program: str


@dataclasses.dataclass(repr=False)
class Traffic:
    """What a mirror served in a span of time, in order.

    Attributes:
        served: the requests.
    """

    served: tuple[Served, ...] = ()

    @property
    def pages(self) -> list[str]:
        """The projects whose pages were sent; those that the client had already aren't here."""
        return self._names(PAGE)

    @property
    def files(self) -> list[str]:
        """The names of the files that were sent, whole or in part."""
        return self._names(FILE)

    @property
    def page_bytes(self) -> int:
        """Bytes of pages as sent, packed."""
        return self._bytes(PAGE)

    @property
    def file_bytes(self) -> int:
        """Bytes of files and of their metadata."""
        return self._bytes(FILE) + self._bytes(METADATA)

    @property
    def requests(self) -> dict[str, int]:
        """How many requests of each kind there were, those answered with 304 included."""
        return {kind: sum(one.kind == kind for one in self.served) for kind in (PAGE, FILE, METADATA)}

    @property
    def not_modified(self) -> int:
        """How many pages the client had and was told to go on using."""
        return sum(one.kind == PAGE and one.status == 304 for one in self.served)

    @property
    def received_bytes(self) -> int:
        """Bytes that the mirror didn't have and fetched from the index and the hosts of its files."""
        return sum(one.received for one in self.served)

    def between(self, start: float, end: float) -> Traffic:
        """Return what ended from `start` to `end`, in seconds since 1970."""
        return Traffic(tuple(one for one in self.served if start <= one.at <= end))

    def __repr__(self) -> str:
        asked = self.requests
        return (
            f"<Traffic: {asked[PAGE]} requests for pages, {self.not_modified} unchanged, {self.page_bytes:,} bytes; "
            f"{asked[FILE] + asked[METADATA]} for files, {self.file_bytes:,} bytes>"
        )

    def _names(self, kind: str) -> list[str]:
        return list(dict.fromkeys(one.name for one in self.served if one.kind == kind and one.bytes))

    def _bytes(self, kind: str) -> int:
        return sum(one.bytes for one in self.served if one.kind == kind)


def read(lines: Iterable[str]) -> Traffic:
    """Read lines of an access log; what isn't a whole line, such as the last one while nginx writes it, is left out."""
    return Traffic(tuple(one for line in lines if (one := _served(line))))


def _served(line: str) -> Served | None:
    try:
        told = json.loads(line)
        kind, path = told["kind"], told["name"].rstrip("/")
        if kind not in (PAGE, FILE, METADATA):
            return None
        return Served(
            at=float(told["at"]), kind=kind, name=path.rpartition("/")[2], status=int(told["status"]),
            bytes=int(told["bytes"]), received=sum(map(int, re.findall(r"\d+", told["received"]))),
            client=told["client"], program=told["program"].partition(" ")[0],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
