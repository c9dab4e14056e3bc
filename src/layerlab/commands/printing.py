"""How commands print data."""

from __future__ import annotations

import json
from typing import Any


def dump(data: Any) -> str:
    """Return `data` as JSON for people and programs."""
    return json.dumps(data, indent=1, ensure_ascii=False)
