"""Asks every minute which parcels are late."""

import json
import time
import tomllib
import urllib.request
from pathlib import Path

import schedule
from common.events import KINDS

FORMAT = tomllib.loads(Path("/etc/worker.toml").read_text())["format"]


def look():
    with urllib.request.urlopen("http://api:8000/health", timeout=5) as answer:
        data = json.load(answer)
    print(json.dumps(data) if FORMAT == "json" else f"{data['events']} events of {len(KINDS)} kinds")


if __name__ == "__main__":
    schedule.every().minute.do(look)
    while True:
        schedule.run_pending()
        time.sleep(1)
