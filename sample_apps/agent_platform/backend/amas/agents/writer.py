from jinja2 import Template

from amas.knowledge import Knowledge
from amas.schemas import Result, Task

REPORT = Template(
    "{% for r in given if r.done %}- {{ r.text }}\n{% endfor %}"
    "{% for r in given if not r.done %}- open: {{ r.text }}\n{% endfor %}"
)


def write(task: Task, given: list[Result], knowledge: Knowledge) -> str:
    """Writes a report of what the other agents found, with what stays open at the end."""
    return REPORT.render(given=given).strip() or "nothing to report"
