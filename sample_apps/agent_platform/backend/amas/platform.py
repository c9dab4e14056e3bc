"""The platform: a queue of tasks that are ready, and workers that hand each to its agent."""

import asyncio

import networkx
import structlog
from jinja2 import Template

from amas.agents import AGENTS
from amas.knowledge import Knowledge
from amas.schemas import Answer, Result, Task

log = structlog.get_logger()
REPORT = Template("{% for r in results %}{{ r.task }}. {{ r.text }}{% if not loop.last %}\n{% endif %}{% endfor %}")


class Platform:
    def __init__(self, knowledge: Knowledge, workers: int = 3) -> None:
        self.knowledge, self.workers = knowledge, max(1, workers)

    async def pursue(self, tasks: list[Task]) -> Answer:
        """Do all tasks, each when what it needs is done, and side by side where none needs the other."""
        graph = networkx.DiGraph()
        graph.add_nodes_from((task.number, {"task": task}) for task in tasks)
        graph.add_edges_from((need, task.number) for task in tasks for need in task.needs)
        ready: asyncio.Queue[int] = asyncio.Queue()
        for number in (n for n in graph if not graph.in_degree(n)):
            ready.put_nowait(number)
        results: dict[int, Result] = {}

        async def work() -> None:
            while True:
                number = await ready.get()
                results[number] = await asyncio.to_thread(self._do, graph.nodes[number]["task"], results)
                for later in graph.successors(number):
                    if all(need in results for need in graph.predecessors(later)):
                        ready.put_nowait(later)
                ready.task_done()

        workers = [asyncio.create_task(work()) for _ in range(min(self.workers, len(tasks)))]
        await ready.join()
        for worker in workers:
            worker.cancel()
        ordered = [results[number] for number in sorted(results)]
        written = [result for result in ordered if result.agent == "writer"]
        return Answer(report=written[-1].text if written else REPORT.render(results=ordered), results=ordered)

    def _do(self, task: Task, results: dict[int, Result]) -> Result:
        given = [results[need] for need in task.needs]
        try:
            text, done = AGENTS[task.agent](task, given, self.knowledge), True
        except Exception as error:  # one agent that fails does not take the others' work with it
            text, done = f"{task.agent} could not: {error}", False
        log.info("task", number=task.number, agent=task.agent, done=done)
        return Result(task=task.number, agent=task.agent, text=text, done=done)
