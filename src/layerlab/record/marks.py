"""The keyed hashes that stand for secrets in records: equal secrets have equal ones, and nobody without the key can tell more.

The key is random, made once in LayerLab's home, and only its owner can read it. So on one computer, builds can be compared
as to whether a secret changed; a record from elsewhere has the hashes of another key, which say nothing here.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
from pathlib import Path

from ..system.files import made_once
from ..system.home import claim, home
from ..texts.secrets import marked

#: The key's file in LayerLab's home.
FILE = "masking.key"
_BYTES = 32


def mark(value: str) -> str:
    """Return what stands in a record for a secret: HIDDEN with a keyed hash of `value`."""
    return marked(hmac.new(_key(home()), value.encode("utf-8", "surrogatepass"), "sha256").hexdigest())


def key_id() -> str:
    """Return eight hex digits that tell this computer's key from others."""
    return hashlib.sha256(b"layerlab masking key " + _key(home())).hexdigest()[:8]


@functools.cache
def _key(folder: Path) -> bytes:
    """Return the key in the home `folder`; where none can be kept, one that lasts as long as this process."""
    try:
        return _kept(folder / FILE)
    except OSError:
        return os.urandom(_BYTES)


def _kept(file: Path) -> bytes:
    if not file.exists():
        claim()
    return made_once(file, os.urandom(_BYTES))
