"""Shows what is on today."""

import os
from datetime import datetime
from pathlib import Path

import bottle

from notices.calendars import events
from notices.when import today, words

CALENDARS = Path(os.environ.get("CALENDARS", "/calendars"))


@bottle.get("/health")
def health():
    return {"status": "ok"}


@bottle.get("/")
def notices():
    now = datetime.now().astimezone()
    return {"today": [{"title": title, "starts": words(start, now)} for title, start in today(events(CALENDARS), now)]}


def main():
    bottle.run(host="0.0.0.0", port=8080, quiet=True)
