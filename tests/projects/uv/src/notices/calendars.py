"""Reads the calendars of a folder."""

from icalendar import Calendar


def events(folder):
    """(title, start) of every event in the `.ics` files of `folder`."""
    for file in sorted(folder.glob("*.ics")):
        for event in Calendar.from_ical(file.read_bytes()).walk("VEVENT"):
            yield str(event.get("summary", "")), event.decoded("dtstart")
