"""Which names belong to secrets, and what stands in a secret's place.

Secrets that a build gets properly (--secret, --ssh) never reach a record. A token in ARG or ENV does, because BuildKit
itself puts it there.
"""

from __future__ import annotations

import re

#: What is shown in a secret's place.
HIDDEN = "(hidden)"
#: What a record holds in its place where builds are compared: HIDDEN with a keyed hash of the secret. It has no white space,
#: quotes or signs with a meaning, so that a Dockerfile or command with it is read as before.
_MARK = re.compile(r"\(hidden:[0-9a-f]{16}\)")

#: Parts of names that suggest a secret (as in the linter rule SecretsUsedInArgOrEnv of BuildKit's Dockerfile frontend).
_TELLING = re.compile(
    r"(^|[_-])(apikey|auth|credentials?|git[_-]?pat|key|passw(or)?d|pword|secret|token)($|[_-])", re.IGNORECASE
)
#: Ends of names that suggest one too: NPM_AUTHTOKEN, dbPassword, DB_PASS, DB_PW.
_ENDS = re.compile(r"(token|passw(or)?d|passphrase|secret|apikey|(^|_)pass|_pw)$", re.IGNORECASE)
#: The linter rule's exceptions.
_HARMLESS = re.compile(r"(^|[_-])public($|[_-])", re.IGNORECASE)


def secret_name(name: str) -> bool:
    """Tell whether a variable, build argument or option of this name probably holds a secret: API_TOKEN, dbPassword, --token."""
    if name == "key":  # a key of a sort, of a cache, of a pair
        return False
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(_TELLING.search(words) or _ENDS.search(words)) and not _HARMLESS.search(words)


def marked(digest: str) -> str:
    """Return the mark that a record has in place of a secret: HIDDEN with the first 16 hex digits of its hash."""
    return f"(hidden:{digest[:16]})"


def is_hidden(text: str) -> bool:
    """Tell whether the whole text only stands for a secret, but for the ends of the lines that it had."""
    text = text.rstrip("\\ \t\r\n")
    return text == HIDDEN or bool(_MARK.fullmatch(text))


def has_mark(text: str) -> bool:
    """Tell whether a secret's hash stands somewhere in the text."""
    return "(hidden:" in text and bool(_MARK.search(text))


def without_marks(text: str) -> str:
    """Return the text with HIDDEN in place of each mark."""
    return _MARK.sub(HIDDEN, text) if "(hidden:" in text else text
