"""Keep secrets out of a report: every text of a build passes through here before anything else sees it.

masking.HIDDEN replaces:

1. Values of build arguments and variables whose name looks like a secret: given on the command line, in the Dockerfile
   (ARG, ENV, `RUN export …`) or in the provenance, of this build and of the one it's compared with. They are hidden wherever
   they are assigned. Elsewhere (in a log, an error) they are hidden only if they're long enough not to be a plain word.
2. Values that `--secret` takes from a variable or a file, if that still exists when the report is written: no record holds
   such a value, but a step may have printed it.
3. Passwords in addresses (`https://user:password@host`), values of options such as `--password`, and tokens and private
   keys recognizable by their form.

Any other secret, such as a password that a script made up and printed, can't be recognized and stays.
"""

from __future__ import annotations

import dataclasses
import html
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..explaining.causes import Explanation
from ..record.build import Build
from ..record.masking import HIDDEN, secret_name
from ..system import docker_words

#: A text without any of these contains no secret's name, so a long log without them skips the slow expressions.
_HINTS = (
    "apikey",
    "auth",
    "credential",
    "git_pat",
    "git-pat",
    "gitpat",
    "key",
    "pass",
    "pword",
    "secret",
    "token",
    "_pw",
)

#: A value with at least this many characters is hidden wherever it turns up: "dev" or "test" would black out half a log.
LONG_ENOUGH = 6
#: BuildKit rejects secrets larger than this, bytes (session/secrets/secretsprovider, MaxSecretSize).
MAX_SECRET = 500 * 1024

#: The prefix of NAME=VALUE in a word of a command; --build-arg and --set may also be words of their own.
_SETS_ARGUMENT = re.compile(r"^--build-arg=|^(?:--set=)?[^=\s]*?\.args\.")
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
#: Where a word begins. A name is looked for once in each word, not at each letter: logs hold words of a megabyte (base64).
_WORD = r"(?<![A-Za-z0-9_-])"
_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'[^']*'"
_ON_ONE_LINE = r"\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'"
#: NAME=value, NAME="a value" (which may span lines), "name": "value".
_ASSIGNED = re.compile(
    rf"{_WORD}[0-9-]*(?P<name>{_NAME}+)(?P<is>=|[\"']\s*:\s*(?=[\"']))"
    rf"(?P<value>(?:{_QUOTED})(?![^\s;,&|)}}\]])|(?:{_ON_ONE_LINE}|\\.|[^\s\\\"'])+)",
    re.DOTALL,
)
#: ENV NAME a value.
_OLD_ENV = re.compile(
    rf"(?P<is>^[ \t]*ENV[ \t]+)(?P<name>{_NAME})[ \t]+(?P<value>[^=\s].*)$", re.MULTILINE | re.IGNORECASE
)
#: --password value.
_OPTION = re.compile(
    rf"{_WORD}(?>[A-Za-z0-9_-]*?(?P<is>--)(?=[A-Za-z_]))(?P<name>{_NAME}+) +(?P<value>{_QUOTED}|[^\s\"'-]\S*)"
)
#: A reference to a variable or to a command's output: it reveals nothing.
_REFERENCE = re.compile(r"[\"']?(?:\$\{?\w+\}?|\$\(.*|`.*)[\"']?", re.DOTALL)

