"""Names that only the course needs: registries, views into contexts, mounts and images, claims, the clinic, the fleet, the labs.

Notebooks import these from here, and everything else from `layerlab`.
"""

from .. import scale
from ..charts.break_even import Way, over_bandwidth
from ..charts.layers import layers
from ..charts.summary import summary
from ..charts.verdicts import factors, verdicts
from ..errors import CommandFailed
from ..labs import attempts, check_lab, clinic, your_files
from ..labs.attempts_chart import attempts_chart
from ..labs.capstone import BUDGET
from ..labs.lab_07 import sent_files
from ..machine import package_index, package_mirror
from ..machine.asking import run_in
from ..machine.mounts import inside, mounts
from ..machine.registry import Registry
from ..record.frames import rows_of
from ..scale import REGISTRY_MAX, RUNNER_MOUNTS, Event
from ..system.shell import run
from .composing import compose_build
from .court import Court
from .evidence import cached, fetched, printed, ran, steps, together
from .listing import context_files
from .waiting import bandwidth

__all__ = [
    "BUDGET",
    "REGISTRY_MAX",
    "RUNNER_MOUNTS",
    "CommandFailed",
    "Court",
    "Event",
    "Registry",
    "Way",
    "attempts",
    "attempts_chart",
    "bandwidth",
    "cached",
    "check_lab",
    "clinic",
    "compose_build",
    "context_files",
    "factors",
    "fetched",
    "inside",
    "layers",
    "mounts",
    "over_bandwidth",
    "package_index",
    "package_mirror",
    "printed",
    "ran",
    "rows_of",
    "run",
    "run_in",
    "scale",
    "sent_files",
    "steps",
    "summary",
    "together",
    "verdicts",
    "your_files",
]
