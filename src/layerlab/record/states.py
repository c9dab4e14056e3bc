"""The states a step can be in.

FROM is BASE: BuildKit reports it sometimes cached and sometimes not, so we don't classify it. FAILED, CANCELED and
NOT_REACHED occur only in a build that didn't succeed.
"""

from __future__ import annotations

from typing import Annotated

RAN, CACHED, BASE, FAILED, CANCELED, NOT_REACHED = "RAN", "CACHED", "BASE", "FAILED", "CANCELED", "NOT REACHED"

#: A state as a record holds it.
State = Annotated[str, frozenset({RAN, CACHED, BASE, FAILED, CANCELED, NOT_REACHED})]
