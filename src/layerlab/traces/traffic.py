"""Count the bytes that flowed to the RUN steps of a build, from samples of the machine's network. Pure.

The container of each RUN has a cable to the machine's bridge, with counters of its own. Nothing says which step a cable belongs
to, but its times do: it comes while the step runs. Where that leaves several answers, as with steps that start at the same time,
the bytes are known together, not apart. Where it leaves none, as when another build's containers come meanwhile, they're unknown.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..record.traffic import Sample
from .events import Vertex

#: A count may be off by this much, bytes, or by this share, and still count: reading the counters takes a moment.
OFF_BYTES, OFF_SHARE = 20_000, 0.02

#: The times when a step's command ran, as (start, end) in seconds since 1970.
Spans = Sequence[tuple[float, float]]
#: A time in which no cable can come.
_NEVER = ((math.inf, math.inf),)
#: The names of vertices that may download: a RUN with its options, or an ADD from an address.
_FETCHES = re.compile(r"\] (?:ONBUILD )?(?:RUN (?P<options>(?:--\S+ +)*)|ADD .*?(?:://|\bgit@))", re.DOTALL)
#: The runs that each of some cables may belong to.
Fitting = Mapping[int, frozenset[str]]


@dataclasses.dataclass(frozen=True)
class Cable:
    """The cable of a container that came while samples were taken.

    Attributes:
        after, seen: it came after `after`, and was there at `seen`.
        least, most: bytes to its container. They differ by what may have come between the last sample and its end.
    """

    after: float
    seen: float
    least: int
    most: int

    @property
    def exact(self) -> bool:
        """Whether the bytes are known well enough."""
        return self.most - self.least <= max(OFF_BYTES, OFF_SHARE * self.most)

    def fits(self, spans: Spans) -> bool:
        """Tell whether it may have come in one of these times."""
        return any(start <= self.seen and end >= self.after for start, end in spans)


@dataclasses.dataclass(frozen=True)
class Counts:
    """The bytes that flowed to the steps of a build.

    Attributes:
        each: the bytes of each step whose bytes are known.
        together: bytes of several steps, which nothing divides among them.
        complete: whether `each` and `together` have all bytes of all steps.
    """

    each: Mapping[str, int]
    together: int
    complete: bool


def fetching(vertices: Iterable[Vertex], provenance: Mapping[str, Any]) -> dict[str, Spans]:
    """Return the vertices that ran and may have downloaded something: digest → the times in which their cables came.

    What doesn't have a cable of the machine's network, such as an ADD, which the engine itself downloads, has no such time.
    """
    parameters = (provenance.get("invocation") or {}).get("parameters") or {}
    # buildx's and Compose's `network` (buildx build/opt.go).
    network = (parameters.get("args") or {}).get("force-network-mode") or "default"
    found: dict[str, Spans] = {}
    for vertex in vertices:
        told = next(filter(None, map(_FETCHES.search, vertex.names)), None)
        if told is None or vertex.cached or not (times := vertex.work()):
            continue
        own = re.findall(r"--network=(\S+)", told["options"] or "") or [network]
        if own[-1] != "none" or told["options"] is None:
            found[vertex.digest] = times if own[-1] == "default" and told["options"] is not None else _NEVER
    return found


def counted(samples: Sequence[Sample], runs: Mapping[str, Spans]) -> Counts:
    """Count the bytes that flowed to each of `runs`, by its name."""
    found = list(cables(samples))
    fitting = {n: frozenset(run for run, spans in runs.items() if c.fits(spans)) for n, c in enumerate(found)}
    room = {run: len(spans) for run, spans in runs.items()}
    known = [(found[n], whose) for group in _groups(fitting) for n, whose in _possible(group, room).items()]
    among = {run for _, whose in known if len(whose) > 1 for run in whose}
    # Of each run that was watched from start to end: the cables that are, or may be, its own.
    own = {
        run: [cable for cable, whose in known if run in whose]
        for run, spans in runs.items()
        if samples and _within(spans, samples[0].at, samples[-1].at)
    }
    exact = {run for run, mine in own.items() if len(mine) >= room[run] and all(cable.exact for cable in mine)}
    each = {run: sum(cable.least for cable in own[run]) for run in exact - among}
    together = sum(cable.least for cable, _ in known) - sum(each.values())
    return Counts(each, together, complete=exact == set(runs) and len(known) == sum(room.values()))


def cables(samples: Sequence[Sample]) -> Iterator[Cable]:
    """Yield the cables that came while samples were taken, in the order in which they went."""
    came: dict[str, tuple[float, float]] = {}
    for before, now in itertools.pairwise(samples):
        gone = before.cables.keys() - now.cables.keys()
        lost = _lost(before, now)
        for name in sorted(gone & came.keys()):
            told = before.cables[name][0]
            # What the bridge sent and nobody else got was for the one that has gone; of several, nobody knows for which.
            yield Cable(*came.pop(name), told + (lost[0] if len(gone) == 1 else 0), told + lost[1])
        for name in now.cables.keys() - before.cables.keys():
            came[name] = before.at, now.at
    for name, times in sorted(came.items()):
        told = samples[-1].cables[name][0]
        yield Cable(*times, told, told)


def _lost(before: Sample, now: Sample) -> tuple[int, int]:
    """Return the least and the most that may have flowed, between two samples, to containers that went meanwhile."""
    sent = max(0, now.sent - before.sent)
    zero = (0, 0)
    to, out = (
        sum(max(0, c[way] - before.cables.get(name, zero)[way]) for name, c in now.cables.items()) for way in (0, 1)
    )
    return max(0, sent - to), sent + out


def _within(spans: Spans, began: float, ended: float) -> bool:
    return all(began <= start and end <= ended for start, end in spans)


# -- which cable belongs to which run ----------------------------------------------------------------------------------


def _groups(fitting: Fitting) -> Iterator[Fitting]:
    """Divide cables into groups that have no run in common. Those that fit none are somebody else's, and left out."""
    left = {cable: runs for cable, runs in fitting.items() if runs}
    while left:
        cable, runs = left.popitem()
        group = {cable: runs}
        while more := {c: r for c, r in left.items() if any(r & mine for mine in group.values())}:
            group |= more
            left = {c: r for c, r in left.items() if c not in more}
        yield group


def _possible(group: Fitting, room: Mapping[str, int]) -> Fitting:
    """Return the runs that each cable of a group may belong to, if each belongs to one; {} if somebody else's is among them."""
    if not _assignable(group, room):
        return {}
    return {
        cable: frozenset(run for run in runs if len(runs) == 1 or _assignable({**group, cable: frozenset({run})}, room))
        for cable, runs in group.items()
    }


def _assignable(group: Fitting, room: Mapping[str, int]) -> bool:
    """Tell whether each cable can have a place of its own, where a run has one for each of its times.

    It's the search for augmenting paths in a bipartite graph (Kuhn).
    """
    places: dict[tuple[str, int], int] = {}

    def placed(cable: int, tried: set[tuple[str, int]]) -> bool:
        for place in ((run, n) for run in sorted(group[cable]) for n in range(room[run])):
            if place not in tried:
                tried.add(place)
                if place not in places or placed(places[place], tried):
                    places[place] = cable
                    return True
        return False

    return all(placed(cable, set()) for cable in group)
