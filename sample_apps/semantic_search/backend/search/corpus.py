"""The entries that are searched."""

import dataclasses
import tomllib
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Entry:
    title: str
    text: str


def read_corpus(path: Path) -> tuple[Entry, ...]:
    """The entries of a TOML file, in file order. Raises KeyError or TypeError for a file of another form."""
    return tuple(Entry(**told) for told in tomllib.loads(path.read_text(encoding="utf-8"))["entry"])
