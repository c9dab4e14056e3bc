"""That the suite is shared between processes as tests/conftest.py says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
MODULES = ("test_home.py", "test_execute_notebooks.py", "test_bandwidth.py")


def test_a_module_stays_in_one_process():
    """Else every fixture of a module is made twice, and tests that share a page do not find it."""
    command = ["-m", "pytest", "--verbose", "--numprocesses=2", "--no-loadscope-reorder"]
    done = subprocess.run(
        [sys.executable, *command, *(HERE / name for name in MODULES)], capture_output=True, text=True, cwd=HERE.parent
    )
    assert done.returncode == 0, done.stdout
    ran = defaultdict(set)
    for process, module in re.findall(r"^\[(gw\d)\].* tests/(\w+\.py)::", done.stdout, re.MULTILINE):
        ran[module].add(process)
    assert set(ran) == set(MODULES)
    assert {len(processes) for processes in ran.values()} == {1}, ran
    assert len(set.union(*ran.values())) == 2
