"""Plan: what Compose or bake is about to build, as they say it themselves.

`docker compose build --print` and `docker buildx bake --print` both write a bake file in JSON. What we read there is what is
built, because bake gets it back as we understood it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

#: How a bake file writes what would otherwise begin an expression (buildx bake/bake.go, Target.MarshalJSON).
ESCAPES = {"${": "$${", "%{": "%%{"}
#: Compose 2.40 escapes only one of the two, so that `%{` in a Compose file is an expression of bake's, which nobody meant.
COMPOSE_ESCAPES = {"${": "$${"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """A bake file without variables.

    Attributes:
        targets: name of a target → its fields (context, dockerfile, args and so on), as bake's reference names them.
        groups: name of a group → the targets and groups in it.
    """

    targets: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict, hash=False)
    groups: Mapping[str, list[str]] = dataclasses.field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, text: str, *, escapes: Mapping[str, str] = ESCAPES) -> Plan:
        """Read what `--print` wrote; nothing at all means that there is nothing to build. `escapes` are those it used."""
        said = json.loads(text) if text.strip() else {}
        groups = {name: group["targets"] for name, group in said.get("group", {}).items()}
        return cls(_replaced(said.get("target", {}), {escaped: sign for sign, escaped in escapes.items()}), groups)

    @property
    def text(self) -> str:
        """The file as JSON, in which bake finds no expression: what it builds is what `targets` says."""
        targets = {name: _replaced(target, ESCAPES) for name, target in self.targets.items()}
        groups = {"group": {name: {"targets": of} for name, of in self.groups.items()}} if self.groups else {}
        return json.dumps({**groups, "target": targets})

    def having(self, target: str, fields: Mapping[str, Sequence[str]]) -> Plan:
        """Return the plan with a target's fields set to what the user gave; one that takes a single value gets the last."""
        single = {name: values[-1] if name == "network" else list(values) for name, values in fields.items()}
        return dataclasses.replace(self, targets={**self.targets, target: {**self.targets[target], **single}})

    def without(self, field: str, value: object) -> Plan:
        """Return the plan without a field in targets where it has that value."""
        targets = {n: {k: v for k, v in t.items() if k != field or v != value} for n, t in self.targets.items()}
        return dataclasses.replace(self, targets=targets)

    def with_dockerfile(self, target: str, *, inline: str, file: str) -> Plan:
        """Return the plan in which a target is built from the text `inline`, or else from the file `file`."""
        said = {**self.targets[target], **({"dockerfile-inline": inline} if inline else {"dockerfile": file})}
        return dataclasses.replace(self, targets={**self.targets, target: said})

    def leaves(self, name: str) -> list[str]:
        """Return the targets that `name` builds: those of a group (a matrix is one), else itself; [] if there's no such name."""
        if name not in self.groups:
            return [name] if name in self.targets else []
        # bake prints a group "default" for a target of that name.
        found = [leaf for member in self.groups[name] for leaf in ([name] if member == name else self.leaves(member))]
        return list(dict.fromkeys(found))


def _replaced(value: Any, what: Mapping[str, str]) -> Any:
    """Replace texts in all texts of a JSON value, names of fields included, as bake evaluates those, too."""
    if isinstance(value, dict):
        return {_replaced(key, what): _replaced(item, what) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, what) for item in value]
    if isinstance(value, str):
        for old, new in what.items():
            value = value.replace(old, new)
    return value
