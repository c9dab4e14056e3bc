"""The shares of a computer that the containers of one machine may take together, in per cent. `engines.confining` sees to it."""

from __future__ import annotations

#: Of the processes that the kernel allows: systemd gives a service as many (systemd-system.conf(5), DefaultTasksMax).
PROCESSES_PERCENT = 15
#: Of the memory. The rest is for the computer, which would otherwise kill any program, not just the build's.
MEMORY_PERCENT = 80
