"""The web service."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel

from search.corpus import read_corpus
from search.embedding import load_model
from search.index import Index
from search.snippet import snippet

CORPUS = Path(__file__).resolve().parent / "corpus" / "help.toml"


class Hit(BaseModel):
    title: str
    snippet: str
    likeness: float


class Answer(BaseModel):
    question: str
    model: str
    hits: list[Hit]


class Health(BaseModel):
    status: str = "ok"
    model: str
    entries: int


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.model, embed = load_model()
    app.state.index = Index(read_corpus(CORPUS), embed)
    yield


app = FastAPI(title="Semantic search", lifespan=lifespan)


@app.get("/health")
def health(request: Request) -> Health:
    state = request.app.state
    return Health(model=state.model, entries=len(state.index.entries))


@app.get("/search")
def search(
    request: Request,
    q: Annotated[str, Query(min_length=1, max_length=1000)],
    count: Annotated[int, Query(ge=1, le=20)] = 3,
) -> Answer:
    state = request.app.state
    found = state.index.nearest(q, count)
    hits = [Hit(title=entry.title, snippet=snippet(entry.text), likeness=likeness) for entry, likeness in found]
    return Answer(question=q, model=state.model, hits=hits)
