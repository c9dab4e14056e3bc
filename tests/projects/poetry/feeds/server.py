"""POST a feed to /news and get what is new in it."""

import sys
from pathlib import Path

import bottle

from feeds.news import load, news, save

STATE = Path("/var/lib/feeds/seen.json")


@bottle.get("/health")
def health():
    return {"status": "ok"}


@bottle.post("/news")
def new():
    seen = load(STATE)
    found = news(bottle.request.body.read(), seen)
    save(STATE, seen)
    return {"news": found}


def main(arguments):
    if "--check" in arguments:
        print(f"{len(bottle.default_app().routes)} routes")
        return
    bottle.run(host="0.0.0.0", port=8080, quiet=True)


if __name__ == "__main__":
    main(sys.argv[1:])
