"""The web service in front of the agents."""

from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request

from amas.agents import AGENTS
from amas.knowledge import Knowledge
from amas.planner import plan
from amas.platform import Platform
from amas.schemas import AgentCard, Answer, Goal, Health
from amas.settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI):
    settings = Settings()
    app.state.knowledge = knowledge = Knowledge.load(settings.knowledge)
    app.state.platform = Platform(knowledge, workers=settings.workers) if knowledge else None
    yield


app = FastAPI(title="AMAS", lifespan=lifespan)


@app.get("/health")
def health(request: Request) -> Health:
    knowledge = request.app.state.knowledge
    return Health(knowledge=f"{len(knowledge)} facts" if knowledge else "missing")


@app.get("/agents")
def agents() -> list[AgentCard]:
    return [AgentCard(name=name, does=(agent.__doc__ or "").strip().splitlines()[0]) for name, agent in AGENTS.items()]


@app.post("/goals")
async def pursue(goal: Goal, request: Request) -> Answer:
    platform = request.app.state.platform
    if platform is None:
        raise HTTPException(503, "no knowledge: this image was built without data/knowledge.jsonl")
    return await platform.pursue(plan(goal.text))
