"""Plan: what Compose or bake is about to build, as they say it themselves.

`docker compose build --print` and `docker buildx bake --print` both write a bake file in JSON. Building that file builds
the same, so what we read is what is built.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

#: How a bake file writes what would otherwise begin an expression (buildx bake/bake.go, Target.MarshalJSON).
ESCAPES = {"${": "$${", "%{": "%%{"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """A bake file without variables.

    Attributes:
        text: the file as JSON; "" for a plain build, which has none.
        targets: name of a target → its fields (context, dockerfile, args and so on), as bake's reference names them.
        groups: name of a group → the targets and groups in it.
    """

    text: str = ""
    targets: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict, hash=False)
    groups: Mapping[str, list[str]] = dataclasses.field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, text: str) -> Plan:
        """Read what `--print` wrote; nothing at all means that there is nothing to build."""
        said = json.loads(text) if text.strip() else {}
        groups = {name: group["targets"] for name, group in said.get("group", {}).items()}
        return cls(text, _plain(said.get("target", {})), groups)

    def leaves(self, name: str) -> list[str]:
        """Return the targets that `name` builds: those of a group (a matrix is one), else itself; [] if there's no such name."""
        if name not in self.groups:
            return [name] if name in self.targets else []
        # bake prints a group "default" for a target of that name.
        found = [leaf for member in self.groups[name] for leaf in ([name] if member == name else self.leaves(member))]
        return list(dict.fromkeys(found))


def _plain(value: Any) -> Any:
    """Undo the escapes in all texts of a JSON value."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        for sign, escaped in ESCAPES.items():
            value = value.replace(escaped, sign)
    return value
