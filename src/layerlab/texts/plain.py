"""Make text safe to show. A text of a build, a project or an engine passes here before a terminal, a page or a notebook.

Such a text may hold what isn't for reading: sequences that move a terminal's cursor, retitle or recolour it, other control
characters, marks that reverse the order of letters (https://trojansource.codes), and lone surrogates, which stand for the
bytes of a name that isn't UTF-8 and can't be printed.
"""

from __future__ import annotations

import json
import re

from .secrets import without_marks

#: ANSI sequences (ECMA-48): CSI; strings such as titles and links, ended by BEL or ST; shorter ones.
_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
#: Control characters but tab and newline, and what changes the direction of writing or ends a line unseen.
_UNSAFE = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
_SURROGATES = r"\ud800-\udfff"

_ANY = re.compile(f"[{_UNSAFE}{_SURROGATES}]")
_PRINTED = re.compile(f"{_SEQUENCE}|[{_UNSAFE}]")
_LONE = re.compile(f"[{_SURROGATES}]")


def plain(text: str) -> str:
    """Return what a program printed as a terminal leaves it: no colours, and the last version of a line that rewrites itself."""
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    if not _ANY.search(text):  # most logs, which may be long
        return text
    return _LONE.sub("\N{REPLACEMENT CHARACTER}", _PRINTED.sub("", text))


def shown(text: str) -> str:
    r"""Return what somebody wrote, such as an instruction or an error, with anything unsafe spelled out: `\x1b`, `\u202e`.

    Tabs and newlines stay. Where a secret is hidden, no hash of it is shown.
    """
    return _ANY.sub(_spelled, without_marks(text))


def named(text: str) -> str:
    r"""Return a name or path as `shown` does, on one line: a newline becomes `\n`. A byte that isn't UTF-8 becomes `\xff`."""
    return shown(text).replace("\n", "\\n").replace("\t", "\\t")


def as_json(data: object) -> str:
    """Return `data` as JSON that a terminal can show: what `shown` would spell out is an escape of JSON."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    return _ANY.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _spelled(found: re.Match[str]) -> str:
    if found[0] == "\r" and found.string[found.end() : found.end() + 1] == "\n":
        return ""
    code = ord(found[0])
    code -= 0xDC00 if 0xDC80 <= code <= 0xDCFF else 0  # how Python decodes a byte that isn't UTF-8 (PEP 383)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
