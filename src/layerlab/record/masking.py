"""Hide values that must not be shown: those of variables whose names look like secrets.

Secrets that a build gets properly (--secret, --ssh) never reach a record. A token in ARG or ENV does, because BuildKit
itself puts it there; LayerLab leaves it out of what it prints.
"""

from __future__ import annotations

import re

#: Parts of names that suggest a secret (as in the linter rule SecretsUsedInArgOrEnv of BuildKit's Dockerfile frontend).
_TELLING = re.compile(
    r"(^|[_-])(apikey|auth|credentials?|git[_-]?pat|key|passw(or)?d|pword|secret|token)($|[_-])", re.IGNORECASE
)
#: Ends of names that suggest one too: NPM_AUTHTOKEN, dbPassword, DB_PASS, DB_PW.
_ENDS = re.compile(r"(token|passw(or)?d|passphrase|secret|apikey|(^|_)pass|_pw)$", re.IGNORECASE)
#: The linter rule's exceptions.
_HARMLESS = re.compile(r"(^|[_-])public($|[_-])", re.IGNORECASE)
HIDDEN = "(hidden)"


def secret_name(name: str) -> bool:
    """Tell whether a variable called `name` probably holds a secret."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(_TELLING.search(words) or _ENDS.search(words)) and not _HARMLESS.search(words)


def masked(name: str, value: str) -> str:
    """Return `value`, or HIDDEN if `name` looks like a secret's."""
    return HIDDEN if value and secret_name(name) else value
