"""What keeps a machine's containers from taking the computer over or letting others in: limits, and ports on loopback only.

Both kinds of engine use these: dockerd gets the options, and `LIMIT_SCRIPT` runs where its control groups are.
"""

from __future__ import annotations

from pathlib import Path

from ..system.limits import MEMORY_PERCENT, PROCESSES_PERCENT

#: Sets the limits of a control group, given its name and SHARES, and prints what can't be limited here.
LIMIT_SCRIPT = Path(__file__).with_name("limit.sh")
SHARES = (str(PROCESSES_PERCENT), str(MEMORY_PERCENT))
#: `docker run -p 80:80` and a Compose file's `ports: ["80:80"]` mean loopback, not every address (dockerd reference).
OPTIONS = ("--ip=127.0.0.1", "--default-network-opt=bridge=com.docker.network.bridge.host_binding_ipv4=127.0.0.1")
