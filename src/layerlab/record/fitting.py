"""Make a build's record fit to be shown and kept: no secrets in it, and nothing that a terminal or a page would obey.

Everything that becomes a `Build` passes here once: what an engine just reported, and what is read from a file. So whatever
shows or saves a build has nothing to hide.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..system import docker_words
from ..texts.masker import Masker, assigned, given
from ..texts.plain import named, plain, shown
from ..texts.secrets import has_mark, secret_name, without_marks
from . import marks
from .masked_trace import masked_trace
from .step import Phase, Step

#: BuildKit rejects secrets larger than this, bytes (session/secrets/secretsprovider, MaxSecretSize).
MAX_SECRET = 500 * 1024


def fit(fields: Mapping[str, Any], known: Masker | None = None) -> dict[str, Any]:
    """Return the fields of a `Build` as they may be shown and kept.

    In what is compared (the Dockerfile, build arguments, provenance), a mark stands for each secret; in what is only read,
    HIDDEN does. The field `key` then says whose marks they are; a record that has it has been here before.

    Args:
        fields: by name, those of a Build; steps and phases as objects.
        known: knows secrets that the fields don't tell.
    """
    if fields.get("key") is None:
        fields = _without_secrets(fields, known or Masker())
    return {**fields, **_harmless(fields)}


def unmarked(dockerfile: str, args: Mapping[str, str], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are compared, by name, with HIDDEN in place of marks."""
    return {
        "dockerfile": without_marks(dockerfile),
        "args": {name: without_marks(value) for name, value in args.items()},
        "provenance": _Provenance(_Unmarking()).without_secrets(provenance),
    }


def masker_for(command: Sequence[str], args: Mapping[str, str], dockerfile: str) -> Masker:
    """Return a masker that knows the secrets of a build before it runs, including those that its --secret options name."""
    pairs = (value for name, value in args.items() if secret_name(name))
    return Masker().knowing([*given(command), *pairs, *assigned(dockerfile), *_mounted(command)])


# -- secrets -----------------------------------------------------------------------------------------------------------


def _without_secrets(fields: Mapping[str, Any], known: Masker) -> dict[str, Any]:
    steps: Sequence[Step] = fields["steps"]
    provenance, args = fields["provenance"], fields.get("args") or {}
    told = masker_for(fields["command"], args, fields["dockerfile"]).values
    masker = known.knowing([*told, *_in_provenance(provenance), *(v for s in steps for v in assigned(s.text))])
    marking = dataclasses.replace(masker, mark=marks.mark)
    compared = {
        "dockerfile": marking.source(fields["dockerfile"]),
        "provenance": _Provenance(marking).without_secrets(provenance),
        "args": marking.arguments(args),
    }
    return {
        **fields,
        **compared,
        "command": masker.words(fields["command"]),
        "steps": tuple(
            dataclasses.replace(s, text=masker.text(s.text), stage=masker.text(s.stage), log=masker.text(s.log))
            for s in steps
        ),
        "phases": tuple(dataclasses.replace(p, name=masker.text(p.name)) for p in fields["phases"]),
        "warnings": tuple(map(masker.text, fields["warnings"])),
        "error": masker.text(fields.get("error", "")),
        "trace": masked_trace(fields["trace"], masker),
        "key": marks.key_id() if has_mark(str(compared)) else "",
    }


def _in_provenance(provenance: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of build arguments and variables, also of the base image's, whose names look like a secret's."""
    parameters = (provenance.get("invocation") or {}).get("parameters") or {}
    pairs = [(name.removeprefix("build-arg:"), value) for name, value in (parameters.get("args") or {}).items()]
    for op in (provenance.get("buildConfig") or {}).get("llbDefinition") or ():
        executed = ((op.get("op") or {}).get("Op") or {}).get("exec") or {}
        pairs += [e.partition("=")[::2] for e in (executed.get("meta") or {}).get("env") or ()]
    yield from (str(value) for name, value in pairs if secret_name(name))


def _mounted(command: Sequence[str]) -> Iterator[str]:
    """Yield the values that --secret options name, if they still exist: a step may print them."""
    for fields in docker_words.secrets(command):
        if "id" not in fields or fields.get("type") == "ssh":
            continue
        name = fields.get("env", fields["id"])
        source = fields.get("src") or fields.get("source") or (name if fields.get("type") == "file" else "")
        value = os.environ.get(name, "") if not source else _content(Path(source))
        yield value
        yield from assigned(value)


def _content(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace") if file.stat().st_size <= MAX_SECRET else ""
    except OSError:
        return ""


class _Unmarking:
    """Stands in for a Masker where marks are to go."""

    def text(self, text: str) -> str:
        return without_marks(text)

    source = text

    def value(self, name: str, value: str) -> str:
        return without_marks(value)


class _Provenance:
    """Hides secrets in provenance, which is JSON: arguments and variables by their names, everything else as text."""

    def __init__(self, masker: Masker | _Unmarking) -> None:
        self._masker = masker
        self._text = functools.cache(masker.text)  # most texts are there many times, such as variables

    def without_secrets(self, value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            return self._data(value) if key == "data" else self._text(value)
        if isinstance(value, Mapping):
            # Both the frontend's parameters and the arguments of a command are called args.
            return {k: self._argument(k, v) if key == "args" else self.without_secrets(v, k) for k, v in value.items()}
        if isinstance(value, Sequence):
            return [self._variable(v) if key == "env" else self.without_secrets(v) for v in value]
        return value

    def _argument(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return self.without_secrets(value)
        return self._masker.value(name.removeprefix("build-arg:"), value)

    def _variable(self, assignment: Any) -> Any:
        if not isinstance(assignment, str):
            return self.without_secrets(assignment)
        name, equals, value = assignment.partition("=")
        return name + equals + self._masker.value(name, value)

    def _data(self, value: str) -> str:
        """Hide what a heredoc or a Dockerfile holds, which is in base64."""
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return self._text(value)
        masked = self._masker.source(text)
        return value if masked == text else base64.b64encode(masked.encode()).decode()


# -- what a terminal or a page would obey ------------------------------------------------------------------------------


def _harmless(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = ("app", "variant", "edit", "machine", "image", "started_at")
    return {
        **{name: named(fields[name]) for name in names},
        **{name: named(fields.get(name, "")) for name in ("file", "service", "cache", "branch")},
        "command": tuple(map(shown, fields["command"])),
        "steps": tuple(map(_harmless_step, fields["steps"])),
        "phases": tuple(_harmless_phase(p) for p in fields["phases"]),
        "warnings": tuple(map(plain, fields["warnings"])),
        "error": plain(fields.get("error", "")),
    }


def _harmless_step(step: Step) -> Step:
    return dataclasses.replace(
        step,
        stage=named(step.stage),
        instruction=named(step.instruction),
        text=shown(step.text),
        log=plain(step.log),
    )


def _harmless_phase(phase: Phase) -> Phase:
    return dataclasses.replace(phase, kind=named(phase.kind), name=named(phase.name))
