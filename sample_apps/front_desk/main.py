"""The front desk of a small clinic: free times of a day, and bookings. Bookings are kept in memory."""

from __future__ import annotations

import os
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bottle import Bottle, HTTPResponse, request

#: Where the clinic is: its appointments are in its own time.
ZONE = ZoneInfo("Europe/Vienna")
OPENS, CLOSES, MINUTES = time(8), time(12), 20

app = Bottle()
booked: dict[datetime, str] = {}


def times(day: date) -> list[datetime]:
    """Every appointment of a day, booked or not; none on Saturdays and Sundays."""
    if day.weekday() >= 5:
        return []
    first, last = (datetime.combine(day, at, ZONE) for at in (OPENS, CLOSES))
    return [first + timedelta(minutes=n) for n in range(0, (last - first).seconds // 60, MINUTES)]


@app.get("/health")
def health() -> dict[str, str]:
    """What runs: the commit it was built from, and when, where the build said so."""
    release = Path("release.txt")
    return {
        "status": "ok",
        "commit": os.environ.get("GIT_SHA", "unknown"),
        "built": release.read_text().strip() if release.exists() else "unknown",
    }


@app.get("/free/<day>")
def free(day: str) -> dict[str, list[str]]:
    """The times of a day that nobody has booked."""
    return {"free": [at.isoformat() for at in times(_day(day)) if at not in booked]}


@app.post("/book")
def book() -> dict[str, str]:
    """Book the first free time of a day."""
    wish = request.json or {}
    at = next((at for at in times(_day(wish.get("day", ""))) if at not in booked), None)
    if at is None:
        raise HTTPResponse({"error": "nothing is free on that day"}, 409)
    booked[at] = wish.get("name", "")
    return {"booked": at.isoformat(), "name": booked[at]}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HTTPResponse({"error": f"{text!r} is no day, such as 2026-11-23"}, 400) from None


if __name__ == "__main__":
    import waitress

    waitress.serve(app, listen="*:8000")
