"""Takes events of parcels and gives them back."""

import bottle
from common.events import Event

EVENTS = []


@bottle.get("/health")
def health():
    return {"events": len(EVENTS)}


@bottle.post("/events")
def add():
    EVENTS.append(Event(**bottle.request.json))
    return EVENTS[-1].as_dict()


@bottle.get("/parcels/<parcel>")
def history(parcel):
    return {"events": [e.as_dict() for e in EVENTS if e.parcel == parcel]}


if __name__ == "__main__":
    bottle.run(host="0.0.0.0", port=8000)
