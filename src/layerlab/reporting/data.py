"""The facts as JSON, for programs. `schema.json` beside this file describes each field."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ..texts.plain import as_json
from .facts import SCHEMA, VERSION, Facts

#: Long texts meant for reading, which the JSON leaves out.
_PAGE_ONLY = ("step_logs", "dockerfile")


def data(facts: Facts) -> dict[str, Any]:
    """Return the facts as plain data, as `schema.json` describes them."""
    plain = dataclasses.asdict(facts)
    for name in _PAGE_ONLY:
        del plain[name]
    for step, told in zip(plain["steps"], facts.steps, strict=True):
        step["why"] = told.why
    whole: dict[str, Any] = json.loads(json.dumps({"schema": SCHEMA, "version": VERSION, **plain}))
    return whole


def to_json(facts: Facts) -> str:
    """Return `data` as JSON text."""
    return as_json(data(facts)) + "\n"
