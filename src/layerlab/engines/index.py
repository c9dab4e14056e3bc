"""This computer's package index: where it is, what hosts its files, and whether it lets clients keep what they fetch."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from ..errors import CommandFailed
from ..system.shell import run

#: The media types that clients ask an index for, the best first (PEP 691).
PAGES = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
#: The project whose page is asked for: every index that serves pip's users has pip.
ASKED = "pip"
#: An index that doesn't answer within this many seconds counts as out of reach.
ANSWER_SECONDS = 15.0
#: Finds the address of a file in a page. HTML and JSON both put it in quotes.
_FILE = re.compile(r'"([^"\s]+\.(?:whl|tar\.gz|zip))(?:#[^"]*)?"')


@dataclasses.dataclass(frozen=True)
class Index:
    """An index as it answered.

    Attributes:
        address: of its pages: "https://index.example/simple".
        hosts: where its files are: ("https://files.example", …).
        lets_keep: whether clients may keep both pages and files.
    """

    address: str
    hosts: tuple[str, ...]
    lets_keep: bool


def address() -> str:
    """Return the address of pip's index: from pip's configuration, else pip's built-in one; "" without pip."""
    if os.environ.get("PIP_INDEX_URL"):
        return os.environ["PIP_INDEX_URL"]
    for section in ("global", "install"):
        with contextlib.suppress(CommandFailed):
            if found := run(sys.executable, "-m", "pip", "config", "get", f"{section}.index-url", timeout=30).strip():
                return found
    try:
        from pip._internal.models.index import PyPI
    except ImportError:
        return ""
    return PyPI.simple_url


def ask(address: str) -> Index:
    """Ask the index at `address` for one page and one file, and say what it is like. Raises OSError if it doesn't answer."""
    from urllib.request import Request, urlopen  # here, because a build imports this module's room

    page = f"{address.rstrip('/')}/{ASKED}/"
    with urlopen(Request(page, headers={"Accept": PAGES}), timeout=ANSWER_SECONDS) as answer:
        pages_kept, text = lets_keep(answer.headers), answer.read().decode("utf-8", "replace")
    files = files_of(page, text)
    if not files:
        raise OSError(f"{page} lists no files")
    with urlopen(Request(files[-1], method="HEAD"), timeout=ANSWER_SECONDS) as answer:
        return Index(address, hosts_of(files), pages_kept and lets_keep(answer.headers))


def files_of(page: str, text: str) -> list[str]:
    """Return the addresses of the files that a page lists; `text` is its HTML or JSON."""
    return [urljoin(page, found) for found in _FILE.findall(text) if "/" in found]


def hosts_of(files: list[str]) -> tuple[str, ...]:
    """Return the hosts of files, each with its scheme: "https://files.example"."""
    return tuple(sorted({f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, files)}))


def lets_keep(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer with these headers may be kept.

    pip keeps what has an ETag, an Expires, or a Cache-Control with a max-age (its cachecontrol, controller.py).
    """
    told = {name.lower(): value.lower() for name, value in headers.items()}
    control = told.get("cache-control", "")
    if "no-store" in control:
        return False
    age = re.search(r"max-age=(\d+)", control)
    return "etag" in told or "expires" in told or bool(age and int(age[1]))