_ADDRESS = re.compile(r"(://[^\s:/@]*:)([^\s/@]+)(?=@)")
#: Tokens and keys with a recognizable form: a fixed part (a long log without it skips the expression) and the whole form.
_FORMS = {
    **{f"gh{kind}_": rf"\bgh{kind}_[A-Za-z0-9]{{20,}}" for kind in "pousr"},
    "github_pat_": r"\bgithub_pat_\w{20,}",
    "glpat-": r"\bglpat-[\w-]{20,}",
    "pypi-": r"\bpypi-[\w-]{40,}",
    "hf_": r"\bhf_[A-Za-z0-9]{20,}",
    "AKIA": r"\bAKIA[0-9A-Z]{16}\b",
    "xox": r"\bxox[abprs]-[\w-]{10,}",
    "earer ": r"(?<=[Bb]earer )[\w.~+/=-]{8,}",
    "k_live_": r"\b[sr]k_live_[A-Za-z0-9]{10,}",
    "k_test_": r"\b[sr]k_test_[A-Za-z0-9]{10,}",
    "eyJ": r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",  # a JSON Web Token: both of its first parts are JSON in base64
    "PRIVATE KEY": r"(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))",
}
#: Where programs take a password without a name that tells: the text before it, and the password. Lower-case hints as above.
_PLACES = {
    "authorization": r"(?i)(authorization:\s*basic\s+)([\w+/=-]+)",
    "x-": r"(?i)(\bx-[a-z-]{0,30}(?:key|token|secret):\s*)([^\s\"']+)",
    "curl": r"(\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"'$]{0,100}:)([^\s\"'$]+)",
    "mysql": r"(\bmysql\w{0,20}\b[^\n]{0,300}?\s-p)([^\s\"'$-][^\s\"']*)",
    "sshpass": r"(\bsshpass\s+-p\s*[\"']?)([^\s\"'$]+)",
    "pwd=": r"(?i)(;\s*pwd=)([^;\s\"'$]+)",
    "://": r"(\bhttps?://)((?=[^@\s/]{0,40}\d)[\w~.+-]{16,200})(?=@)",  # a token alone; a user's name is shorter
}


def tells(name: str) -> bool:
    """Tell whether a variable, build argument or option of this name holds a secret: API_TOKEN, dbPassword, --token."""
    return name != "key" and secret_name(name)  # a key of a sort, of a cache, of a pair


@dataclasses.dataclass(frozen=True)
class Masker:
    """Hides the secrets of some builds.

    Attributes:
        values: texts to hide wherever they occur, the longest first.
    """

    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, *builds: Build | None) -> Masker:
        """Return a masker that knows the secrets of these builds."""
        found = {value for build in builds if build for value in _values(build)}
        # In an error or a log, a value may be escaped.
        found |= {html.escape(v) for v in found} | {v.replace('"', '\\"') for v in found}
        return cls(tuple(sorted((v for v in found if len(v) >= LONG_ENOUGH), key=lambda v: (-len(v), v))))

    def text(self, text: str) -> str:
        """Return `text` without secrets."""
        for value in self.values:
            if value in text:
                text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", HIDDEN, text)
        for beginning, form in _FORMS.items():
            if beginning in text:
                text = re.sub(form, HIDDEN, text)
        if "://" in text:
            text = _ADDRESS.sub(rf"\g<1>{HIDDEN}", text)
        lowered = text.lower()
        for hint, place in _PLACES.items():
            if hint in lowered:
                text = re.sub(place, rf"\g<1>{HIDDEN}", text)
        if any(hint in lowered for hint in _HINTS):
            for pattern in (_ASSIGNED, _OLD_ENV, _OPTION):
                text = pattern.sub(_hidden, text)
        return text

    def build(self, build: Build) -> Build:
        """Return the record without secrets, and without the raw evidence, which a report doesn't show."""
        return dataclasses.replace(
            build,
            command=tuple(self._argument(word) for word in build.command),
            dockerfile=self.text(build.dockerfile),
            steps=tuple(
                dataclasses.replace(s, text=self.text(s.text), log=self.text(s.log), stage=self.text(s.stage))
                for s in build.steps
            ),
            phases=tuple(dataclasses.replace(p, name=self.text(p.name)) for p in build.phases),
            warnings=tuple(self.text(w) for w in build.warnings),
            error=self.text(build.error),
            trace="",
            provenance={},
            args={},
            contexts={},
        )

    def explanation(self, explanation: Explanation) -> Explanation:
        """Return the causes without secrets: a secret build argument shows neither its old nor its new value."""
        steps = []
        for step in explanation.steps:
            causes = []
            for cause in step.causes:
                evidence = []
                for e in cause.evidence:
                    hidden = any(tells(word) for word in re.findall(_NAME, e.what))
                    before, now = ((HIDDEN if v else v) if hidden else self.text(v) for v in (e.before, e.now))
                    evidence.append(dataclasses.replace(e, what=self.text(e.what), before=before, now=now))
                causes.append(dataclasses.replace(cause, text=self.text(cause.text), evidence=tuple(evidence)))
            steps.append(
                dataclasses.replace(
                    step,
                    text=self.text(step.text),
                    still_hit=self.text(step.still_hit),
                    causes=tuple(causes),
                    ruled_out=tuple(self.text(r) for r in step.ruled_out),
                )
            )
        remedies = tuple(dataclasses.replace(r, text=self.text(r.text)) for r in explanation.remedies)
        return dataclasses.replace(
            explanation, against=self.text(explanation.against), steps=tuple(steps), remedies=remedies,
            failure=self.text(explanation.failure),
        )  # fmt: skip

    def _argument(self, word: str) -> str:
        """Mask one word of the command. A value may contain spaces, so everything after NAME= is hidden."""
        found = re.match(rf"(?P<before>(?:{_SETS_ARGUMENT.pattern})?(?P<name>{_NAME})=)(?P<value>.*)", word, re.DOTALL)
        if found and found["value"] and tells(found["name"]):
            return found["before"] + HIDDEN
        return self.text(word)


