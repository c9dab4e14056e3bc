"""A fleet: how many runners build how often, on which network, at what price; and the ways to share a cache among them."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Fleet:
    """A team's builds.

    Raises ValueError if odds are negative or add up to more than 1, and if there's no runner, build or bandwidth.

    Attributes:
        runners: number of CI runners; each build goes to one of them at random.
        builds_a_day: the whole team's builds on a working day, one after another, in the order of the commits.
        dependency_odds: share of builds that bring a changed requirements file, 0 to 1.
        base_odds: share of builds that come after the base image has moved, 0 to 1.
        code_odds: share of builds that change the code, 0 to 1; the rest build a commit again.
        mbit: megabits per second between a runner and the index or registry. The network that the builds were measured
            on counts as taking no time, so this comes on top of the measured seconds.
        minute_price: price of a runner's minute, in any currency.
        gb_price: price of a gigabyte moved, down or up.
    """

    runners: int = 8
    builds_a_day: int = 60
    dependency_odds: float = 0.05
    base_odds: float = 0.01
    code_odds: float = 0.9
    mbit: float = 100.0
    minute_price: float = 0.008
    gb_price: float = 0.09

    def __post_init__(self) -> None:
        odds = (self.base_odds, self.dependency_odds, self.code_odds)
        if min(odds) < 0 or sum(odds) > 1 + 1e-9:
            raise ValueError("the odds of base, dependency and code must not be negative and must add up to at most 1")
        if self.runners < 1 or self.builds_a_day < 1 or self.mbit <= 0:
            raise ValueError("a fleet needs at least one runner, one build a day and some bandwidth")


@dataclasses.dataclass(frozen=True)
class Strategy:
    """A way to keep and share a build cache.

    Attributes:
        name: its name in charts.
        local: where a build finds layers of earlier builds on a disk: "" (nowhere: a fresh runner each time), "runner"
            (what this runner built) or "shared" (what any runner built: one builder for all).
        mounts: whether cache mounts survive a build there.
        registry: which layers each build leaves in a registry for the next: "" (none), "image" (those of the image:
            inline cache, mode=min) or "all" (mode=max).
    """

    name: str
    local: str = ""
    mounts: bool = False
    registry: str = ""


NONE = Strategy("fresh runners, no cache")
RUNNER = Strategy("own layers", local="runner")
RUNNER_MOUNTS = Strategy("own layers and mounts", local="runner", mounts=True)
REGISTRY_MIN = Strategy("inline or registry, min", registry="image")
REGISTRY_MAX = Strategy("registry, max", registry="all")
SHARED = Strategy("one shared builder", local="shared", mounts=True)

#: Every strategy, in the order in which charts show them.
STRATEGIES = (NONE, RUNNER, RUNNER_MOUNTS, REGISTRY_MIN, REGISTRY_MAX, SHARED)
