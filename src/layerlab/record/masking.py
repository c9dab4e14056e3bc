"""Values that must not be shown: those of variables that look like secrets by their name.

Secrets that a build is given properly (--secret, --ssh) never reach a record. A token in ARG or ENV does, because BuildKit
itself puts it there; what LayerLab prints leaves it out.
"""

from __future__ import annotations

import re

#: Parts of names that tell of a secret (as the linter rule SecretsUsedInArgOrEnv of BuildKit's Dockerfile frontend has them).
_TELLING = re.compile(
    r"(^|[_-])(apikey|auth|credentials?|git[_-]?pat|key|passw(or)?d|pword|secret|token)($|[_-])", re.IGNORECASE
)
#: More that ends of names tell: NPM_AUTHTOKEN, dbPassword, DB_PASS.
_ENDS = re.compile(r"(token|passw(or)?d|passphrase|secret|apikey|(^|_)pass)$", re.IGNORECASE)
#: The same linter's exceptions.
_HARMLESS = re.compile(r"(^|[_-])public($|[_-])", re.IGNORECASE)
HIDDEN = "(hidden)"


def secret_name(name: str) -> bool:
    """Whether a variable called `name` probably holds a secret."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(_TELLING.search(words) or _ENDS.search(words)) and not _HARMLESS.search(words)


def masked(name: str, value: str) -> str:
    """`value`, or HIDDEN where `name` says that it is a secret."""
    return HIDDEN if value and secret_name(name) else value
