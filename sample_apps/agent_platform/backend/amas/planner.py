"""From a goal in words to tasks for agents. Rules, not a language model: the same goal has the same plan."""

import re

from amas.schemas import AgentName, Task

SENTENCE = re.compile(r"[^.;?!]+(?:\.(?=\d)[^.;?!]*)*[.;?!]?")
SUM = re.compile(r"\d\s*(?:[-+*/%]|times|plus|minus)\s*\(?\s*\d", re.IGNORECASE)
REPORT = re.compile(r"\b(?:report|summar\w+|write)\b", re.IGNORECASE)


def agent_for(sentence: str) -> AgentName:
    """Who takes a sentence: sums are calculated, reports are written, all else is looked up."""
    if SUM.search(sentence):
        return "calculator"
    return "writer" if REPORT.search(sentence) else "researcher"


def plan(goal: str) -> list[Task]:
    """One task a sentence. A report needs all that came before it; the rest needs nothing and can be done at once."""
    sentences = [text for part in SENTENCE.findall(goal) if (text := part.strip(" \n\t;"))]
    tasks: list[Task] = []
    for number, text in enumerate(sentences, 1):
        agent = agent_for(text)
        needs = [task.number for task in tasks if task.agent != "writer"] if agent == "writer" else []
        tasks.append(Task(number=number, text=text, agent=agent, needs=needs))
    return tasks
