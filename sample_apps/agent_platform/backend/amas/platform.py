"""The platform: a queue of tasks that are ready, and workers that hand each to its agent."""

import asyncio
from graphlib import TopologicalSorter

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
        by_number = {task.number: task for task in tasks}
        order = TopologicalSorter({task.number: task.needs for task in tasks})
        order.prepare()
        ready: asyncio.Queue[int] = asyncio.Queue()
        results: dict[int, Result] = {}

        def queue_what_is_ready() -> None:
            for number in order.get_ready():
                ready.put_nowait(number)

        async def work() -> None:
            while True:
                number = await ready.get()
                results[number] = await asyncio.to_thread(self._do, by_number[number], results)
                order.done(number)
                queue_what_is_ready()
                ready.task_done()

        queue_what_is_ready()
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
