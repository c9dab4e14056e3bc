"""The states a step can be in.

FROM is BASE: BuildKit reports it sometimes cached and sometimes not, so we don't classify it. FAILED, CANCELED and
NOT_REACHED occur only in a build that didn't succeed.
"""

RAN, CACHED, BASE, FAILED, CANCELED, NOT_REACHED = "RAN", "CACHED", "BASE", "FAILED", "CANCELED", "NOT REACHED"
