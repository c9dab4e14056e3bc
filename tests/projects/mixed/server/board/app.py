"""Serves the board and the departures it shows."""

import sys
from datetime import datetime, timedelta
from pathlib import Path

import bottle

STATIC = Path("static").resolve()
EVERY_MINUTES = {"Harbour": 10, "Airport": 20, "University": 15}


@bottle.get("/health")
def health():
    return {"status": "ok"}


@bottle.get("/departures")
def departures():
    now = datetime.now().replace(second=0, microsecond=0)
    lines = [
        {"to": to, "at": (now + timedelta(minutes=m - now.minute % m)).isoformat()} for to, m in EVERY_MINUTES.items()
    ]
    return {"lines": sorted(lines, key=lambda line: line["at"])}


@bottle.get("/")
@bottle.get("/<name>")
def page(name="index.html"):
    return bottle.static_file(name, root=STATIC)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(not (STATIC / "board.js").is_file())
    bottle.run(host="0.0.0.0", port=8000)
