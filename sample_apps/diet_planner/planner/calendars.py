"""A plan as a calendar file, for the phone."""

from datetime import date, datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

from icalendar import Calendar, Event

from planner.planning import Plan

HOURS = {"breakfast": time(7, 30), "lunch": time(12, 30), "snack": time(16, 0), "dinner": time(19, 0)}
LENGTH = timedelta(minutes=45)


def calendar(plan: Plan, day: date, number: int) -> bytes:
    """The meals of plan `number` as events of `day`, in the iCalendar format."""
    made = Calendar()
    made.add("prodid", "-//SmartDiet//planner//EN")
    made.add("version", "2.0")
    for meal, items in plan.meals.items():
        event, start = Event(), datetime.combine(day, HOURS[meal])
        event.add("uid", str(uuid5(NAMESPACE_URL, f"smartdiet/{number}/{day}/{meal}")))
        event.add("dtstamp", start)
        event.add("dtstart", start)
        event.add("dtend", start + LENGTH)
        event.add("summary", meal.capitalize())
        event.add("description", "\n".join(item.said for item in items))
        made.add_component(event)
    return made.to_ical()
