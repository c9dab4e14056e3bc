"""The web service."""

from contextlib import asynccontextmanager
from datetime import date

import orjson
import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from slugify import slugify

from planner import planning
from planner.amounts import UnreadableAmount, grams
from planner.calendars import calendar
from planner.foods import find, foods
from planner.needs import Person
from planner.planning import Plan
from planner.settings import Settings
from planner.store import Store

SECONDS = Histogram("planner_plan_seconds", "Time to plan one day")
PAGES = Environment(loader=PackageLoader("planner", "."), autoescape=select_autoescape())
# A line of JSON for each plan: what reads logs reads that.
structlog.configure(
    processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer(orjson.dumps)],
    logger_factory=structlog.BytesLoggerFactory(),
)
log = structlog.get_logger()


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.settings = settings = Settings()
    app.state.store = Store(settings.database)
    yield


app = FastAPI(title="SmartDiet", lifespan=lifespan)


def kept(request: Request, number: int) -> Plan:
    plan = request.app.state.store.get(number)
    if plan is None:
        raise HTTPException(404, f"there is no plan {number}")
    return plan


@app.get("/health")
def health() -> dict[str, str | int]:
    return {"status": "ok", "foods": len(foods())}


@app.post("/plans")
def new_plan(person: Person, request: Request) -> dict[str, int | Plan]:
    with SECONDS.time():
        plan = planning.plan(person)
    number = request.app.state.store.keep(plan)
    log.info("planned", number=number, kcal=plan.gives.kcal, diet=person.diet)
    return {"number": number, "plan": plan}


@app.get("/plans/{number}")
def page(number: int, request: Request) -> HTMLResponse:
    title = request.app.state.settings.title
    return HTMLResponse(PAGES.get_template("page.html").render(title=title, number=number, plan=kept(request, number)))


@app.get("/plans/{number}/calendar")
def as_calendar(number: int, request: Request, day: date) -> Response:
    name = slugify(f"{request.app.state.settings.title} {number} {day}")
    headers = {"Content-Disposition": f'attachment; filename="{name}.ics"'}
    return Response(calendar(kept(request, number), day, number), media_type="text/calendar", headers=headers)


@app.get("/foods/{name}")
def food(name: str, amount: str = "100 g") -> dict[str, str | float]:
    """The food of about that name, and what an amount of it has: /foods/lentil?amount=4 oz"""
    found = find(name)
    if found is None:
        raise HTTPException(404, f"nothing is called like {name!r}")
    try:
        weight = grams(amount)
    except UnreadableAmount as error:
        raise HTTPException(422, str(error)) from error
    return {"name": found.name, "grams": round(weight, 1), "kcal": round(found.kcal * weight / 100, 1)}


@app.get("/metrics")
def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
