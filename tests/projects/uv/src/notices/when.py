"""Times, as people say them."""

from datetime import datetime

import humanize


def today(events, now):
    """Those of the events (title, start) that are today, the earliest first."""
    timed = [(title, start) for title, start in events if isinstance(start, datetime)]
    return sorted((e for e in timed if e[1].date() == now.date()), key=lambda e: e[1])


def words(start, now):
    """ "in 2 hours", "an hour ago"."""
    return humanize.naturaltime(start, when=now)
