"""Questions about a build that a trial asks: did these steps run, what did they download, what did they print?"""

from __future__ import annotations

from ..errors import LayerLabError
from ..record.build import Build
from ..record.states import CACHED, RAN
from ..record.step import Step


def steps(build: Build, text: str = "", stage: str = "") -> list[Step]:
    """Find the steps whose instruction contains `text`, in one stage or in all. Raises LayerLabError if there are none."""
    found = [s for s in build.steps if text in s.text and stage in ("", s.stage)]
    if not found:
        raise LayerLabError(f"no step of {build.variant} contains {text!r}" + (f" in stage {stage}" if stage else ""))
    return found


def ran(build: Build, text: str, stage: str = "") -> bool:
    """Tell whether all steps that contain `text` ran. Raises LayerLabError if there are none."""
    return all(s.state == RAN for s in steps(build, text, stage))


def cached(build: Build, text: str, stage: str = "") -> bool:
    """Tell whether all steps that contain `text` were cached. Raises LayerLabError if there are none."""
    return all(s.state == CACHED for s in steps(build, text, stage))


def fetched(build: Build, stage: str = "", text: str = "") -> int:
    """Return the bytes that these steps say they downloaded. Raises LayerLabError if there are none."""
    return sum(s.downloaded_bytes for s in steps(build, text, stage))


def printed(build: Build, text: str, stage: str = "") -> str:
    """Return the output of the steps that contain `text`. Raises LayerLabError if there are none."""
    return "\n".join(s.log for s in steps(build, text, stage))


def together(build: Build, one: str, other: str) -> bool:
    """Tell whether two stages' RUNs worked at the same time; each must print the time (`date +%s.%N`) as it begins and ends.

    The steps' own times won't do: a step that waits for a locked mount counts as started.
    """
    (began, ended), (other_began, other_ended) = (
        [float(word) for word in printed(build, "RUN", stage).split()] for stage in (one, other)
    )
    return max(began, other_began) < min(ended, other_ended)