def _hidden(found: re.Match[str]) -> str:
    value, whole, start = found["value"], found[0], found.start()
    if not tells(found["name"]) or _REFERENCE.fullmatch(value):
        return whole
    at = found.start("value") - start
    quote = value[0] if value[0] in "\"'" and value[-1] == value[0] else ""
    return f"{whole[:at]}{quote}{HIDDEN}{quote}{whole[at + len(value) :]}"


def _values(build: Build) -> Iterator[str]:
    """Yield the build's secret values, as far as its record and this computer reveal them."""
    parameters = (build.provenance.get("invocation") or {}).get("parameters") or {}
    given = {**(parameters.get("args") or {}), **build.args}
    pairs = [(name.removeprefix("build-arg:"), str(value)) for name, value in given.items()]
    for op in (build.provenance.get("buildConfig") or {}).get("llbDefinition") or ():
        executed = ((op.get("op") or {}).get("Op") or {}).get("exec") or {}
        pairs += [(k, v) for k, _, v in (e.partition("=") for e in (executed.get("meta") or {}).get("env") or ())]
    for word in build.command:
        name, _, value = _SETS_ARGUMENT.sub("", word).partition("=")
        pairs.append((name, value))
    for pattern in (_ASSIGNED, _OLD_ENV):
        for text in (build.dockerfile, *(s.text for s in build.steps)):
            pairs += [
                (m["name"], _unquoted(m["value"]))
                for m in pattern.finditer(text)
                if not _REFERENCE.fullmatch(m["value"])
            ]
    yield from (value for name, value in pairs if re.fullmatch(_NAME, name) and tells(name))
    yield from _given(build.command)


def _given(command: Sequence[str]) -> Iterator[str]:
    """Yield the values that --secret options name, if they still exist: the whole, and each line."""
    for fields in docker_words.secrets(command):
        if "id" not in fields or fields.get("type") == "ssh":
            continue
        name = fields.get("env", fields["id"])
        source = fields.get("src") or fields.get("source") or (name if fields.get("type") == "file" else "")
        value = os.environ.get(name, "") if not source else _content(Path(source))
        yield value.strip()
        yield from (line.strip() for line in value.splitlines())


def _content(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace") if file.stat().st_size <= MAX_SECRET else ""
    except OSError:
        return ""


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else value
