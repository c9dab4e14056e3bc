"""What goes into the service, what comes out of it, and what the agents hand to one another."""

from typing import Literal

from pydantic import BaseModel, Field

AgentName = Literal["researcher", "calculator", "writer"]


class Goal(BaseModel):
    """What somebody wants, in plain words: a sentence a step."""

    text: str = Field(min_length=3, max_length=2000)


class Task(BaseModel):
    """One step of a plan.

    `needs` are the numbers of the tasks whose results this one is given.
    """

    number: int
    text: str
    agent: AgentName
    needs: list[int] = []


class Result(BaseModel):
    task: int
    agent: AgentName
    text: str
    done: bool = True


class Answer(BaseModel):
    report: str
    results: list[Result]


class AgentCard(BaseModel):
    name: str
    does: str


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    knowledge: str
