"""The agents. Each takes a task, what the tasks before it found, and the knowledge; and returns its answer in words."""

from amas.agents.calculator import calculate
from amas.agents.researcher import research
from amas.agents.writer import write

AGENTS = {"researcher": research, "calculator": calculate, "writer": write}
