"""Run main.py, and start it again whenever the file changes, as `uvicorn --reload` does."""

import subprocess
import sys
import time
from pathlib import Path

FILE = Path(__file__).with_name("main.py")

while True:
    seen = FILE.stat().st_mtime_ns
    server = subprocess.Popen([sys.executable, FILE])
    while FILE.stat().st_mtime_ns == seen:
        time.sleep(0.1)
    server.kill()
    server.wait()
